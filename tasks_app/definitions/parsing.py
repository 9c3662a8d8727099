"""From what an author wrote to a definition, or to problems with their lines."""

import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.engine.tools import ToolSpecError, build_tool
from plumbmark.gateway.budget.money import nanodollars
from plumbmark.scoring.json_schemas import schema_problem
from plumbmark.scoring.scorers import (
    ModelJudge,
    Scorer,
    ScorerSpecError,
    ToolUse,
    build_scorer,
)
from plumbmark.scoring.scorers.patterns import PatternError, compile_pattern
from plumbmark.scoring.templates import BadTemplate, parse_template
from plumbmark.shapes.names import suggest_name
from tasks_app.definitions.characters import name_problem
from tasks_app.definitions.document import (
    ChoicesSpec,
    Content,
    DataSpec,
    Definition,
    FewShot,
    LimitsSpec,
    MetricSpec,
    Part,
    PromptSpec,
    SamplingSpec,
    ScorerSpec,
    SimulatedUserSpec,
    SplitSpec,
    TargetSpec,
    ToolSpec,
    Turn,
)
from tasks_app.definitions.schema import DEFINITION_SCHEMA
from tasks_app.definitions.source_map import (
    Path,
    SourceMap,
    check_text,
    format_path,
    read_json,
    read_yaml,
)
from tasks_app.definitions.tool_schemas import (
    DEFAULT_STEPS,
    DOLLARS_PATTERN,
    TOOL_NAME_PATTERN,
)

# JSON Schema calls 2.0 an integer. Here it is none: counts and seeds are used as they stand.
_VALIDATOR = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)(DEFINITION_SCHEMA)
_MAX_PROBLEMS = 20
_PART_KINDS = ("text", "image", "audio")


def parse_definition(text: str, *, format: str | None = None) -> Definition:
    """Read a definition; `InvalidInput` names every problem with its place.

    `format` is `yaml` or `json`; None: JSON where the text begins with a brace.
    """
    located = _read_source(text, format)
    if not isinstance(located.value, dict):
        raise InvalidInput([Problem("must be a document of keys and values", line=1)])
    _raise_any(_schema_problems(located))
    _raise_any(_part_problems(located))
    definition = _definition(located.value)
    _raise_any(_meaning_problems(definition, located))
    return definition


def place_problem(message: str, path: Path, *, text: str, format: str | None = None) -> Problem:
    """A problem of a definition that can be read but means nothing here, with its line."""
    place = _read_source(text, format).place_of(path)
    if place is None:
        return Problem(message, format_path(path))
    return Problem(message, format_path(path), place.line, place.column)


def _read_source(text: str, format: str | None) -> SourceMap:
    check_text(text)
    if format is None:
        format = "json" if text.lstrip("\ufeff \t\r\n").startswith("{") else "yaml"
    text = text.removeprefix("\ufeff")
    return read_json(text) if format == "json" else read_yaml(text)


def _raise_any(found: Iterator[Problem]) -> None:
    """The first problems, in the order in which they stand in the text."""
    problems = list(islice(found, _MAX_PROBLEMS))
    if problems:
        raise InvalidInput(sorted(problems, key=lambda one: (one.line or 0, one.column or 0)))


# --- Form -----------------------------------------------------------------------------------


