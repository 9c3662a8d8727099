"""Finding the JSON of an answer: bare, in a fenced block, or with words around it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from plumbmark.scoring.code_blocks import JSON, take_code
from plumbmark.strict_json import JsonError, JsonReader
from plumbmark.strict_json.numbers import STANDARD, Numbers

_OPENING = re.compile(r'\{\s{0,200}["}]|\[\s{0,200}["{\[\d-]')
_TOKENS = re.compile(r'"(?:[^"\\\n]|\\.)*+"|[{}\[\]]')
_AROUND = " \t\r\n\ufeff\u200b\u200e\u200f\u2060"
_MAX_FAULTS = 500
"""Objects that are none; each costs the time to count the lines before it."""

# Finds where a value ends; what its numbers are does not matter yet.
_EXTENTS = json.JSONDecoder(parse_int=str, parse_float=str)


class WrittenNumber(float):
    """A number with decimals or an exponent, which keeps the digits that were written."""

    __slots__ = ("digits",)

    digits: str

    def __new__(cls, digits: str) -> "WrittenNumber":
        number = super().__new__(cls, digits)
        number.digits = digits
        return number


_READER = JsonReader(numbers=Numbers(STANDARD.read_integer, WrittenNumber, STANDARD.read_constant))


@dataclass(frozen=True, slots=True)
class FoundJson:
    """A value, and where it stands in the output."""

    value: Any
    start: int
    end: int


def last_json(output: str) -> FoundJson:
    """Return the JSON of an answer: the whole of it, else the last complete object in it.

    Raises `JsonError` where there is none.
    """
    text = output.strip(_AROUND)
    start = len(output) - len(output.lstrip(_AROUND))
    try:
        return FoundJson(_READER.read(text), start, start + len(text))
    except JsonError as error:
        problem = error
    last = None
    for extent in _extents(output):
        # “{}” between words is seldom an answer.
        if last is None or extent[1] - extent[0] > 2 or last[1] - last[0] <= 2:
            last = extent
    if last is not None:
        return FoundJson(_READER.read(output[slice(*last)]), *last)
    block = take_code(output, languages=JSON).code.strip(_AROUND)
    if block == text:
        raise problem
    value = _READER.read(block)
    start = output.find(block)
    return FoundJson(value, max(start, 0), start + len(block) if start >= 0 else len(output))


def _extents(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each complete object, and of arrays that may be an answer.

    Linear: what was read once is not read again.
    """
    may_close = True
    faults = 0
    visible = len(text.rstrip())
    opening = _OPENING.search(text)
    while opening is not None and faults < _MAX_FAULTS:
        start = opening.start()
        try:
            value, end = _EXTENTS.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if error.pos >= visible or error.msg.startswith("Unterminated"):
                return
            faults += 1
            end = max(start + 1, error.pos)
            if may_close and text[start] == "{":
                # It is a faulty object, and the objects in it are no answers of their own.
                closing = _closing(text, start)
                may_close = closing > 0
                end = max(end, closing)
        except RecursionError:
            return
        else:
            if isinstance(value, dict) or _may_be_an_answer(text, value, start, end):
                yield start, end
        opening = _OPENING.search(text, end)


def _closing(text: str, start: int) -> int:
    """Return the end of what opens at `start`; 0 where it never closes."""
    depth = 0
    for token in _TOKENS.finditer(text, start):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if depth == 0:
                return token.end()
    return 0


def _may_be_an_answer(text: str, array: Any, start: int, end: int) -> bool:
    """Return whether an array is more than a citation between words, as [1] is."""
    if any(isinstance(one, dict) for one in array):
        return True
    before, after = text[max(0, start - 40) : start], text[end : end + 40]
    return before.rpartition("\n")[2].strip() == "" and after.partition("\n")[0].strip() == ""


def decimal_of(value: Any) -> Decimal | None:
    """Return a number of JSON as it was written; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = Decimal(value.digits if isinstance(value, WrittenNumber) else repr(value))
    return number if number.is_finite() else None
