"""Texts and JSON as every database and every reply takes them, whatever a program wrote."""

import re
from collections.abc import Callable, Mapping
from typing import Any

_NUL = "\x00"
_REPLACEMENT = "\ufffd"
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MAX_STORED_DEPTH = 100
"""Levels of data from outside; half of what canonical JSON takes, for what is wrapped around it."""


def find_surrogate(text: str) -> str:
    """Return the first half of a surrogate pair that stands alone, or an empty text."""
    if text.isascii():
        return ""
    found = _SURROGATE.search(text)
    return found.group() if found else ""


def has_surrogate(text: str) -> bool:
    return bool(find_surrogate(text))


def count_unstorable(text: str) -> int:
    """Return how many characters `make_storable` replaces, halves of one pair counted twice."""
    return len(_UNSTORABLE.findall(text))


def make_storable(text: str) -> str:
    """Return the text with NUL and lone surrogates, which no database takes, as U+FFFD."""
    if _NUL in text:
        text = text.replace(_NUL, _REPLACEMENT)
    if not text.isascii():
        # By way of UTF-16 two halves that belong together become their character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def make_storable_json(
    value: Any, *, convert: Callable[[str], str] = make_storable, max_depth: int = MAX_STORED_DEPTH
) -> Any:
    """Return plain JSON with such texts alone; ValueError where it is nested too deeply."""
    if isinstance(value, str):
        return convert(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if not max_depth:
        raise ValueError("it is nested too deeply")
    if isinstance(value, Mapping):
        return {
            convert(str(key)): make_storable_json(inner, convert=convert, max_depth=max_depth - 1)
            for key, inner in value.items()
        }
    return [make_storable_json(inner, convert=convert, max_depth=max_depth - 1) for inner in value]
