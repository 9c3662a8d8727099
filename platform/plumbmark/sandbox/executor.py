"""The engine's `Executor`: a program's text in, what it printed out."""

import asyncio
from dataclasses import replace

from plumbmark.engine.ports import Execution
from plumbmark.sandbox.contract import MIB, Ending, Job, Limits, Sandbox, SandboxUnavailable

ANSWER_LIMITS = Limits(
    memory_bytes=512 * MIB,
    address_space_bytes=1024 * MIB,
    processes=32,
    file_bytes=16 * MIB,
    disk_bytes=64 * MIB,
    output_bytes=64 * 1024,
)
"""For short programs that models write; the time comes with each."""


class PythonExecutor:
    """Runs programs on a bare Python that sees nothing but its standard library and itself.

    To be used in one event loop. `at_once` is how many run at a time; the others wait.
    """

    def __init__(
        self, sandbox: Sandbox, *, limits: Limits = ANSWER_LIMITS, at_once: int = 2
    ) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._places = asyncio.Semaphore(at_once)

    async def execute(self, program: str, *, timeout_seconds: float) -> Execution:
        """Raises `SandboxUnavailable` where it could not be run, which is no fault of the
        program's."""
        limits = replace(
            self._limits,
            wall_seconds=timeout_seconds,
            cpu_seconds=max(1, min(self._limits.cpu_seconds, round(timeout_seconds + 0.5))),
        )
        job = Job(
            argv=[self._sandbox.python, "-I", "-"],
            stdin=program.encode("utf-8", "replace"),
            limits=limits,
            merges_errors=True,
        )
        async with self._places:
            report = await self._sandbox.run(job)
        if report.ending is Ending.FAILED_TO_START:
            raise SandboxUnavailable(report.detail)
        return Execution(
            exit_code=report.exit_code,
            output=report.stdout.decode("utf-8", "replace"),
            timed_out=report.ending in (Ending.TIMED_OUT, Ending.CPU),
        )
