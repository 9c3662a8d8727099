"""JSON schemas for providers that accept a part of the standard only."""

import json
from collections.abc import Mapping
from typing import Any

_KEPT = {
    "$defs",
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "definitions",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "properties",
    "required",
    "title",
    "type",
}
_FORMATS = {
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "time",
    "uri",
    "uuid",
}
_MAPS = {"$defs", "definitions", "properties"}
_LISTS = {"allOf", "anyOf"}


def narrow_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with closed objects and without the keywords that strict decoding refuses.

    A dropped constraint (a minimum, a pattern) is described in the description instead, where the
    model at least reads it.
    """
    made: dict[str, Any] = {}
    dropped: dict[str, Any] = {}
    for name, value in schema.items():
        name = "anyOf" if name == "oneOf" else name
        if not _is_kept(name, value):
            if name != "$schema":
                dropped[name] = value
        elif name in _MAPS and isinstance(value, Mapping):
            made[name] = {key: _inner(inner) for key, inner in value.items()}
        elif name in _LISTS and isinstance(value, list | tuple):
            made[name] = [_inner(inner) for inner in value]
        elif name == "items":
            made[name] = _inner(value)
        else:
            made[name] = value
    kind = made.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind):
        made["additionalProperties"] = False
        made.setdefault("properties", {})
    if dropped:
        constraints = json.dumps(dropped, ensure_ascii=False, sort_keys=True, default=str)
        description = made.get("description")
        made["description"] = f"{description}\n\n{constraints}" if description else constraints
    return made


def _is_kept(name: str, value: Any) -> bool:
    if name == "minItems":
        return value in (0, 1)
    if name == "format":
        return value in _FORMATS
    return name in _KEPT


def _inner(value: Any) -> Any:
    return narrow_schema(value) if isinstance(value, Mapping) else value
