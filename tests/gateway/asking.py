"""Asking a provider directly, whole or streamed, as the conformance suite does."""

import asyncio
import contextlib
import json
from typing import Any

from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.providers.base import (
    Answer,
    Attempt,
    AttemptFailure,
    Delta,
    Target,
)
from plumbmark.gateway.providers.http import HttpClient

SECRET = "sk-test-0123456789abcdef"  # not a credential of anything


def collected(
    format_name: str,
    url: str,
    model: str,
    request: ModelRequest,
    *,
    streams: bool,
    deadline: float = 5.0,
    secret: str = SECRET,
    options: dict[str, Any] | None = None,
) -> tuple[list[Delta], Attempt]:
    """Return all pieces (none if it was asked whole) and the ending."""
    target = Target(url, model, deadline, options or {}, secret)
    return asyncio.run(collect(format_name, target, request, streams=streams))


async def collect(
    format_name: str, target: Target, request: ModelRequest, *, streams: bool
) -> tuple[list[Delta], Attempt]:
    """Ask once; return all pieces (none if it was asked whole) and the ending."""
    provider = provider_named(format_name)
    assert provider is not None
    transport = HttpClient()
    try:
        body = provider.build(target, request, stream=streams)
        if not streams:
            return [], await provider.send(transport, target, body)
        pieces: list[Delta] = []
        ending: Attempt | None = None
        async with contextlib.aclosing(provider.stream(transport, target, body)) as coming:
            async for piece in coming:
                assert ending is None, "something came after the ending"
                if isinstance(piece, Delta):
                    assert piece, "an empty piece"
                    pieces.append(piece)
                else:
                    ending = piece
        assert ending is not None
        return pieces, ending
    finally:
        await transport.close()


def ask(
    format_name: str,
    url: str,
    model: str,
    text: str = "What is 2+3?",
    *,
    streams: bool = False,
    **fields: Any,
) -> Attempt:
    """Ask with one user message; `fields` are of `collected` or of the request."""
    ways = {name: fields.pop(name) for name in ("deadline", "secret", "options") if name in fields}
    messages = fields.pop("messages", [{"role": "user", "content": text}])
    request = ModelRequest(messages, fields.pop("tokens", 64), **fields)
    pieces, ending = collected(format_name, url, model, request, streams=streams, **ways)
    if streams and isinstance(ending, Answer):
        assert_pieces_make_the_answer(pieces, ending)
    return ending


def assert_pieces_make_the_answer(pieces: list[Delta], answer: Answer) -> None:
    """Check that the streamed pieces add up to the whole answer."""
    response = answer.response
    text = "".join(piece.text for piece in pieces)
    # An answer by a tool's arguments is JSON, which streams with other blanks.
    assert text == response.text or json.loads(text) == json.loads(response.text)
    assert "".join(piece.reasoning for piece in pieces) == response.reasoning
    calls = join_calls(pieces)
    assert [known[:2] for known in calls] == [(call.id, call.name) for call in response.tool_calls]
    for known, whole in zip(calls, response.tool_calls, strict=True):
        assert "".join(known[2].split()) == "".join(whole.arguments.split())


def join_calls(pieces: list[Delta]) -> list[tuple[str, str, str]]:
    """Return id, name and arguments of the streamed tool calls, in the order of their index."""
    calls: dict[int, list[str]] = {}
    for piece in pieces:
        for call in piece.tool_calls:
            known = calls.setdefault(call.index, ["", "", ""])
            known[0] += call.id
            known[1] += call.name
            known[2] += call.arguments
    return [(known[0], known[1], known[2]) for _, known in sorted(calls.items())]


def answer(*arguments: Any, **fields: Any) -> Answer:
    attempt = ask(*arguments, **fields)
    assert isinstance(attempt, Answer), attempt
    return attempt


def failure(*arguments: Any, **fields: Any) -> AttemptFailure:
    attempt = ask(*arguments, **fields)
    assert isinstance(attempt, AttemptFailure), attempt
    return attempt
