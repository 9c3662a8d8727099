"""Whether a failed attempt is retried, and after how long.

Full jitter over an exponential pause (a crowd that failed together does not come back together);
`Retry-After` is respected if the provider sent one. A call has a budget of attempts and of time. A
429 costs a third of an attempt: it does not mean that the call cannot succeed.
"""

import random
from dataclasses import dataclass

from plumbmark.engine.ports import FailureKind
from plumbmark.gateway.providers.base import AttemptFailure

MAX_CALL_ATTEMPTS = 6
OVERALL_DEADLINES = 3.0
"""The whole call may take so many times the deadline of one attempt, not counting the time in which
it waited for a place among the calls in flight.
"""
_FIRST_PAUSE_SECONDS = 0.5
_MAX_PAUSE_SECONDS = 30.0
_UNITS_PER_ATTEMPT = 3


@dataclass(slots=True)
class RetryBudget:
    """The budget of one call; `ends_at` is on the caller's monotonic clock."""

    ends_at: float
    _units: int = MAX_CALL_ATTEMPTS * _UNITS_PER_ATTEMPT
    _failures: int = 0

    def extend(self, seconds: float) -> None:
        """Add time that the call did not use, because it waited for a place."""
        self.ends_at += seconds

    def pause_after(self, failure: AttemptFailure, *, now: float) -> float | None:
        """Return the seconds to wait before the next attempt, or None: this failure is final."""
        if not failure.is_retryable:
            return None
        is_limited = failure.kind is FailureKind.RATE_LIMITED
        self._units -= 1 if is_limited else _UNITS_PER_ATTEMPT
        if self._units <= 0:
            return None
        most = min(_MAX_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**self._failures)
        self._failures += 1
        pause = random.uniform(0.0, most)  # noqa: S311 - spreads load, guards nothing
        if failure.retry_after is not None:
            # A little jitter on top, so that calls with the same pause do not return all at once.
            pause = failure.retry_after + min(pause, 0.25 * failure.retry_after + 0.05)
        return pause if now + pause < self.ends_at else None
