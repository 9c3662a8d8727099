"""The paths that Kaggle's SDK calls models by: `MODEL_PROXY_URL` is `…/compat/kaggle/models`.

Below it lie OpenAI's chat completions (`openapi/`) and Gemini's generateContent (`genai/`), each
for every model that the token may call, whatever provider is behind it.
"""

import contextlib
import re
from collections.abc import Sequence
from typing import Any

from plumbmark.compat.kaggle import genai
from plumbmark.engine.ports import CallResult, Usage
from plumbmark.gateway.calls.gateway import GatewayCaller
from plumbmark.gateway.http.asgi import HttpExchange, Route
from plumbmark.gateway.http.errors import (
    HttpError,
    error_of_result,
    openai_error,
)
from plumbmark.gateway.http.routes import (
    ChatRoute,
    RouteContext,
    await_first_piece,
    note_call,
)
from plumbmark.gateway.providers.base import Delta

BASE = "/compat/kaggle/models"
_GENAI = re.compile(r"/genai/v1(?:beta)?/(?:publishers/[^/]+/)?models/(.+):(\w+)$")


def cost_of(caller: GatewayCaller, usage: Usage) -> dict[str, int]:
    """Return the cost as the SDK reads it: always an object; it crashes on a number."""
    input_cost, output_cost = caller.shares_of_cost(usage)
    return {
        "input_tokens_cost_nanodollars": input_cost,
        "output_tokens_cost_nanodollars": output_cost,
    }


class OpenAIRoute(ChatRoute):
    """Chat completions with the SDK's further fields."""

    # The SDK reads the usage of a stream from chunks with a choice, and never requests it.
    has_usage_apart = False

    def more_usage(self, caller: GatewayCaller, usage: Usage, result: CallResult) -> dict[str, Any]:
        return {
            "cost": cost_of(caller, usage),
            "total_backend_latency_ms": result.latency_ms,
        }


class GenaiRoute:
    """generateContent and streamGenerateContent."""

    def __init__(self, context: RouteContext) -> None:
        self._context = context

    async def generate(self, exchange: HttpExchange) -> None:
        found = _GENAI.search(exchange.path)
        if found is None or found[2] not in {"generateContent", "streamGenerateContent"}:
            raise HttpError(
                404,
                "not-found",
                f"There is nothing at {exchange.path[:200]}; models are called at "
                "genai/v1/models/<owner>/<model>:generateContent.",
            )
        principal = await self._context.principal(exchange)
        model = principal.model(found[1])
        question = genai.read_question(await exchange.body(), is_gemini=model.provider == "gemini")
        caller = await self._context.caller(principal, model)
        streams = found[2] == "streamGenerateContent"
        with self._context.place(principal):
            if streams and b"alt=sse" in exchange.query:
                await self._stream(exchange, caller, question, found[1], principal.role)
                return
            result = await caller.call(
                question.request, key="", role=principal.role, call_id=exchange.next_call_id
            )
        note_call(exchange, result)
        if result.response is None:
            raise error_of_result(result)
        document = genai.answer(
            result,
            result.response,
            model=found[1],
            is_in_schema=question.is_in_schema,
            cost={"cost": cost_of(caller, result.response.usage)},
        )
        # Without alt=sse a stream is a list of its pieces.
        await exchange.reply(200, b"[" + document + b"]" if streams else document)

    async def _stream(
        self,
        exchange: HttpExchange,
        caller: GatewayCaller,
        question: genai.Asked,
        model: str,
        role: str,
    ) -> None:
        pieces = caller.stream(
            question.request,
            key="",
            role=role,
            call_id=exchange.next_call_id,
            reader=exchange.reader,
        )
        async with contextlib.aclosing(pieces):
            piece = await await_first_piece(exchange, pieces)
            await exchange.begin_events()
            while isinstance(piece, Delta):
                if events := genai.piece(piece, model):
                    await exchange.write(events)
                piece = await anext(pieces)
        if piece.response is None:
            await exchange.end_events(genai.error_event(error_of_result(piece)))
            return
        cost = {"cost": cost_of(caller, piece.response.usage)}
        await exchange.end_events(genai.write_last_chunk(piece, piece.response, model, cost))


def routes(context: RouteContext) -> Sequence[Route]:
    """Return the model proxy's paths."""
    chat, generate = OpenAIRoute(context), GenaiRoute(context)
    return [
        Route("POST", f"{BASE}/openapi/chat/completions", chat.completions, openai_error),
        Route("POST", f"{BASE}/genai/", generate.generate, genai.genai_error),
    ]
