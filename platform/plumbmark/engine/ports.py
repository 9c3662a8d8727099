"""The engine's ports: what it asks of the world, and the plain data that passes through them.

`ModelCaller` is implemented by `plumbmark.gateway`; `Executor` by `plumbmark.sandbox`. They are
wired together in `tasks_app.jobs`. A provider's own failure is a `CallFailure`, never an exception:
exceptions are faults of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

Message = Mapping[str, Any]
"""One chat message in the OpenAI form: `role`, `content` (text or parts) and, later, tool calls."""


class FinishReason(StrEnum):
    """Why the model stopped, in the field's common words."""

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    TOOL_CALLS = "tool_calls"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a model, free of any provider's dialect. None means: not sent."""

    messages: Sequence[Message]
    max_output_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: Sequence[str] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Provider fields that the contender's configuration adds, for example `reasoning_effort`."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; `estimated` where it did not and we had to."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """A model's answer."""

    text: str
    finish_reason: FinishReason
    model: str
    """The model id that the provider returned."""
    usage: Usage
    reasoning: str = ""


class FailureKind(StrEnum):
    """Why there is no answer. The values are outcome codes of `plumbmark.scoring.outcomes`."""

    RATE_LIMITED = "rate_limited"
    PROVIDER_ERROR = "provider_error"
    NETWORK = "network"
    DEADLINE = "deadline"
    QUOTA = "quota"
    CONTEXT_OVERFLOW = "context_overflow"
    CONTENT_FILTER = "content_filter"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class CallFailure:
    """A call that brought no answer after the retry budget.

    `fatal` means that every further call would fail the same way (bad key, unknown model); equal
    `code`s in a row trip the run's breaker.
    """

    kind: FailureKind
    code: str
    message: str
    fatal: bool = False
    amount: int = 0
    """What the call had to be able to cost, in nanodollars; of `QUOTA` alone."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What became of one call. Exactly one of `response` and `failure` is set.

    Money is integer nanodollars, times are milliseconds.
    """

    call_id: UUID
    response: ModelResponse | None
    failure: CallFailure | None
    charged: int
    provider_cost: int
    latency_ms: int
    attempts: int


class ModelCaller(Protocol):
    """Makes calls for one grant to one deployment."""

    async def call(self, request: ModelRequest, *, key: str, role: str) -> CallResult:
        """Ask the model once, with retries, recorded and metered.

        `key` names the question within the grant: a call that was answered and recorded but whose
        consequence was lost is found by it again, and one key is charged once at most.
        """
        ...


class Executor(Protocol):
    """Runs untrusted code."""

    async def execute(self, program: str, *, timeout_seconds: float) -> "Execution":
        """Run a program in the sandbox and bring back what it printed."""
        ...


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of a program: its exit code (None: killed) and its output, cut at the limit."""

    exit_code: int | None
    output: str
    timed_out: bool
