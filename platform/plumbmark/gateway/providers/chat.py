"""The common part of all providers over HTTP: one exchange, complete or streamed."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

from plumbmark.engine.ports import FailureKind, ModelRequest, ModelResponse, Usage
from plumbmark.gateway.providers.base import (
    NO_OPTIONS,
    Answer,
    Attempt,
    AttemptFailure,
    Delta,
    Target,
    ToolCallDelta,
    delta_of,
)
from plumbmark.gateway.providers.failures import (
    ErrorBody,
    failure_of,
    failure_of_broken,
    malformed_failure,
    status_in,
)
from plumbmark.gateway.providers.http import (
    DONE,
    BrokenExchange,
    BrokenStream,
    EventStream,
    HttpClient,
    HttpReply,
    without_secret,
)
from plumbmark.gateway.providers.text import PassableText, read_name
from plumbmark.strict_json import wire

_SILENCE_SECONDS = 60.0
"""How long a stream may pause; a deployment's option `silence_seconds` replaces it."""


class Assembly(ABC):
    """Puts the events of one stream together into the document that `Provider.parse` reads."""

    is_complete = False
    """The provider has signalled that the answer is complete."""
    failure: Any = None
    """An error that came in the stream instead of an answer, as the provider's document."""

    @abstractmethod
    def add(self, event: Any) -> Delta:
        """Take one event in; what it adds, as the provider said it.

        Raises KeyError, TypeError, AttributeError, IndexError or ValueError where it makes no
        sense: the answer is malformed then.
        """

    @abstractmethod
    def document(self) -> Any:
        """Return the answer so far."""


