"""The published schema and the scorers take the same options; stored definitions read back."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from plumbmark.common.errors import InvalidInput
from plumbmark.scoring.normalisation import STEPS
from plumbmark.scoring.scorers import (
    SCORER_TYPES,
    ScorerSpecError,
    build_scorer,
)
from tasks_app.definitions import (
    DEFINITION_SCHEMA,
    Definition,
    parse_definition,
)
from tests.tasks.definitions.published import SCORER_SCHEMAS, options_of

WORDS = st.sampled_from(["x", "Answer:", "####", "(a)"])


def values_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that a part of the schema takes."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([values_of(one) for one in schema["anyOf"]])
    if schema["type"] == "array":
        most = schema["maxItems"]
        least = schema.get("minItems", 0)
        return st.lists(values_of(schema["items"]), min_size=least, max_size=most)
    if schema["type"] == "boolean":
        return st.booleans()
    if schema["type"] == "string":
        return WORDS
    if schema["type"] == ["number", "string"]:
        return st.sampled_from([0, 0.5, 1, "0.1", "0.001"])
    if schema["type"] == "number":
        return st.floats(schema.get("minimum", 0), schema.get("maximum", 1))
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    assert schema["type"] == ["integer", "string"]
    return st.sampled_from([0, 1, "n"])


def entries(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    properties = options_of(SCORER_SCHEMAS[kind]).items()
    options = {
        name: values_of(one)
        for name, one in properties
        if one.get("type") != "object" and one.get("items", {}).get("type") != "object"
    }
    if kind == "regex":
        options["pattern"] = st.just("(?P<n>a)b")
    if kind == "model_judge":
        options |= {
            "judges": st.sampled_from([["a/one"], ["a/one", "a/two", "b/three"]]),
            "rubric": st.sampled_from(["{output}", "Is {output} {target}? {column}"]),
            "mode": st.just("grade"),
            "scale": st.sampled_from([[1, 10], [0, 1]]),
            "combine": st.just("mean"),
            "max_output_tokens": st.integers(16, 32_768),
        }
    if kind == "json":
        options["schema"] = st.sampled_from([{"type": "object"}, {"required": ["a"]}, {}])
    if kind == "python":
        options["source"] = st.just("def score(output, target, item):\n    return 1\n")
        options["columns"] = st.lists(st.sampled_from(["a", "b"]), unique=True)
    if kind == "tool_use":
        call: dict[str, Any] = {"tool": "look", "arguments": {"city": "{city}", "n": [1, {}]}}
        options["required"] = st.sampled_from(
            [[call, {"tool": "b", "times": 2}], [{**call, "times": [0, None]}, call]]
        )
        options["forbidden"] = st.sampled_from([[], [call]])
        options["max_calls"] = st.integers(0, 1000)
        entry = st.fixed_dictionaries({"type": st.just(kind)}, optional=options)
        return entry.filter(
            lambda one: "required" in one or ("max_calls" in one and "order" not in one)
        )
    if kind == "multiple_choice":
        options["labels"] = st.lists(st.sampled_from(["Odgovor", "My pick"]), unique=True)
    if kind == "set_match":
        options["separators"] = st.lists(
            st.sampled_from([",", " and ", "|"]), min_size=1, unique=True
        )
    if kind == "code_execution":
        options["program"] = st.sampled_from(["{output}", "{x}\n{output}\n{y}"])
    required = {
        name: options.pop(name) for name in SCORER_SCHEMAS[kind]["required"] if name != "type"
    }
    entry = st.fixed_dictionaries({"type": st.just(kind), **required}, optional=options)
    # The one rule between two options, which the schema leaves to the scorer.
    return entry.filter(
        lambda one: one.get("thousands_separator") != one.get("decimal_sign", "point")
    )


def test_every_scorer_has_a_schema_and_no_other() -> None:
    assert set(SCORER_SCHEMAS) == set(SCORER_TYPES)


@pytest.mark.parametrize("kind", sorted(SCORER_SCHEMAS))
@given(st.data())
def test_every_option_that_the_schema_takes_the_scorer_takes(
    kind: str, data: st.DataObject
) -> None:
    entry = data.draw(entries(kind))

    scorer = build_scorer(entry)

    Draft202012Validator(SCORER_SCHEMAS[kind]).validate(entry)
    # Labels that are not given are left out: hashes of before there were any stay.
    without = (
        {"labels"} if kind == "multiple_choice" and not scorer.model_dump()["labels"] else set()
    )
    assert set(scorer.options) == set(options_of(SCORER_SCHEMAS[kind])) - without
    # An author leaves these out.
    given = {
        key: value
        for key, value in scorer.options.items()
        if value is not None and (key, value) != ("after", [])
    }
    rebuilt = build_scorer({"type": kind, "name": scorer.name, **given})
    assert (rebuilt.name, rebuilt.options) == (scorer.name, scorer.options)


NEEDED: dict[str, dict[str, Any]] = {
    "regex": {"pattern": "(a)"},
    "code_execution": {"program": "{output}"},
    "model_judge": {"judges": ["a/one"], "rubric": "{output}"},
    "python": {"source": "def score(output, target, item):\n    return 1\n"},
    "tool_use": {"required": [{"tool": "look"}]},
}
WRONG: list[Any] = [None, 5, -1, 1.5, "", "nonsense", [], ["nonsense", ""], {}, [5], True]


@pytest.mark.parametrize(
    ("kind", "option"),
    [(kind, option) for kind, schema in SCORER_SCHEMAS.items() for option in options_of(schema)],
)
def test_what_the_scorer_refuses_a_definition_refuses(kind: str, option: str) -> None:
    base: dict[str, Any] = {"type": kind, **NEEDED.get(kind, {})}
    validator = Draft202012Validator(SCORER_SCHEMAS[kind])
    for value in WRONG:
        entry = {**base, option: value}
        try:
            build_scorer(entry)
        except ScorerSpecError as error:
            assert error.option == option  # noqa: PT017 - either outcome is fine
            with pytest.raises(InvalidInput):
                parse_definition(as_text([entry]))
        else:
            assert validator.is_valid(entry), (option, value)


@pytest.mark.parametrize("kind", sorted(SCORER_SCHEMAS))
def test_the_defaults_that_the_schema_tells_are_those_of_the_scorer(kind: str) -> None:
    base: dict[str, Any] = {"type": kind, **NEEDED.get(kind, {})}
    for name, schema in options_of(SCORER_SCHEMAS[kind]).items():
        if "default" in schema:
            entry = {**base, name: schema["default"]}
            assert build_scorer(entry).options == build_scorer(base).options, name


def test_the_published_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(DEFINITION_SCHEMA)
    normalise = options_of(SCORER_SCHEMAS["exact"])["normalise"]
    assert list(STEPS) == normalise["items"]["enum"]


# --- Stored definitions -----------------------------------------------------------------------

COLUMNS = st.sampled_from(["question", "answer", "a", "b", "c"])
LISTS = st.lists(COLUMNS, min_size=1, max_size=4, unique=True)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=20,
)
PLAIN = TEXTS.filter(lambda text: not set("{}\u2028\u2029") & set(text))


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def _metrics() -> st.SearchStrategy[dict[str, Any]]:
    return _optional(
        name=PLAIN,
        direction=st.sampled_from(["higher", "lower"]),
        unit=PLAIN,
        bounds=st.sampled_from([[0, 1], [None, None], [0, None], [-1.5, 100]]),
    )


def tools() -> st.SearchStrategy[dict[str, Any]]:
    """Return entries of every kind of tool."""
    common = {"name": st.sampled_from(["one", "t-2", "T_3"]), "description": PLAIN}
    seconds = st.sampled_from([0.5, 5])
    function = {**common, "type": st.just("function")}
    value = st.sampled_from(["{a}", {"x": ["{b}", 1]}, None, 0.5])
    answer = st.fixed_dictionaries({"return": value}, optional={"when": st.just({"q": "{a}"})})
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("calculator"), **common}),
        st.fixed_dictionaries(
            {"type": st.just("python"), **common},
            optional={"timeout_seconds": seconds, "memory_mib": st.integers(64, 2048)},
        ),
        st.fixed_dictionaries(
            {**function, "answers": st.lists(answer, min_size=1, max_size=3)},
            optional={"otherwise": value, "parameters": st.just({"type": "object"})},
        ),
        st.fixed_dictionaries(
            {**function, "script": st.just("def call(arguments, item): return 1")},
            optional={"columns": LISTS, "timeout_seconds": seconds},
        ),
    )


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Return definitions of every form that the parser takes."""
    kinds = draw(st.lists(st.sampled_from(sorted(SCORER_SCHEMAS)), min_size=1, max_size=3))
    scorers = []
    for index, kind in enumerate(kinds):
        entry = draw(entries(kind))
        metric = draw(_metrics())
        if kind != "python":
            # The scale's own, or from 0 to 1.
            metric.pop("bounds", None)
        scorers.append({**entry, "name": f"s{index}", "metric": metric})
    data = draw(
        _optional(
            format=st.sampled_from(["jsonl", "csv"]),
            id=COLUMNS,
            cluster=COLUMNS,
            slices=LISTS,
            split=st.fixed_dictionaries(
                {"column": COLUMNS, "private": st.lists(TEXTS, min_size=1, max_size=3)}
            ),
        )
    )
    data["choices"] = draw(COLUMNS | LISTS)
    data["target"] = draw(
        COLUMNS
        | st.builds(lambda columns: {"columns": columns, "strip": False}, LISTS)
        | st.builds(lambda column, after: {"column": column, "after": after}, COLUMNS, TEXTS)
    )
    parts = st.lists(
        st.builds(lambda text: {"text": text}, PLAIN)
        | st.builds(lambda kind, name: {kind: name}, st.sampled_from(["image", "audio"]), PLAIN)
        | st.builds(lambda name: {"image": name, "optional": False}, PLAIN),
        min_size=1,
        max_size=4,
    )
    content = PLAIN | parts
    message = st.fixed_dictionaries({"role": st.just("user"), "content": content})
    prompt = draw(
        st.fixed_dictionaries(
            {"messages": st.lists(message, min_size=1, max_size=3)},
            optional={
                "system": PLAIN,
                "few_shot": st.lists(
                    st.fixed_dictionaries({"user": content, "assistant": PLAIN}), max_size=3
                ),
                "choice_order": st.sampled_from(["as-given", "shuffled"]),
                "choice_seed": st.integers(0, 2**31),
            },
        )
    )
    return {
        "plumbmark": 1,
        "data": data,
        "prompt": prompt,
        "scorers": scorers,
        "tools": [*TOOLS, *draw(st.lists(tools(), max_size=2, unique_by=lambda one: one["name"]))],
        **draw(
            _optional(
                limits=_optional(
                    max_steps=st.integers(1, 200),
                    max_tool_calls=st.integers(1, 1000),
                    max_tool_result_bytes=st.integers(256, 65_536),
                    max_output_tokens_total=st.integers(1, 10_000_000),
                    max_cost_usd=st.sampled_from([0.05, 1, "0.050", "12"]),
                ),
                description=PLAIN,
                language=st.sampled_from(["en", "de-CH"]),
                repeats=st.integers(1, 100),
                main=st.sampled_from([scorer["name"] for scorer in scorers]),
                sampling=_optional(
                    temperature=st.sampled_from([0, 0.0, 0.7, 2]),
                    top_p=st.sampled_from([0.1, 1]),
                    seed=st.integers(0, 2**31),
                    stop=st.lists(PLAIN, max_size=4),
                    max_output_tokens=st.integers(1, 1_000_000),
                ),
            )
        ),
    }


