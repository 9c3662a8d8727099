"""Money: rounded once, bounds that hold, amounts that read well."""

import base64
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.engine.media import attachment_part, to_openai_part
from plumbmark.engine.ports import ModelRequest, Usage
from plumbmark.gateway.budget.money import dollars, nanodollars
from plumbmark.gateway.catalogue import prices
from plumbmark.gateway.catalogue.prices import FixedPrices

tokens = st.integers(0, 10**7)
price = st.integers(0, 10**12)


@given(tokens, tokens, tokens, price, price, price, price)
def test_cost_is_the_decimal_sum_rounded_once_half_up(
    given_input: int,
    cached: int,
    output: int,
    input_price: int,
    cached_price: int,
    output_price: int,
    fee: int,
) -> None:
    cached = min(cached, given_input)
    card = FixedPrices(input_price, output_price, cached_price, fee)
    usage = Usage(given_input, output, cached)

    exact = (
        Decimal(given_input - cached) * input_price
        + Decimal(cached) * cached_price
        + Decimal(output) * output_price
    ) / 10**6

    assert prices.cost(card, usage) == int(exact.quantize(Decimal(1), ROUND_HALF_UP)) + fee
    assert prices.bound(card, given_input, output) >= prices.cost(card, usage)


def test_cached_input_without_a_price_of_its_own_costs_as_input() -> None:
    card = FixedPrices(1_000_000, 0)

    assert prices.cost(card, Usage(10, 0, cached_input_tokens=10)) == 10


@given(st.lists(st.text(), max_size=5), st.integers(1, 4096))
def test_the_bound_covers_every_byte_of_the_question(texts: list[str], limit: int) -> None:
    request = ModelRequest([{"role": "user", "content": text} for text in texts], limit)
    size = sum(len(text.encode()) for text in texts)

    assert prices.bound_input_tokens(request) >= size + 16 * len(texts)
    assert prices.bound_output_tokens(request, None) == limit


def test_the_bound_counts_images_tools_and_several_answers() -> None:
    parts = [{"type": "text", "text": "abc"}, {"type": "image_url", "image_url": {"url": "x"}}]
    plain = ModelRequest([{"role": "user", "content": parts}], 10)
    more = ModelRequest(
        [{"role": "user", "content": parts}], 10, extra={"n": 3, "tools": [{"name": "t" * 100}]}
    )

    assert prices.bound_input_tokens(plain) > 16_384
    assert prices.bound_input_tokens(more) > prices.bound_input_tokens(plain) + 100
    assert prices.bound_output_tokens(more, None) == 30
    assert prices.bound_output_tokens(plain, 500) == 500


def test_the_bound_counts_tools_schemas_and_audio() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "A" * 160_000, "format": "mp3"}}
    plain = ModelRequest([{"role": "user", "content": [audio]}], 10)
    tool = {"type": "function", "function": {"name": "t", "description": "d" * 3000}}
    more = ModelRequest(plain.messages, 10, tools=[tool], output_schema={"schema": {"a": "b" * 50}})

    # 120,000 bytes are at most two minutes, at 32 tokens a second 3,840.
    assert 3_840 < prices.bound_input_tokens(plain) < 20_000
    assert prices.bound_input_tokens(more) > prices.bound_input_tokens(plain) + 3_050


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00 USD"),
        (5 * 10**9, "5.00 USD"),
        (1_234_567_890_000, "1,234.57 USD"),
        (6500, "0.0000065 USD"),
        (1, "0.000000001 USD"),
        (250_000_000, "0.25 USD"),
    ],
)
def test_amounts_read_as_dollars(amount: int, text: str) -> None:
    assert dollars(amount) == text


def test_dollars_are_read_exactly() -> None:
    assert nanodollars("0.15") == 150_000_000
    with pytest.raises(ValueError, match="no amount"):
        nanodollars("much")
    with pytest.raises(ValueError, match="no amount"):
        nanodollars("NaN")


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("image", "image/png"), ("audio", "audio/wav"), ("audio", "audio/mpeg")],
)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 100, 48_001, 1_000_000])
def test_a_file_is_bounded_before_it_is_read_as_when_it_is_sent(
    kind: str, media_type: str, size: int
) -> None:
    part = attachment_part(kind, sha256="0" * 64, media_type=media_type, size=size, name="x")
    sent = to_openai_part(part, base64.b64encode(bytes(size)).decode())
    planned, outgoing = (
        ModelRequest(messages=[{"role": "user", "content": [one]}], max_output_tokens=1)
        for one in (part, sent)
    )

    assert prices.bound_input_tokens(planned) == prices.bound_input_tokens(outgoing)
