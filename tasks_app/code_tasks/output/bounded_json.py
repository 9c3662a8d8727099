"""JSON that an untrusted program wrote: within bounds, and with its faults told.

Parsing may never exhaust memory or the stack, and what comes out can be stored: no NaN, no
infinities, no lone surrogates, no null characters.
"""

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

from plumbmark.scoring.texts import DEEPEST, storable, storable_json

MAX_DEPTH = DEEPEST - 10
"""What is made of a document may stand in a few levels more."""
_MAX_NOTED = 20

_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAX_DIGITS = 300


class JsonProblem(ValueError):
    """Why a text could not be read; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(slots=True)
class ReadJson:
    """A value, and what had to be mended in it."""

    value: Any
    twice: list[str] = field(default_factory=list)
    """Keys that stood twice in one object; the last value counts."""
    replaced: int = 0
    """Characters that were replaced by U+FFFD."""

    def mended(self, text: str) -> str:
        self.replaced += len(_UNSTORABLE.findall(text))
        return storable(text)


NOT_A_NUMBER = float("nan")
"""What NaN, the infinities and numbers beyond the range of floats are read as: never equal."""


def read_json(
    data: bytes | str, *, max_bytes: int, max_depth: int = MAX_DEPTH, mend: bool = True
) -> ReadJson:
    """Read a document; `JsonProblem` says what is wrong and where.

    NaN and the infinities, which are no JSON, come out as NaN: whoever reads a number has to ask.
    Without `mend` characters that no database keeps stay as they are.
    """
    if isinstance(data, bytes):
        if len(data) > max_bytes:
            raise JsonProblem(f"it has more than {max_bytes:,} bytes")
        given = data
        try:
            data = given.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = given.count(b"\n", 0, error.start) + 1
            raise JsonProblem(f"it is not UTF-8 (byte {error.start})", line) from None
    elif len(data) > max_bytes:
        raise JsonProblem(f"it has more than {max_bytes:,} characters")
    data = data.removeprefix("\ufeff")
    if not data.strip():
        raise JsonProblem("it is empty")
    _check_depth(data, max_depth)
    read = ReadJson(None)

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen and len(read.twice) < _MAX_NOTED:
                    read.twice.append(key[:100])
                seen.add(key)
        return found

    try:
        value = json.loads(
            data,
            object_pairs_hook=members,
            parse_int=_whole,
            parse_float=_number,
            parse_constant=lambda _: NOT_A_NUMBER,
        )
    except json.JSONDecodeError as error:
        ends_early = error.pos >= len(data.rstrip()) or error.msg.startswith("Unterminated")
        told = "it ends in the middle" if ends_early else error.msg
        raise JsonProblem(told, error.lineno, error.colno) from None
    if mend and (_UNSTORABLE.search(data) or "\\u" in data):
        value = storable_json(value, mend=read.mended)
    read.value = value
    return read


def is_storable(text: str) -> bool:
    return _UNSTORABLE.search(text) is None


def is_number(value: Any) -> bool:
    """Return whether it is a finite number; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(digits: str) -> float | int:
    # Python refuses to read endless digits, and no float holds them.
    return int(digits) if len(digits) <= _MAX_DIGITS else NOT_A_NUMBER


def _number(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else NOT_A_NUMBER


def _check_depth(text: str, most: int) -> None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        mark = match.group()
        if mark in {"[", "{"}:
            depth += 1
            if depth > most:
                line = text.count("\n", 0, match.start()) + 1
                raise JsonProblem(f"it is nested deeper than {most} levels", line)
        elif mark in {"]", "}"}:
            depth -= 1