def _schema_problems(located: SourceMap) -> Iterator[Problem]:
    errors = sorted(
        _VALIDATOR.iter_errors(located.value), key=lambda error: list(map(str, error.path))
    )
    for error in errors:
        for leaf in _leaves(error):
            yield from _schema_messages(leaf, located)


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Of an `anyOf` the branch that came closest, of an `allOf` every branch."""
    if error.validator == "anyOf" and error.context:
        branches: dict[Any, list[ValidationError]] = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        # A branch that fails by its type alone was not meant.
        meant = [
            branch
            for branch in branches.values()
            if not any(inner.validator == "type" and not inner.path for inner in branch)
        ]
        if meant:
            for inner in meant[0]:
                yield from _leaves(inner)
            return
    yield error


def _schema_messages(error: ValidationError, located: SourceMap) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    value: Any = error.validator_value
    instance: Any = error.instance
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    if error.validator == "additionalProperties":
        known = sorted(schema.get("properties", {}))
        for key in [name for name in instance if name not in known]:
            hint = suggest_name(key, known) or f"; known keys: {', '.join(known)}"
            yield _problem(f"the key is not known{hint}", (*path, key), located)
        return
    if error.validator == "required":
        for key in value:
            if key not in instance:
                yield _problem(f"the key {key!r} is missing", path, located)
        return
    yield _problem(_message(error, schema), path, located)


def _message(error: ValidationError, schema: Mapping[str, Any]) -> str:
    value: Any = error.validator_value
    shown = _format_value(error.instance)
    match error.validator:
        case "type":
            kinds = value if isinstance(value, list) else [value]
            return f"must be {_a(' or '.join(map(str, kinds)))}, not {shown}"
        case "enum":
            near = suggest_name(str(error.instance), value)
            return f"must be one of {', '.join(map(str, value))}, not {shown}{near}"
        case "const":
            return f"must be {value}, not {shown}"
        case "minimum" | "exclusiveMinimum":
            return f"must be {'at least' if error.validator == 'minimum' else 'more than'} {value}"
        case "maximum" | "exclusiveMaximum":
            return f"must be {'at most' if error.validator == 'maximum' else 'less than'} {value}"
        case "minLength":
            return "must not be empty"
        case "maxLength":
            return f"must have at most {value:,} characters"
        case "minItems":
            return f"needs at least {value}"
        case "maxItems":
            return f"takes at most {value}"
        case "uniqueItems":
            return "names the same twice; leave one"
        case "pattern" if value == TOOL_NAME_PATTERN:
            return (
                f"must be 1 to 64 letters, digits, - and _, which all providers take, not {shown}"
            )
        case "pattern" if value == DOLLARS_PATTERN:
            return f"must be an amount of US dollars, as 0.05, not {shown}"
        case "pattern":
            return f"must be up to 40 lower-case letters, digits, - and _, not {shown}"
        case "anyOf":
            return f"has the wrong form: {shown}. {schema.get('description', '')}".strip()
        case _:
            return str(error.message)[:200]


def _format_value(value: Any) -> str:
    """A value as the author may have written it."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _a(kind: str) -> str:
    names = {"object": "keys and values", "array": "a list", "string": "text"}
    return names.get(kind, f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}")


def _problem(message: str, path: Path, located: SourceMap) -> Problem:
    place = located.place_of(path)
    return Problem(
        message, format_path(path), place.line if place else None, place.column if place else None
    )


# --- From the document to the definition -------------------------------------------------------


def _definition(document: dict[str, Any]) -> Definition:
    """Apply defaults. The document has passed the schema."""
    data = document.get("data", {})
    prompt = document["prompt"]
    sampling = document.get("sampling", {})
    scorers = tuple(_scorer(scorer, prompt.get("output_schema")) for scorer in document["scorers"])
    split = data.get("split")
    return Definition(
        prompt=PromptSpec(
            messages=tuple(
                Turn(turn["role"], _content(turn["content"])) for turn in prompt["messages"]
            ),
            system=prompt.get("system", ""),
            few_shot=tuple(
                FewShot(_content(example["user"]), example["assistant"])
                for example in prompt.get("few_shot", [])
            ),
            choice_order=prompt.get("choice_order", "as-given"),
            choice_seed=prompt.get("choice_seed", 0),
            follow_ups=tuple(prompt.get("follow_ups", [])),
            output_schema=prompt.get("output_schema"),
            simulated_user=SimulatedUserSpec(**prompt["simulated_user"])
            if "simulated_user" in prompt
            else None,
            scored=prompt.get("scored", "last"),
        ),
        scorers=scorers,
        main=document.get("main", scorers[0].name),
        data=DataSpec(
            format=data.get("format"),
            id=data.get("id"),
            target=_target(data.get("target")),
            cluster=data.get("cluster"),
            slices=tuple(data.get("slices", [])),
            split=SplitSpec(split["column"], tuple(split["private"])) if split else None,
            choices=_choices(data.get("choices")),
        ),
        sampling=SamplingSpec(**{**sampling, "stop": tuple(sampling.get("stop", []))}),
        repeats=document.get("repeats", 1),
        description=document.get("description", ""),
        language=document.get("language", ""),
        tools=tuple(_tool(tool) for tool in document.get("tools", [])),
        limits=_limits(document),
    )


