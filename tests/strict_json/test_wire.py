"""Canonical JSON of what providers say."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.gateway.storage.records import (
    compress,
    decompress,
    decompress_body,
    exchange_bytes,
    hash_of,
)
from plumbmark.strict_json import wire
from plumbmark.strict_json.canonical import canonical_json


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b'{"b": 1.0, "a": [1e2, -0.0]}', b'{"a":[100,0],"b":1}'),
        (
            b"[0.1, 0.0001, 0.00005, 1e-6, 1e-7, 2.5e-10]",
            b"[0.1,0.0001,0.00005,0.000001,1e-7,2.5e-10]",
        ),
        (b"[-0.00005, 123456.789]", b"[-0.00005,123456.789]"),
        (
            b"[1e16, 9007199254740992.0, 1e21, 12e30]",
            b"[10000000000000000,9007199254740992,1e+21,1.2e+31]",
        ),
        (b'"Gr\\u00fc\\u00dfe \\u0001 \\/"', '"Grüße \\u0001 /"'.encode()),
        (b"[NaN, Infinity]", b"[null,null]"),
    ],
)
def test_numbers_and_strings_are_written_as_the_standard_says(raw: bytes, canonical: bytes) -> None:
    assert wire.canonical(wire.read(raw)) == canonical


def test_half_a_surrogate_pair_can_be_written() -> None:
    assert wire.canonical(wire.read(b'"a\\ud83db"')) == b'"a?b"'


def test_absurd_nesting_is_no_json() -> None:
    with pytest.raises(ValueError, match="deep"):
        wire.read(b"[" * 100_000)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_the_quick_encoder_writes_what_the_canonical_one_does(value: object) -> None:
    read = wire.read(json.dumps(value).encode())

    assert wire.canonical(read) == canonical_json(value)


@pytest.mark.parametrize(
    "value",
    [{"n": 2**64 + 1}, {"b": ["\ud83d", 1], "a": {"n": -(2**70)}}, {"b": [[[1.5]]], "a": 2**63}],
)
def test_what_the_quick_encoder_refuses_is_written_all_the_same(value: object) -> None:
    standard: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False}

    assert wire.dump_in_order(value) == json.dumps(value, **standard).encode("utf-8", "replace")
    in_order = json.dumps(value, sort_keys=True, **standard).encode("utf-8", "replace")
    assert wire.canonical(value) == in_order


@pytest.mark.parametrize("write", [wire.dump_in_order, wire.canonical])
def test_deep_nesting_is_written(write: Callable[[object], bytes]) -> None:
    value: object = 1
    for _ in range(300):
        value = [value]

    assert write(value) == b"[" * 300 + b"1" + b"]" * 300


@given(json_values)
def test_an_exchange_survives_its_storage(value: object) -> None:
    request = wire.dump_in_order(wire.to_canonical_types({"x": 1.5, "a": 1}))
    read = wire.read(json.dumps(value).encode())

    stored = decompress(compress(exchange_bytes(request, read)))

    assert list(stored["request"]) == ["x", "a"]
    assert wire.dump_in_order(stored["response"]) == wire.dump_in_order(read)
    again = wire.canonical(wire.read(wire.canonical(stored["response"])))
    assert again == wire.canonical(read)
    # Whoever has the exchange in either form comes to the same hash.
    sorted_request = wire.canonical(stored["request"])
    assert hash_of(request, read) == hash_of(sorted_request, wire.read(wire.canonical(read)))


@pytest.mark.parametrize("length", [0, 900, 5000])
def test_a_short_exchange_is_stored_as_it_is_and_a_long_one_packed(length: int) -> None:
    exchange = exchange_bytes(b'{"messages":[]}', {"text": "ab" * length})

    stored = compress(exchange)

    assert decompress_body(stored) == exchange
    assert (stored == exchange) is (len(exchange) < 1024)
    assert decompress(stored)["response"] == {"text": "ab" * length}


def test_what_is_written_keeps_its_keys_in_order_also_beside_tiny_numbers() -> None:
    assert wire.dump_in_order(wire.read(b'{"b": 1.0, "a": [{"d": 2, "c": 3}]}')) == (
        b'{"b":1,"a":[{"d":2,"c":3}]}'
    )
    assert wire.dump_in_order(wire.read(b'{"b": 0.00001, "a": {"d": 1e-9, "c": "d"}}')) == (
        b'{"b":0.00001,"a":{"d":1e-9,"c":"d"}}'
    )
