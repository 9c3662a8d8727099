"""Streams through the gateway: passed on as they come, metered and recorded like any call."""

import asyncio
import contextlib
import json
from typing import Any

import pytest

from plumbmark.engine.ports import CallResult, ModelRequest
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Call, Deployment, Grant
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.providers.base import Delta
from plumbmark.gateway.storage.records import decompress
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store

FORMATS = ["openai", "anthropic", "gemini"]


def stream(
    grant: Grant,
    deployment: Deployment,
    request: ModelRequest | None = None,
    *,
    most: int | None = None,
    cancels: bool = False,
    asked: FakeProvider | None = None,
) -> tuple[list[Delta], CallResult | None]:
    """Read a stream to its end, or leave after `most` pieces: by closing or by a cancellation.
    Without pieces the cancellation comes when the provider was `asked`."""

    async def work() -> tuple[list[Delta], CallResult | None]:
        caller = await runtime.gateway().caller(grant_id=grant.pk, deployment_id=deployment.pk)
        pieces: list[Delta] = []
        enough = asyncio.Event()

        async def read() -> CallResult | None:
            ending: CallResult | None = None
            coming = caller.stream(request or rows.ask(), key="", role="candidate")
            async with contextlib.aclosing(coming):
                async for piece in coming:
                    if isinstance(piece, Delta):
                        pieces.append(piece)
                        if most is not None and len(pieces) >= most:
                            enough.set()
                            if not cancels:
                                return None
                    else:
                        assert ending is None
                        ending = piece
            return ending

        reading = asyncio.create_task(read())
        if cancels:
            if most:
                await enough.wait()
            elif asked is not None:
                await asyncio.to_thread(asked.wait_for_calls, 1)
            reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            ending = await reading
            await caller.flush()
            return pieces, ending
        await caller.flush()
        return pieces, None

    return runtime.run(work())


def exchange_of(call: Call) -> dict[str, Any]:
    return decompress(bytes(call.exchange.body))


@pytest.mark.parametrize("wire_format", FORMATS)
def test_a_stream_is_recorded_and_charged_like_a_call(
    any_store: Store, fake_provider: FakeProvider, wire_format: str
) -> None:
    deployment = rows.deployment(fake_provider.url, "echo", provider=wire_format)
    grant = rows.grant(rows.namespace(), deployment)
    request = rows.ask("one two three four")

    pieces, streamed = stream(grant, deployment, request)
    plain = rows.call_one(grant, deployment, request)

    assert streamed is not None
    assert streamed.response == plain.response
    assert streamed.charged == plain.charged > 0
    assert "".join(piece.text for piece in pieces) == "one two three four"
    call = Call.objects.select_related("exchange").get(pk=streamed.call_id)
    assert (call.status, call.attempts[0]["status"]) == ("answered", 200)
    provider = provider_named(wire_format)
    assert provider is not None
    assert provider.parse(exchange_of(call)["response"]) == plain.response
    assert rows.assert_books_agree().spent == 2 * plain.charged


def test_a_baseline_streams_too(store: Store) -> None:
    deployment = rows.deployment("", "echo")
    grant = rows.grant(rows.namespace(), deployment)

    pieces, ending = stream(grant, deployment, rows.ask("to be said back"))

    assert [piece.text for piece in pieces] == ["to be said back"]
    assert ending is not None
    assert ending.response is not None


@pytest.mark.parametrize("cancels", [False, True], ids=["closed", "cancelled"])
@pytest.mark.parametrize("wire_format", FORMATS)
def test_a_stream_that_is_broken_off_costs_all_that_was_set_aside(
    any_store: Store, fake_provider: FakeProvider, wire_format: str, cancels: bool
) -> None:
    fake_provider.configure(chunk_ms=20)
    deployment = rows.deployment(fake_provider.url, "words:4000", provider=wire_format)
    grant = rows.grant(rows.namespace(), deployment)

    request = rows.ask(tokens=9000)
    pieces, ending = stream(grant, deployment, request, most=3, cancels=cancels)

    assert ending is None
    call = Call.objects.select_related("exchange").get()
    assert (call.status, call.error_code) == ("answered", "reader-left")
    assert call.usage_estimated
    assert 0 < call.output_tokens < 3000
    assert 0 < call.charged == call.provider_cost == rows.bound_of(deployment, request)
    told = "".join(piece.text for piece in pieces)
    assert exchange_of(call)["response"]["partial"].startswith(told)
    books = rows.assert_books_agree()
    assert books.spent == call.charged
    # The provider is left as well: it need not go on.
    fake_provider.wait_for_calls(0)


