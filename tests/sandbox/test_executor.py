"""The engine's executor: programs that models write, run and judged by what they print."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from plumbmark.engine.ports import Execution, Executor
from plumbmark.sandbox.contract import (
    MIB,
    Ending,
    ExecutionReport,
    Sandbox,
    SandboxJob,
    SandboxUnavailable,
)
from plumbmark.sandbox.executor import PythonExecutor
from tests.sandbox import driver
from tests.sandbox.conftest import BACK_ENDS, unavailable


@pytest.fixture(params=BACK_ENDS)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    if reason := unavailable(request.param):
        pytest.skip(reason)
    return driver.back_end(request.param)


def executed(sandbox: Sandbox, program: str, seconds: float = 120) -> Execution:
    async def main() -> Execution:
        executor: Executor = PythonExecutor(sandbox)
        return await executor.execute(program, timeout_seconds=seconds)

    return asyncio.run(main())


def test_what_a_program_prints_comes_back_in_order(sandbox: Sandbox) -> None:
    program = (
        "import sys\n"
        "print('one', flush=True)\n"
        "print('zwei ä', file=sys.stderr, flush=True)\n"
        "print(__name__, flush=True)\n"
        "print('three', file=sys.stderr)\n"
    )

    found = executed(sandbox, program)

    assert (found.exit_code, found.timed_out) == (0, False)
    assert found.output == "one\nzwei ä\n__main__\nthree\n"


def test_an_assertion_that_fails_is_told_with_its_trace(sandbox: Sandbox) -> None:
    found = executed(sandbox, "def f(): return 1\nassert f() == 2\n")

    assert found.exit_code == 1
    assert "AssertionError" in found.output


@pytest.mark.parametrize("program", ["while True: pass", "import time; time.sleep(60)"])
def test_a_program_that_does_not_end_is_told_as_such(sandbox: Sandbox, program: str) -> None:
    found = executed(sandbox, program, 1.0)

    assert (found.exit_code, found.timed_out) == (None, True)


def test_output_beyond_the_limit_is_cut_and_the_program_killed(sandbox: Sandbox) -> None:
    found = executed(sandbox, "while True: print('x' * 1000)")

    assert (found.exit_code, found.timed_out) == (None, False)
    assert len(found.output) == 64 * 1024


def test_text_that_is_no_utf_8_is_shown_as_far_as_it_goes(sandbox: Sandbox) -> None:
    found = executed(sandbox, "import os; os.write(1, b'a\\xffb')")

    assert found.output == "a\ufffdb"


def test_a_long_program_is_run_whole(sandbox: Sandbox) -> None:
    program = "x = 0\n" + "x += 1\n" * 60_000 + "print(x)\n"

    assert executed(sandbox, program).output == "60000\n"


def test_memory_is_limited(sandbox: Sandbox) -> None:
    found = executed(sandbox, f"x = bytearray({2048 * MIB})")

    assert found.exit_code == 1
    assert "MemoryError" in found.output


class Counting:
    """Notes how many run at a time."""

    name = "counting"
    python = "python"
    caveats: tuple[str, ...] = ()

    def __init__(self, ending: Ending = Ending.EXITED) -> None:
        self.now = self.most = 0
        self._ending = ending

    async def run(
        self, job: SandboxJob, *, on_output: Callable[[bytes], None] | None = None
    ) -> ExecutionReport:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(5):
            await asyncio.sleep(0)
        self.now -= 1
        return ExecutionReport(self._ending, 0, None, b"", b"", 0, 0, 0, "It could not.")


def test_no_more_run_at_once_than_allowed() -> None:
    counting = Counting()

    async def main() -> None:
        executor = PythonExecutor(counting, at_once=2)
        calls: list[Awaitable[Execution]] = [
            executor.execute("", timeout_seconds=1) for _ in range(7)
        ]
        await asyncio.gather(*calls)

    asyncio.run(main())

    assert counting.most == 2


def test_a_failure_of_the_sandbox_is_none_of_the_programs() -> None:
    with pytest.raises(SandboxUnavailable, match="It could not"):
        executed(Counting(Ending.FAILED_TO_START), "print(1)")