TOOLS: list[dict[str, Any]] = [
    {"type": "function", "name": name, "description": "d", "answers": [{"return": "{a}"}]}
    for name in ("look", "b")
]


def as_text(scorers: list[dict[str, Any]]) -> str:
    return json.dumps(
        {
            "plumbmark": 1,
            "data": {"target": "a", "choices": "b"},
            "prompt": {"messages": [{"role": "user", "content": "q"}]},
            "tools": TOOLS,
            "scorers": scorers,
        }
    )


@settings(deadline=None, max_examples=40)
@given(documents())
def test_a_stored_definition_reads_back_to_an_equal_one(document: dict[str, Any]) -> None:
    found = parse_definition(json.dumps(document, ensure_ascii=False), format="json")

    stored = json.loads(json.dumps(found.as_document()))
    assert Definition.from_document(stored) == found
    assert Definition.from_document(stored).as_document() == stored
    Draft202012Validator(DEFINITION_SCHEMA).validate(document)


@settings(deadline=None, max_examples=40)
@given(documents())
def test_yaml_that_says_the_same_gives_an_equal_definition(document: dict[str, Any]) -> None:
    # A copy in which nothing is the same object twice, which YAML would write as an anchor.
    copy = json.loads(json.dumps(document))
    as_yaml = yaml.safe_dump(copy, sort_keys=False, allow_unicode=False)

    assert parse_definition(as_yaml, format="yaml") == parse_definition(json.dumps(document))
