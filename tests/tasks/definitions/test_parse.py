"""Definitions that are wrong: what is said, and where."""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.definitions import parse_definition
from tasks_app.definitions.source_map import MAX_TEXT

SMALL = """\
plumbmark: 1
data:
  target: answer
prompt:
  messages:
    - role: user
      content: "{question}"
scorers:
  - type: numeric
"""
AS_JSON = {
    "plumbmark": 1,
    "data": {"target": "answer"},
    "prompt": {"messages": [{"role": "user", "content": "{question}"}]},
    "scorers": [{"type": "numeric"}],
}


def problems(text: str, format: str | None = None) -> list[Problem]:
    with pytest.raises(InvalidInput) as raised:
        parse_definition(text, format=format)
    return raised.value.problems


def test_yaml_and_json_give_the_same_definition_with_its_defaults() -> None:
    found = parse_definition(SMALL)

    assert found == parse_definition(json.dumps(AS_JSON)) == parse_definition("\ufeff" + SMALL)
    assert (found.sampling.max_output_tokens, found.repeats, found.main) == (4096, 1, "numeric")
    assert (found.metric.name, found.metric.lower, found.metric.upper) == ("accuracy", 0.0, 1.0)


NUMERIC = "  - type: numeric"


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "message"),
    [
        ("prompt:", "promt:", 4, "promt", "did you mean 'prompt'?"),
        ("prompt:", "promt:", 1, "", "the key 'prompt' is missing"),
        ("plumbmark: 1", "plumbmark: 2", 1, "plumbmark", "must be 1, not 2"),
        ("type: numeric", "type: numeric\n    tolerance: 1", 10, "scorers[0].tolerance", "known"),
        ("type: numeric", "type: numric", 9, "scorers[0].type", "did you mean 'numeric'?"),
        ("type: numeric", "type: regex", 9, "scorers[0]", "the key 'pattern' is missing"),
        (
            NUMERIC,
            NUMERIC + "\n    take: frist",
            10,
            "scorers[0].take",
            "one of last, first, not 'frist'; did you mean 'first'?",
        ),
        (NUMERIC, NUMERIC + "\n    fractions: no", 10, "scorers[0].fractions", "not 'no'"),
        (NUMERIC, NUMERIC + "\n    after: 5", 10, "scorers[0].after", "wrong form: 5"),
        (NUMERIC, NUMERIC + "\n    after: null", 10, "scorers[0].after", "wrong form: null"),
        (
            NUMERIC,
            NUMERIC + "\n    absolute_tolerance: x",
            10,
            "scorers[0].absolute_tolerance",
            "absolute_tolerance",
        ),
        (
            NUMERIC,
            "  - type: regex\n    pattern: '(?=x)'",
            10,
            "scorers[0].pattern",
            "no look-around",
        ),
        (
            NUMERIC,
            "  - type: regex\n    pattern: '(a)'\n    group: 2",
            11,
            "scorers[0].group",
            "the pattern has 1 groups, and group 2",
        ),
        (NUMERIC, NUMERIC + "\n" + NUMERIC, 10, "scorers[1]", "'numeric' is taken"),
        (NUMERIC, NUMERIC + "\n    name: No Spaces", 10, "scorers[0].name", "lower-case letters"),
        (
            NUMERIC,
            "  - type: multiple_choice",
            9,
            "scorers[0]",
            "name them in data.choices",
        ),
        (
            NUMERIC,
            NUMERIC + "\n    metric:\n      bounds: [1, 0]",
            11,
            "scorers[0].metric.bounds",
            "the lower bound must be below the upper",
        ),
        (
            NUMERIC,
            NUMERIC + "\n    metric: {bounds: [1]}",
            10,
            "scorers[0].metric.bounds",
            "needs at least 2",
        ),
        (NUMERIC, NUMERIC + "\nmain: numerik", 10, "main", "did you mean 'numeric'?"),
        (NUMERIC, NUMERIC + "\nmain: other", 10, "main", "there is numeric"),
        (NUMERIC, NUMERIC + "\nrepeats: 0", 10, "repeats", "must be at least 1"),
        (NUMERIC, NUMERIC + "\nrepeats: 2.0", 10, "repeats", "must be an integer, not 2.0"),
        (NUMERIC, NUMERIC + "\nrepeats: true", 10, "repeats", "must be an integer, not true"),
        (NUMERIC, NUMERIC + "\nrepeats: 1_000", 10, "repeats", "not '1_000'"),
        (NUMERIC, NUMERIC + "\nrepeats: 0o17", 10, "repeats", "not '0o17'"),
        (NUMERIC, NUMERIC + "\nrepeats: 12:30", 10, "repeats", "not '12:30'"),
        (
            NUMERIC,
            NUMERIC + "\nsampling:\n  temperature: null",
            11,
            "sampling.temperature",
            "must be a number, not null",
        ),
        (NUMERIC, NUMERIC + "\nsampling:\n  temperature: .nan", 11, "sampling.temperature", ".nan"),
        (NUMERIC, NUMERIC + "\nsampling:\n  temperature: .inf", 11, "sampling.temperature", ".inf"),
        (NUMERIC, NUMERIC + "\nsampling: {top_p: 0}", 10, "sampling.top_p", "must be more than 0"),
        (
            NUMERIC,
            NUMERIC + "\nsampling:\n  seed: 9007199254740993",
            11,
            "sampling.seed",
            "beyond 2^53",
        ),
        (NUMERIC, NUMERIC + "\nsampling:\n  top_p: 1e400", 11, "sampling.top_p", "too large"),
        ("  target: answer", "  id: x", 2, "data", "name its column in data.target"),
        ("answer", "{}", 3, "data.target", "name the column of the answer"),
        ("answer", "{column: a, columns: [b]}", 3, "data.target", "not both"),
        ("answer", "{columns: [a, a]}", 3, "data.target.columns", "the same twice"),
        ("answer", "{column: a, pattern: '('}", 3, "data.target.pattern", "not valid for RE2"),
        ("answer", '"an\\u200bswer"', 3, "data.target", "invisible character U+200B; remove it"),
        ("answer", "answer\n  slices: [a, b, a]", 4, "data.slices", "names the same twice"),
        (
            "answer",
            'answer\n  slices: [a, "b\\u202e"]',
            4,
            "data.slices[1]",
            "invisible character U+202E",
        ),
        (
            "answer",
            "answer\n  split: {column: s, private: [no, 1]}",
            4,
            "data.split.private[1]",
            "must be text, not 1",
        ),
        ("{question}", "{question", 7, "prompt.messages[0].content", "write {{ for a literal"),
        ("{question}", "question}", 7, "prompt.messages[0].content", "write }} for a literal"),
        ("{question}", "{}", 7, "prompt.messages[0].content", "names no column"),
        (
            "{question}",
            "{ques\\u00adtion}",
            7,
            "prompt.messages[0].content",
            "invisible character U+00AD",
        ),
        (
            '"{question}"',
            "|\n        one\n        two {",
            7,
            "prompt.messages[0].content",
            "in line 2 of the text",
        ),
        ("role: user", "role: assistant", 6, "prompt.messages[0].role", "must be the user's"),
    ],
)
def test_a_fault_is_told_with_its_line_and_path(
    old: str, new: str, line: int, path: str, message: str
) -> None:
    text = SMALL.replace(old, new)
    assert text != SMALL

    found = problems(text)

    told = [one for one in found if one.path == path and message in one.message]
    assert [one.line for one in told] == [line], [str(one) for one in found]


