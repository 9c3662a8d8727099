"""This worker's sandbox: whether there is one, and running programs in it, a few at a time."""

import asyncio
from math import ceil
from pathlib import Path
from weakref import WeakKeyDictionary

from django.conf import settings

from plumbmark.common.errors import Conflict
from plumbmark.sandbox import Ending, Job, Limits, probe
from plumbmark.scoring.scorers.code_execution import Ran
from tasks_app.code.settings import BARE
from tasks_app.jobs.reporting import workers

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


def check_can_run(environment: str) -> None:
    """Refuse with the reason where no process is known that could run a program."""
    able = [worker for worker in workers() if worker.sandbox]
    if not able and not is_here():
        raise Conflict(f"Code tasks cannot be run here. {reason()}", code="no-sandbox")
    if environment == BARE or environment_python() is not None:
        return
    if not any(environment in worker.environments for worker in able):
        raise Conflict(missing_environment(environment), code="no-environment")


def reason() -> str:
    """Why this process has no sandbox; empty where it has one."""
    if not settings.SANDBOX_IS_ON:
        return "The operator has switched the sandbox off (PLUMBMARK_SANDBOX)."
    return probe().reason


def environment_python() -> Path | None:
    """The Python of the packages that code tasks may import; None where they are not installed."""
    python = Path(settings.SANDBOX_ENV_DIR) / "bin" / "python"
    return python if python.exists() else None


def missing_environment(environment: str) -> str:
    return (
        f"The environment {environment} is not installed on this machine. An operator can build it "
        "with “manage.py build_sandbox_environment”; programs that import nothing beside the "
        "standard library run without it."
    )


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
