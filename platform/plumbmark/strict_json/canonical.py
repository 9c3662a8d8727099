"""Canonical JSON as RFC 8785 (JCS) defines it: one value, one spelling, so that it can be hashed.

What JSON cannot carry exactly is refused rather than rounded.
"""

import math
from collections.abc import Mapping
from typing import Any

import orjson
import rfc8785

from plumbmark.strict_json.numbers import MAX_EXACT_INTEGER
from plumbmark.strict_json.texts import find_surrogate

MAX_DEPTH = 200
"""Deeper documents are refused: readers and writers that recurse would fall over them."""


class CanonicalError(ValueError):
    """A value that has no canonical spelling. `path` says where in the document it is."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(f"{path or 'the document'}: {message}")
        self.path = path


def canonical_json(value: object) -> bytes:
    """Return the RFC 8785 spelling of `value` in UTF-8.

    Takes None, bool, int, float, str, lists and tuples, and mappings with string keys. Raises
    `CanonicalError` for NaN and infinities, integers beyond 2^53, lone surrogates, keys that are
    no strings, other types, and nesting deeper than `MAX_DEPTH`.
    """
    if _is_plain(value, 0):
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            pass  # Half a surrogate pair: the slow way says where.
    return rfc8785.dumps(_to_plain(value, "", 0))


def _is_plain(value: object, depth: int) -> bool:
    """Return whether the quick encoder, which is many times faster, spells the value canonically.

    It does but for doubles, keys that UTF-16 may sort otherwise, and what has to be refused.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return -MAX_EXACT_INTEGER <= value <= MAX_EXACT_INTEGER  # type: ignore[operator]
    if depth >= MAX_DEPTH:
        return False
    if kind is dict:
        for key, member in value.items():  # type: ignore[attr-defined]
            if type(key) is not str or not key.isascii():
                return False
            if type(member) is not str and not _is_plain(member, depth + 1):
                return False
        return True
    if kind is list or kind is tuple:
        for element in value:  # type: ignore[attr-defined]
            if type(element) is not str and not _is_plain(element, depth + 1):
                return False
        return True
    return False


def _to_plain(value: object, path: str, depth: int) -> Any:
    """Return the value in the types that `rfc8785` knows, or refuse it with its place."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _check_text(value, path)
    if isinstance(value, int):
        if not -MAX_EXACT_INTEGER <= value <= MAX_EXACT_INTEGER:
            raise CanonicalError(
                "integers beyond 2^53 are not exact in JSON; write it as a string", path
            )
        # `rfc8785` takes 2^53 itself as a double alone.
        return float(value) if abs(value) == MAX_EXACT_INTEGER else value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise CanonicalError("NaN and infinities do not exist in JSON", path)
        return value
    if depth >= MAX_DEPTH:
        raise CanonicalError(f"nested deeper than {MAX_DEPTH} levels", path)
    if isinstance(value, Mapping):
        return {
            _check_key(key, path): _to_plain(member, f"{path}.{key}" if path else key, depth + 1)
            for key, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            _to_plain(element, f"{path}[{position}]", depth + 1)
            for position, element in enumerate(value)
        ]
    raise CanonicalError(f"a {type(value).__name__} has no form in JSON", path)


def _check_key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise CanonicalError(f"the key {key!r} is no string", path)
    return _check_text(key, path)


def _check_text(text: str, path: str) -> str:
    if found := find_surrogate(text):
        raise CanonicalError(f"a lone surrogate (U+{ord(found):04X}) is no Unicode text", path)
    return text
