"""One timer for a wait that is renewed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from plumbmark.common.idle_timer import IdleTimer

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    def run(work: Callable[[], Awaitable[None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(work())  # type: ignore[arg-type]

    return run


Run = Callable[[Callable[[], Awaitable[None]]], None]


def test_it_calls_back_once_after_a_wait_that_is_too_long(run: Run) -> None:
    async def work() -> None:
        calls: list[float] = []
        loop = asyncio.get_running_loop()
        timer = IdleTimer(0.05, lambda: calls.append(loop.time()))
        begun = loop.time()
        timer.wait()
        await asyncio.sleep(0.3)
        assert len(calls) == 1
        assert calls[0] - begun >= 0.049  # The clock of uvloop counts milliseconds.

    run(work)


def test_a_wait_that_is_renewed_or_over_is_not_too_long(run: Run) -> None:
    async def work() -> None:
        calls: list[str] = []
        timer = IdleTimer(0.2, lambda: calls.append("idle"))
        for _ in range(10):
            timer.wait()
            await asyncio.sleep(0.05)
        timer.pause()
        await asyncio.sleep(0.5)
        assert calls == []

        timer.wait()
        await asyncio.sleep(0.5)
        assert calls == ["idle"]

    run(work)


def test_nothing_comes_after_it_is_cancelled(run: Run) -> None:
    async def work() -> None:
        calls: list[str] = []
        timer = IdleTimer(0.05, lambda: calls.append("idle"))
        timer.wait()
        timer.cancel()
        await asyncio.sleep(0.2)
        assert calls == []

    run(work)


def test_a_timer_that_never_waited_can_be_cancelled(run: Run) -> None:
    async def work() -> None:
        IdleTimer(0.05, lambda: None).cancel()

    run(work)
