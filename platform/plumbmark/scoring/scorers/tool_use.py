"""Tool use: whether the model called the tools that it should, and none that it should not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from plumbmark.scoring.json_values import columns_in, covers, fill_columns
from plumbmark.scoring.scorers.base import (
    Options,
    ScorerContext,
    ScorerSpecError,
    Target,
)
from plumbmark.scoring.templates import BadTemplate
from plumbmark.scoring.tool_calls import MadeCall
from plumbmark.scoring.verdicts import Verdict

Order = Literal["any", "strict"]
_MAX_TIMES = 1000


@dataclass(frozen=True, slots=True)
class CallCheck:
    """A kind of call: a tool, and what its arguments must hold. `most` None: as often as wished."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    least: int = 1
    most: int | None = None

    def meets(self, call: MadeCall, values: Mapping[str, Any]) -> bool:
        return call.tool == self.tool and covers(
            call.arguments, fill_columns(self.arguments, values)
        )

    def __str__(self) -> str:
        if not self.arguments:
            return self.tool
        return f"{self.tool} with {', '.join(self.arguments)}"


@dataclass(frozen=True, slots=True)
class ToolUse:
    name: str
    required: tuple[CallCheck, ...]
    forbidden: tuple[CallCheck, ...]
    order: Order
    max_calls: int | None
    partial: bool
    version: str = "1"

    @classmethod
    def from_spec(cls, spec: Mapping[str, object], name: str) -> "ToolUse":
        options = Options(spec)
        orders: tuple[Order, ...] = ("any", "strict")
        required = tuple(_check(one, "required") for one in options.mappings("required"))
        forbidden = tuple(_check(one, "forbidden") for one in options.mappings("forbidden"))
        max_calls = options.whole_number("max_calls", -1)
        scorer = cls(
            name,
            required,
            forbidden,
            options.choice("order", orders, "any"),
            None if max_calls == -1 and not options.has("max_calls") else max_calls,
            options.flag("partial", False),
        )
        options.finish("tool_use")
        if scorer.max_calls is not None and not 0 <= scorer.max_calls <= _MAX_TIMES:
            raise ScorerSpecError(f"max_calls must be from 0 to {_MAX_TIMES}", "max_calls")
        if not required and not forbidden and scorer.max_calls is None:
            raise ScorerSpecError("say what to check: required, forbidden or max_calls", "required")
        if scorer.order == "strict" and len(required) < 2:
            raise ScorerSpecError("an order needs two required calls or more", "order")
        return scorer

    @property
    def options(self) -> Mapping[str, object]:
        return {
            "required": [
                {
                    "tool": one.tool,
                    "arguments": dict(one.arguments),
                    "times": [one.least, one.most],
                }
                for one in self.required
            ],
            "forbidden": [
                {"tool": one.tool, "arguments": dict(one.arguments)} for one in self.forbidden
            ],
            "order": self.order,
            "max_calls": self.max_calls,
            "partial": self.partial,
        }

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
        checks = self._checked(context.tool_calls, context.values)
        held = sum(holds for holds, _ in checks)
        value = held / len(checks) if self.partial else float(held == len(checks))
        lines = [f"{'✓' if holds else '✗'} {told}" for holds, told in checks]
        return Verdict(
            value,
            None,
            f"{held} of {len(checks)} checks hold: {'; '.join(lines)}.",
            {"checks": [{"holds": holds, "check": told} for holds, told in checks]},
        )

    def _checked(
        self, calls: Sequence[MadeCall], values: Mapping[str, Any]
    ) -> list[tuple[bool, str]]:
        """Return every check, whether it passes and its description."""
        checks = []
        for one in self.required:
            times = sum(call.succeeded and one.meets(call, values) for call in calls)
            holds = one.least <= times and (one.most is None or times <= one.most)
            checks.append((holds, f"{one} called {_times(times)}{_describe_check(one)}"))
        if self.order == "strict":
            checks.append((self._is_in_order(calls, values), "the required calls in their order"))
        for one in self.forbidden:
            times = sum(one.meets(call, values) for call in calls)
            checks.append((times == 0, f"{one} not called" if not times else f"{one} called"))
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
            if one.least
        )

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        return None


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _describe_check(check: CallCheck) -> str:
    if check.most is None:
        return "" if check.least == 1 else f", at least {_times(check.least)}"
    if check.least == check.most:
        return f", exactly {_times(check.least)}"
    return f", from {check.least} to {check.most} times"


def _check(entry: Mapping[str, Any], option: str) -> CallCheck:
    known = {"tool", "arguments", "times"} if option == "required" else {"tool", "arguments"}
    for key in entry:
        if key not in known:
            raise ScorerSpecError(f"{option} takes {', '.join(sorted(known))}, not {key!r}", option)
    tool, arguments = entry.get("tool"), entry.get("arguments", {})
    if not isinstance(tool, str) or not tool:
        raise ScorerSpecError(f"each of {option} names its tool", option)
    if not isinstance(arguments, Mapping):
        raise ScorerSpecError(f"the arguments of {tool} must be keys and values", option)
    try:
        list(columns_in(arguments))
    except BadTemplate as error:
        raise ScorerSpecError(f"in the arguments of {tool}, {error}", option) from None
    least, most = _range(entry.get("times"), tool, option)
    return CallCheck(tool, arguments, least, most)


def _range(times: Any, tool: str, option: str) -> tuple[int, int | None]:
    if times is None:
        return 1, None
    fault = ScorerSpecError(
        f"times of {tool} is a whole number, or the fewest and the most: [1, 3] or [1, null]",
        option,
    )
    if _is_count(times):
        return times, times
    if not isinstance(times, list | tuple) or len(times) != 2 or not _is_count(times[0]):
        raise fault
    least, most = times
    if most is not None and not (_is_count(most) and least <= most):
        raise fault
    return least, most


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TIMES
