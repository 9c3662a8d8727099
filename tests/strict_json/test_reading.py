"""JSON from outside: what is read, what is refused, and how that is said."""

import json
import math
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.strict_json import MAX_DEPTH, JsonError, JsonReader, make_storable
from plumbmark.strict_json.numbers import CANONICAL, EXACT, FINITE, PYTHON, STANDARD, Numbers

LENIENT = JsonReader(max_depth=90, numbers=FINITE, duplicate_keys="list", characters="replace")
STRICT = JsonReader(numbers=EXACT, duplicate_keys="refuse", characters="refuse")

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def error_of(data: bytes | str, reader: JsonReader = LENIENT) -> JsonError:
    with pytest.raises(JsonError) as caught:
        reader.read(data)
    return caught.value


@given(ANY_JSON)
def test_what_is_storable_is_read_as_python_reads_it(value: Any) -> None:
    text = json.dumps(value)
    read = LENIENT.read_document(text.encode())
    whole = json.loads(text)

    if not read.replaced and "e+" not in text:
        assert json.dumps(read.value) == json.dumps(whole) or not is_finite(whole)
    LENIENT.read(json.dumps(read.value))


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
        (b'{"a": "\xc3"}', "byte 7 is not UTF-8", 1),
        (b"\n\xff\xfe", "byte 1 is not UTF-8", 2),
        (b'{"a": 1} {"b": 2}', "Extra data", 1),
        (b"[" * 91 + b"]" * 91, "nested deeper than 90 levels", 1),
        (b'\n{"a":' * 1_000_000, "nested deeper than 90 levels", 92),
    ],
)
def test_faults_are_told_with_their_line(data: bytes, told: str, line: int | None) -> None:
    problem = error_of(data)

    assert told in str(problem)
    assert problem.line == line


@pytest.mark.parametrize("reader", [LENIENT, STRICT])
def test_depth_counts_brackets_outside_of_texts_alone(reader: JsonReader) -> None:
    depth = reader.max_depth
    assert reader.read("[" * depth + "]" * depth)
    assert "nested deeper" in str(error_of("[" * (depth + 1) + "]" * (depth + 1), reader))
    assert reader.read(json.dumps(["[{" * 500, '\\"[' * 500]))
    assert reader.read("[" + "[]," * 1000 + "[]]")


def test_python_reads_what_is_deepest_without_a_fault() -> None:
    reader = JsonReader(characters="replace")
    assert reader.read('{"\\u0000": ' * MAX_DEPTH + "1" + "}" * MAX_DEPTH)


def test_size_is_bounded() -> None:
    reader = replace(LENIENT, max_bytes=10)
    assert "more than 10 bytes" in str(error_of(b'"12345678910"', reader))
    assert "more than 10 characters" in str(error_of('"12345678910"', reader))
    assert reader.read(b'"12345678"') == "12345678"


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 301, "-" + "9" * 5000]
)
def test_numbers_that_no_double_holds_are_nan(number: str) -> None:
    assert math.isnan(LENIENT.read(f'{{"a": {number}}}')["a"])


@pytest.mark.parametrize(
    ("numbers", "text", "value"),
    [
        (STANDARD, "100000000000000000001", 10**20 + 1),
        (STANDARD, "1e400", math.inf),
        (STANDARD, "1.0", 1.0),
        (EXACT, "9007199254740992", 2**53),
        (EXACT, "-9007199254740992", -(2**53)),
        (EXACT, "1e15", 1e15),
        (PYTHON, "-Infinity", -math.inf),
        (FINITE, "9" * 300, int("9" * 300)),
        (CANONICAL, "1.0", 1),
        (CANONICAL, "NaN", None),
        (CANONICAL, "1e400", "1e400"),
    ],
)
def test_numbers_are_read_by_the_rules_of_the_reader(
    numbers: Numbers, text: str, value: Any
) -> None:
    found = JsonReader(numbers=numbers).read(text)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("numbers", "text", "message"),
    [
        (STANDARD, "NaN", "NaN is not a number in JSON"),
        (EXACT, "-Infinity", "-Infinity is not a number in JSON"),
        (EXACT, "9007199254740993", "9007199254740993 is beyond 2^53"),
        (EXACT, "-6.02e23", "-6.02e23 is beyond 2^53"),
        (EXACT, "0.12345678901234567", "would become 0.12345678901234566; quote it"),
        (EXACT, "0." + "1" * 5000, "0.111111111111111111… has more digits"),
        (EXACT, "-9007199254740993", "-9007199254740993 is beyond 2^53"),
        (EXACT, "1" * 5000, "11111111111111111111… is beyond 2^53"),
        (STANDARD, "1" * 5000, "a number with 5,000 digits is too long"),
        (CANONICAL, "1" * 5000, "a number with 5,000 digits is too long"),
    ],
)
def test_numbers_that_the_rules_exclude_are_refused(
    numbers: Numbers, text: str, message: str
) -> None:
    assert message in str(error_of(text, JsonReader(numbers=numbers)))


