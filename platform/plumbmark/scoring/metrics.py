"""What a number on a board is: its name, which way is better, its unit and its bounds."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

Direction = Literal["higher", "lower"]
Reduction = Literal["mean"]
"""From the scores of items to the score of a run. Metrics of a whole run (F1 and the like) get
their own reductions, whose intervals are bootstrapped over clusters."""

NumberFormat = Literal["percent", "points", "dollars", "seconds", "fraction", "plain"]
NUMBER_FORMATS: tuple[NumberFormat, ...] = get_args(NumberFormat)
"""How a metric's scores may be written. `percent`: of a share; `points`: the number itself, or
points of a hundred on a scale from 0 to 1; `fraction`: with the upper bound, as in 8/10."""

MAX_SCORE = 1e30
"""The largest score and the largest bound, with either sign. Squares and sums of such numbers stay
far from the end of the range of floats, so that nothing computed from them is infinite."""
MIN_WIDTH = 1e-30
"""The least distance between bounds, for the same reason."""


def find_score_problem(value: float) -> str | None:
    """Return why a number cannot be a score, as the end of a sentence; None if it can.

    The number may also be an integer of any size.
    """
    if value != value or value in (math.inf, -math.inf):
        return "is NaN, infinite or beyond the range of numbers"
    if not -MAX_SCORE <= value <= MAX_SCORE:
        return f"is not between -{MAX_SCORE:g} and {MAX_SCORE:g}, which is the range of scores"
    return None


def find_bounds_problem(lower: float | None, upper: float | None) -> str | None:
    """Return why two bounds cannot be those of a metric; None if they can."""
    bounds = [bound for bound in (lower, upper) if bound is not None]
    if not all(math.isfinite(bound) for bound in bounds):
        return "bounds must be finite or null"
    if any(abs(bound) > MAX_SCORE for bound in bounds):
        return f"bounds must be between -{MAX_SCORE:g} and {MAX_SCORE:g}, or null"
    if lower is not None and upper is not None:
        if lower >= upper:
            return "the lower bound must be below the upper"
        if upper - lower < MIN_WIDTH:
            return f"the bounds must be at least {MIN_WIDTH:g} apart"
    return None


def find_format_problem(name: str | None, lower: float | None, upper: float | None) -> str | None:
    """Return why a number format does not fit a metric's bounds; None if it does."""
    if name == "percent" and (lower, upper) not in {(0, 1), (0, None), (None, None)}:
        return "percent is for shares, whose bounds are [0, 1] or [0, null]; use points or plain"
    if name == "fraction" and (lower != 0 or upper is None):
        return "fraction needs the bounds [0, the highest score], as in 8/10"
    return None


@dataclass(frozen=True, slots=True)
class Metric:
    """`lower` and `upper` are the declared bounds of one item's score, None where it has none."""

    name: str = "accuracy"
    direction: Direction = "higher"
    unit: str = ""
    lower: float | None = 0.0
    upper: float | None = 1.0
    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        if problem := find_bounds_problem(self.lower, self.upper):
            raise ValueError(f"metric {self.name}: {problem}")
        if self.direction not in ("higher", "lower"):
            raise ValueError(f"metric {self.name}: the direction is 'higher' or 'lower'")

    @property
    def is_bounded(self) -> bool:
        """Only bounded metrics can be normalised, and so enter an aggregate."""
        return self.lower is not None and self.upper is not None

    @property
    def width(self) -> float:
        """The distance between the declared bounds, 1 where it is not bounded."""
        if self.lower is None or self.upper is None:
            return 1.0
        return self.upper - self.lower

    @property
    def best(self) -> float | None:
        """The best possible score of an item, None where it is not bounded."""
        return self.upper if self.direction == "higher" else self.lower

    @property
    def worst(self) -> float | None:
        """The worst possible score of an item, None where it is not bounded."""
        return self.lower if self.direction == "higher" else self.upper

    @property
    def is_higher_better(self) -> bool:
        return self.direction == "higher"

    def normalise(self, value: float) -> float:
        """Return `value` mapped so that the worst bound is 0 and the best is 1."""
        if self.lower is None or self.upper is None:
            raise ValueError(f"metric {self.name} has no declared bounds and cannot be normalised")
        share = (value - self.lower) / (self.upper - self.lower)
        return share if self.direction == "higher" else 1 - share


NORMALISED = Metric(name="normalised", direction="higher", unit="", lower=0.0, upper=1.0)
"""The scale of aggregates."""