def test_faults_are_told_in_the_order_of_their_lines() -> None:
    text = "plumbmark: 2\nprmpt: 5\nscorers: []\nrepeats: x\nlanguage: 5\n"

    assert [one.line for one in problems(text)] == [1, 1, 2, 3, 4, 5]


def test_no_more_than_twenty_faults_are_told_and_soon() -> None:
    started = time.process_time()

    found = problems(SMALL + "\n".join(f"prompt{number}: 1" for number in range(8000)))

    assert len(found) == 20
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: &x 1\nb: 2", 1, "anchors and aliases"),
        ("a: 1\nb: *x", 2, "anchors and aliases"),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", 1, "anchors and aliases"),
        ("b:\n  <<: {a: 1}", 2, "merge keys"),
        ("a: !!python/object/apply:os.system [x]", 1, "the tag"),
        ("a: !!binary aGk=", 1, "the tag"),
        ("a: !mine x", 1, "the tag"),
        ("a: 1\nb: 2\na: 3", 3, "the key 'a' appears twice, first in line 1"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("a: 1\n\tb: 2", 2, "not YAML"),
        ("a: [1\nb: 2", 2, "not YAML"),
        ("? [1]\n: 2", 1, "a key must be a plain word"),
        ("a: 1\nb: \x07", 2, "U+0007"),
        ("a: 1\nb: \x00", 2, "U+0000"),
        ("a: 1\nb: \x85", 2, "U+0085"),
        ("a: 1\nb: x\u2028y", 2, "U+2028"),
        ("a: 1\nb: \ud800", 2, "U+D800"),
        ("a: 1\nb: \uffff", 2, "U+FFFF"),
        ('a: 1\nb: "\\0"', 2, "a null character"),
        ('a: 1\n"b\\0": 2', 2, "a null character"),
        ('a: 1\nb: "\\ud800"', 2, "half of a surrogate pair"),
        ('a: 1\nb: "\\U00110000"', 2, "\\U00110000 names no character"),
        ("", 1, "empty"),
        (" \n\n", 1, "empty"),
        ("# a comment alone", 1, "empty"),
        ("[" * 100, 1, "nested deeper than 20"),
        ("- " * 100 + "x", 1, "nested deeper than 20"),
        ("just a text", 1, "keys and values"),
        ("- a list", 1, "keys and values"),
    ],
)
def test_what_yaml_must_not_do_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    (problem,) = problems(text, "yaml")

    assert problem.line == line
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('{"a": 1,\n "a": 2}', 2, "the key 'a' appears twice, first in line 1"),
        ('{"a": NaN}', 1, "'NaN}'"),
        ('{"a":\n -Infinity}', 2, "-Infinity"),
        ('{"a":\n 9007199254740993}', 2, "2^53"),
        ('{"a": ' + "9" * 100_000 + "}", 1, "2^53"),
        ('{"a": 1e400}', 1, "too large"),
        ('{"a":\n "\\u0000"}', 2, "null character"),
        ('{"a":\n "\\ud800"}', 2, "surrogate"),
        ('{"a": 1} x', 1, "more text follows"),
        ('{"a": 1,}', 1, "a key in double quotes"),
        ('{"a" 1}', 1, "a colon"),
        ('{"a": [1 2]}', 1, "a comma or ]"),
        ('{"a": 01}', 1, "a comma or }"),
        ('{"a": "x\n"}', 1, "control character"),
        ("[" * 50_000, 1, "nested deeper than 20"),
        ('{"a":' * 20_000, 1, "nested deeper than 20"),
        ("{", 1, "key in double quotes"),
        ("[1]", 1, "keys and values"),
    ],
)
def test_what_is_no_strict_json_is_refused_with_its_line(
    text: str, line: int, message: str
) -> None:
    (problem,) = problems(text, "json")

    assert problem.line == line
    assert message in problem.message


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "True", "NULL", "007", "1_000", "0o17", "0x1F", "2024-01-01"]
)
def test_words_that_yaml_likes_to_reinterpret_stay_text(word: str) -> None:
    found = parse_definition(SMALL.replace("answer", word) + f"language: {word}\n")

    assert found.language == word
    assert found.data.target is not None
    assert found.data.target.columns == (word,)


