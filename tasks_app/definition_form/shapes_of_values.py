"""The kinds of fields: what a value looks like in one, and what is read from it."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from plumbmark.strict_json.numbers import FINITE
from plumbmark.strict_json.reading import JsonReader

Kind = Literal["line", "long", "number", "check", "select", "checks", "lines", "json"]
LEFT_OUT = object()
"""Read from an empty field: the key goes."""
_LONG = 1000
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_READER = JsonReader(numbers=FINITE, duplicate_keys="refuse")


class NotReadable(ValueError):
    """A text that was typed and cannot be a value."""


def kind_of_leaf(schema: Mapping[str, Any], value: Any) -> Kind:
    """Return the kind of field for a key, `json` where no other shows the value as it is."""
    kind = _kind_of(schema)
    return kind if value is None or _fits(kind, value) else "json"


def _kind_of(schema: Mapping[str, Any]) -> Kind:
    for one in (schema, *schema.get("anyOf", ())):
        found = _plain_kind(one)
        if found != "json":
            is_list = any(_is_list_of_texts(other) for other in schema.get("anyOf", ()))
            return "lines" if found == "line" and is_list else found
    return "json"


def _plain_kind(schema: Mapping[str, Any]) -> Kind:
    kinds = schema.get("type")
    if "enum" in schema:
        return "select"
    if kinds == "boolean":
        return "check"
    if kinds in ("integer", "number") or (isinstance(kinds, list) and "number" in kinds):
        return "number"
    if kinds == "string":
        return "long" if schema.get("maxLength", 0) > _LONG else "line"
    if kinds == "array" and "enum" in (schema.get("items") or {}):
        return "checks"
    return "lines" if _is_list_of_texts(schema) or _is_list_of_numbers(schema) else "json"


def _is_list_of_numbers(schema: Mapping[str, Any]) -> bool:
    items = schema.get("items")
    return isinstance(items, Mapping) and items.get("type") == "number"


def _is_list_of_texts(schema: Mapping[str, Any]) -> bool:
    items = schema.get("items")
    return (
        schema.get("type") == "array"
        and isinstance(items, Mapping)
        and items.get("type") == "string"
        and "enum" not in items
    )


def _fits(kind: Kind, value: Any) -> bool:
    """Return whether a field of this kind shows the value so that it can be read back."""
    if kind == "check":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, str | int | float) and not isinstance(value, bool)
    if kind == "line":
        return value == "" or _is_line(value)
    if kind in {"long", "select"}:
        return isinstance(value, str)
    if kind == "lines":
        texts = value if isinstance(value, list) else [value]
        return value != [] and all(_is_line(one) or _is_number(one) for one in texts)
    if kind == "checks":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return True


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != "" and not re.search(r"[\r\n]", value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown_value(kind: Kind, value: Any, default: Any) -> Any:
    """Return what the field shows: a text, a list of texts, or whether it is ticked."""
    if kind == "check":
        return value if isinstance(value, bool) else default is True
    if kind == "checks":
        found = default if value is None else value
        return list(found) if isinstance(found, list) else []
    if value is None:
        return ""
    if kind == "lines":
        texts = value if isinstance(value, list) else [value]
        return "\n".join(one if isinstance(one, str) else json.dumps(one) for one in texts)
    if kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)


def as_sent(shown: Any) -> Any:
    """Return a shown text as browsers send it: line ends are one, a first one is not lost."""
    return re.sub(r"\r\n?", "\n", shown) if isinstance(shown, str) else shown


def read_value(kind: Kind, typed: Any, *, before: Any, schema: Mapping[str, Any]) -> Any:
    """Return the value of what was typed, or `LEFT_OUT`. `NotReadable` says why there is none."""
    if kind == "check":
        return bool(typed)
    if kind == "checks":
        order = schema.get("items", {}).get("enum") or typed
        return [one for one in order if one in typed] + [one for one in typed if one not in order]
    text: str = typed
    if not text or (kind != "long" and not text.strip()):
        return LEFT_OUT
    if kind == "number":
        return _read_number(text.strip())
    if kind == "lines":
        return _read_lines(text, before, schema)
    if kind == "json":
        try:
            return _READER.read(text)
        except ValueError as error:
            raise NotReadable(f"this is not JSON: {error}") from None
    return text


def _read_number(text: str) -> Any:
    """Return a number, or the text where it is none: the check says so at its place."""
    if not _NUMBER.fullmatch(text):
        return text
    try:
        return _READER.read(text)
    except ValueError:
        return text


def _read_lines(text: str, before: Any, schema: Mapping[str, Any]) -> Any:
    lines: list[Any] = [line for line in text.split("\n") if line.strip()]
    if _is_list_of_numbers(schema):
        return [_read_number(line.strip()) for line in lines]
    takes_text = any(one.get("type") == "string" for one in schema.get("anyOf", ()))
    if takes_text and len(lines) == 1 and not isinstance(before, list):
        return lines[0]
    return lines
