"""Numbers of JSON: how each kind of reader takes them, and their canonical spelling."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import rfc8785

MAX_EXACT_INTEGER = 2**53
"""The largest integer that every JSON reader, JavaScript included, reads back unchanged."""

_MAX_DIGITS_OF_EXACT = 17
_MAX_DIGITS = 4_000
"""Python refuses to read more than 4,300."""
_MAX_DIGITS_OF_FLOAT = 300
_MAX_LENGTH_OF_EXACT_FRACTION = 16
"""So short, without a sign or an exponent, a fraction has no more digits than a double keeps."""
_NOT_ZERO = re.compile("[1-9]")
_MAX_DIGITS_SHOWN = 24
_MIN_PLAIN_FRACTION = 1e-4
"""Below this Python writes an exponent where JavaScript still writes a plain fraction."""


class NumberError(ValueError):
    """A number that a reader refuses; the message says why."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Functions that read the digits of an integer, of a fraction, and NaN and the infinities."""

    read_integer: Callable[[str], Any]
    read_fraction: Callable[[str], Any]
    read_constant: Callable[[str], Any]


def format_number(value: float) -> str:
    """Return a finite double as ECMAScript's Number::toString writes it (ECMA-262 §6.1.6.1.20)."""
    return rfc8785.dumps(value).decode("ascii")


def to_canonical_number(value: float) -> float | int | Decimal:
    """Return the same number in the type that the quick encoders write canonically."""
    if value.is_integer():
        return int(value) if abs(value) < MAX_EXACT_INTEGER else Decimal(repr(value))
    if abs(value) < _MIN_PLAIN_FRACTION:
        return Decimal(repr(value))
    return value


def _read_integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise NumberError(f"a number with {len(digits):,} digits is too long")
    return int(digits)


def is_exact_integer(digits: str) -> bool:
    """Return whether every JSON reader reads the integer back unchanged."""
    # The length is looked at first: turning a million digits into an int is quadratic.
    return len(digits) <= _MAX_DIGITS_OF_EXACT and abs(int(digits)) <= MAX_EXACT_INTEGER


def find_inexactness(digits: str) -> str:
    """Return why a fraction, or a number with an exponent, would change on its way through readers
    and databases; an empty text where it would not.

    Beyond 2^53 a database may return an integer for it, which other readers round.
    """
    if len(digits) <= _MAX_LENGTH_OF_EXACT_FRACTION and digits.replace(".", "").isdecimal():
        return ""
    value = float(digits)
    if math.isinf(value):
        return "is too large for a number; quote it"
    if abs(value) > MAX_EXACT_INTEGER:
        return "is beyond 2^53, where JSON numbers lose digits; quote it"
    written = f"would become {format_number(value)}"
    if len(digits) > _MAX_DIGITS_OF_FLOAT:
        return f"has more digits than a number keeps and {written}; quote it"
    if value == 0:
        # Its exponent may be beyond what decimals can have.
        is_kept = not _NOT_ZERO.search(digits.lower().partition("e")[0])
    else:
        # The text's own value, not the double's: 0.1 is kept though no double is a tenth.
        is_kept = Decimal(digits) == Decimal(repr(value))
    if is_kept:
        return ""
    return f"has more digits than a number keeps and {written}; quote it"


def _shorten(digits: str) -> str:
    return digits if len(digits) <= _MAX_DIGITS_SHOWN else digits[:20] + "…"


def _read_exact_integer(digits: str) -> int:
    if not is_exact_integer(digits):
        shown = _shorten(digits)
        raise NumberError(f"{shown} is beyond 2^53, where JSON numbers lose digits; quote it")
    return int(digits)


def _read_exact_fraction(digits: str) -> float:
    value = float(digits)
    # An infinity is for the reader's caller, who knows where it stands.
    if math.isfinite(value) and (why := find_inexactness(digits)):
        raise NumberError(f"{_shorten(digits)} {why}")
    return value


def _read_integer_or_nan(digits: str) -> float | int:
    return int(digits) if len(digits) <= _MAX_DIGITS_OF_FLOAT else math.nan


def _read_fraction_or_nan(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else math.nan


def _read_canonical_fraction(digits: str) -> Any:
    value = float(digits)
    # An overflow to infinity is no JSON number; its text is kept instead.
    return to_canonical_number(value) if math.isfinite(value) else digits


def _refuse_constant(word: str) -> Any:
    raise NumberError(f"{word} is not a number in JSON; write null")


def _read_constant_as_null(_word: str) -> None:
    return None


STANDARD = Numbers(_read_integer, float, _refuse_constant)
"""As RFC 8259 has them. A fraction beyond the range of doubles becomes an infinity."""

EXACT = Numbers(_read_exact_integer, _read_exact_fraction, _refuse_constant)
"""STANDARD, but finite numbers that a double does not keep are refused."""

PYTHON = Numbers(_read_integer, float, float)
"""STANDARD, and the NaN and the infinities that Python writes."""

FINITE = Numbers(_read_integer_or_nan, _read_fraction_or_nan, _read_fraction_or_nan)
"""A number that no double holds is NaN: never equal to anything."""

CANONICAL = Numbers(_read_integer, _read_canonical_fraction, _read_constant_as_null)
"""In the types that are written canonically; NaN and the infinities are null."""
