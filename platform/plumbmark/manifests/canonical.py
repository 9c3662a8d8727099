"""Canonical JSON as RFC 8785 (JCS) defines it: one value, one spelling, so that it can be hashed.

Numbers are written as ECMAScript writes them (RFC 8785 §3.2.2.3), keys are sorted by UTF-16 code
units (§3.2.3), strings are escaped as little as possible (§3.2.2.2), and what JSON cannot carry
exactly is refused rather than rounded.
"""

import json
import math
from collections.abc import Mapping
from json.encoder import encode_basestring

MAX_EXACT_INTEGER = 2**53
"""The largest integer that every JSON reader, JavaScript included, reads back unchanged."""

MAX_DEPTH = 200
"""Deeper documents are refused: readers that recurse would fall over them."""


class CanonicalError(ValueError):
    """A value that has no canonical spelling. `path` says where in the document it sits."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(f"{path or 'the document'}: {message}")
        self.path = path


def canonical_json(value: object) -> bytes:
    """Return the RFC 8785 form of `value` in UTF-8.

    Takes None, bool, int, float, str, lists and tuples, and mappings with string keys. Raises
    `CanonicalError` for NaN and infinities, integers beyond 2^53, lone surrogates, keys that are no
    strings, other types, and nesting deeper than `MAX_DEPTH`.
    """
    if _is_plain(value, 0):
        try:
            return _plain(value).encode("utf-8")
        except UnicodeEncodeError:
            pass  # half a surrogate pair; below it is told where it sits
    parts: list[str] = []
    _write(value, parts, "", 0)
    return "".join(parts).encode("utf-8")


_plain = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode


def _is_plain(value: object, depth: int) -> bool:
    """Return whether the standard encoder, many times faster, writes the canonical form.

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


def parse_json(text: str | bytes) -> object:
    """Read JSON so that `canonical_json` of the result is the canonical spelling of `text`.

    `json.loads` alone does not do: it reads 1e20, whose canonical spelling has no exponent, back
    as an integer that is too large. Raises `CanonicalError` for duplicate keys, for NaN, and for
    integers that canonical JSON never writes; `json.JSONDecodeError` for what is no JSON.
    """
    value: object = json.loads(
        text,
        object_pairs_hook=_unique_members,
        parse_int=_exact_integer,
        parse_constant=_refuse_constant,
    )
    return value


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise CanonicalError("an object has the same key twice", "")
    return members


def _exact_integer(digits: str) -> int | float:
    # The length check comes first: int() of very many digits raises an error of its own.
    if len(digits) <= 17 and abs(integer := int(digits)) <= MAX_EXACT_INTEGER:
        return integer
    double = float(digits)
    # ECMAScript pads the shortest digits with zeros, so the spelling is compared, not the value.
    if math.isinf(double) or format_number(double) != digits:
        raise CanonicalError(f"the integer {digits[:30]} is not exact in JSON", "")
    return double


def _refuse_constant(name: str) -> float:
    raise CanonicalError(f"{name} does not exist in JSON", "")


def format_number(value: float) -> str:
    """Format a finite double like ECMAScript's Number::toString (ECMA-262 §6.1.6.1.20)."""
    if value == 0:
        return "0"  # also for minus zero
    sign = "-" if value < 0 else ""
    digits, point = _shortest_digits(abs(value))
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    exponent = point - 1
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{sign}{mantissa}e{'+' if exponent > 0 else '-'}{abs(exponent)}"


def _shortest_digits(value: float) -> tuple[str, int]:
    """Return the shortest digits that read back as `value`, and the place of the point: 0.d1d2… ×
    10^n.
    """
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    return stripped.rstrip("0"), point


def _write(value: object, parts: list[str], path: str, depth: int) -> None:
    if value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, str):
        parts.append(_string(value, path))
    elif isinstance(value, int):
        if not -MAX_EXACT_INTEGER <= value <= MAX_EXACT_INTEGER:
            raise CanonicalError(
                "integers beyond 2^53 are not exact in JSON; write it as a string", path
            )
        parts.append(int.__repr__(value))
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise CanonicalError("NaN and infinities do not exist in JSON", path)
        parts.append(format_number(value))
    elif depth >= MAX_DEPTH:
        raise CanonicalError(f"nested deeper than {MAX_DEPTH} levels", path)
    elif isinstance(value, Mapping):
        _write_object(value, parts, path, depth)
    elif isinstance(value, list | tuple):
        parts.append("[")
        for position, element in enumerate(value):
            if position:
                parts.append(",")
            _write(element, parts, f"{path}[{position}]", depth + 1)
        parts.append("]")
    else:
        raise CanonicalError(f"a {type(value).__name__} has no form in JSON", path)


def _write_object(value: Mapping[object, object], parts: list[str], path: str, depth: int) -> None:
    members: list[tuple[bytes, str, object]] = []
    for key, member in value.items():
        if not isinstance(key, str):
            raise CanonicalError(f"the key {key!r} is no string", path)
        _string(key, path)
        # Big-endian UTF-16 compares like the code units; code points would order the characters
        # above U+FFFF differently.
        members.append((key.encode("utf-16-be"), key, member))
    members.sort(key=lambda member: member[0])
    parts.append("{")
    for position, (_, key, member) in enumerate(members):
        if position:
            parts.append(",")
        parts.append(_string(key, path))
        parts.append(":")
        _write(member, parts, f"{path}.{key}" if path else key, depth + 1)
    parts.append("}")


def _string(text: str, path: str) -> str:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise CanonicalError(
                f"a lone surrogate (U+{ord(text[error.start]):04X}) is no Unicode text", path
            ) from None
    return encode_basestring(text)