def test_keys_that_are_there_twice_are_listed() -> None:
    document = LENIENT.read_document('{"a": 1, "b": {"c": 1, "c": 2, "c": 3}, "a": 4}')

    assert document.value == {"a": 4, "b": {"c": 3}}
    assert sorted(document.duplicate_keys) == ["a", "c", "c"]
    many = "{" + ", ".join(f'"{at}": 1, "{at}": 2' for at in range(100)) + "}"
    assert len(LENIENT.read_document(f"[{many}, {many}]").duplicate_keys) == 20
    assert LENIENT.read_document("{}").duplicate_keys == []


def test_keys_that_are_there_twice_are_refused() -> None:
    assert "the key 'a' appears twice" in str(error_of('[{"a": 1, "\\u0061": 1}]', STRICT))


def test_what_cannot_be_stored_is_replaced_and_counted() -> None:
    document = LENIENT.read_document('{"a\\u0000": ["\\ud83d", "\\ud83d\\ude00 ü \\u00fc"]}')

    assert document.value == {"a\ufffd": ["\ufffd", "😀 ü ü"]}
    assert document.replaced == 2
    json.dumps(document.value, ensure_ascii=False).encode()
    assert JsonReader(characters="keep").read('"\\u0000\\ud800"') == "\x00\ud800"
    assert make_storable("a\x00\ud800b") == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    "text", ['{"a": ["\\ud83d"]}', '{"\\udc00": 1}', '["x\\ude00\\ud83d"]', '"\ud800"']
)
def test_half_of_a_surrogate_pair_is_refused(text: str) -> None:
    assert "half of a surrogate pair" in str(error_of(text, STRICT))


def test_whole_characters_are_not_refused() -> None:
    assert STRICT.read('["\\ud83d\\ude00", "\\u0000", "😀"]') == ["😀", "\x00", "😀"]


def test_a_byte_order_mark_in_front_is_skipped() -> None:
    assert LENIENT.read(b"\xef\xbb\xbf{}") == {}
    assert LENIENT.read("\ufeff{}") == {}
    assert "Expecting value" in str(error_of("\ufeff\ufeff{}"))


def test_an_error_is_described_with_its_place() -> None:
    assert error_of("[1,\n 2 3]").describe() == "Expecting ',' delimiter (line 2, column 4)"
    assert error_of(b"\n\xff").describe() == "byte 1 is not UTF-8 (line 2)"
    assert error_of("").describe() == "it is empty"


@pytest.mark.parametrize("piece", ['\\"', '"', "\\", "[", "[]", '{"a":'])
def test_depth_is_counted_in_linear_time(piece: str) -> None:
    def seconds(count: int) -> float:
        text = "[" + "[]," * 300 + '"' + piece * count
        started = time.process_time()
        error_of(text, JsonReader())
        return time.process_time() - started

    assert seconds(40_000) < 100 * seconds(2_000) + 0.5


@pytest.mark.parametrize(
    "digits",
    ["0.1", "-1.50", "0.30000000000000004", "1e-7", "5e-324", "9007199254740992.0", "0e999999999"],
)
def test_fractions_that_a_double_keeps_are_taken(digits: str) -> None:
    assert JsonReader(numbers=EXACT).read(digits) == float(digits)
