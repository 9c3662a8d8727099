"""The attempts of one call: when the next may be made, and what is recorded of them."""

import asyncio
from typing import Any

from plumbmark.common import clock
from plumbmark.engine.ports import FailureKind
from plumbmark.gateway.calls.concurrency import AdaptiveLimit
from plumbmark.gateway.calls.outcomes import note_failed_attempt
from plumbmark.gateway.calls.policy import CallPolicy
from plumbmark.gateway.calls.retry_budget import OVERALL_DEADLINES, RetryBudget
from plumbmark.gateway.providers.base import Answer, Attempt, AttemptFailure
from plumbmark.gateway.storage.records import CallRecord

MAX_WAIT_SECONDS = 3600.0
"""For a place among the calls in flight, before each attempt."""
_OVERLOADED = {429, 503, 529}
_OVERLOADS = {FailureKind.RATE_LIMITED, FailureKind.DEADLINE, FailureKind.NETWORK}
"""What a provider's failure is if too many calls are in flight."""


class RetryLoop:
    """`begin`, make the attempt, `end` in any case, `pause_after` what it brought; and again."""

    __slots__ = (
        *("_asked_at", "_began", "_budget", "_deadline", "_entry", "_last", "_limit", "_loop"),
        *("_record", "_seconds", "_terms"),
    )

    def __init__(self, terms: CallPolicy, record: CallRecord, limit: AdaptiveLimit) -> None:
        self._loop = asyncio.get_running_loop()
        self._record = record
        self._terms = terms
        self._limit = limit
        self._asked_at = self._began = self._loop.time()
        self._seconds = 0.0
        self._deadline = terms.target.deadline_seconds
        self._budget = RetryBudget(self._asked_at + self._deadline * OVERALL_DEADLINES)
        self._entry: dict[str, Any] | None = None
        self._last: AttemptFailure | None = None

    @property
    def is_open(self) -> bool:
        """An attempt is under way."""
        return self._entry is not None

    @property
    def seconds(self) -> float:
        """Return the seconds that the attempt under way has taken."""
        return self._loop.time() - self._began

    async def begin(self) -> AttemptFailure | None:
        """Wait for a place among the calls in flight; the failure where none came in time."""
        entered = self._loop.time()
        if not await self._limit.acquire(until=entered + MAX_WAIT_SECONDS):
            return self._last or AttemptFailure(
                FailureKind.RATE_LIMITED,
                "no-place",
                f"No place among the calls to this model came free in {MAX_WAIT_SECONDS:.0f} s.",
                is_retryable=False,
            )
        self._began = self._loop.time()
        self._budget.extend(self._began - entered)
        self._entry = {
            "at": round(clock.timestamp(), 3),
            "ms": 0,
            "waited_ms": int((self._began - self._asked_at) * 1000),
        }
        self._record.attempts.append(self._entry)
        return None

    def end(self) -> None:
        """Give the place back and note how long it took; nothing where no attempt is open."""
        if self._entry is None:
            return
        self._limit.release()
        self._seconds = self._loop.time() - self._began
        self._record.latency_ms = self._entry["ms"] = int(self._seconds * 1000)
        self._entry = None

    def pause_after(self, attempt: Attempt) -> float | None:
        """Return the seconds until the next attempt, or None: this attempt is the call's
        outcome.
        """
        entry = self._record.attempts[-1]
        if isinstance(attempt, Answer):
            entry["status"] = attempt.status
            self._limit.note_success(self._seconds, self._deadline)
            return None
        note_failed_attempt(self._terms, self._record, attempt)
        if attempt.status is not None:
            entry["status"] = attempt.status
        if attempt.status is None or attempt.status == 200:
            entry["error"] = attempt.code
        if attempt.is_retryable and (attempt.kind in _OVERLOADS or attempt.status in _OVERLOADED):
            self._limit.note_overload(attempt.retry_after)
        self._asked_at = self._loop.time()
        pause = self._budget.pause_after(attempt, now=self._asked_at)
        if pause is not None:
            self._last = attempt
        return pause