def test_ten_megabytes_are_refused_before_they_are_read() -> None:
    started = time.process_time()

    (problem,) = problems("a: " + "x" * 10_000_000)

    assert "items belong in the data file" in problem.message
    assert f"{MAX_TEXT // 1024} KiB" in problem.message
    assert time.process_time() - started < 5


@pytest.mark.parametrize("unit", ["[", "{", "- ", "? ", "!", "&a ", '"', "'", "{a}", "1,", "\t"])
def test_hostile_repetitions_end_quickly(unit: str) -> None:
    started = time.process_time()

    for start in ("", 'prompt: "'):
        with suppress(InvalidInput):
            parse_definition((start + unit * 20_000)[:MAX_TEXT])

    assert time.process_time() - started < 10


@given(st.text() | st.text("{}[]:,-\"'#&*!|>?%@ \n\tab1.eE"))
def test_no_text_makes_the_reader_fail_in_another_way(text: str) -> None:
    for format in ("yaml", "json", None):
        with suppress(InvalidInput):
            parse_definition(text, format=format)


def _json_values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text()
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )


@given(
    st.sampled_from(["plumbmark", "data", "prompt", "scorers", "sampling", "repeats", "main"]),
    _json_values(),
)
def test_no_value_in_any_place_makes_the_reader_fail_in_another_way(key: str, value: Any) -> None:
    with suppress(InvalidInput):
        parse_definition(json.dumps({**AS_JSON, key: value}))


def test_a_number_format_must_fit_the_bounds() -> None:
    python = SMALL.replace(
        "  - type: numeric",
        '  - type: python\n    source: "def score(o, t, i): return 1"\n'
        "    metric: {bounds: [1, 10], format: %s}",
    )

    percent, fraction, other = (
        problems(python % name)[0] for name in ("percent", "fraction", "euros")
    )

    assert (percent.path, percent.line) == ("scorers[0].metric.format", 11)
    assert "percent is for shares" in percent.message
    assert "fraction needs the bounds [0, the highest score]" in fraction.message
    assert other.path == "scorers[0].metric.format"
    assert parse_definition((python % "fraction").replace("[1, 10]", "[0, 10]")).metric.format == (
        "fraction"
    )
