"""Watches over one execution from outside: output, clock, processor, memory, disk, and its end."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from plumbmark.sandbox.contract import Ending, ExecutionReport, Limits
from plumbmark.sandbox.descriptors import Lifeline
from plumbmark.sandbox.folders import measure
from plumbmark.sandbox.processes import (
    TreeUse,
    exact_memory,
    tree_use,
    unlinked_bytes,
    unseen_shared_memory,
)

_FIRST_LOOK, _LOOK_EVERY = 0.02, 0.1
_DISK_EVERY = 0.25
_PIECE = 65536
_STATUS_BYTES = 4096
_LOOKERS = ThreadPoolExecutor(4, thread_name_prefix="sandbox-watch")
"""Its own threads: a watchdog must not wait for a thread of the loop's pool."""
_GRACE = 10.0
"""Seconds at most for what was killed to be gone, and for what it had written to be read. A busy
machine needs more than a moment; what is gone is not waited for."""


@dataclass(slots=True)
class Started:
    """A back end's running execution. Descriptors are our ends of pipes, closed by `supervise`."""

    process: subprocess.Popen[bytes]
    stdout: int
    stderr: int
    status: int
    """Lines of `inside.launcher`: `started`, `failed <why>`, `ended <code> <cpu> <peak KiB>`."""
    lifeline: Lifeline
    """Closing it tells the execution to end."""
    kill: Callable[[], None]
    """Kill every process of it; may be called often."""
    is_gone: Callable[[], bool]
    """Whether every process of it has ended, after `process` did."""
    folders: list[Path] = field(default_factory=list)
    """Those whose size counts."""


@dataclass(slots=True)
class _Status:
    is_started: bool = False
    failure: str = ""
    code: int | None = None
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


async def supervise(
    started: Started, limits: Limits, on_output: Callable[[bytes], None] | None
) -> ExecutionReport:
    """Wait for its end or bring it about; when this returns or raises, no process is left."""
    try:
        supervisor = _Supervisor(started, limits, on_output)
    except BaseException:
        started.lifeline.close()
        started.kill()
        raise
    try:
        return await supervisor.report()
    finally:
        # Finished in the background even where this task is cancelled once more.
        await asyncio.shield(asyncio.ensure_future(supervisor.close()))


