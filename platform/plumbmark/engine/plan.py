"""What passes into an evaluation and what comes out of it."""

from dataclasses import dataclass
from enum import StrEnum

from plumbmark.engine.ports import CallResult, ModelRequest
from plumbmark.scoring.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class PlannedSample:
    """One item, one repeat, ready to be asked."""

    ordinal: int
    key: str
    """Names the question within the run's grant; the same after a crash."""
    request: ModelRequest


@dataclass(frozen=True, slots=True)
class SampleResult:
    """A sample whose outcome is known."""

    ordinal: int
    outcome: Outcome
    output: str
    error: str
    calls: tuple[CallResult, ...]


class StopReason(StrEnum):
    """Why an evaluation ended."""

    EXHAUSTED = "exhausted"
    """Nothing more was planned."""
    ASKED = "asked"
    """Somebody asked it to stop: the slice is over, or the run was paused or cancelled."""
    QUOTA = "quota"
    BREAKER = "breaker"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why, and of a failure its code and the amount that a quota did not cover."""

    reason: StopReason
    detail: str = ""
    code: str = ""
    amount: int = 0
