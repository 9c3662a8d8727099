"""JSON as it goes over the wire and into records: read safely, written in one of two forms.

What is sent and recorded keeps the order of its keys (`dump_in_order`): models read a schema's
properties in their order and answer in it. What is hashed has the canonical form, RFC 8785's. The
quick encoder, a tenth of the standard one's cost, already writes that for everything except numbers
that JavaScript prints otherwise, so those are converted when they are read (integral floats become
integers, tiny and huge ones `Decimal`) and only a document that contains such a one takes the slow
way, as do integers beyond 64 bits, half surrogate pairs and very deep nesting, which the quick
encoder refuses. Numbers are written alike in both forms.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import orjson

from plumbmark.strict_json.numbers import CANONICAL, format_number, to_canonical_number
from plumbmark.strict_json.reading import JsonReader

_READER = JsonReader(numbers=CANONICAL, encoding_errors="replace")

_FROM_E000 = (b"\xee", b"\xef")
_BEYOND_FFFF = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")
"""The first bytes of such characters in UTF-8."""


def read(raw: bytes) -> Any:
    """Parse JSON that a provider or a client sent; `JsonError` where it is none.

    Numbers come in the types that are written canonically, NaN and the infinities as null.
    """
    return _READER.read(raw)


def to_canonical_types(value: Any) -> Any:
    """Return a copy of plain data with every number in the type that is written canonically."""
    if isinstance(value, float):
        return to_canonical_number(value)
    if isinstance(value, dict):
        return {str(key): to_canonical_types(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_canonical_types(inner) for inner in value]
    return value


def to_writable(value: Any) -> Any:
    """Return what `json.dumps` can write for a value that it does not know: its `default`."""
    if isinstance(value, Decimal):
        return float(value)
    return dict(value) if isinstance(value, Mapping) else str(value)


def canonical(value: Any) -> bytes:
    """Return RFC 8785 bytes of plain data with numbers read here or by `to_canonical_types`."""
    try:
        written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return _encode(_write(value, sort=_utf_16))
    # Only with both may the order of code points, which is used here, not be that of UTF-16.
    if (
        not written.isascii()
        and any(byte in written for byte in _BEYOND_FFFF)
        and any(byte in written for byte in _FROM_E000)
    ):
        return _encode(_write(value, sort=_utf_16))
    return written


def dump_in_order(value: Any) -> bytes:
    """Return the same with every key in its place."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _encode(_write(value, sort=None))


def dump_record(value: Any) -> bytes:
    """Return plain data of our own, for the spool and for columns: lone surrogates stay."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _write_ascii(value).encode("ascii")


_write_scalar = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_write_ascii = json.JSONEncoder(separators=(",", ":")).encode


def _utf_16(key: str) -> bytes:
    # Big-endian UTF-16 compares like its code units.
    return key.encode("utf-16-be", "surrogatepass")


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair, which JSON escapes can spell, has no UTF-8 form.
        return text.encode("utf-8", "replace")


def _write(value: Any, *, sort: Callable[[str], bytes] | None) -> str:
    """Return the text of plain data; `sort` gives the order of keys, None keeps them."""
    if isinstance(value, dict):
        # JSON has keys of text alone: a number or null becomes its own spelling.
        members = {
            key if isinstance(key, str) else _write_scalar(key): inner
            for key, inner in value.items()
        }
        keys = list(members) if sort is None else sorted(members, key=sort)
        written = [f"{_write_scalar(key)}:{_write(members[key], sort=sort)}" for key in keys]
        return "{" + ",".join(written) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([_write(inner, sort=sort) for inner in value]) + "]"
    if isinstance(value, Decimal):
        return format_number(float(value))
    return _write_scalar(value)
