"""This worker's sandbox: whether there is one, and running programs in it, a few at a time."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

from django.conf import settings

from plumbmark.common.errors import Conflict
from plumbmark.sandbox import Limits, PythonExecutor, SandboxUnavailable, probe
from plumbmark.scoring import author_code, tested_programs
from plumbmark.scoring.scorers.code_execution import ProgramResult
from tasks_app.code_tasks.settings import BARE
from tasks_app.workers.reports import Worker, workers

_LAST_WORDS = 64 * 1024


def is_here() -> bool:
    """Return whether this process may run untrusted code. The first call tests it."""
    return bool(settings.SANDBOX_IS_ON) and probe().sandbox is not None


def check_tools_can_run() -> None:
    """Refuse with the reason where no process is known that could run a tool's code."""
    if why := _why_no_code(workers()):
        raise Conflict(
            f"This task gives the model tools that run code, which cannot be done here. {why}",
            code="no-sandbox",
        )


def check_can_run(environment: str) -> None:
    """Refuse with the reason where no process is known that could run a program."""
    live = workers()
    if why := _why_no_code(live):
        raise Conflict(f"Code tasks cannot be run here. {why}", code="no-sandbox")
    if environment == BARE:
        return
    has_environment = (
        any(worker.sandbox and environment in worker.environments for worker in live)
        if live
        else environment_python() is not None
    )
    if not has_environment:
        raise Conflict(missing_environment(environment), code="no-environment")


def why_nothing_runs_code() -> str:
    """Return why no process is known that could run a scorer's code; empty if one is."""
    return _why_no_code(workers())


def _why_no_code(live: Sequence[Worker]) -> str:
    """Return why nothing can run code; empty if something can.

    Where workers are known, they decide: this process may have a sandbox, but it runs no tasks.
    """
    if not live:
        return "" if is_here() else reason()
    if any(worker.sandbox for worker in live):
        return ""
    return f"No worker has a sandbox: {live[0].reason}"


def reason() -> str:
    """Return why this process has no sandbox; empty if it has one."""
    if not settings.SANDBOX_IS_ON:
        return "The operator has switched the sandbox off (PLUMBMARK_SANDBOX)."
    return probe().reason


def environment_python() -> Path | None:
    """Return the Python of the packages that code tasks may import; None if they are not
    installed.
    """
    python = Path(settings.SANDBOX_ENV_DIR) / "bin" / "python"
    return python if python.exists() else None


def missing_environment(environment: str) -> str:
    return (
        f"The environment {environment} is not installed on this machine. An operator can build it "
        "with “manage.py build_sandbox_environment”; programs that import nothing beside the "
        "standard library run without it."
    )


_executors: "WeakKeyDictionary[asyncio.AbstractEventLoop, PythonExecutor]" = WeakKeyDictionary()


def executor() -> PythonExecutor:
    """Return the executor of the whole process, on its one loop: slices of several threads share
    cores.

    `SandboxUnavailable` if this process has no sandbox.
    """
    loop = asyncio.get_running_loop()
    found = _executors.get(loop)
    if found is None:
        sandbox = probe().sandbox if settings.SANDBOX_IS_ON else None
        if sandbox is None:
            raise SandboxUnavailable(reason())
        found = PythonExecutor(sandbox, limits=Limits(), at_once=settings.SANDBOX_SLOTS)
        _executors[loop] = found
    return found


async def run_tested_program(given: bytes, timeout_seconds: float) -> ProgramResult:
    """Run an answer with its tests, without network or files; `SandboxUnavailable` where there is
    no sandbox or it fails."""
    ran = await executor().execute(
        tested_programs.harness(),
        timeout_seconds=timeout_seconds,
        given=given,
        merges_errors=False,
    )
    # Errors last: their end is what matters.
    output = ran.output if ran.exit_code == 0 else ran.errors or ran.output
    return ProgramResult(ran.exit_code, output[-_LAST_WORDS:], ran.timed_out, ran.detail)


async def call_author_code(
    given: bytes, timeout_seconds: float, *, preload: str = ""
) -> tuple[str, str]:
    """Call an author's function; what was printed, and why it was ended where a limit did it.

    `preload` is a module that is imported once for all cases, from the environment for code tasks;
    `SandboxUnavailable` where that is not installed.
    """
    python = environment_python() if preload else None
    if preload and python is None:
        raise SandboxUnavailable(missing_environment("kaggle-benchmarks"))
    ran = await executor().execute(
        author_code.program(preload),
        timeout_seconds=timeout_seconds,
        given=given,
        merges_errors=False,
        environment=python,
    )
    return ran.output, ran.detail or (ran.errors[-500:] if ran.exit_code else "")
