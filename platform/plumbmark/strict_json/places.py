"""Reads JSON and remembers where in the text each value stands, for messages about it."""

import json
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from json import decoder
from typing import Any

from plumbmark.strict_json.numbers import find_inexactness, is_exact_integer
from plumbmark.strict_json.texts import has_surrogate

Path = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"-?[0-9]+")
_scan_string: Callable[[str, int, bool], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Place:
    """Counted from 1."""

    line: int
    column: int


class LocatedError(ValueError):
    """Why a text was not read, with the path and the place of the value."""

    def __init__(self, message: str, path: Path, place: Place) -> None:
        super().__init__(message)
        self.path = path
        self.place = place


class NotJsonError(LocatedError):
    """The text is not JSON."""


def read_with_places(text: str, *, max_depth: int) -> tuple[Any, dict[Path, Place]]:
    """Return the value of a document, and the place of each of its nodes by path.

    The place of an object's member is that of its key. Raises `NotJsonError` for what is not
    JSON, lone surrogates, null characters and deeper nesting; `LocatedError` for a key that is
    there twice and for numbers that doubles do not keep.
    """
    reader = _Reader(text, max_depth)
    return reader.read(), reader.places


def read_exact_number(digits: str, path: Path, place: Place) -> int | float:
    """Return the number, or raise `LocatedError` where a double does not keep it."""
    if _INTEGER.fullmatch(digits):
        if not is_exact_integer(digits):
            raise LocatedError(
                "is beyond 2^53, where JSON numbers lose digits; quote it", path, place
            )
        return int(digits)
    if why := find_inexactness(digits):
        raise LocatedError(why, path, place)
    return float(digits)


def describe_duplicate(key: str, first: Place) -> str:
    """Return what is wrong with a key that its object has already."""
    return f"the key {key[:80]!r} appears twice, first in line {first.line}; leave one"


class _Reader:
    def __init__(self, text: str, max_depth: int) -> None:
        self._text = text
        self._max_depth = max_depth
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.places: dict[Path, Place] = {}

    def read(self) -> Any:
        value, end = self._read_value(0, (), 0)
        end = self._skip_space(end)
        if end != len(self._text):
            raise self._error("more text follows after the document", end)
        return value

    def _place(self, index: int) -> Place:
        line = bisect_right(self._starts, index)
        return Place(line, index - self._starts[line - 1] + 1)

    def _error(self, message: str, index: int, path: Path = ()) -> NotJsonError:
        return NotJsonError(message, path, self._place(min(index, len(self._text))))

    def _skip_space(self, index: int) -> int:
        match = _SPACE.match(self._text, index)
        assert match is not None
        return match.end()

    def _read_value(self, index: int, path: Path, depth: int) -> tuple[Any, int]:
        index = self._skip_space(index)
        place = self._place(index)
        self.places.setdefault(path, place)
        if depth > self._max_depth:
            raise self._error(f"nested deeper than {self._max_depth} levels", index, path)
        character = self._text[index : index + 1]
        if character == "{":
            return self._read_object(index + 1, path, depth)
        if character == "[":
            return self._read_array(index + 1, path, depth)
        if character == '"':
            return self._read_string(index)
        for word, value in _WORDS.items():
            if self._text.startswith(word, index):
                return value, index + len(word)
        match = _NUMBER.match(self._text, index)
        if match is None:
            found = self._text[index : index + 12] or "the end"
            raise self._error(f"a value was expected, not {found!r}", index, path)
        return read_exact_number(match.group(), path, place), match.end()

    def _read_string(self, index: int) -> tuple[str, int]:
        try:
            text, end = _scan_string(self._text, index + 1, True)
        except json.JSONDecodeError as error:
            raise self._error(error.msg, error.pos) from error
        if has_surrogate(text):
            raise self._error("half of a surrogate pair in a string", index)
        if "\x00" in text:
            raise self._error("a null character in a string", index)
        return text, end

    def _read_object(self, index: int, path: Path, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        index = self._skip_space(index)
        if self._text[index : index + 1] == "}":
            return found, index + 1
        while True:
            index = self._skip_space(index)
            if self._text[index : index + 1] != '"':
                raise self._error("a key in double quotes was expected", index, path)
            place = self._place(index)
            key, end = self._read_string(index)
            if key in found:
                message = describe_duplicate(key, self.places[(*path, key)])
                raise LocatedError(message, (*path, key), place)
            self.places[(*path, key)] = place
            end = self._skip_space(end)
            if self._text[end : end + 1] != ":":
                raise self._error(f"a colon was expected after {key[:80]!r}", end, path)
            found[key], index = self._read_value(end + 1, (*path, key), depth + 1)
            index = self._skip_space(index)
            if self._text[index : index + 1] == "}":
                return found, index + 1
            if self._text[index : index + 1] != ",":
                raise self._error("a comma or } was expected", index, path)
            index += 1

    def _read_array(self, index: int, path: Path, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        index = self._skip_space(index)
        if self._text[index : index + 1] == "]":
            return found, index + 1
        while True:
            value, index = self._read_value(index, (*path, len(found)), depth + 1)
            found.append(value)
            index = self._skip_space(index)
            if self._text[index : index + 1] == "]":
                return found, index + 1
            if self._text[index : index + 1] != ",":
                raise self._error("a comma or ] was expected", index, path)
            index += 1