def _tool(tool: dict[str, Any]) -> ToolSpec:
    options = {key: value for key, value in tool.items() if key not in {"type", "name"}}
    return ToolSpec(tool["type"], tool.get("name", tool["type"]), options)


def _limits(document: dict[str, Any]) -> LimitsSpec | None:
    if "tools" not in document and "limits" not in document:
        return None
    given = dict(document.get("limits", {}))
    prompt = document["prompt"]
    turns = len(prompt.get("follow_ups", []))
    if "simulated_user" in prompt:
        turns = prompt["simulated_user"].get("max_turns", 6) - 1
    given.setdefault("max_steps", DEFAULT_STEPS + turns)
    if "max_cost_usd" in given:
        # 0.05 and "0.050" are the same limit.
        given["max_cost_usd"] = f"{Decimal(str(given['max_cost_usd'])).normalize():f}"
    return LimitsSpec(**given)


def _content(content: str | list[dict[str, Any]]) -> Content:
    """Text alone stays text, however it was written."""
    if isinstance(content, str):
        return content
    parts = tuple(
        Part(kind, part[kind], bool(part.get("optional", False)))
        for part in content
        for kind in _PART_KINDS
        if kind in part
    )
    if len(parts) == 1 and parts[0].kind == "text":
        return parts[0].template
    return parts


def _target(target: str | dict[str, Any] | None) -> TargetSpec | None:
    if target is None:
        return None
    if isinstance(target, str):
        return TargetSpec((target,))
    columns = target.get("columns") or ([target["column"]] if "column" in target else [])
    return TargetSpec(
        tuple(columns),
        after=target.get("after", ""),
        pattern=target.get("pattern", ""),
        strip=target.get("strip", True),
    )


def _choices(choices: str | list[str] | None) -> ChoicesSpec | None:
    if choices is None:
        return None
    if isinstance(choices, str):
        return ChoicesSpec((choices,), is_list=True)
    return ChoicesSpec(tuple(choices), is_list=False)


def _scorer(scorer: dict[str, Any], output_schema: dict[str, Any] | None) -> ScorerSpec:
    metric = scorer.get("metric", {})
    lower, upper = metric.get("bounds") or scorer.get("scale") or (0, 1)
    options = {key: value for key, value in scorer.items() if key not in {"type", "name", "metric"}}
    if scorer["type"] == "json" and output_schema is not None:
        options.setdefault("schema", output_schema)
    return ScorerSpec(
        type=scorer["type"],
        name=scorer.get("name", scorer["type"]),
        options=options,
        metric=MetricSpec(
            name=metric.get("name", "accuracy"),
            direction=metric.get("direction", "higher"),
            unit=metric.get("unit", "share"),
            lower=None if lower is None else float(lower),
            upper=None if upper is None else float(upper),
        ),
    )


# --- Meaning ----------------------------------------------------------------------------------


