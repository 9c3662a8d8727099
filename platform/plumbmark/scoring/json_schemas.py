"""JSON Schemas that authors write for answers: which are taken, and what follows them."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

_BACKTRACKING = ("pattern", "patternProperties")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_PLAIN = {"enum", "const", "default", "examples"}
"""Keywords whose values are data, not schemas."""


def schema_problem(schema: Mapping[str, Any]) -> str | None:
    """Return why a schema cannot be accepted, and how to correct it; None if it can."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path)
        return f"is no JSON Schema{f', at {place}' if place else ''}: {error.message[:200]}"
    keywords = _keywords_in(schema)
    for keyword in _BACKTRACKING:
        if keyword in keywords:
            return (
                f"may not use {keyword}: its expressions could hold a worker up; use the regex "
                "scorer beside it"
            )
    for keyword in _REFERENCES:
        if keyword in keywords:
            return f"may not use {keyword}; write the part out"
    return None


def fault(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Return the first way in which a value does not follow a schema; None if it does."""
    errors = Draft202012Validator(schema).iter_errors(value)
    first = min(errors, key=lambda error: list(map(str, error.absolute_path)), default=None)
    if first is None:
        return None
    place = ".".join(str(part) for part in first.absolute_path)
    return f"{place or 'the answer'}: {first.message[:200]}"


def _keywords_in(schema: Any) -> set[str]:
    """Return every keyword of a schema; names of properties are not keywords."""
    found: set[str] = set()
    if isinstance(schema, list):
        for inner in schema:
            found |= _keywords_in(inner)
    elif isinstance(schema, Mapping):
        found |= set(schema)
        for key, inner in schema.items():
            if key in {"properties", "$defs"} and isinstance(inner, Mapping):
                for one in inner.values():
                    found |= _keywords_in(one)
            elif key not in _PLAIN:
                found |= _keywords_in(inner)
    return found
