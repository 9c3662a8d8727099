"""Tool use: whether the model called the tools that it should, and none that it should not."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from plumbmark.scoring.json_values import columns_in, covers, fill_columns
from plumbmark.scoring.scorers.base import (
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
)
from plumbmark.scoring.templates import BadTemplate
from plumbmark.scoring.tool_calls import MadeCall
from plumbmark.scoring.verdicts import Verdict
from plumbmark.shapes import Forms, ListOf, Optionally, StrictModel

_MAX_TIMES = 1000
_Times = tuple[int, int | None]
_Count = Annotated[int, Field(ge=0, le=_MAX_TIMES)]
_Most = Annotated[int | None, Forms(Annotated[int, Field(ge=0)] | None, kinds="an integer or null")]


class ForbiddenCall(StrictModel):
    tool: Annotated[str, Field(min_length=1, max_length=64)]
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="What the arguments must hold; they may hold more. Texts are templates.",
    )

    def meets(self, call: MadeCall, values: Mapping[str, Any]) -> bool:
        return call.tool == self.tool and covers(
            call.arguments, fill_columns(self.arguments, values)
        )

    def check(self, option: str) -> None:
        try:
            list(columns_in(self.arguments))
        except BadTemplate as error:
            raise ScorerSpecError(f"in the arguments of {self.tool}, {error}", option) from None

    def __str__(self) -> str:
        if not self.arguments:
            return self.tool
        return f"{self.tool} with {', '.join(self.arguments)}"


class RequiredCall(ForbiddenCall):
    times: Annotated[
        _Times,
        Forms(
            _Count | Annotated[tuple[_Count, _Most], Strict(False)],
            becomes=lambda times: (times, times) if isinstance(times, int) else times,
            description="How often: a number, or the fewest and the most (null: any number). At "
            "least once where it is left out.",
        ),
    ] = Field(default_factory=lambda: (1, None))

    def check(self, option: str) -> None:
        super().check(option)
        least, most = self.times
        if most is not None and not least <= most <= _MAX_TIMES:
            raise ScorerSpecError(
                f"times of {self.tool} is a whole number, or the fewest and the most: [1, 3] or "
                "[1, null]",
                option,
            )


class ToolUse(Scorer):
    """Right where the model called the tools that it should, and none that it should not."""

    type: Literal["tool_use"]
    required: Annotated[ListOf[RequiredCall], Field(max_length=50)] = Field(
        default_factory=tuple,
        description="Calls that must be made, and answered without an error.",
    )
    forbidden: Annotated[ListOf[ForbiddenCall], Field(max_length=50)] = Field(
        default_factory=tuple, description="Calls that must not be made."
    )
    order: Literal["any", "strict"] = Field(
        default="any",
        description="Strict: the required calls come in the order in which they stand.",
    )
    max_calls: Optionally[_Count] = Field(default=None, description="Calls of all tools at most.")
    partial: bool = Field(default=False, description="The score is the share of checks that hold.")

    def check(self) -> None:
        for call in self.required:
            call.check("required")
        for unwanted in self.forbidden:
            unwanted.check("forbidden")
        if not self.required and not self.forbidden and self.max_calls is None:
            raise ScorerSpecError("say what to check: required, forbidden or max_calls", "required")
        if self.order == "strict" and len(self.required) < 2:
            raise ScorerSpecError("an order needs two required calls or more", "order")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the data that the arguments name."""
        return tuple(
            dict.fromkeys(
                column
                for check in (*self.required, *self.forbidden)
                for column in columns_in(check.arguments)
            )
        )

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        if context.tool_calls is None:
            return Verdict(
                None, None, "The calls of this answer are not recorded, so they cannot be checked."
            )
        checks = self._check_calls(context.tool_calls, context.values)
        passed = sum(holds for holds, _ in checks)
        value = passed / len(checks) if self.partial else float(passed == len(checks))
        lines = [f"{'✓' if holds else '✗'} {check}" for holds, check in checks]
        return Verdict(
            value,
            None,
            f"{passed} of {len(checks)} checks hold: {'; '.join(lines)}.",
            {"checks": [{"holds": holds, "check": check} for holds, check in checks]},
        )

    def _check_calls(
        self, calls: Sequence[MadeCall], values: Mapping[str, Any]
    ) -> list[tuple[bool, str]]:
        """Return every check, whether it passes and its description."""
        checks = []
        for one in self.required:
            times = sum(call.succeeded and one.meets(call, values) for call in calls)
            least, most = one.times
            holds = least <= times and (most is None or times <= most)
            checks.append((holds, f"{one} called {_times(times)}{_describe_times(least, most)}"))
        if self.order == "strict":
            checks.append((self._is_in_order(calls, values), "the required calls in their order"))
        for unwanted in self.forbidden:
            is_called = any(unwanted.meets(call, values) for call in calls)
            checks.append((not is_called, f"{unwanted} {'called' if is_called else 'not called'}"))
        if self.max_calls is not None:
            holds = len(calls) <= self.max_calls
            checks.append((holds, f"{_calls(len(calls))}, at most {self.max_calls}"))
        return checks

    def _is_in_order(self, calls: Sequence[MadeCall], values: Mapping[str, Any]) -> bool:
        """Return whether each required call comes after the one before it; others may come
        between.
        """
        left = iter(calls)
        return all(
            any(call.succeeded and one.meets(call, values) for call in left)
            for one in self.required
            if one.times[0]
        )

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        return None


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _describe_times(least: int, most: int | None) -> str:
    if most is None:
        return "" if least == 1 else f", at least {_times(least)}"
    if least == most:
        return f", exactly {_times(least)}"
    return f", from {least} to {most} times"