def _meaning_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    yield from _template_problems(definition, located)
    yield from _data_problems(definition, located)
    yield from _output_schema_problems(definition, located)
    yield from _tool_problems(definition, located)
    yield from _limits_problems(definition, located)
    names = [scorer.name for scorer in definition.scorers]
    for index, scorer in enumerate(definition.scorers):
        where: Path = ("scorers", index)
        if names.index(scorer.name) != index:
            yield _problem(
                f"the name {scorer.name!r} is taken; give each scorer its own", where, located
            )
        built: Scorer | None
        try:
            built = build_scorer(scorer.as_spec())
        except ScorerSpecError as error:
            place = (*where, error.option) if error.option else where
            yield _problem(error.message, place, located)
            built = None
        if isinstance(built, ToolUse):
            yield from _tool_use_problems(built, definition, where, located)
        if isinstance(built, ModelJudge):
            scale = built.scale or (0.0, 1.0)
            if (scorer.metric.lower, scorer.metric.upper) != scale:
                yield _problem(
                    f"the metric's bounds must be the scale's: [{scale[0]:g}, {scale[1]:g}]",
                    (*where, "metric", "bounds"),
                    located,
                )
        lower, upper = scorer.metric.lower, scorer.metric.upper
        if lower is not None and upper is not None and not lower < upper:
            yield _problem(
                "the lower bound must be below the upper", (*where, "metric", "bounds"), located
            )
        if any(bound is not None and not math.isfinite(bound) for bound in (lower, upper)):
            yield _problem("bounds must be finite or null", (*where, "metric"), located)
        if scorer.type == "multiple_choice" and definition.data.choices is None:
            yield _problem(
                "needs the options of each item: name them in data.choices", where, located
            )
    if definition.main not in names:
        hint = suggest_name(definition.main, names) or f"; there is {', '.join(names)}"
        yield _problem(
            f"no scorer is called {definition.main[:80]!r}{hint}",
            ("main",),
            located,
        )


def _tool_use_problems(
    scorer: ToolUse, definition: Definition, where: Path, located: SourceMap
) -> Iterator[Problem]:
    names = [tool.name for tool in definition.tools]
    if not names:
        yield _problem("looks at calls of tools, and the task has none", where, located)
        return
    for option, checks in (("required", scorer.required), ("forbidden", scorer.forbidden)):
        for index, check in enumerate(checks):
            if check.tool not in names:
                hint = suggest_name(check.tool, names) or f"; there is {', '.join(names)}"
                yield _problem(
                    f"no tool is called {check.tool[:80]!r}{hint}",
                    (*where, option, index, "tool"),
                    located,
                )


def _template_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    prompt = definition.prompt
    texts: list[tuple[Path, str]] = [(("prompt", "system"), prompt.system)]
    for index, turn in enumerate(prompt.messages):
        texts += _texts_of(turn.content, ("prompt", "messages", index, "content"))
    texts += [
        (("prompt", "follow_ups", index), text) for index, text in enumerate(prompt.follow_ups)
    ]
    if prompt.simulated_user is not None:
        of_user: Path = ("prompt", "simulated_user")
        texts.append(((*of_user, "instructions"), prompt.simulated_user.instructions))
        if prompt.follow_ups:
            yield _problem("a script and a simulated user exclude each other", of_user, located)
    for path, text in texts:
        try:
            template = parse_template(text)
            for name in template.columns:
                if trouble := name_problem(name):
                    yield _problem(f"the column name in braces {trouble}", path, located)
        except BadTemplate as error:
            before = text[: error.offset]
            where = f"in line {before.count(chr(10)) + 1} of the text, " if "\n" in text else ""
            yield _problem(f"{where}{error}", path, located)
    if prompt.messages[-1].role != "user":
        yield _problem(
            "the last message must be the user's: it is what the model answers",
            ("prompt", "messages", len(prompt.messages) - 1, "role"),
            located,
        )


def _texts_of(content: Content, where: Path) -> list[tuple[Path, str]]:
    """The templates of a content, each with its place."""
    if isinstance(content, str):
        return [(where, content)]
    return [((*where, index, part.kind), part.template) for index, part in enumerate(content)]


def _part_problems(located: SourceMap) -> Iterator[Problem]:
    """Return the problems that the schema's form of parts leaves open, after it has passed."""
    prompt = located.value["prompt"]
    contents: list[tuple[Path, Any, str]] = [
        (("prompt", "messages", index, "content"), turn["content"], turn["role"])
        for index, turn in enumerate(prompt["messages"])
    ]
    contents += [
        (("prompt", "few_shot", index, "user"), example["user"], "user")
        for index, example in enumerate(prompt.get("few_shot", []))
    ]
    for where, content, role in contents:
        if isinstance(content, str):
            continue
        if all(part.get("optional") for part in content):
            yield _problem("needs a part that is not optional", where, located)
        for index, part in enumerate(content):
            kinds = [kind for kind in _PART_KINDS if kind in part]
            if len(kinds) != 1:
                yield _problem("a part has one of text, image and audio", (*where, index), located)
            elif kinds[0] != "text" and role != "user":
                yield _problem(
                    "only messages of the user hold images and audio", (*where, index), located
                )
            elif kinds[0] == "text" and "optional" in part:
                yield _problem(
                    "only images and audio are optional", (*where, index, "optional"), located
                )