class _Supervisor:
    def __init__(
        self, started: Started, limits: Limits, on_output: Callable[[bytes], None] | None
    ) -> None:
        self._started = started
        self._limits = limits
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic()
        self._ended_at: float | None = None
        self._ending: Ending | None = None
        self._detail = ""
        self._trouble: Exception | None = None
        self._use = TreeUse()
        self._peak = 0
        self._disk_looked_at = 0.0
        self._output: dict[int, bytearray] = {}
        self._status = bytearray()
        self._open = {started.stdout, started.stderr, started.status}
        self._stdout, self._stderr = started.stdout, started.stderr
        self._all_read = asyncio.Event()
        self._exited = asyncio.Event()
        self._pidfd = os.pidfd_open(started.process.pid)
        self._loop.add_reader(self._pidfd, self._note_exit)
        for descriptor in (started.stdout, started.stderr):
            self._output[descriptor] = bytearray()
            self._loop.add_reader(descriptor, self._read_output, descriptor)
        self._loop.add_reader(started.status, self._read_status)

    async def report(self) -> ExecutionReport:
        limit = self._limits.wall_seconds
        timer = self._loop.call_later(
            limit, self._end, Ending.TIMED_OUT, f"Stopped after its {limit:g} s of time."
        )
        watch = asyncio.create_task(self._watch())
        try:
            await self._exited.wait()
        finally:
            timer.cancel()
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        self._started.process.wait()
        self._started.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_read.wait(), _GRACE)
        if self._trouble is not None:
            raise self._trouble
        return self._make_report()

    async def close(self) -> None:
        """Kill what is left, wait until it is gone, and let go of everything."""
        self._started.kill()
        ends = time.monotonic() + _GRACE
        while time.monotonic() < ends:
            if self._started.process.poll() is not None and self._started.is_gone():
                break
            await asyncio.sleep(0.005)
            self._started.kill()
        for descriptor in [*self._open]:
            self._let_go(descriptor)
        if self._pidfd >= 0:
            self._note_exit()
        self._started.lifeline.close()

    # --- the end ------------------------------------------------------------------------------

    def _end(self, ending: Ending, detail: str) -> None:
        """Kill it for a reason; the first reason counts."""
        if self._ending is None and not self._exited.is_set():
            self._ending, self._detail = ending, detail
        self._started.kill()

    def _note_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self._ended_at = time.monotonic()
        self._exited.set()

    # --- output -------------------------------------------------------------------------------

    def _read_output(self, descriptor: int) -> None:
        piece = self._read(descriptor)
        if not piece:
            return
        room = self._limits.output_bytes - sum(map(len, self._output.values()))
        accepted = piece[: max(0, room)]
        self._output[descriptor] += accepted
        if accepted and self._on_output is not None and self._trouble is None:
            try:
                self._on_output(accepted)
            except Exception as error:
                self._trouble = error
                self._end(Ending.CANCELLED, "Stopped because its output could not be read.")
        if len(accepted) < len(piece):
            self._end(
                Ending.OUTPUT,
                f"Stopped because it wrote more than {self._limits.output_bytes} bytes of output.",
            )

    def _read_status(self) -> None:
        piece = self._read(self._started.status)
        if piece and len(self._status) < _STATUS_BYTES:
            self._status += piece

    def _read(self, descriptor: int) -> bytes | None:
        try:
            piece = os.read(descriptor, _PIECE)
        except (BlockingIOError, InterruptedError):
            return None
        if not piece:
            self._let_go(descriptor)
        return piece

    def _let_go(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        self._open.discard(descriptor)
        os.close(descriptor)
        if not self._open:
            self._all_read.set()

    # --- limits -------------------------------------------------------------------------------

    async def _watch(self) -> None:
        pause = _FIRST_LOOK
        while True:
            await asyncio.sleep(pause)
            pause = min(_LOOK_EVERY, pause * 2)
            found = await self._loop.run_in_executor(_LOOKERS, self._look)
            if found is not None:
                self._end(*found)

    def _look(self) -> tuple[Ending, str] | None:
        """Check the limits, in a thread: reading a large tree or folder takes milliseconds."""
        limits = self._limits
        use = tree_use(self._started.process.pid)
        memory = use.memory_bytes
        if memory > limits.memory_bytes:
            memory = exact_memory(use.pids)
        if memory <= limits.memory_bytes < use.address_space_bytes:
            memory += unseen_shared_memory(use.pids)
        self._peak = max(self._peak, memory)
        if use.cpu_seconds > self._use.cpu_seconds:
            self._use = use
        if memory > limits.memory_bytes:
            return (
                Ending.MEMORY,
                f"Stopped because it used more than {limits.memory_bytes} bytes of memory.",
            )
        if use.cpu_seconds > limits.cpu_seconds:
            return (
                Ending.CPU,
                f"Stopped after its {limits.cpu_seconds} s of processor time.",
            )
        if time.monotonic() - self._disk_looked_at > _DISK_EVERY:
            self._disk_looked_at = time.monotonic()
            return self._look_at_disk(use.pids)
        return None

    def _look_at_disk(self, pids: tuple[int, ...]) -> tuple[Ending, str] | None:
        limits = self._limits
        size = files = 0
        devices = set()
        for folder in self._started.folders:
            use = measure(folder, max_files=limits.files)
            if use.too_deep:
                return (Ending.DISK, "Stopped because it nested folders too deeply.")
            size += use.bytes
            files += use.files
            with contextlib.suppress(OSError):
                devices.add(folder.stat().st_dev)
        size += sum(unlinked_bytes(pids, device) for device in devices)
        if files > limits.files:
            return (Ending.DISK, f"Stopped because it made more than {limits.files} files.")
        if size > limits.work_bytes:
            return (
                Ending.DISK,
                f"Stopped because its files took more than {limits.work_bytes} bytes.",
            )
        return None

    # --- the report ---------------------------------------------------------------------------

    def _make_report(self) -> ExecutionReport:
        status = _read_lines(bytes(self._status))
        ending, detail, code, number = self._judge(status)
        return ExecutionReport(
            ending=ending,
            exit_code=code,
            signal=number,
            stdout=bytes(self._output[self._stdout]),
            stderr=bytes(self._output[self._stderr]),
            wall_seconds=(self._ended_at or time.monotonic()) - self._began,
            cpu_seconds=max(self._use.cpu_seconds, status.cpu_seconds),
            peak_memory_bytes=max(self._peak, status.peak_bytes),
            detail=detail,
        )

    def _judge(self, status: _Status) -> tuple[Ending, str, int | None, int | None]:
        if self._ending is not None:
            return self._ending, self._detail, None, None
        if not status.is_started:
            # A guest cannot bring this about: it runs only after that line was written.
            output = self._output[self._stderr] or self._output[self._stdout]
            text = output.decode(errors="replace").strip()
            why = status.failure or text.rpartition("\n")[2] or "the sandbox ended at once"
            return Ending.FAILED_TO_START, f"It could not be started: {why}.", None, None
        if status.code is None:
            detail = "Something outside of the program killed it, perhaps for lack of memory."
            return Ending.KILLED, detail, None, int(signal.SIGKILL)
        if status.code >= 0:
            return Ending.EXITED, f"It ended with exit code {status.code}.", status.code, None
        number = -status.code
        if number == signal.SIGXCPU:
            seconds = self._limits.cpu_seconds
            return Ending.CPU, f"Stopped after its {seconds} s of processor time.", None, number
        if number == signal.SIGXFSZ:
            size = self._limits.file_bytes
            detail = f"Stopped because it wrote a file of more than {size} bytes."
            return Ending.DISK, detail, None, number
        return Ending.KILLED, f"It ended by {_name_of(number)}.", None, number


def _read_lines(text: bytes) -> _Status:
    """Read the launcher's lines; a guest that takes it over can forge them, so never fail here."""
    status = _Status()
    for line in text.decode(errors="replace").splitlines():
        word, _, rest = line.partition(" ")
        if word == "started":
            status.is_started = True
        elif word == "failed" and not status.is_started:
            status.failure = rest.rstrip(".")
        elif word == "ended":
            with contextlib.suppress(ValueError, OverflowError):
                code, cpu, peak = rest.split()
                status.code = max(-64, min(255, int(code)))
                status.cpu_seconds = min(1e9, max(0.0, float(cpu)))
                status.peak_bytes = min(2**50, max(0, int(peak) * 1024))
    return status


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
