"""What a call costs: whole nanodollars, rounded once per call, half up. Pure.

Prices are in nanodollars per million tokens, so one division by a million ends the sum.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from plumbmark.engine.ports import ModelRequest, Usage
from plumbmark.gateway.catalogue.document_tokens import (
    BASE64_PER_AUDIO_TOKEN,
    TOKENS_PER_IMAGE,
    CannotBound,
    bound_data_url,
)
from plumbmark.strict_json import wire

TOKENS_PER_PRICE = 1_000_000
_TOKENS_PER_MESSAGE = 16
_TOKENS_FOR_TOOLS = 1024
"""An upper bound of the instructions that providers add when tools or a schema are given."""
_BYTES_PER_TOKEN = 4
"""For estimates where a provider reports no usage: common text in common tokenizers."""


class Prices(Protocol):
    """The prices of a card: a `PriceCard` row or a `FixedPrices`."""

    @property
    def input_per_mtok(self) -> int: ...
    @property
    def cached_input_per_mtok(self) -> int | None: ...
    @property
    def output_per_mtok(self) -> int: ...
    @property
    def per_request(self) -> int: ...


@dataclass(frozen=True, slots=True)
class FixedPrices:
    """Prices in memory, in nanodollars per million tokens; `per_request` in nanodollars."""

    input_per_mtok: int
    output_per_mtok: int
    cached_input_per_mtok: int | None = None
    per_request: int = 0

    @property
    def is_free(self) -> bool:
        return not (
            self.input_per_mtok
            or self.output_per_mtok
            or self.cached_input_per_mtok
            or self.per_request
        )


def cost(prices: Prices, usage: Usage) -> int:
    """Return the nanodollars of one call, half up: ⌊(2·Σ tokens·price + 10⁶) / 2·10⁶⌋ + the
    request's fee.
    """
    cached_price = prices.cached_input_per_mtok
    if cached_price is None:
        cached_price = prices.input_per_mtok
    total = (
        (usage.input_tokens - usage.cached_input_tokens) * prices.input_per_mtok
        + usage.cached_input_tokens * cached_price
        + usage.output_tokens * prices.output_per_mtok
    )
    return (2 * total + TOKENS_PER_PRICE) // (2 * TOKENS_PER_PRICE) + prices.per_request


def bound(prices: Prices, input_tokens: int, output_tokens: int) -> int:
    """Return the most that a call with at most this many tokens can cost, rounded up."""
    dearest = max(prices.input_per_mtok, prices.cached_input_per_mtok or 0)
    total = input_tokens * dearest + output_tokens * prices.output_per_mtok
    return -(-total // TOKENS_PER_PRICE) + prices.per_request


def bound_input_tokens(request: ModelRequest) -> int:
    """Return an upper bound of a request's input tokens: no token is shorter than a byte.

    Counts the bytes of every text and of the other fields (tools, schemas), 16 per message for the
    format around it, a flat bound for each image, and one by length for audio, by pages for PDF.
    Raises `CannotBound` for a file without a bound.
    """
    tokens = 0
    for message in request.messages:
        tokens += _TOKENS_PER_MESSAGE
        for name, value in message.items():
            if isinstance(value, str):
                tokens += len(value) if value.isascii() else _bytes_of(value)
            elif name == "content" and isinstance(value, list | tuple):
                tokens += sum(_tokens_of_part(part) for part in value)
            elif value is not None:
                tokens += _bytes_of(json.dumps(value, default=wire.to_writable))
    if request.extra:
        tokens += _bytes_of(json.dumps(dict(request.extra), default=wire.to_writable))
    if request.extra_body:
        # Hosts put some fields into the prompt, such as variables of its template.
        tokens += _bytes_of(json.dumps(dict(request.extra_body), default=wire.to_writable))
    if request.tools or request.output_schema:
        documents = [list(request.tools), request.output_schema, request.tool_choice]
        tokens += _TOKENS_FOR_TOOLS + _bytes_of(json.dumps(documents, default=wire.to_writable))
    return tokens


def _bytes_of(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _tokens_of_part(part: Any) -> int:
    if isinstance(part, Mapping):
        if url := _data_url_of(part):
            return bound_data_url(url)
        if "image" in str(part.get("type", "")):
            return TOKENS_PER_IMAGE
        audio = part.get("input_audio")
        if isinstance(audio, Mapping) and isinstance(audio.get("data"), str):
            return _TOKENS_PER_MESSAGE + len(audio["data"]) // BASE64_PER_AUDIO_TOKEN
        size = part.get("bytes")
        if part.get("type") == "audio" and isinstance(size, int):
            # It refers to a stored file (`plumbmark.engine.media`), sent as base64 later.
            return _TOKENS_PER_MESSAGE + -(-size // 3) * 4 // BASE64_PER_AUDIO_TOKEN
        if isinstance(part.get("text"), str):
            return _bytes_of(part["text"])
    return _bytes_of(json.dumps(part, default=wire.to_writable))


def _data_url_of(part: Mapping[str, Any]) -> str:
    """Return the `data:` URL of an image or a file; empty where it has none."""
    inner = part.get("image_url") or part.get("file")
    url = inner.get("url") or inner.get("file_data") if isinstance(inner, Mapping) else inner
    return url if isinstance(url, str) and url[:5].lower() == "data:" else ""


def has_files(request: ModelRequest) -> bool:
    """Return whether the request carries files, which take a while to count."""
    return any(
        isinstance(part, Mapping) and "file" in part
        for message in request.messages
        if isinstance(content := message.get("content"), list | tuple)
        for part in content
    )


def bound_output_tokens(request: ModelRequest, max_billed: int | None) -> int:
    """Return the most output tokens that can be billed: the requested limit, or the model's own if
    higher.
    """
    tokens = max(request.max_output_tokens, max_billed or 0)
    if request.extra:
        answers = request.extra.get("n")
        if isinstance(answers, int) and answers > 1:
            tokens *= answers
    return tokens


def bound_call_cost(
    prices: Prices,
    request: ModelRequest,
    max_billed: int | None = None,
    context_tokens: int | None = None,
) -> int:
    """Return the upper bound of a call's cost, in nanodollars: what is reserved before it is
    made.

    A file without a bound of its own is bounded by the model's context, where that is known;
    else raises `CannotBound`.
    """
    try:
        tokens = bound_input_tokens(request)
    except CannotBound:
        if context_tokens is None:
            raise
        tokens = context_tokens
    return bound(prices, tokens, bound_output_tokens(request, max_billed))


def estimate_usage(request: ModelRequest, text: str) -> Usage:
    """Estimate the usage if the provider reported none: four bytes per token, flagged as an
    estimate.
    """
    try:
        sent = bound_input_tokens(request)
    except CannotBound:
        sent = _bytes_of(json.dumps(list(request.messages), default=wire.to_writable))
    return Usage(
        input_tokens=-(-sent // _BYTES_PER_TOKEN),
        output_tokens=min(request.max_output_tokens, -(-_bytes_of(text) // _BYTES_PER_TOKEN)),
        estimated=True,
    )
