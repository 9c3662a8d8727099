"""Finding numbers in text, and reading them exactly.

Decimal arithmetic throughout: 0.1 is one tenth. The expressions here are ours and never backtrack
far, so reading ten megabytes is linear.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache

MAX_NUMBER_LENGTH = 1000
"""Longer runs of digits are not answers, and arithmetic on them would be slow."""

_MAX_EXPONENT = 100_000
_CONTEXT = Context(
    prec=2 * MAX_NUMBER_LENGTH, Emax=10**9, Emin=-(10**9), traps=[InvalidOperation, DivisionByZero]
)

CURRENCY = "$€£¥₹₩₽¢"
_MINUS = "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"
_SPACES = "\u00a0\u202f\u2009"


@dataclass(frozen=True, slots=True)
class NumberForm:
    """The form of numbers: the decimal sign, the sign between thousands, fractions."""

    decimal: str = "."
    thousands: str = ","
    fractions: bool = True


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """A number in a text, at `start` … `end`. `value` is None where it cannot be read."""

    text: str
    start: int
    end: int
    value: Decimal | None
    is_percent: bool
    problem: str = ""


@lru_cache(maxsize=1)
def _plain_characters() -> dict[int, str]:
    """Map foreign digits, minus signs and narrow spaces one to one, so that positions do not
    change.
    """
    table = dict.fromkeys(map(ord, _MINUS), "-")
    table.update(dict.fromkeys(map(ord, _SPACES), " "))
    table.update({0xFF0B: "+", 0xFF0C: ",", 0xFF0E: ".", 0xFF05: "%", 0xFF04: "$", 0x2044: "/"})
    for code in range(0x80, sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) == "Nd":
            table[code] = str(unicodedata.decimal(character))
    return table


def plain_characters(text: str) -> str:
    """Return `text` with every digit, minus and space in its ASCII form, of the same length."""
    return text if text.isascii() else text.translate(_plain_characters())


@lru_cache(maxsize=64)
def _expression(form: NumberForm) -> re.Pattern[str]:
    decimal, thousands = re.escape(form.decimal), re.escape(form.thousands)
    whole = "[0-9]+"
    if thousands:
        whole = rf"(?:[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+(?![0-9])|[0-9]+)"
    number = rf"(?:{whole}(?:{decimal}[0-9]+)?|(?<![0-9]){decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    # In a date or a path, as in 3/4/2024, nothing is a fraction.
    fraction = rf"(?(slash)|(?:\ ?/\ ?(?P<below>{whole})(?!{decimal}?[0-9]|/))?)"
    currency = re.escape(CURRENCY)
    return re.compile(
        rf"""
        (?P<slash> (?<=/) )?
        (?P<sign> (?<![\w)\]}}%{currency}]) [-+] )?     # 10-5 and 10 - 5 are no minus five
        (?: [{currency}] \ ? (?P<inner> [-+] )? )?
        (?P<above> {number} )
        {fraction if form.fractions else ""}
        (?P<percent> \ ? % )?
        """,
        re.VERBOSE,
    )


def numbers_in(text: str, form: NumberForm) -> Iterator[FoundNumber]:
    """Yield all numbers of a text, from the left."""
    plain = plain_characters(text)
    for match in _expression(form).finditer(plain):
        yield _read_match(text, match, form)


def last_number_in(text: str, form: NumberForm) -> FoundNumber | None:
    """Return the last number of a text; reads only its value."""
    plain = plain_characters(text)
    last = None
    for last in _expression(form).finditer(plain):  # noqa: B007
        pass
    return None if last is None else _read_match(text, last, form)


def _read_match(text: str, match: re.Match[str], form: NumberForm) -> FoundNumber:
    start, end = match.span()
    is_percent = match["percent"] is not None
    if end - start > MAX_NUMBER_LENGTH:
        problem = f"it has {end - start:,} characters, and {MAX_NUMBER_LENGTH:,} are read"
        return FoundNumber(text[start : start + 40] + "…", start, end, None, is_percent, problem)
    source_text = text[start:end].strip()
    value, problem = _value(match, form)
    return FoundNumber(source_text, start, end, value, is_percent, problem)


def _value(match: re.Match[str], form: NumberForm) -> tuple[Decimal | None, str]:
    sign = (match["sign"] or "").strip() or match["inner"] or ""
    value = _decimal(match["above"], form)
    if value is None:
        return None, "its exponent is out of reach"
    below = match["below"] if form.fractions else None
    if below is not None:
        divisor = _decimal(below, form)
        if not divisor:
            return None, "it divides by zero"
        value = _CONTEXT.divide(value, divisor)
    return (-value if sign == "-" else value), ""


def _decimal(digits: str, form: NumberForm) -> Decimal | None:
    if form.thousands:
        digits = digits.replace(form.thousands, "")
    digits = digits.replace(form.decimal, ".")
    mantissa, _, exponent = digits.lower().partition("e")
    if exponent and (len(exponent) > 8 or abs(int(exponent)) > _MAX_EXPONENT):
        return None
    return _CONTEXT.create_decimal(f"{mantissa}e{exponent}" if exponent else mantissa)


def distance(one: Decimal, other: Decimal) -> Decimal:
    """Return |one − other|, exact for all numbers of ordinary size."""
    try:
        return _CONTEXT.subtract(one, other).copy_abs()
    except Overflow:
        return Decimal("Infinity")


def product(one: Decimal, other: Decimal) -> Decimal:
    return _CONTEXT.multiply(one, other)


def format_number(value: Decimal) -> str:
    """Format a number for an explanation, without trailing zeros and with bounded length."""
    short = Context(prec=20).create_decimal(value).normalize()
    exponent = short.adjusted()
    return f"{short:f}" if -10 <= exponent <= 25 else str(short)
