"""The engine's `Executor`: a program's text in, what it printed out."""

import asyncio
from dataclasses import replace
from math import ceil
from pathlib import Path

from plumbmark.engine.ports import Execution
from plumbmark.sandbox.contract import (
    MIB,
    Ending,
    Limits,
    Mount,
    Sandbox,
    SandboxJob,
    SandboxUnavailable,
)
from plumbmark.sandbox.interpreter import environment_mounts

ANSWER_LIMITS = Limits(
    memory_bytes=512 * MIB,
    address_space_bytes=1024 * MIB,
    processes=32,
    file_bytes=16 * MIB,
    disk_bytes=64 * MIB,
    output_bytes=64 * 1024,
)
"""For short programs that models write; the time comes with each."""

_ENVIRONMENT = "/opt/environment"

_START = """\
import os
def read(size):
    parts = []
    while size > 0 and (part := os.read(0, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
line = b""
while not line.endswith(b"\\n"):
    line += os.read(0, 1)
exec(compile(read(int(line)), "program.py", "exec"), {"__name__": "__main__"})
"""
"""Reads the program from standard input, whose rest is the program's own. Without a buffer, which
would already hold a part of that rest: a program may hand it on to one of its processes only.
"""


class PythonExecutor:
    """Runs programs on a bare Python that sees only its standard library.

    To be used in one event loop. `at_once` is how many run at a time; the others wait.
    """

    def __init__(
        self, sandbox: Sandbox, *, limits: Limits = ANSWER_LIMITS, at_once: int = 2
    ) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._places = asyncio.Semaphore(at_once)

    async def execute(
        self,
        program: str,
        *,
        timeout_seconds: float,
        memory_bytes: int | None = None,
        given: bytes = b"",
        merges_errors: bool = True,
        environment: Path | None = None,
    ) -> Execution:
        """Run a program; raise `SandboxUnavailable` if it cannot be run, which is not the program's
        fault.

        `environment` is the Python of a virtual environment on the host, used in place of a bare
        one.
        """
        limits = replace(
            self._limits,
            wall_seconds=timeout_seconds,
            cpu_seconds=max(1, min(self._limits.cpu_seconds, ceil(timeout_seconds) + 1)),
        )
        if memory_bytes is not None:
            limits = replace(
                limits, memory_bytes=memory_bytes, address_space_bytes=2 * memory_bytes
            )
        python, mounts = self._sandbox.python, tuple[Mount, ...]()
        if environment is not None:
            mounts = tuple(environment_mounts(environment, at=_ENVIRONMENT))
            python = f"{_ENVIRONMENT}/bin/python"
        text = program.encode("utf-8", "replace")
        job = SandboxJob(
            # Not -I, which would leave the hash seed to chance: the same program is to print the
            # same. Its environment is all ours.
            argv=[python, "-s", "-c", _START],
            mounts=mounts,
            environment={"PYTHONHASHSEED": "0"},
            stdin=b"%d\n%b%b" % (len(text), text, given),
            limits=limits,
            merges_errors=merges_errors,
        )
        async with self._places:
            report = await self._sandbox.run(job)
        if report.ending in (Ending.FAILED_TO_START, Ending.CANCELLED):
            raise SandboxUnavailable(report.detail)
        return Execution(
            exit_code=report.exit_code,
            output=report.stdout.decode("utf-8", "replace"),
            timed_out=report.ending in (Ending.TIMED_OUT, Ending.CPU),
            errors=report.stderr.decode("utf-8", "replace"),
            detail=report.detail,
        )
