"""The interface of provider adapters, and the plain data that they exchange.

An adapter takes three steps: `build` the body, `send` it once (or `stream` it), `parse` the answer.
It neither retries nor meters: the gateway does. A failed attempt is a value, never an exception;
`build` raises `CannotAsk` if a provider's format cannot express a request.

A streamed answer is assembled into the same document as a complete answer, so one `parse` reads
both, and both are recorded alike.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from plumbmark.engine.ports import FailureKind, ModelRequest, ModelResponse, Usage
from plumbmark.engine.values import value_object
from plumbmark.gateway.providers.http import HttpClient
from plumbmark.gateway.providers.output_limits import OutputLimit

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class CannotAsk(ValueError):
    """The request cannot be expressed in this provider's format; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment's address and options. The secret is left out of its repr."""

    base_url: str
    upstream_id: str
    deadline_seconds: float
    options: Mapping[str, Any] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    is_guarded: bool = False
    """Set up by a user: connections to private addresses are refused, also after resolving."""


@value_object
class Answer:
    """One attempt that brought an answer. `usage.estimated` with 0 tokens: none was reported."""

    response: ModelResponse
    payload: Any
    """The provider's own document, to be recorded."""
    status: int = 200
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class AttemptFailure:
    """A failed attempt.

    `retry_after` is in seconds, from the provider; `fatal` means that every further call fails the
    same way; `payload` is what the provider said, with the credential struck out.
    """

    kind: FailureKind
    code: str
    message: str
    is_retryable: bool
    fatal: bool = False
    retry_after: float | None = None
    status: int | None = None
    payload: Any = None
    request_id: str = ""
    usage: Usage | None = None
    """The tokens that the provider bills all the same, as far as it told them."""
    has_begun: bool = False
    """The provider had begun to answer."""
    output_limit: OutputLimit | None = None
    """The limit of the answer that the provider named, where it refused the requested one."""

    @property
    def may_be_billed(self) -> bool:
        """Return whether the provider may bill an amount that it did not tell."""
        if self.usage is not None and not self.usage.estimated:
            return False
        return self.has_begun or self.status == 200 or self.code in _NO_REPLY


_NO_REPLY = {"deadline", "dropped", "network"}
"""Codes of failures after which the provider may have answered all the same."""
Attempt = Answer | AttemptFailure


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of the tool call at `index`; `id` and `name` come with its first piece."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    signature: str = ""


@value_object
class Delta:
    """The addition of one piece of a stream. Pieces that arrive together may come as one."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text or self.reasoning or self.tool_calls)


def delta_of(response: ModelResponse) -> Delta:
    """Return a complete answer as one piece, for providers that do not stream."""
    calls = tuple(
        ToolCallDelta(index, call.id, call.name, call.arguments, call.signature)
        for index, call in enumerate(response.tool_calls)
    )
    return Delta(response.text, response.reasoning, calls)


class ProviderAdapter(Protocol):
    """One wire format."""

    def build(self, target: Target, request: ModelRequest, *, stream: bool = False) -> bytes:
        """Build the body to send (`wire.written`). It contains no credential, so it can be
        recorded.

        Raises `CannotAsk` if the provider cannot express this request.
        """
        ...

    async def send(self, transport: HttpClient, target: Target, body: bytes) -> Attempt:
        """Ask once, within the target's deadline."""
        ...

    def stream(
        self, transport: HttpClient, target: Target, body: bytes
    ) -> AsyncGenerator[Delta | Attempt, None]:
        """Ask once with a body that was built to stream.

        Yields pieces as they come and ends with exactly one `Answer` (the whole of it) or
        `AttemptFailure`, also where pieces came before. Close it (`contextlib.aclosing`) to leave
        early: the connection is dropped then.
        """
        ...

    def parse(
        self, payload: Any, options: Mapping[str, Any] = NO_OPTIONS
    ) -> ModelResponse | AttemptFailure:
        """Read a recorded or received document of an answer, with the deployment's options."""
        ...
