"""The input and the output of an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from plumbmark.engine.ports import CallResult, Message, ModelRequest
from plumbmark.engine.tools import Toolbox
from plumbmark.engine.values import value_object
from plumbmark.scoring.outcomes import Outcome


@value_object
class PlannedSample:
    """One repeat of one item, ready to be sent."""

    ordinal: int
    key: str
    """Names the question within the run's grant; the same after a crash."""
    request: ModelRequest
    follow_ups: Sequence[str] = ()
    """The user's further turns, each said after the model's answer to the one before."""

    user: "SimulatedUser | None" = None
    """The model that says the further turns, if no script does."""
    keeps_conversation: bool = False
    """The output is the whole conversation, not only the last answer."""
    separates_reasoning: bool = False
    """The conversation is written down without the reasoning that stands in answers."""
    toolbox: Toolbox | None = None
    """What the model may call before it answers."""
    item: Mapping[str, Any] = field(default_factory=dict)
    """The item's columns that tools may know."""
    limits: "SampleLimits | None" = None

    def key_of(self, step: int) -> str:
        """Return the key of the candidate's call of a step, from 0; without tools, steps are
        turns.
        """
        return key_of_turn(self.key, step)

    def key_of_user(self, turn: int) -> str:
        """Return the key of the simulated user's call after a turn."""
        return key_of_turn(self.key, turn, of_user=True)


@dataclass(frozen=True, slots=True)
class SimulatedUser:
    """Another model that plays the user."""

    instructions: str
    stop: str
    """What it says when it is done."""
    max_turns: int
    """Answers of the candidate at most."""
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class SampleLimits:
    """The limits of a sample: reaching one is its own end, and no fault of the platform's."""

    max_steps: int
    """Calls of the candidate."""
    max_tool_calls: int
    max_output_tokens_total: int | None = None
    """Of all answers of the candidate together."""
    max_cost: int | None = None
    """Nanodollars of all calls; no call is made once they are spent."""


def key_of_turn(key: str, turn: int, *, of_user: bool = False) -> str:
    """Return the key of a sample's turn, given the key of its first."""
    first = key.rpartition("/")[0]
    if of_user:
        return f"{first}/u{turn}"
    return key if turn == 0 else f"{first}/{turn}"


@value_object
class SampleResult:
    """A sample whose outcome is known."""

    ordinal: int
    outcome: Outcome
    output: str
    error: str
    calls: tuple[CallResult, ...]
    roles: tuple[str, ...] = ()
    """Of the calls, in their order; empty: all are the candidate's."""
    messages: Sequence[Message] | None = None
    """What was sent last, where it is more than the request as planned."""


class StopReason(StrEnum):
    """Why an evaluation ended."""

    EXHAUSTED = "exhausted"
    """Nothing more was planned."""
    ASKED = "asked"
    """It was asked to stop: the slice is over, or the run was paused or cancelled."""
    QUOTA = "quota"
    BREAKER = "breaker"


@dataclass(frozen=True, slots=True)
class EvaluationEnd:
    """Why, and of a failure its code and the amount that a quota did not cover."""

    reason: StopReason
    detail: str = ""
    code: str = ""
    amount: int = 0
