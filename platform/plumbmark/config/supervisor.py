"""Running web, worker and scheduler as children of one process.

    python supervisor.py '{"children": {"web": ["python", …], …}, "running": {"web": 4711}, …}'

Executed as a file: it imports the standard library alone, and takes no memory worth mentioning.
`processes.supervise` executes it in place of a process that has started the children already.

A child that dies is started again, with growing pauses; a signal ends all of them in order; and
should this process be killed outright, the kernel ends the children (PR_SET_PDEATHSIG).
"""

import contextlib
import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

log = logging.getLogger("plumbmark.config.supervisor")

_PR_SET_PDEATHSIG = 1
_MAX_PAUSE = 30.0
_STEADY_SECONDS = 60.0


class ForkedProcess:
    """A child that this process forked before it executed the supervisor, used like a Popen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal, or None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float) -> int:
        """Return its exit code; raise `subprocess.TimeoutExpired` if it runs on."""
        ends = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() >= ends:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return code


@dataclass(slots=True)
class Child:
    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | ForkedProcess | None" = None
    started_at: float = 0.0
    pause: float = 0.5
    due_at: float = 0.0


def die_with_parent() -> None:
    """End with the parent: in the child, before it executes its program, even on SIGKILL of the
    parent.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Keeps the children running until SIGINT or SIGTERM."""

    def __init__(self, children: Sequence[Child], *, grace_seconds: float) -> None:
        self._children = children
        self._grace_seconds = grace_seconds
        self._is_ending = False

    def run(self) -> int:
        """Run until the end; return 0 after an orderly one."""
        signal.signal(signal.SIGINT, self._end)
        signal.signal(signal.SIGTERM, self._end)
        while not self._is_ending:
            now = time.monotonic()
            for child in self._children:
                self._look_after(child, now)
            time.sleep(0.2)
        return self._stop()

    def _end(self, _signal: int, _frame: FrameType | None) -> None:
        self._is_ending = True

    def _look_after(self, child: Child, now: float) -> None:
        if child.process is None:
            if now >= child.due_at:
                self._start(child, now)
            return
        code = child.process.poll()
        if code is None:
            return
        child.process = None
        if now - child.started_at > _STEADY_SECONDS:
            child.pause = 0.5
        child.due_at = now + child.pause
        log.warning("%s ended with %s; starting it again in %.1f s", child.name, code, child.pause)
        child.pause = min(child.pause * 2, _MAX_PAUSE)

    def _start(self, child: Child, now: float) -> None:
        child.process = subprocess.Popen(  # noqa: S603 - our own commands
            child.command, start_new_session=True, preexec_fn=die_with_parent
        )
        child.started_at = now

    def _stop(self) -> int:
        for child in self._children:
            self._signal(child, signal.SIGTERM)
        ends = time.monotonic() + self._grace_seconds
        for child in self._children:
            if child.process is None:
                continue
            try:
                child.process.wait(timeout=max(0.1, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s did not end in time", child.name)
                self._signal(child, signal.SIGKILL)
                child.process.wait(timeout=5)
        return 0

    def _signal(self, child: Child, sign: int) -> None:
        if child.process is None or child.process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, sign)


def _configure_log(form: str) -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if form == "json":
        # Loaded where it is asked for: it is not of the standard library.
        from plumbmark.common.logs import JsonLines

        logging.getLogger().handlers[0].setFormatter(JsonLines())


def main() -> None:
    options = json.loads(sys.argv[1])
    _configure_log(options["log_format"])
    children = [Child(name, command) for name, command in options["children"].items()]
    for child in children:
        if child.name in options["running"]:
            child.process = ForkedProcess(options["running"][child.name])
            child.started_at = time.monotonic()
    sys.exit(Supervisor(children, grace_seconds=options["grace_seconds"]).run())


if __name__ == "__main__":
    main()