class ChatProvider(ABC):
    """A provider that is POSTed one document and answers with one, or with its pieces."""

    @abstractmethod
    def build(self, target: Target, request: ModelRequest, *, stream: bool = False) -> bytes: ...

    @abstractmethod
    def parse(
        self, payload: Any, options: Mapping[str, Any] = NO_OPTIONS
    ) -> ModelResponse | AttemptFailure: ...

    @abstractmethod
    def url(self, target: Target, *, stream: bool) -> str: ...

    @abstractmethod
    def credential(self, target: Target) -> dict[str, str]:
        """Return the headers with the target's secret, and others that this provider requires."""

    @abstractmethod
    def read_error(self, payload: Any, text: str) -> ErrorBody:
        """Read an error body; `text` where it is no JSON."""

    @abstractmethod
    def request_id(self, headers: Mapping[str, str], payload: Any) -> str: ...

    @abstractmethod
    def read_usage(self, payload: Any) -> Usage:
        """Return the tokens that a document of an answer tells; `estimated` where it tells none.

        Raises what `parse` may raise inside where the document makes no sense.
        """

    @abstractmethod
    def assembly(self) -> Assembly: ...

    def failure(self, reply: HttpReply, request_id: str = "") -> AttemptFailure:
        """Return the failure that a reply with an error status means."""
        return failure_of(reply, self.read_error(reply.payload, reply.text), request_id)

    def failure_inside(self, payload: Any, error: Any) -> AttemptFailure:
        """Return the failure of an error that came with HTTP 200, in a body or amid a stream."""
        body = self.read_error(payload, "")
        return failure_of(HttpReply(status_in(error, body), {}, payload), body, "")

    async def send(self, transport: HttpClient, target: Target, body: bytes) -> Attempt:
        reply = await transport.post(
            self.url(target, stream=False),
            headers={**target.options.get("headers", {}), **self.credential(target)},
            body=body,
            deadline_seconds=target.deadline_seconds,
            secret=target.secret,
            is_guarded=target.is_guarded,
        )
        return (
            failure_of_broken(reply)
            if isinstance(reply, BrokenExchange)
            else self._attempt(reply, target)
        )

    def _attempt(self, reply: HttpReply, target: Target) -> Attempt:
        request_id = read_name(self.request_id(reply.headers, reply.payload))
        if reply.status != 200:
            return self.failure(reply, request_id)
        if reply.payload is None:
            return AttemptFailure(
                FailureKind.PROVIDER_ERROR,
                "malformed-response",
                "the provider's answer is no JSON",
                is_retryable=True,
                status=200,
                payload={"text": reply.text},
                request_id=request_id,
            )
        parsed = self.parse(reply.payload, target.options)
        if isinstance(parsed, ModelResponse):
            return Answer(parsed, reply.payload, 200, request_id)
        return self._with_usage(parsed, reply.payload)

    def _with_usage(self, failure: AttemptFailure, document: Any) -> AttemptFailure:
        """Return the failure with the tokens that came beside it, where they did."""
        if failure.usage is not None:
            return failure
        try:
            usage = self.read_usage(document)
        except (AttributeError, KeyError, TypeError, IndexError):
            return failure
        return failure if usage.estimated else replace(failure, usage=usage)

    async def stream(
        self, transport: HttpClient, target: Target, body: bytes
    ) -> AsyncGenerator[Delta | Attempt, None]:
        opened = await transport.open(
            self.url(target, stream=True),
            headers={
                "Accept": "text/event-stream",
                **target.options.get("headers", {}),
                **self.credential(target),
            },
            body=body,
            deadline_seconds=target.deadline_seconds,
            silence_seconds=float(target.options.get("silence_seconds", _SILENCE_SECONDS)),
            secret=target.secret,
            is_guarded=target.is_guarded,
        )
        if isinstance(opened, BrokenExchange):
            yield failure_of_broken(opened)
        elif isinstance(opened, HttpReply):
            # An error; or a host that answers in one piece although a stream was requested.
            attempt = self._attempt(opened, target)
            if isinstance(attempt, Answer) and (delta := delta_of(attempt.response)):
                yield delta
            yield attempt
        else:
            try:
                async with contextlib.aclosing(self._pieces(opened, target)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                opened.close()

    async def _pieces(
        self, opened: EventStream, target: Target
    ) -> AsyncGenerator[Delta | Attempt, None]:
        assembly, channels = self.assembly(), _Channels(target.secret)
        has_begun = False
        try:
            async with contextlib.aclosing(opened.events()) as batches:
                async for events in batches:
                    for event in events:
                        if event is DONE:
                            assembly.is_complete = True
                        else:
                            channels.take(assembly.add(event))
                        if assembly.failure is not None:
                            failure = self._failure_amid(assembly, target)
                            yield self._with_partial(failure, assembly, target, has_begun)
                            return
                        has_begun = True
                    if delta := channels.ready():
                        yield delta
                    if assembly.is_complete and events[-1] is DONE:
                        break
        except BrokenStream as error:
            # A host that does not close the connection after its last event has still sent
            # everything.
            if not assembly.is_complete or error.broken.code == "answer-too-large":
                failure = failure_of_broken(error.broken)
                yield self._with_partial(failure, assembly, target, has_begun)
                return
        except (AttributeError, KeyError, TypeError, IndexError, ValueError):
            failure = malformed_failure(None, "has an event in it that makes no sense")
            yield self._with_partial(failure, assembly, target, has_begun)
            return
        if not assembly.is_complete:
            truncated = BrokenExchange("truncated", "the stream ended before the answer did", 200)
            failure = failure_of_broken(truncated)
            yield self._with_partial(failure, assembly, target, has_begun)
            return
        if delta := channels.rest():
            yield delta
        payload = _struck(assembly.document(), target.secret)
        parsed = self.parse(payload, target.options)
        if isinstance(parsed, ModelResponse):
            request_id = read_name(self.request_id(opened.headers, payload))
            yield Answer(parsed, payload, 200, request_id)
        else:
            yield self._with_usage(parsed, payload)

    def _failure_amid(self, assembly: Assembly, target: Target) -> AttemptFailure:
        """Return the failure that an error in the stream means."""
        payload = _struck(assembly.failure, target.secret)
        parsed = self.parse(payload)
        return parsed if isinstance(parsed, AttemptFailure) else malformed_failure(payload)

    def _with_partial(
        self, failure: AttemptFailure, assembly: Assembly, target: Target, has_begun: bool
    ) -> AttemptFailure:
        """Return the failure with what had arrived before it, for the record."""
        partial = _struck(assembly.document(), target.secret)
        payload = {"error": failure.payload, "partial": partial}
        failure = replace(failure, payload=payload, has_begun=has_begun)
        return self._with_usage(failure, partial)


class _Channels:
    """The pieces of one read, by channel, with the credential struck out of each."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._text = PassableText(secret)
        self._reasoning = PassableText(secret)
        self._arguments: dict[int, PassableText] = {}
        self._texts: list[str] = []
        self._reasonings: list[str] = []
        self._calls: list[ToolCallDelta] = []

    def take(self, delta: Delta) -> None:
        if delta.text:
            self._texts.append(delta.text)
        if delta.reasoning:
            self._reasonings.append(delta.reasoning)
        self._calls += delta.tool_calls

    def ready(self) -> Delta:
        """Return the text that has come since the last time, as one piece."""
        text = self._text.pass_on("".join(self._texts)) if self._texts else ""
        reasoning = self._reasoning.pass_on("".join(self._reasonings)) if self._reasonings else ""
        calls = tuple(map(self._pass_on_call, _join_pieces(self._calls))) if self._calls else ()
        self._texts, self._reasonings, self._calls = [], [], []
        return Delta(text, reasoning, calls)

    def _pass_on_call(self, call: ToolCallDelta) -> ToolCallDelta:
        channel = self._arguments.setdefault(call.index, PassableText(self._secret))
        return ToolCallDelta(
            call.index, call.id, call.name, channel.pass_on(call.arguments), call.signature
        )

    def rest(self) -> Delta:
        """Return the text that was held back, at the end."""
        calls = [
            ToolCallDelta(index, arguments=text)
            for index, channel in self._arguments.items()
            if (text := channel.rest())
        ]
        return Delta(self._text.rest(), self._reasoning.rest(), tuple(calls))


def _join_pieces(pieces: list[ToolCallDelta]) -> list[ToolCallDelta]:
    """Join the pieces of one call: clients read the first of a chunk."""
    if len(pieces) == 1:
        return pieces
    joined: dict[int, ToolCallDelta] = {}
    for piece in pieces:
        known = joined.get(piece.index)
        if known is None:
            joined[piece.index] = piece
        else:
            joined[piece.index] = ToolCallDelta(
                piece.index,
                known.id + piece.id,
                known.name + piece.name,
                known.arguments + piece.arguments,
                known.signature or piece.signature,
            )
    return list(joined.values())


def _struck(document: Any, secret: str) -> Any:
    """Return the document with the credential struck out: chunks may have split it."""
    if not secret:
        return document
    raw = wire.dump_in_order(document)
    struck = without_secret(raw, secret)
    return document if struck is raw else wire.read(struck)
