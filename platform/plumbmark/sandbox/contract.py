"""What the sandbox takes and gives: plain data, and the protocol that every back end follows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from plumbmark.engine.ports import CannotExecute

MIB = 1024 * 1024

WORK = "/kaggle/working"
"""Where `SandboxJob.work` is found inside."""

GATEWAY_URL = "http://127.0.0.1:8999"
"""Where the run's gateway is found inside, in both back ends."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one execution. Sizes are bytes, times are seconds."""

    wall_seconds: float = 60.0
    cpu_seconds: int = 60
    """Of all processes together."""
    memory_bytes: int = 1024 * MIB
    """Of all processes together, kept by a watchdog that looks every tenth of a second."""
    address_space_bytes: int = 4096 * MIB
    """Of one process, kept by the kernel: a bomb gets MemoryError here before the watchdog."""
    processes: int = 64
    """Processes and threads together."""
    file_bytes: int = 64 * MIB
    """Of one file."""
    disk_bytes: int = 256 * MIB
    """Of the work folder and temporary files together; a quarter of it, 64 MiB at most, is /tmp."""
    files: int = 2_000
    """Entries in the work folder, folders included."""
    output_bytes: int = MIB
    """Of standard output and error together."""
    open_files: int = 256

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value <= 0:
                raise ValueError(f"Limits.{name} must be above zero, not {value!r}.")

    @property
    def temporary_bytes(self) -> int:
        """The share of `disk_bytes` that is /tmp."""
        return max(4096, min(64 * MIB, self.disk_bytes // 4))

    @property
    def work_bytes(self) -> int:
        """The share of `disk_bytes` that is the work folder."""
        return max(4096, self.disk_bytes - self.temporary_bytes)


@dataclass(frozen=True, slots=True)
class Mount:
    """A host file or folder that the program may read: always read-only."""

    source: Path
    target: str
    """Absolute path inside, such as `/kaggle/input/questions`."""


@dataclass(frozen=True, slots=True)
class SandboxJob:
    """One program to run, with all that it may see."""

    argv: Sequence[str]
    """The program and its arguments, as paths inside."""
    work: Path | None = None
    """Host folder that becomes `/kaggle/working`, the only place whose files outlive the run."""
    mounts: Sequence[Mount] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside PATH, HOME, TMPDIR and LANG, all that the program finds in its environment."""
    limits: Limits = Limits()
    stdin: bytes = b""
    gateway_socket: Path | None = None
    """Host Unix socket of the run's relay; inside it is reached as `GATEWAY_URL`."""
    merges_errors: bool = False
    """Standard error goes where standard output goes, so that both come in the order in which they
    were written; `ExecutionReport.stderr` is then empty."""
    working_directory: str = ""
    """Where it starts; by default `/kaggle/working` where there is a work folder, else `/tmp`."""

    @property
    def start_directory(self) -> str:
        return self.working_directory or (WORK if self.work is not None else "/tmp")  # noqa: S108


class Ending(StrEnum):
    """Why an execution ended. All but the last are caused by the program or wanted by its owner."""

    EXITED = "exited"
    """It ended by itself: see `exit_code`."""
    KILLED = "killed"
    """A signal ended it that we did not send: see `signal`."""
    TIMED_OUT = "timed_out"
    CPU = "cpu"
    MEMORY = "memory"
    OUTPUT = "output"
    DISK = "disk"
    CANCELLED = "cancelled"
    FAILED_TO_START = "failed_to_start"
    """The sandbox's fault or its caller's, never the program's."""


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """The end of an execution."""

    ending: Ending
    exit_code: int | None
    """Only of `EXITED`."""
    signal: int | None
    """The number of the signal that ended it, of `KILLED` and where the kernel kept a limit."""
    stdout: bytes
    stderr: bytes
    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    """The most that all processes together were seen to use; 0 where it ended too soon to see."""
    detail: str
    """A sentence for people."""

    @property
    def succeeded(self) -> bool:
        return self.ending is Ending.EXITED and self.exit_code == 0


class BadJob(ValueError):
    """The job asks for something that cannot be done; the message says what and how to correct
    it.
    """


class SandboxUnavailable(CannotExecute):
    """No untrusted code can be run here; the message says why and what would help."""


class Sandbox(Protocol):
    """Runs untrusted programs, one at a time or many at once."""

    name: str
    """`bubblewrap` or `landlock`."""

    @property
    def python(self) -> str:
        """A bare Python inside, for `SandboxJob.argv`."""
        ...

    @property
    def caveats(self) -> tuple[str, ...]:
        """Sentences for people: what this back end does not keep apart."""
        ...

    async def run(
        self, job: SandboxJob, *, on_output: Callable[[bytes], None] | None = None
    ) -> ExecutionReport:
        """Run it to its end. Raises `BadJob` before anything is started, and nothing else of its
        own: what goes wrong later is `Ending.FAILED_TO_START`.

        `on_output` is called in the event loop's thread with each piece of output as it comes.
        Cancelling the awaiting task kills every process of the job before `CancelledError` goes on.
        """
        ...
