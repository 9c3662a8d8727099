"""Asking a provider whose reply is given: a body with a status, or the events of a stream."""

import asyncio
import json
from typing import Any
from uuid import uuid4

from aiohttp import web
from aiohttp.test_utils import TestServer

from plumbmark.engine.plan import PlannedSample
from plumbmark.engine.ports import CallFailure, CallResult, ModelRequest
from plumbmark.engine.solvers import result_of
from plumbmark.gateway.providers.base import Answer, Attempt, AttemptFailure, Delta, Target
from plumbmark.scoring.outcomes import Outcome
from tests.gateway.asking import collect

QUESTION = ModelRequest([{"role": "user", "content": "Hi"}], 4096)


def completion(
    finish: Any, content: Any = "The answ", *, usage: Any = None, **more: Any
) -> dict[str, Any]:
    """Return a reply in the OpenAI format with this finish reason."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}}
    body = {"id": "c1", "model": "m", "choices": [{**choice, "finish_reason": finish}], **more}
    if usage is not None:
        body["usage"] = usage
    return {"provider": "openai", "body": body}


def refusal(
    message: str, status: int = 400, *, provider: str = "openai", **fields: Any
) -> dict[str, Any]:
    """Return a reply with an error in it."""
    error = {"message": message, **fields}
    body = {"type": "error", "error": error} if provider == "anthropic" else {"error": error}
    return {"provider": provider, "status": status, "body": body}


def ask_for_reply(
    reply: dict[str, Any], request: ModelRequest = QUESTION, **options: Any
) -> tuple[list[Delta], Attempt]:
    """Ask the adapter once over HTTP; return the pieces of a stream and the ending."""
    return asyncio.run(_ask(reply, request, options))


def attempt_of(reply: dict[str, Any], **options: Any) -> Attempt:
    """Return what the adapter makes of a reply."""
    return ask_for_reply(reply, **options)[1]


async def _ask(
    reply: dict[str, Any], request: ModelRequest, options: dict[str, Any]
) -> tuple[list[Delta], Attempt]:
    streams = "events" in reply

    async def respond(_: web.Request) -> web.Response:
        if not streams:
            return web.json_response(reply["body"], status=reply.get("status", 200))
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in reply["events"])
        if reply["provider"] == "openai":
            text += "data: [DONE]\n\n"
        return web.Response(text=text, content_type="text/event-stream")

    app = web.Application()
    app.router.add_post("/{path:.*}", respond)
    server = TestServer(app)
    await server.start_server()
    try:
        target = Target(str(server.make_url("/v1")), "m", 10, options)
        return await collect(reply["provider"], target, request, streams=streams)
    finally:
        await server.close()


def outcome_of_attempt(attempt: Attempt) -> Outcome:
    """Return the outcome of a sample whose only call ended so."""
    response, failure = None, None
    if isinstance(attempt, Answer):
        response = attempt.response
    else:
        failure = CallFailure(attempt.kind, attempt.code, attempt.message, attempt.fatal)
    call = CallResult(uuid4(), response, failure, 0, 0, 0, 1)
    return result_of(PlannedSample(0, "key", QUESTION), call).outcome


def assert_as_wanted(reply: dict[str, Any], attempt: Attempt) -> None:
    """Check a reply's `want`, as the reported cases write it."""
    want, outcome = reply["want"], outcome_of_attempt(attempt)
    got: dict[str, Any] = {"outcome": outcome.value, "scored": outcome.is_scored}
    if isinstance(attempt, AttemptFailure):
        got |= {"code": attempt.code, "fatal": attempt.fatal, "message": attempt.message}
        got["retryable"] = attempt.is_retryable
    else:
        usage = attempt.response.usage
        tokens = None if usage.estimated else [usage.input_tokens, usage.output_tokens]
        got |= {"fatal": False, "retryable": False, "tokens": tokens}
    assert {name: got.get(name) for name in want} == want, (reply["name"], got)
