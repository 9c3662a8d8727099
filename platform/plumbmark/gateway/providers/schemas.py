"""JSON schemas for providers that accept a part of the standard only, or no schemas."""

import json
import re
from collections.abc import Mapping
from typing import Any

from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.providers.base import AttemptFailure
from plumbmark.strict_json import wire

SCHEMA_WAYS = ("json_schema", "json_object", "prompt")
"""How the OpenAI format asks for a schema, the option `schema`: as such; in a message, with JSON
requested beside it; in a message alone. Each asks less of the host than the one before.
"""
_REFUSED_STATUSES = {400, 422}
_FAULT_STATUS = 500
_IS_INVALID = re.compile(r"validation error", re.IGNORECASE)
"""What a host with status 500 must say too, such as the server of llama-cpp-python: other faults
may repeat the request, and would look like a refusal of what it asks for.
"""
_MAX_READ = 4000
_NAMED = re.compile(r"response.?format|json.?schema|json.?object|structured.?output", re.IGNORECASE)
_NOT_KNOWN = re.compile(
    r"not (?:\w+ )?(?:support|available|permitted|allowed|implemented|recogni[sz]ed|known)|"
    r"n't support|unsupported|unavailable|unknown|unrecogni[sz]ed|unexpected|invalid value|"
    r"must be (?:one of|either|'|\"|`|text|json)|should be|supported values|expected one of|"
    r"extra (?:inputs|fields)",
    re.IGNORECASE,
)
_BAD_SCHEMA = re.compile(
    r"invalid.{0,3}(?:json.{0,3})?schema|schema (?:is|was) (?:invalid|not valid)|in context=|"
    r"additionalproperties",
    re.IGNORECASE,
)
"""The host knows schemas, and refuses this one: that is to be told, not to be worked around."""


def find_weaker_way(way: str, request: ModelRequest, failure: AttemptFailure) -> str | None:
    """Return how to ask for the schema after a refusal that says that the host does not know this
    way; None where the refusal says something else, or nothing weaker is left.
    """
    if request.output_schema is None:
        return None
    text = failure.message
    is_refused = failure.status in _REFUSED_STATUSES or (
        failure.status == _FAULT_STATUS and _IS_INVALID.search(text)
    )
    if not is_refused:
        return None
    if failure.payload is not None:
        text = f"{text} {wire.dump_in_order(failure.payload)[:_MAX_READ].decode(errors='replace')}"
    if not _NAMED.search(text) or not _NOT_KNOWN.search(text) or _BAD_SCHEMA.search(text):
        return None
    rest = SCHEMA_WAYS[SCHEMA_WAYS.index(way) + 1 :] if way in SCHEMA_WAYS else ()
    return rest[0] if rest else None


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
    narrowed: dict[str, Any] = {}
    dropped: dict[str, Any] = {}
    for name, value in schema.items():
        name = "anyOf" if name == "oneOf" else name
        if not _is_kept(name, value):
            if name != "$schema":
                dropped[name] = value
        elif name in _MAPS and isinstance(value, Mapping):
            narrowed[name] = {key: _inner(inner) for key, inner in value.items()}
        elif name in _LISTS and isinstance(value, list | tuple):
            narrowed[name] = [_inner(inner) for inner in value]
        elif name == "items":
            narrowed[name] = _inner(value)
        else:
            narrowed[name] = value
    kind = narrowed.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind):
        narrowed["additionalProperties"] = False
        narrowed.setdefault("properties", {})
    if dropped:
        constraints = json.dumps(
            dropped, ensure_ascii=False, sort_keys=True, default=wire.to_writable
        )
        description = narrowed.get("description")
        narrowed["description"] = f"{description}\n\n{constraints}" if description else constraints
    return narrowed


def _is_kept(name: str, value: Any) -> bool:
    if name == "minItems":
        return value in (0, 1)
    if name == "format":
        return value in _FORMATS
    return name in _KEPT


def _inner(value: Any) -> Any:
    return narrow_schema(value) if isinstance(value, Mapping) else value
