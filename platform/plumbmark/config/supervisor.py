"""Running web, worker and scheduler as children of one process.

    python supervisor.py '{"web": ["python", "-m", …], …}'

Executed as a file: it imports the standard library alone, and takes no memory worth mentioning.

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 12.0
_MAX_PAUSE = 30.0
_STEADY_SECONDS = 60.0


@dataclass(slots=True)
class Child:
    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    pause: float = 0.5
    due_at: float = 0.0
    restarts: int = field(default=0)


def _die_with_parent() -> None:
    """End with the parent: in the child, before it executes its program, even on SIGKILL of the
    parent.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Keeps the children running until SIGINT or SIGTERM."""

    def __init__(
        self,
        children: Sequence[Child],
        environment: Mapping[str, str],
        *,
        grace_seconds: float = _GRACE_SECONDS,
    ) -> None:
        self._children = children
        self._grace_seconds = grace_seconds
        self._environment = dict(environment)
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
        child.restarts += 1

    def _start(self, child: Child, now: float) -> None:
        child.process = subprocess.Popen(  # noqa: S603 - our own commands
            child.command,
            env=self._environment,
            start_new_session=True,
            preexec_fn=_die_with_parent,
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


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s supervisor %(message)s")
    commands = json.loads(sys.argv[1])
    children = [Child(name, command) for name, command in commands.items()]
    sys.exit(Supervisor(children, os.environ).run())


if __name__ == "__main__":
    main()
