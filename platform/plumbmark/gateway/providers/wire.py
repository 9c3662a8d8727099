"""JSON as it goes over the wire and into records: read safely, written in one of two forms.

What is sent and recorded keeps the order of its keys (`dump_in_order`): models read a schema's
properties in their order and answer in it. What is hashed has the canonical form, RFC 8785's. The
encoders at hand already write that for everything except numbers that JavaScript prints otherwise,
so those are converted when they are read (integral floats become integers, tiny and huge ones
`Decimal`) and only a document that contains such a one takes the slow way. Numbers are written
alike in both forms.

The quick encoder, a tenth of the standard one's cost, refuses what it cannot write: marked numbers,
integers beyond 64 bits, half surrogate pairs, very deep nesting. Those go the standard way.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from plumbmark.manifests.canonical import format_number

_MAX_EXACT_INTEGER = 2**53
_SMALLEST_PLAIN = 1e-4
"""Below this Python writes an exponent where JavaScript still writes a plain fraction."""


class _Marked(Exception):
    """The document holds a number that the standard encoder would not write canonically."""


def number(value: float) -> float | int | Decimal:
    """Return the same number in the type that is written canonically."""
    if value.is_integer():
        return int(value) if abs(value) < _MAX_EXACT_INTEGER else Decimal(repr(value))
    if abs(value) < _SMALLEST_PLAIN:
        return Decimal(repr(value))
    return value


def _read_number(text: str) -> Any:
    value = float(text)
    # An overflow to infinity is no JSON number; its text is kept instead.
    return text if value in (float("inf"), float("-inf")) else number(value)


def _read_constant(_name: str) -> None:
    """Read NaN and the infinities, which JSON does not have, as null."""


_decoder = json.JSONDecoder(parse_float=_read_number, parse_constant=_read_constant)


def read(raw: bytes) -> Any:
    """Parse a provider's JSON; raises ValueError where it is none (or nested absurdly deep)."""
    try:
        return _decoder.decode(raw.decode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def to_canonical_types(value: Any) -> Any:
    """Return a copy of plain data with every number in the type that is written canonically."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {str(key): to_canonical_types(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_canonical_types(inner) for inner in value]
    return value


def _refuse(_value: object) -> Any:
    raise _Marked


def _encoder(*, sort_keys: bool) -> Callable[[Any], str]:
    return json.JSONEncoder(
        sort_keys=sort_keys,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_refuse,
    ).encode


_sorted, _in_order = _encoder(sort_keys=True), _encoder(sort_keys=False)
_string = json.JSONEncoder(ensure_ascii=False).encode
_escaped = json.JSONEncoder(separators=(",", ":")).encode


def canonical(value: Any) -> bytes:
    """Return RFC 8785 bytes of plain data with numbers read here or by `to_canonical_types`."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return _standard(value, _sorted, lambda key: key.encode("utf-16-be", "surrogatepass"))


def dump_in_order(value: Any) -> bytes:
    """Write the same with keys in their original order."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _standard(value, _in_order, None)


def dump_record(value: Any) -> bytes:
    """Write plain data of our own, for the spool and for columns; half a surrogate pair is
    preserved.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _escaped(value).encode("ascii")


def _standard(
    value: Any, encode: Callable[[Any], str], place: Callable[[str], bytes] | None
) -> bytes:
    try:
        text = encode(value)
    except _Marked:
        text = _slow(value, place)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair, which JSON escapes can spell, has no UTF-8 form.
        return text.encode("utf-8", "replace")


def _slow(value: Any, place: Callable[[str], bytes] | None) -> str:
    """Write a value; `place` sorts the keys of objects, None leaves their order."""
    if isinstance(value, dict):
        keys = list(value) if place is None else sorted(value, key=place)
        return "{" + ",".join(f"{_string(key)}:{_slow(value[key], place)}" for key in keys) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_slow(inner, place) for inner in value) + "]"
    if isinstance(value, Decimal):
        return format_number(float(value))
    return _sorted(value)
