"""What passes into an evaluation and what comes out of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from plumbmark.engine.ports import CallResult, Message, ModelRequest
from plumbmark.scoring.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class PlannedSample:
    """One item, one repeat, ready to be asked."""

    ordinal: int
    key: str
    """Names the question within the run's grant; the same after a crash."""
    request: ModelRequest
    follow_ups: Sequence[str] = ()
    """The user's further turns, each said after the model's answer to the one before."""

    def key_of(self, turn: int) -> str:
        """Names the call of a turn, from 0."""
        return key_of_turn(self.key, turn)


def key_of_turn(key: str, turn: int) -> str:
    """The key of a sample's turn, from the key of its first."""
    return key if turn == 0 else f"{key.rpartition('/')[0]}/{turn}"


@dataclass(frozen=True, slots=True)
class SampleResult:
    """A sample whose outcome is known."""

    ordinal: int
    outcome: Outcome
    output: str
    error: str
    calls: tuple[CallResult, ...]
    messages: Sequence[Message] | None = None
    """What was sent last, where it is more than the request as planned."""


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
