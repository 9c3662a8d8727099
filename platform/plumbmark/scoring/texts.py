"""Texts and JSON as every database and every reply takes them, whatever a program wrote."""

from collections.abc import Mapping
from typing import Any

_NUL = "\x00"
DEEPEST = 60


def storable(text: str) -> str:
    """Text as every database takes it: no NUL, no half of a surrogate pair."""
    if text.isascii() and _NUL not in text:
        return text
    return text.replace(_NUL, "\ufffd").encode("utf-8", "replace").decode()


def storable_json(value: Any, *, deepest: int = DEEPEST) -> Any:
    """Plain JSON with such texts alone; ValueError where it is nested too deeply."""
    if isinstance(value, str):
        return storable(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if not deepest:
        raise ValueError("it is nested too deeply")
    if isinstance(value, Mapping):
        return {
            storable(str(key)): storable_json(inner, deepest=deepest - 1)
            for key, inner in value.items()
        }
    return [storable_json(inner, deepest=deepest - 1) for inner in value]
