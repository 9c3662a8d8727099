"""Adaptive concurrency, and when a failed attempt is tried again."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from plumbmark.engine.ports import FailureKind
from plumbmark.gateway.calls.concurrency import AdaptiveLimit
from plumbmark.gateway.calls.retry_budget import RetryBudget
from plumbmark.gateway.providers.base import AttemptFailure

FAR = float("inf")


def answer(limit: AdaptiveLimit, times: int, *, seconds: float = 1, deadline: float = 120) -> None:
    for _ in range(times):
        limit.note_success(seconds, deadline)


def run(work: Callable[[AdaptiveLimit], Awaitable[None]], ceiling: int = 4) -> None:
    async def start() -> None:
        await work(AdaptiveLimit(ceiling))

    asyncio.run(start())


async def taken(limit: AdaptiveLimit, count: int) -> None:
    until = asyncio.get_running_loop().time() + 5
    for _ in range(count):
        assert await limit.acquire(until=until)


def test_a_slot_beyond_the_ceiling_waits_its_turn() -> None:
    async def work(limit: AdaptiveLimit) -> None:
        await taken(limit, 4)
        loop = asyncio.get_running_loop()
        assert not await limit.acquire(until=loop.time() + 0.02)
        fifth = asyncio.create_task(limit.acquire(until=loop.time() + 5))
        await asyncio.sleep(0)
        limit.release()
        assert await fifth
        assert limit.in_flight == 4

    run(work)


def test_a_cancelled_wait_takes_no_slot() -> None:
    async def work(limit: AdaptiveLimit) -> None:
        await taken(limit, 4)
        waiting = asyncio.create_task(limit.acquire(until=asyncio.get_running_loop().time() + 5))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        limit.release()
        assert limit.in_flight == 3

    run(work)


def test_being_told_to_slow_down_halves_the_limit_once_for_a_crowd() -> None:
    async def work(limit: AdaptiveLimit) -> None:
        answer(limit, 60)
        assert limit.limit == 64
        for _ in range(10):
            limit.note_overload()
        assert limit.limit == 32
        answer(limit, 40)
        assert 33 <= limit.limit < 34
        answer(limit, 4000)
        assert limit.limit == 64

    run(work, ceiling=64)


def test_it_begins_with_few_calls_and_doubles_with_their_answers() -> None:
    async def work(limit: AdaptiveLimit) -> None:
        assert limit.limit == 4
        answer(limit, 4)
        assert limit.limit == 8
        answer(limit, 8)
        assert limit.limit == 16
        answer(limit, 1000)
        assert limit.limit == 64

    run(work, ceiling=64)


def test_it_does_not_grow_while_calls_wait_for_each_other() -> None:
    """A server that works on one at a time: each answer takes as long as there are calls."""

    async def work(limit: AdaptiveLimit) -> None:
        for _ in range(1000):
            answer(limit, 1, seconds=3 * limit.limit)
        # An answer takes 36 s then: more than a quarter of its deadline, and twice what was usual.
        assert limit.limit == 12

    run(work, ceiling=64)


def test_long_answers_of_a_server_that_answers_side_by_side_do_not_keep_it_low() -> None:
    async def work(limit: AdaptiveLimit) -> None:
        answer(limit, 60, seconds=90)
        assert limit.limit == 64

    run(work, ceiling=64)


def test_after_failures_alone_it_grows_quickly_again() -> None:
    async def work(limit: AdaptiveLimit) -> None:
        answer(limit, 60)
        for seconds in range(20):
            limit._decreased_at = -1e9 + seconds
            limit.note_overload()
        assert limit.limit == 1
        answer(limit, 31)
        assert limit.limit == 32
        answer(limit, 31)
        assert limit.limit < 33

    run(work, ceiling=64)


def test_retry_after_pauses_everybody() -> None:
    async def work(limit: AdaptiveLimit) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        limit.note_overload(0.1)
        assert await limit.acquire(until=began + 5)
        assert loop.time() - began >= 0.095

    run(work)


def test_every_pause_ends_on_uvloop_too() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        for milliseconds in range(10, 40):
            limit = AdaptiveLimit(4)
            limit.note_overload(milliseconds / 1000)
            assert await limit.acquire(until=loop.time() + 2)

    uvloop.run(work())


def test_a_longer_pause_outlasts_the_shorter_before_it() -> None:
    async def work(limit: AdaptiveLimit) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        limit.note_overload(0.05)
        limit.note_overload(0.2)
        assert await limit.acquire(until=began + 5)
        assert loop.time() - began >= 0.195

    run(work)


def failure(kind: FailureKind, *, retry_after: float | None = None) -> AttemptFailure:
    return AttemptFailure(kind, "code", "", is_retryable=True, retry_after=retry_after)


def attempts(kind: FailureKind) -> int:
    budget = RetryBudget(ends_at=FAR)
    count = 1
    while budget.pause_after(failure(kind), now=0) is not None:
        count += 1
    return count


def test_a_call_is_tried_six_times_and_more_often_when_only_told_to_wait() -> None:
    assert attempts(FailureKind.PROVIDER_ERROR) == 6
    assert attempts(FailureKind.RATE_LIMITED) == 18


def test_the_time_of_a_call_is_bounded() -> None:
    budget = RetryBudget(ends_at=10.0)

    assert budget.pause_after(failure(FailureKind.NETWORK, retry_after=20), now=0) is None


def test_pauses_keep_to_retry_after_and_grow_without_it() -> None:
    budget = RetryBudget(ends_at=FAR)

    told = budget.pause_after(failure(FailureKind.RATE_LIMITED, retry_after=2.0), now=0)

    assert told is not None
    assert 2.0 <= told <= 2.6
    longest = [
        max(
            pause
            for _ in range(200)
            if (
                pause := RetryBudget(FAR, _failures=n).pause_after(
                    failure(FailureKind.NETWORK), now=0
                )
            )
            is not None
        )
        for n in (0, 3)
    ]
    assert longest[0] <= 0.5 < longest[1] <= 4.0


def test_a_failure_that_is_final_is_not_retried() -> None:
    final = AttemptFailure(FailureKind.CONTEXT_OVERFLOW, "c", "", is_retryable=False)

    assert RetryBudget(FAR).pause_after(final, now=0) is None


@pytest.mark.parametrize(("before", "after", "expected"), [(64, 8, 8), (8, 64, 64)])
def test_the_ceiling_follows_the_deployment(before: int, after: int, expected: int) -> None:
    async def work(limit: AdaptiveLimit) -> None:
        answer(limit, 100)
        limit.set_ceiling(after)
        answer(limit, 100)
        assert limit.limit == expected

    run(work, ceiling=before)
