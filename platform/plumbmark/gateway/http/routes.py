"""The routes in OpenAI's format: `POST /v1/chat/completions` and `GET /v1/models`.

Foreign routes are built on `RouteContext` too: it knows the principal, and makes the call.
"""

import contextlib
import json
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

from plumbmark.common import clock
from plumbmark.engine.ports import CallResult, ModelRequest, Usage
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.calls.gateway import GatewayCaller
from plumbmark.gateway.http import probes
from plumbmark.gateway.http.asgi import HttpExchange, Route
from plumbmark.gateway.http.chat_answer import (
    AnswerMetadata,
    ChunkWriter,
    answer,
    usage_of,
)
from plumbmark.gateway.http.chat_request import ChatQuestion, read_chat
from plumbmark.gateway.http.errors import (
    HttpError,
    error_of_result,
    openai_error,
)
from plumbmark.gateway.http.principals import CallableModel, Principal, Principals
from plumbmark.gateway.providers.base import Delta


class RouteContext:
    """The parts that all routes share. One per process, on the gateway's loop."""

    def __init__(self, *, calls_at_once: int) -> None:
        self._gateway = runtime.gateway()
        self._principals = Principals(self._gateway.database)
        self._calls_at_once = calls_at_once
        self._in_flight: Counter[int] = Counter()

    async def principal(self, exchange: HttpExchange) -> Principal:
        return await self._principals.behind(
            exchange.secret, exchange.header(b"openai-organization")
        )

    async def caller(self, principal: Principal, model: CallableModel) -> GatewayCaller:
        return await self._gateway.caller(
            grant_id=principal.grant_id,
            deployment_id=model.deployment_id,
            is_private=principal.is_private,
        )

    @contextlib.contextmanager
    def place(self, principal: Principal) -> Any:
        """Take one of the token's slots for calls in flight; raise a 429 if all are taken."""
        if self._in_flight[principal.grant_id] >= self._calls_at_once:
            raise HttpError(
                429,
                "too-many-at-once",
                f"This token has {self._calls_at_once} calls in flight; wait for some to end.",
                retry_after=1,
                may_be_retried=True,
            )
        self._in_flight[principal.grant_id] += 1
        try:
            yield
        finally:
            self._in_flight[principal.grant_id] -= 1
            if not self._in_flight[principal.grant_id]:
                del self._in_flight[principal.grant_id]


def note_call(exchange: HttpExchange, ended: Delta | CallResult) -> None:
    """Note that the request's call was sent, so that the answer names it."""
    if not isinstance(ended, CallResult) or ended.attempts:
        exchange.call_id = exchange.next_call_id


async def await_first_piece(
    exchange: HttpExchange, pieces: AsyncGenerator[Delta | CallResult, None]
) -> Delta | CallResult:
    """Return the first piece of a stream; raise an error with its own status if none arrived."""
    exchange.cancel_when_left()
    first = await anext(pieces)
    note_call(exchange, first)
    if isinstance(first, CallResult) and first.failure is not None:
        raise error_of_result(first)
    return first


class ChatRoute:
    """OpenAI's chat completions, for any provider behind them."""

    def __init__(self, context: RouteContext) -> None:
        self._context = context

    async def completions(self, exchange: HttpExchange) -> None:
        principal = await self._context.principal(exchange)
        question = read_chat(
            await exchange.body(), lambda name: principal.model(name).extra_body_allowed
        )
        model = principal.model(question.model)
        caller = await self._context.caller(principal, model)
        request = self.request(question, model)
        with self._context.place(principal):
            if question.streams:
                await self._stream(exchange, caller, principal, question, request)
                return
            result = await caller.call(
                request, key="", role=principal.role, call_id=exchange.next_call_id
            )
        note_call(exchange, result)
        if result.response is None:
            raise error_of_result(result)
        metadata = self._metadata_of(
            question, self.more_usage(caller, result.response.usage, result)
        )
        await exchange.reply(200, answer(result, result.response, metadata))

    def request(self, question: ChatQuestion, model: CallableModel) -> ModelRequest:
        """Return the request to send to this model's provider."""
        if question.includes_thoughts and model.provider == "gemini":
            thinking = {"thinkingConfig": {"includeThoughts": True}}
            if question.request.reasoning_effort is None:
                return replace(question.request, extra={**question.request.extra, **thinking})
        return question.request

    def more_usage(self, caller: GatewayCaller, usage: Usage, result: CallResult) -> dict[str, Any]:
        """Return further fields of `usage`, for example those of a foreign route."""
        return {}

    has_usage_apart = True
    """Whether a stream's usage is sent in its own chunk, and only if requested."""

    def _metadata_of(self, question: ChatQuestion, more_usage: dict[str, Any]) -> AnswerMetadata:
        request = question.request
        is_in_schema = request.output_schema is not None or "response_format" in request.extra
        return AnswerMetadata(question.model, int(clock.timestamp()), is_in_schema, more_usage)

    async def _stream(
        self,
        exchange: HttpExchange,
        caller: GatewayCaller,
        principal: Principal,
        question: ChatQuestion,
        request: ModelRequest,
    ) -> None:
        pieces = caller.stream(
            request,
            key="",
            role=principal.role,
            call_id=exchange.next_call_id,
            reader=exchange.reader,
        )
        async with contextlib.aclosing(pieces):
            piece = await await_first_piece(exchange, pieces)
            writer = ChunkWriter(self._metadata_of(question, {}), stream_id=exchange.next_call_id)
            await exchange.begin_events()
            while isinstance(piece, Delta):
                await exchange.write(writer.piece(piece))
                piece = await anext(pieces)
        if piece.response is None:
            await exchange.end_events(writer.broken(piece))
            return
        usage: dict[str, Any] | None = None
        if question.wants_usage or not self.has_usage_apart:
            counts = piece.response.usage
            usage = {**usage_of(counts), **self.more_usage(caller, counts, piece)}
        ending = writer.end(piece, usage=usage, is_apart=self.has_usage_apart)
        await exchange.end_events(ending)


class ModelsRoute:
    """The list of what a token may call."""

    def __init__(self, context: RouteContext) -> None:
        self._context = context

    async def models(self, exchange: HttpExchange) -> None:
        principal = await self._context.principal(exchange)
        listed = [_entry(model) for _, model in sorted(principal.models.items())]
        await exchange.reply(200, json.dumps({"object": "list", "data": listed}).encode())

    async def model(self, exchange: HttpExchange) -> None:
        principal = await self._context.principal(exchange)
        name = exchange.path.removeprefix("/v1/models/")
        await exchange.reply(200, json.dumps(_entry(principal.model(name))).encode())


def _entry(model: CallableModel) -> dict[str, Any]:
    return {
        "id": model.slug,
        "object": "model",
        "created": model.created_at,
        "owned_by": model.maker,
    }


def routes(context: RouteContext) -> Sequence[Route]:
    """Return the gateway's own routes."""
    chat, models = ChatRoute(context), ModelsRoute(context)
    return [
        Route("POST", "/v1/chat/completions", chat.completions, openai_error),
        Route("GET", "/v1/models", models.models, openai_error),
        Route("GET", "/v1/models/", models.model, openai_error),
        *probes.routes(),
    ]