def test_a_stream_broken_off_before_its_first_piece_costs_all_that_was_set_aside(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(hold=0)
    deployment = rows.deployment(fake_provider.url, "words:20")
    grant = rows.grant(rows.namespace(), deployment)

    pieces, _ = stream(grant, deployment, cancels=True, asked=fake_provider)

    assert pieces == []
    call = Call.objects.get()
    assert (call.error_code, call.output_tokens) == ("reader-left", 0)
    assert call.charged == rows.bound_of(deployment, rows.ask()) > 0
    rows.assert_books_agree()


def test_what_the_platform_gives_up_itself_is_its_own_loss(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(chunk_ms=50)
    deployment = rows.deployment(fake_provider.url, "words:500")
    grant = rows.grant(rows.namespace(), deployment)

    async def begin() -> None:
        caller = await runtime.gateway().caller(grant_id=grant.pk, deployment_id=deployment.pk)
        begun = asyncio.Event()

        async def read() -> None:
            async for _ in caller.stream(rows.ask(), key="", role="candidate"):
                begun.set()

        kept.append(asyncio.create_task(read()))
        await begun.wait()

    kept: list[asyncio.Task[None]] = []
    runtime.run(begin())
    runtime.shutdown(0.2)

    call = Call.objects.get()
    assert (call.status, call.error_code, call.charged) == ("lost", "cancelled", 0)
    assert rows.assert_books_agree().spent == 0


def test_a_failure_before_the_first_piece_is_retried(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(faults={"500": 0.5}, seed=3)
    deployment = rows.deployment(fake_provider.url, "echo")
    grant = rows.grant(rows.namespace(), deployment)

    endings = [stream(grant, deployment, rows.ask(f"say {n}"))[1] for n in range(8)]

    assert all(ending is not None and ending.response is not None for ending in endings)
    assert fake_provider.stats()["total"] > 8


@pytest.mark.parametrize("wire_format", FORMATS)
def test_a_stream_that_breaks_after_pieces_is_not_retried_nor_charged(
    store: Store, fake_provider: FakeProvider, wire_format: str
) -> None:
    fake_provider.configure(chunk_ms=5)
    deployment = rows.deployment(fake_provider.url, "stream-error", provider=wire_format)
    grant = rows.grant(rows.namespace(), deployment)

    pieces, ending = stream(grant, deployment, rows.ask("one two three four five six"))

    assert pieces
    assert ending is not None
    assert ending.failure is not None
    assert (ending.attempts, ending.charged) == (1, 0)
    call = Call.objects.select_related("exchange").get()
    assert (call.status, call.charged) == ("failed", 0)
    # The provider may bill what it had said: that is the platform's to bear.
    assert call.provider_cost > 0
    assert "one" in json.dumps(exchange_of(call)["response"]["partial"])
    assert rows.assert_books_agree().spent == 0


def test_what_cannot_be_asked_is_refused_without_a_call(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url, provider="anthropic")
    grant = rows.grant(rows.namespace(), deployment)
    request = ModelRequest([{"role": "wizard", "content": "?"}], 9)

    _, ending = stream(grant, deployment, request)
    result = rows.call_one(grant, deployment, request)

    for refused in (ending, result):
        assert refused is not None
        assert refused.failure is not None
        assert (refused.failure.code, refused.attempts) == ("not-supported", 0)
        assert "wizard" in refused.failure.message
    assert fake_provider.stats()["total"] == 0
    assert rows.assert_books_agree().spent == 0


def test_a_spent_limit_refuses_a_stream(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(day_cap=1000), deployment)

    pieces, ending = stream(grant, deployment)

    assert pieces == []
    assert ending is not None
    assert ending.failure is not None
    assert ending.failure.code == "quota-exhausted"
