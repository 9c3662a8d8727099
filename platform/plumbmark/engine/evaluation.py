"""The loop that keeps a window of samples in flight.

A fixed number of lanes pull from the plan, so the window stays full while the plan lasts and no
asyncio task is made per sample. Nothing here grows with the number of samples.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from plumbmark.engine.plan import (
    EvaluationEnd,
    PlannedSample,
    SampleResult,
    StopReason,
)
from plumbmark.engine.ports import FailureKind, ModelCaller
from plumbmark.engine.solvers import generate

log = logging.getLogger(__name__)

Solver = Callable[[PlannedSample, ModelCaller], Awaitable[SampleResult]]


class Plan:
    """A bounded buffer of planned samples between the thread that loads and the loop that sends.

    All methods run on the event loop; `taken` may be read from anywhere.
    """

    def __init__(self) -> None:
        self.taken = 0
        """How many samples the lanes have taken."""
        self._ready: deque[PlannedSample] = deque()
        self._closed = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, samples: Iterable[PlannedSample]) -> None:
        self._ready.extend(samples)
        self._changed.set()

    def close(self) -> None:
        """Close the plan: no more samples will be added."""
        self._closed = True
        self._changed.set()

    def clear(self) -> None:
        """Drop what has not been taken."""
        self._ready.clear()

    async def take(self) -> PlannedSample | None:
        """Return the next sample; None when the plan is closed and empty."""
        while not self._ready:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        self.taken += 1
        return self._ready.popleft()


class Breaker:
    """A breaker: trips after a number of equal fatal failures with no answer in between.

    It keeps the results that count towards that, because they are the samples' outcomes only if it
    does not trip: after a bad key is corrected, the same samples are run again.
    """

    def __init__(self, limit: int = 5) -> None:
        self._limit = limit
        self._code = ""
        self._withheld: list[SampleResult] = []
        self.is_tripped = False

    def pass_on(self, result: SampleResult) -> list[SampleResult]:
        """Return the results that may be emitted now that this one has come, in order."""
        failure = result.calls[-1].failure if result.calls else None
        if failure is None:
            return [*self.take_withheld(), result]
        if not failure.fatal:
            return [result]
        before = [] if failure.code == self._code or self.is_tripped else self.take_withheld()
        self._code = failure.code
        if not self.is_tripped:
            self._withheld.append(result)
            self.is_tripped = len(self._withheld) >= self._limit
        return before

    def take_withheld(self) -> list[SampleResult]:
        """Return the held results that are outcomes after all; none once it has tripped."""
        if self.is_tripped:
            return []
        results, self._withheld = self._withheld, []
        return results


class Evaluation:
    """Asks every planned sample, at most `window` at a time, and emits each result once."""

    def __init__(
        self,
        caller: ModelCaller,
        emit: Callable[[SampleResult], None],
        *,
        window: int,
        solver: Solver = generate,
        breaker: Breaker | None = None,
    ) -> None:
        self.plan = Plan()
        self.in_flight = 0
        self._caller = caller
        self._emit = emit
        self._window = window
        self._solver = solver
        self._breaker = breaker or Breaker()
        self._ending: EvaluationEnd | None = None

    def stop(
        self, reason: StopReason, detail: str = "", *, code: str = "", amount: int = 0
    ) -> None:
        """Take nothing new; what is in flight ends by itself. The first reason is kept."""
        if self._ending is None:
            self._ending = EvaluationEnd(reason, detail, code, amount)
        self.plan.clear()
        self.plan.close()

    async def run(self) -> EvaluationEnd:
        """Work until the plan is closed and empty, or until something stops it."""
        async with asyncio.TaskGroup() as lanes:
            for number in range(self._window):
                lanes.create_task(self._lane(), name=f"lane-{number}")
        for result in self._breaker.take_withheld():
            self._emit(result)
        return self._ending or EvaluationEnd(StopReason.EXHAUSTED)

    async def _lane(self) -> None:
        while (sample := await self.plan.take()) is not None:
            self.in_flight += 1
            try:
                result = await self._solver(sample, self._caller)
            finally:
                self.in_flight -= 1
            failure = result.calls[-1].failure if result.calls else None
            if failure is not None and failure.kind is FailureKind.QUOTA:
                # Not the sample's outcome: it stays open and is run when there is balance.
                self.stop(
                    StopReason.QUOTA, failure.message, code=failure.code, amount=failure.amount
                )
                continue
            for known in self._breaker.pass_on(result):
                self._emit(known)
            if self._breaker.is_tripped and failure is not None and failure.fatal:
                self.stop(
                    StopReason.BREAKER, f"{failure.code}: {failure.message}", code=failure.code
                )
