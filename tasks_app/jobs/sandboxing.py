"""This worker's sandbox: whether there is one, and running programs in it, a few at a time."""

import asyncio
from math import ceil
from weakref import WeakKeyDictionary

from django.conf import settings

from plumbmark.sandbox import Ending, Job, Limits, probe
from plumbmark.scoring.scorers.code_execution import Ran

_LAST_WORDS = 64 * 1024
_FROM_STDIN = (
    "import sys; exec(compile(sys.stdin.read(), 'program.py', 'exec'), {'__name__': '__main__'})"
)
"""Read whole before it runs, so that the program finds its own standard input at its end."""


class NoSandbox(RuntimeError):
    """This worker cannot run code."""


def is_here() -> bool:
    """Whether this process may run untrusted code. The first call tries it out."""
    return bool(settings.SANDBOX_IS_ON) and probe().sandbox is not None


_slots: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = WeakKeyDictionary()


def _free_slot() -> asyncio.Semaphore:
    """One for the whole process, on its one loop: slices of several threads share the cores."""
    return _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(settings.SANDBOX_SLOTS))


async def run_program(program: str, timeout_seconds: float) -> Ran:
    """Run a Python program without network or files; `NoSandbox` where the sandbox itself fails."""
    sandbox = probe().sandbox
    if sandbox is None:
        raise NoSandbox(probe().reason)
    job = Job(
        argv=(sandbox.python, "-I", "-c", _FROM_STDIN),
        stdin=program.encode("utf-8", "replace"),
        limits=Limits(wall_seconds=timeout_seconds, cpu_seconds=ceil(timeout_seconds) + 1),
    )
    async with _free_slot():
        report = await sandbox.run(job)
    if report.ending in {Ending.FAILED_TO_START, Ending.CANCELLED}:
        raise NoSandbox(report.detail)
    # Errors last: of them the reader wants the end.
    said = report.stderr or report.stdout
    if report.exit_code == 0:
        said = report.stdout
    return Ran(
        report.exit_code,
        said[-_LAST_WORDS:].decode("utf-8", "replace"),
        report.ending is Ending.TIMED_OUT,
        report.detail,
    )