def _output_schema_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    schema = definition.prompt.output_schema
    if schema is None:
        return
    where: Path = ("prompt", "output_schema")
    if problem := schema_problem(schema):
        yield _problem(problem, where, located)
    elif schema.get("type") != "object":
        yield _problem("must be of type object, which all providers take", where, located)


def _tool_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    names = [tool.name for tool in definition.tools]
    for index, spec in enumerate(definition.tools):
        where: Path = ("tools", index)
        if names.index(spec.name) != index:
            yield _problem(
                f"the name {spec.name!r} is taken; give each tool its own", where, located
            )
        try:
            tool = build_tool(spec.as_spec())
        except ToolSpecError as error:
            place = (*where, error.option) if error.option else where
            yield _problem(error.message, place, located)
            continue
        for column, option in tool.columns.items():
            if trouble := name_problem(column):
                place = (*where, option.partition("[")[0])
                yield _problem(f"the column name in braces {trouble}", place, located)


def _limits_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    limits, prompt = definition.limits, definition.prompt
    if limits is None:
        return
    if not (definition.tools or prompt.follow_ups or prompt.simulated_user):
        yield _problem(
            "limits are for samples of several calls: they need tools, follow_ups or a "
            "simulated_user (one answer is bounded by sampling.max_output_tokens)",
            ("limits",),
            located,
        )
    if limits.max_steps <= len(prompt.follow_ups):
        yield _problem(
            f"must be at least {len(prompt.follow_ups) + 1}, one step for each turn",
            ("limits", "max_steps"),
            located,
        )
    if limits.max_cost_usd is not None and nanodollars(limits.max_cost_usd) < 1:
        yield _problem("must be at least 0.000000001", ("limits", "max_cost_usd"), located)


def _named_columns(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every column that `data` names, with its place."""
    target, split = data.get("target"), data.get("split") or {}
    of_target = target if isinstance(target, dict) else {}
    places: list[tuple[Path, Any]] = [
        ((key,), data.get(key)) for key in ("id", "cluster", "target")
    ]
    places += [(("slices",), data.get("slices")), (("choices",), data.get("choices"))]
    places += [(("split", "column"), split.get("column"))]
    places += [(("target", key), of_target.get(key)) for key in ("column", "columns")]
    for path, named in places:
        if isinstance(named, str):
            yield ("data", *path), named
        for index, name in enumerate(named if isinstance(named, list) else ()):
            yield ("data", *path, index), name


def _data_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    for path, name in _named_columns(located.value.get("data", {})):
        if trouble := name_problem(name):
            yield _problem(f"the column's name {trouble}", path, located)
    target = definition.data.target
    document = located.value.get("data", {}).get("target")
    if target is not None:
        if not target.columns:
            yield _problem("name the column of the answer", ("data", "target"), located)
        if isinstance(document, dict) and "column" in document and "columns" in document:
            yield _problem("takes column or columns, not both", ("data", "target"), located)
        if target.pattern:
            try:
                compile_pattern(target.pattern)
            except PatternError as error:
                yield _problem(str(error), ("data", "target", "pattern"), located)
    needing = [scorer for scorer in definition.scorers if _needs_target(scorer)]
    if target is None and needing:
        yield _problem(
            f"the scorer {needing[0].name!r} compares with a right answer: name its column in "
            "data.target",
            ("data",),
            located,
        )


def _needs_target(scorer: ScorerSpec) -> bool:
    if scorer.type == "model_judge":
        return scorer.options.get("mode") == "pairwise"
    if scorer.type in {"code_execution", "python", "tool_use"} or (
        scorer.type == "json" and "field" not in scorer.options
    ):
        return False
    return not (scorer.type == "regex" and scorer.options.get("compare") == "pattern")
