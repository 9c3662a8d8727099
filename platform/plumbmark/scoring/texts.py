"""Texts and JSON as every database and every reply takes them, whatever a program wrote."""

from collections.abc import Callable, Mapping
from typing import Any

_NUL = "\x00"
_REPLACEMENT = "\ufffd"
DEEPEST = 100
"""Levels of data from outside; half of what canonical JSON takes, for what is wrapped around it."""


def storable(text: str) -> str:
    """Return the text with what no database and no file accepts (NUL, half a surrogate pair) as
    U+FFFD.
    """
    if _NUL in text:
        text = text.replace(_NUL, _REPLACEMENT)
    if not text.isascii():
        # By way of UTF-16 two halves that belong together become their character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def storable_json(
    value: Any, *, mend: Callable[[str], str] = storable, deepest: int = DEEPEST
) -> Any:
    """Return plain JSON with all texts made storable; raise ValueError if it is nested too
    deeply.
    """
    if isinstance(value, str):
        return mend(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if not deepest:
        raise ValueError("it is nested too deeply")
    if isinstance(value, Mapping):
        return {
            mend(str(key)): storable_json(inner, mend=mend, deepest=deepest - 1)
            for key, inner in value.items()
        }
    return [storable_json(inner, mend=mend, deepest=deepest - 1) for inner in value]
