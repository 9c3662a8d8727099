"""RFC 8785: its published examples, and properties."""

import json
import math
import struct

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.strict_json import canonical
from plumbmark.strict_json.canonical import (
    MAX_DEPTH,
    CanonicalError,
    canonical_json,
)
from plumbmark.strict_json.numbers import MAX_EXACT_INTEGER, format_number

# RFC 8785, appendix B: IEEE 754 bits and their spelling.
NUMBER_VECTORS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_EXACT_INTEGER, MAX_EXACT_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


def as_canonical_integer(digits: str) -> int | float:
    """Return an integer as canonical JSON: digits beyond 2^53 were written for a double."""
    return int(digits) if abs(int(digits)) <= MAX_EXACT_INTEGER else float(digits)


@pytest.mark.parametrize(("bits", "expected"), NUMBER_VECTORS)
def test_numbers_are_spelt_as_in_appendix_b(bits: str, expected: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))

    assert canonical_json(value).decode() == expected


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_the_refused_numbers_of_appendix_b_are_refused(bits: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))

    with pytest.raises(CanonicalError):
        canonical_json(value)


def test_the_example_of_section_3_2_2_is_spelt_as_published() -> None:
    document = json.loads(
        r"""{
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"""
    )

    expected = bytes.fromhex(
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e"
        "756d62657273223a5b3333333333333333332e333333333333332c31652b3330"
        "2c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac24"
        "5c75303030665c6e4127425c225c5c5c5c5c222f227d"
    )
    assert canonical_json(document) == expected


def test_keys_are_sorted_by_utf16_code_units_as_in_section_3_2_3() -> None:
    document = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }

    found = list(json.loads(canonical_json(document)).values())

    assert found == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**53 + 1, -(2**53) - 1])
def test_a_number_that_json_cannot_carry_is_refused_with_its_place(value: float) -> None:
    with pytest.raises(CanonicalError) as raised:
        canonical_json({"a": [0, {"b": value}]})

    assert raised.value.path == "a[1].b"


def test_two_to_the_53_itself_is_exact_and_accepted() -> None:
    assert canonical_json(2**53) == b"9007199254740992"


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, ["x\udc00y"]])
def test_a_lone_surrogate_is_refused(value: object) -> None:
    with pytest.raises(CanonicalError, match="lone surrogate"):
        canonical_json(value)


@pytest.mark.parametrize("value", [{1: 2}, {1, 2}, b"bytes", object()])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(CanonicalError):
        canonical_json(value)


def test_nesting_without_end_is_refused_and_does_not_exhaust_the_stack() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(CanonicalError, match=f"deeper than {MAX_DEPTH}"):
        canonical_json(value)


@given(json_values)
def test_the_spelling_reads_back_as_the_same_value(value: object) -> None:
    spelt = canonical_json(value)

    assert canonical_json(json.loads(spelt, parse_int=as_canonical_integer)) == spelt


@given(json_values)
def test_the_fast_way_and_the_long_one_spell_alike(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(canonical._to_plain(value, "", 0))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_reads_back_bit_by_bit(value: float) -> None:
    assert float(format_number(value)) == value


@given(st.dictionaries(st.text(), st.integers(0, 9)))
def test_the_order_of_insertion_does_not_matter(members: dict[str, int]) -> None:
    assert canonical_json(members) == canonical_json(dict(reversed(members.items())))


def test_a_large_double_survives_being_written_and_read() -> None:
    assert (
        canonical_json(json.loads(canonical_json(1e20), parse_int=as_canonical_integer))
        == b"100000000000000000000"
    )
