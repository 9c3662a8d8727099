"""JSON of untrusted programs."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.texts import storable
from tasks_app.code_tasks.output.bounded_json import (
    MAX_DEPTH,
    JsonProblem,
    is_number,
    read_json,
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def problem_of(data: bytes, **more: Any) -> JsonProblem:
    with pytest.raises(JsonProblem) as caught:
        read_json(data, max_bytes=more.pop("max_bytes", 10_000_000), **more)
    return caught.value


@given(ANY_JSON)
def test_what_is_storable_is_read_as_python_reads_it(value: Any) -> None:
    text = json.dumps(value)
    read = read_json(text.encode(), max_bytes=10**6)
    whole = json.loads(text)

    if not read.replaced and "e+" not in text:
        assert json.dumps(read.value) == json.dumps(whole) or not is_finite(whole)
    read_json(json.dumps(read.value), max_bytes=10**6)


def is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(map(is_finite, value))
    return all(map(is_finite, value.values())) if isinstance(value, dict) else True


@pytest.mark.parametrize(
    ("data", "told", "line"),
    [
        (b"", "it is empty", None),
        (b" \n ", "it is empty", None),
        (b'{"a": 1', "it ends in the middle", 1),
        (b'{"a":\n "b', "it ends in the middle", 2),
        (b'{"a":\n\n oops}', "Expecting value", 3),
        (b'{"a": "\xc3"}', "it is not UTF-8 (byte 7)", 1),
        (b"\n\xff\xfe", "it is not UTF-8 (byte 1)", 2),
        (b'{"a": 1} {"b": 2}', "Extra data", 1),
        (b"[" * 91 + b"]" * 91, "nested deeper than 90 levels", 1),
        (b'\n{"a":' * 1_000_000, "nested deeper than 90 levels", 92),
    ],
)
def test_faults_are_told_with_their_line(data: bytes, told: str, line: int | None) -> None:
    problem = problem_of(data)

    assert told in str(problem)
    assert problem.line == line


def test_depth_counts_brackets_outside_of_texts_alone() -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read_json(deep, max_bytes=1000).value
    assert read_json(json.dumps(["[{" * 500, '\\"[' * 500]), max_bytes=10_000).value


def test_size_is_bounded() -> None:
    assert "more than 10 bytes" in str(problem_of(b'"12345678910"', max_bytes=10))
    with pytest.raises(JsonProblem, match="more than 10 characters"):
        read_json('"12345678910"', max_bytes=10)


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 301, "-" + "9" * 5000]
)
def test_numbers_that_are_none_are_read_as_nan(number: str) -> None:
    value = read_json(f'{{"a": {number}}}', max_bytes=10_000).value["a"]

    assert math.isnan(value)
    assert not is_number(value)


def test_large_numbers_are_numbers() -> None:
    assert is_number(read_json("9" * 300, max_bytes=1000).value)
    assert is_number(0)
    assert is_number(-1.5)
    assert not is_number(True)
    assert not is_number("1")
    assert not is_number(None)


def test_keys_that_stand_twice_are_named() -> None:
    read = read_json('{"a": 1, "b": {"c": 1, "c": 2, "c": 3}, "a": 4}', max_bytes=1000)

    assert read.value == {"a": 4, "b": {"c": 3}}
    assert sorted(read.twice) == ["a", "c", "c"]
    many = "{" + ", ".join(f'"{at}": 1, "{at}": 2' for at in range(100)) + "}"
    assert len(read_json(f"[{many}, {many}]", max_bytes=10_000).twice) == 20


def test_what_cannot_be_stored_is_replaced_and_counted() -> None:
    read = read_json('{"a\\u0000": ["\\ud83d", "\\ud83d\\ude00 ü \\u00fc"]}', max_bytes=1000)

    assert read.value == {"a\ufffd": ["\ufffd", "😀 ü ü"]}
    assert read.replaced == 2
    json.dumps(read.value, ensure_ascii=False).encode()
    assert read_json('"\\u0000"', max_bytes=100, mend=False).value == "\x00"
    assert storable("a\x00\ud800b") == "a\ufffd\ufffdb"


def test_a_mark_of_the_encoding_does_not_matter() -> None:
    assert read_json(b"\xef\xbb\xbf{}", max_bytes=100).value == {}
    assert read_json("\ufeff{}", max_bytes=100).value == {}
