"""Whoever comes together goes on one at a time."""

import asyncio
from collections.abc import Awaitable, Callable

from plumbmark.gateway.calls.scheduler import Scheduler


def run(work: Callable[[Scheduler], Awaitable[None]]) -> None:
    async def start() -> None:
        await work(Scheduler())

    asyncio.run(start())


def test_one_goes_on_at_each_turn_of_the_loop_in_the_order_of_coming() -> None:
    async def work(turns: Scheduler) -> None:
        went: list[int] = []

        async def one(number: int) -> None:
            await turns.mine()
            went.append(number)

        tasks = [asyncio.create_task(one(number)) for number in range(20)]
        before = 0
        while len(went) < len(tasks):
            await asyncio.sleep(0)
            assert len(went) - before <= 1
            before = len(went)
        assert went == list(range(20))

    run(work)


def test_whoever_comes_alone_does_not_wait() -> None:
    async def work(turns: Scheduler) -> None:
        for _ in range(3):
            going = asyncio.create_task(turns.mine())
            await asyncio.sleep(0)
            assert going.done()
            await asyncio.sleep(0)

    run(work)


def test_those_who_left_hold_nobody_up() -> None:
    async def work(turns: Scheduler) -> None:
        tasks = [asyncio.create_task(turns.mine()) for _ in range(10)]
        await asyncio.sleep(0)
        for task in tasks[1:9]:
            task.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks, return_exceptions=True)
            await turns.mine()
        assert [task.cancelled() for task in tasks] == [False, *[True] * 8, False]

    run(work)
