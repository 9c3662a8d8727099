"""What an adapter of a provider does, and the plain data that passes through it.

An adapter takes three steps: `build` the body, `send` it once, `parse` what came back. It neither
retries nor meters: the gateway does. A failed attempt is a value, never an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from plumbmark.engine.ports import FailureKind, ModelRequest, ModelResponse
from plumbmark.gateway.providers.http import Transport


@dataclass(frozen=True, slots=True)
class Target:
    """Where a deployment is and how it wants to be asked. The secret stays out of its repr."""

    base_url: str
    upstream_id: str
    deadline_seconds: float
    options: Mapping[str, Any] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    is_guarded: bool = False
    """Set up by a user: connections to private addresses are refused, also after resolving."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One attempt that brought an answer. `usage.estimated` with 0 tokens: none was reported."""

    response: ModelResponse
    payload: Any
    """The provider's own document, to be recorded."""
    status: int = 200
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class AttemptFailure:
    """One attempt that brought none.

    `retry_after` is in seconds, as the provider asked; `fatal` means that every further call fails
    the same way; `payload` is what the provider said, with the credential struck out.
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


Attempt = Answer | AttemptFailure


class Provider(Protocol):
    """One wire format."""

    def build(self, target: Target, request: ModelRequest) -> bytes:
        """The body to send, as canonical JSON. Holds no credential, so it can be recorded."""
        ...

    async def send(self, transport: Transport, target: Target, body: bytes) -> Attempt:
        """Ask once, within the target's deadline."""
        ...

    def parse(self, payload: Any) -> ModelResponse | AttemptFailure:
        """Read a recorded or received document of an answer."""
        ...
