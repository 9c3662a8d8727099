"""The reliability of model judges: whether order or their own family influences them.

Agreement with a person's labels is in `agreement`.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plumbmark.scoring.distributions import t_quantile
from plumbmark.scoring.estimates import Estimate, estimate
from plumbmark.scoring.intervals import CONFIDENCE
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric

_SHARE = Metric(name="share", direction="lower", lower=0.0, upper=1.0)


@dataclass(frozen=True, slots=True)
class SwappedPair:
    """One judge on one pair, asked in both orders: 1 the answer is better, 0 the other, ½ a tie."""

    key: str
    cluster: str
    answer_first: float
    answer_second: float

    @property
    def is_flipped(self) -> bool:
        """Return whether another one wins when the order is another."""
        return {self.answer_first, self.answer_second} == {0.0, 1.0}

    @property
    def is_for_the_first(self) -> bool:
        """Flipped, and whatever came first won."""
        return self.is_flipped and self.answer_first == 1.0


@dataclass(frozen=True, slots=True)
class SwapFlips:
    """`share` is the share of pairs whose winner changed with the order, with its interval."""

    share: Estimate
    flipped: int
    for_the_first: int
    """The flipped pairs in which the first answer won both times."""
    wavered: int
    """A tie in one order and a winner in the other."""


def swap_flips(pairs: Sequence[SwappedPair]) -> SwapFlips:
    """Estimate how often the order flips a judge's verdict (Wilson; clustered by
    question).
    """
    scores = {
        pair.key: ItemScore((float(pair.is_flipped),), 0, pair.cluster or None) for pair in pairs
    }
    flipped = sum(pair.is_flipped for pair in pairs)
    return SwapFlips(
        share=estimate(scores, _SHARE),
        flipped=flipped,
        for_the_first=sum(pair.is_for_the_first for pair in pairs),
        wavered=sum(pair.answer_first != pair.answer_second for pair in pairs) - flipped,
    )


@dataclass(frozen=True, slots=True)
class Deviation:
    """A judge's value of one answer minus its reference: labels, or the other judges."""

    value: float
    is_own: bool
    """The answer is by a model of the judge's own maker."""
    cluster: str


@dataclass(frozen=True, slots=True)
class FamilyPreference:
    """The mean deviation on the judge's own family minus that on others; None if undetermined."""

    difference: float | None
    low: float | None
    high: float | None
    n_own: int
    n_others: int


def family_preference(deviations: Sequence[Deviation]) -> FamilyPreference:
    """Test whether a judge favours models of its own maker relative to the reference.

    The difference of two means with the clustered variance (answers to one question belong
    together, also across the groups) and Student's t with the degrees of the smaller group, fewer
    than Welch's. It does not show quality: a family may be better, and both reference and judge see
    it.
    """
    own = [one for one in deviations if one.is_own]
    others = [one for one in deviations if not one.is_own]
    if not own or not others:
        return FamilyPreference(None, None, None, len(own), len(others))
    parts = (_influences(own, 1.0), _influences(others, -1.0))
    difference = _mean(own) - _mean(others)
    fewest = min(map(len, parts))
    if fewest < 2:
        return FamilyPreference(difference, None, None, len(own), len(others))
    together: dict[str, float] = defaultdict(float)
    for part in parts:
        correction = math.sqrt(len(part) / (len(part) - 1))
        for cluster, influence in part.items():
            together[cluster] += influence * correction
    variance = math.fsum(one * one for one in together.values())
    if variance < 1e-18:
        # Nothing varied: normal theory would claim certainty.
        return FamilyPreference(difference, None, None, len(own), len(others))
    half = t_quantile(0.5 + CONFIDENCE / 2, fewest - 1) * math.sqrt(variance)
    return FamilyPreference(difference, difference - half, difference + half, len(own), len(others))


def _mean(deviations: Sequence[Deviation]) -> float:
    return math.fsum(one.value for one in deviations) / len(deviations)


def _influences(deviations: Sequence[Deviation], sign: float) -> Mapping[str, float]:
    """Return each cluster's influence on the mean."""
    mean = _mean(deviations)
    sums: dict[str, float] = defaultdict(float)
    for one in deviations:
        sums[one.cluster] += sign * (one.value - mean) / len(deviations)
    return sums
