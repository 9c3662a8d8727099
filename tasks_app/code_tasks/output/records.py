"""What the files of a run tell, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from tasks_app.code_tasks.findings import Finding
from tasks_app.code_tasks.source.result_kinds import ResultKind

Role = Literal["user", "assistant", "system", "developer", "tool", "unknown"]
State = Literal["queued", "running", "completed", "errored", "unknown"]
Scope = Literal["aggregated", "public", "private"]


@dataclass(frozen=True, slots=True)
class CallUsage:
    """The cost of calls. None: unknown. Costs are in nanodollars and the program's own claim."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    input_cost: int | None = None
    output_cost: int | None = None
    latency_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MessageMedia:
    """A picture, a sound or a link in a message."""

    mime_type: str
    data: str = ""
    """Base64; empty for a link."""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """A tool's input and its result."""

    name: str
    arguments: Any
    output: Any
    error: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    sender: str
    text: str
    media: tuple[MessageMedia, ...] = ()
    tool: ToolOutcome | None = None
    """Of a message from a tool; `text` then holds the same as JSON."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer within a conversation."""

    request: str
    """The id by which assertions refer to it."""
    position: int
    """Of the answer in the conversation's messages; what stands before is what the model saw."""
    usage: CallUsage
    reasoning: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A whole conversation, put together from what each reply added."""

    id: str
    messages: tuple[Message, ...]
    replies: tuple[Reply, ...]
    usage: CallUsage


@dataclass(frozen=True, slots=True)
class Assertion:
    """A check that the author's code made."""

    expectation: str
    status: Literal["passed", "failed", "errored", "unknown"]
    line: int | None = None
    definition: str = ""
    """The source of the check."""
    message: str = ""
    """What else the author says of it."""
    requests: tuple[tuple[str, str], ...] = ()
    """Conversation and request ids of the replies that it is about; a request may be empty."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run."""

    kind: Literal["boolean", "number", "count", "table"]
    value: float | None
    """1 or 0 for a boolean, k/n for a count, None for a table."""
    radius: float | None = None
    """The author's own margin: `value ± radius`."""
    passed: int | None = None
    of: int | None = None
    table: Mapping[str, Any] | None = None
    scope: Scope = "aggregated"


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A task as its file or one of its runs tells it."""

    name: str
    version: int
    description: str
    definition: str
    """The source of the function."""
    returns: ResultKind
    subtask_files: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class RunFile:
    """One run of a task by one model."""

    task: TaskFile
    run_id: str
    """The program's own; it may stand in other programs' files as well."""
    model: str
    """The slug of the model that the run's first argument was; empty where there was none."""
    state: State
    started_at: datetime | None
    ended_at: datetime | None
    conversations: tuple[Conversation, ...]
    results: tuple[Result, ...]
    assertions: tuple[Assertion, ...]
    subruns: "tuple[RunFile, ...]"
    error: str = ""
    """The traceback, with paths of the host shortened."""
    file: str = ""

    @property
    def result(self) -> Result | None:
        """The overall result; None where the run came to none."""
        return next((one for one in self.results if one.scope == "aggregated"), None)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Tells one run of a program from the others, whichever file it stands in."""
        started = self.started_at.isoformat() if self.started_at else ""
        return self.task.name, self.run_id, self.model, started


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Everything that a run left. Runs that belong to others stand in their `subruns` only."""

    tasks: Sequence[TaskFile]
    runs: Sequence[RunFile]
    findings: Sequence[Finding] = ()
    rows: Mapping[tuple[str, str, str, str], str] = field(default_factory=dict)
    """By the key of a run over a row of a data set: the row's own id, the same for every model."""
