"""What every scorer has, and how its options are read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from plumbmark.scoring.extraction import WithoutMarker
from plumbmark.scoring.normalisation import STEPS, UnknownStep, normaliser
from plumbmark.scoring.templates import BadTemplate, Template, parse_template
from plumbmark.scoring.tool_calls import MadeCall
from plumbmark.scoring.verdicts import Verdict, quote

Scalar = str | int | float | bool
Target = Scalar | Sequence[Scalar] | None
"""What the data calls right; any one of a list counts as right."""


@dataclass(frozen=True, slots=True)
class ScorerContext:
    """The part of an item that a scorer may know besides its target.

    `choices` stand in the order of the data; `choice_seed` is the seed of the order shown.
    """

    item_key: str = ""
    choices: Sequence[str] = ()
    choice_seed: int | None = None
    tool_calls: Sequence[MadeCall] | None = None
    """What the model called on the way, for scorers that look at it; None: not recorded."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The columns of the item that such scorers use."""


class Scorer(Protocol):
    """Judges one output in time linear in its length.

    `version` rises whenever some output would be judged differently. An exception from `score` is
    a bug of the scorer; the caller records the sample as unscored.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def options(self) -> Mapping[str, object]:
        """All options of its type with defaults written out, as plain JSON.

        Two entries that mean the same have equal options, and a scorer built from them is equal.
        """
        ...

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict: ...

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        """Return why `target` can never be met, so that the import refuses it; None if it can."""
        ...


class ScorerSpecError(ValueError):
    """A scorer entry that cannot be built. `option` is the key at fault, empty for the whole."""

    def __init__(self, message: str, option: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.option = option


Choice = TypeVar("Choice", bound=str)


class Options:
    """Typed reading of a scorer entry; `finish` refuses what nobody read."""

    def __init__(self, spec: Mapping[str, object]) -> None:
        self._spec = spec
        self._read = {"type", "name", "metric"}

    def _take(self, option: str) -> object:
        self._read.add(option)
        return self._spec.get(option)

    def has(self, option: str) -> bool:
        return self._spec.get(option) is not None

    def text(self, option: str, default: str) -> str:
        value = self._take(option)
        if value is None:
            return default
        if not isinstance(value, str):
            raise ScorerSpecError(f"{option} must be a text", option)
        return value

    def flag(self, option: str, default: bool) -> bool:
        value = self._take(option)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise ScorerSpecError(f"{option} must be true or false", option)
        return value

    def whole_number(self, option: str, default: int) -> int:
        value = self._take(option)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise ScorerSpecError(f"{option} must be a whole number", option)
        return value

    def decimal_text(self, option: str) -> str | None:
        """Return a number as text, so that 0.1 keeps meaning one tenth."""
        value = self._take(option)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ScorerSpecError(f"{option} must be a number", option)
        if isinstance(value, float) and not math.isfinite(value):
            raise ScorerSpecError(f"{option} must be a finite number", option)
        return str(value)

    def template(self, option: str, missing: str) -> Template:
        """Return a text with columns in braces; `missing` is the message if there is none."""
        text = self.text(option, "")
        if not text.strip():
            raise ScorerSpecError(missing, option)
        try:
            return parse_template(text)
        except BadTemplate as error:
            line = text[: error.offset].count("\n") + 1
            raise ScorerSpecError(f"in line {line} of the {option}, {error}", option) from None

    def number(self, option: str, default: float, lower: float, upper: float) -> float:
        value = self._take(option)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ScorerSpecError(f"{option} must be a number", option)
        if not lower <= value <= upper:
            raise ScorerSpecError(f"{option} must be from {lower:g} to {upper:g}", option)
        return float(value)

    def scale(self, option: str) -> tuple[float, float] | None:
        """Return the lowest and the highest value of a scale."""
        value = self._take(option)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ScorerSpecError(f"{option} must be the lowest and the highest number", option)
        if any(isinstance(one, bool) or not isinstance(one, int | float) for one in value):
            raise ScorerSpecError(f"{option} must hold two numbers", option)
        lower, upper = float(value[0]), float(value[1])
        if not (math.isfinite(lower) and math.isfinite(upper) and lower < upper):
            raise ScorerSpecError(f"{option} must go from a lower to a higher number", option)
        return lower, upper

    def mapping(self, option: str) -> Mapping[str, Any] | None:
        value = self._take(option)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ScorerSpecError(f"{option} must be keys and values", option)
        return value

    def mappings(self, option: str) -> list[Mapping[str, Any]]:
        """Return a list of keys and values; an empty one if it is left out."""
        value = self._take(option)
        if value is None:
            return []
        if not isinstance(value, list | tuple) or not all(
            isinstance(one, Mapping) for one in value
        ):
            raise ScorerSpecError(f"{option} must be a list of keys and values", option)
        return list(value)

    def choice(self, option: str, allowed: Sequence[Choice], default: Choice) -> Choice:
        value = self._take(option)
        if value is None:
            return default
        for one in allowed:
            if value == one:
                return one
        raise ScorerSpecError(f"{option} must be one of {', '.join(allowed)}", option)

    def texts(self, option: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """Return a text or a list of texts, none of them empty."""
        value = self._take(option)
        if value is None:
            return tuple(default)
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple):
            raise ScorerSpecError(f"{option} must be a text or a list of texts", option)
        texts = [one for one in listed if isinstance(one, str) and one]
        if len(texts) != len(listed):
            raise ScorerSpecError(f"{option} must hold texts that are not empty", option)
        return tuple(texts)

    def steps(self, option: str, default: Sequence[str]) -> tuple[str, ...]:
        """Return names of normalisations."""
        value = self._take(option)
        if isinstance(value, list | tuple) and not value:
            return ()
        steps = self.texts(option, default)
        try:
            normaliser(steps)
        except UnknownStep as error:
            raise ScorerSpecError(str(error), option) from None
        return tuple(step for step in STEPS if step in steps)

    def without_marker(self) -> WithoutMarker:
        allowed: tuple[WithoutMarker, ...] = ("wrong", "anywhere")
        return self.choice("without_marker", allowed, "wrong")

    def finish(self, scorer_type: str) -> None:
        for option in self._spec:
            if option not in self._read:
                known = ", ".join(sorted(self._read - {"type", "name", "metric"}))
                raise ScorerSpecError(
                    f"{option} is no option of the scorer {scorer_type}; it has {known}", option
                )


def target_list(target: Target) -> list[Scalar]:
    """Return the targets, any of which is right; an empty list for None."""
    if target is None:
        return []
    if isinstance(target, str | int | float | bool):
        return [target]
    return list(target)


def target_text(target: Scalar) -> str:
    """Return a target as text: `true` and `false` as in JSON, whole floats without “.0”."""
    if isinstance(target, bool):
        return "true" if target else "false"
    if isinstance(target, float) and target.is_integer() and abs(target) < 2**53:
        return str(int(target))
    return str(target)


def list_targets(targets: Sequence[str]) -> str:
    """Format targets for an explanation."""
    shown = " or ".join(quote(target) for target in targets[:5])
    return shown if len(targets) <= 5 else f"{shown} or {len(targets) - 5} more"
