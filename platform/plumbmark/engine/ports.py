"""The engine's ports: what it needs from outside, and the plain data that they exchange.

`ModelCaller` is implemented by `plumbmark.gateway`; `Executor` by `plumbmark.sandbox`. They are
wired together in `tasks_app.jobs`. A provider's own failure is a `CallFailure`, never an exception:
exceptions are our own bugs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from plumbmark.engine.values import value_object

Message = Mapping[str, Any]
"""One chat message in the OpenAI form.

`role` is `system`, `developer`, `user`, `assistant` or `tool`; `content` is text, None, or a list
of parts (`text`, `image_url` with a `data:` URL, `input_audio`, `file`). An assistant's
`tool_calls` are as `ToolCall.as_message_part` writes them; a `tool` message answers one by its
`tool_call_id`.
"""


class FinishReason(StrEnum):
    """Why the model stopped, in the field's common words."""

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    TOOL_CALLS = "tool_calls"
    MALFORMED = "malformed"
    """The model wrote a tool call or an answer that its provider could not read."""
    OTHER = "other"
    """Not the model's own ending, for example because the reader left."""


@value_object
class ModelRequest:
    """One question to a model, free of any provider's dialect. None means: not sent."""

    messages: Sequence[Message]
    max_output_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: Sequence[str] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Provider fields that the contender's configuration adds, for example `top_k`."""
    tools: Sequence[Mapping[str, Any]] = ()
    """What the model may call, in the OpenAI form: `{"type": "function", "function": {…}}`."""
    tool_choice: str | Mapping[str, Any] | None = None
    """`auto`, `none`, `required`, or `{"type": "function", "function": {"name": …}}`."""
    output_schema: Mapping[str, Any] | None = None
    """The answer is to be JSON of this schema: `{"name", "strict", "schema"}`."""
    reasoning_effort: str | None = None
    """`none`, `low`, `medium` or `high`."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    """Fields for the provider's request as they are, which the deployment must allow."""


@value_object
class Usage:
    """Tokens as the provider counted them; `estimated` where it did not and we had to."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that the model requests.

    `arguments` is the JSON text as the model wrote it, which may not be valid JSON. `signature` is
    the provider's: opaque, and to be sent back with the call in the next request.
    """

    id: str
    name: str
    arguments: str
    signature: str = ""

    def as_message_part(self) -> dict[str, Any]:
        """Return the call as an entry of an assistant message's `tool_calls`."""
        part: dict[str, Any] = {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        }
        if self.signature:
            # The place that Google's own OpenAI-compatible route uses: clients send it back unread.
            part["extra_content"] = {"google": {"thought_signature": self.signature}}
        return part


@value_object
class ModelResponse:
    """A model's answer."""

    text: str
    finish_reason: FinishReason
    model: str
    """The model id that the provider returned."""
    usage: Usage
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


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
    """The upper bound of the call's cost, in nanodollars; only for `QUOTA`."""
    retry_after: float | None = None
    """Seconds to wait, if the provider said so."""


@value_object
class CallResult:
    """The end of one call. Exactly one of `response` and `failure` is set.

    Money is integer nanodollars, times are milliseconds.
    """

    call_id: UUID
    response: ModelResponse | None
    failure: CallFailure | None
    charged: int
    provider_cost: int
    latency_ms: int
    attempts: int
    max_output_tokens: int | None = None
    """The limit of the answer that was sent because the model cannot give what was requested."""
    cost_before_answer: int = 0
    """The part of `provider_cost` for attempts before the last, which the provider broke off."""
    schema_way: str = ""
    """The way in which the answer's schema was requested where the host does not know schemas:
    `json_object` or `prompt`."""


class ModelCaller(Protocol):
    """Makes calls for one grant to one deployment."""

    async def call(self, request: ModelRequest, *, key: str, role: str) -> CallResult:
        """Ask the model once, with retries, recorded and metered.

        `key` names the question within the grant: a call that was answered and recorded but whose
        consequence was lost is found by it again, and one key is charged once at most.
        """
        ...


class CannotExecute(RuntimeError):
    """The sandbox failed, or there is none: no fault of the program's."""


class Executor(Protocol):
    """Runs untrusted code."""

    async def execute(
        self,
        program: str,
        *,
        timeout_seconds: float,
        memory_bytes: int | None = None,
        given: bytes = b"",
        merges_errors: bool = True,
    ) -> "Execution":
        """Run a Python program in the sandbox and bring back what it printed.

        `given` is what it reads from its standard input. `memory_bytes` bounds all its processes
        together. Raises `CannotExecute` where it could not be run.
        """
        ...


@dataclass(frozen=True, slots=True)
class Execution:
    """The end of a program: its exit code (None: killed) and its output, cut at the limit."""

    exit_code: int | None
    output: str
    """Standard error among it, in the order of writing, where errors were merged."""
    timed_out: bool
    errors: str = ""
    """Standard error, where it was kept apart."""
    detail: str = ""
    """Why it was ended, for people, where a limit did it."""
