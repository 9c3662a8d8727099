"""Agreement between two raters of the same answers: the share of equal verdicts, and Cohen's κ.

κ = (p_o − p_e) / (1 − p_e) (Cohen 1960, Educational and Psychological Measurement 20:37), with p_o
the observed agreement and p_e what two raters with these habits would reach by chance. For grades
disagreements weigh by the square of their distance (Cohen 1968, Psychological Bulletin 70:213;
Fleiss & Cohen 1973): 1 − ((x − y) / range)².

The variance is the asymptotic one of Fleiss, Cohen & Everitt 1969, Psychological Bulletin 72:323,
written as the sum of the squared influences of the ratings. Written so, ratings of one cluster (the
answers of several models to one question) add up before they are squared; clusters of one rating
give the published formula with n − 1 in place of n.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from plumbmark.scoring.distributions import t_quantile
from plumbmark.scoring.intervals import CONFIDENCE, wilson

Weights = Literal["none", "quadratic"]
KappaMethod = Literal["clustered-t", "wilson-agreement", "none"]
"""`clustered-t`: κ ± t·SE. `wilson-agreement`: not one disagreement, so no spread to be seen; the
lower limit is the κ that Wilson's lower limit of the agreement would give. `none`: no interval."""


@dataclass(frozen=True, slots=True)
class Rating:
    """Two raters' verdicts on one answer."""

    first: float
    second: float
    cluster: str


@dataclass(frozen=True, slots=True)
class AgreementCell:
    """The number of answers with this pair of ratings."""

    first: float
    second: float
    count: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """`kappa` is None if it is undefined; `note` says why it, or its interval, is missing."""

    n: int
    n_clusters: int
    n_equal: int
    weights: Weights
    kappa: float | None
    low: float | None
    high: float | None
    method: KappaMethod
    note: str
    mean_distance: float | None
    """Of the verdicts, without sign: of use for grades."""
    table: tuple[AgreementCell, ...]

    @property
    def share_equal(self) -> float | None:
        return self.n_equal / self.n if self.n else None


def agreement(
    ratings: Sequence[Rating],
    *,
    weights: Weights = "none",
    span: float | None = None,
) -> Agreement:
    """Return the agreement of two raters; `span` is the width of the grades' scale, for quadratic
    weights.
    """
    if weights == "quadratic" and not (span and span > 0):
        raise ValueError("quadratic weights need the width of the scale")
    n = len(ratings)
    clusters = len({one.cluster for one in ratings})
    counts: dict[tuple[float, float], int] = defaultdict(int)
    for one in ratings:
        counts[one.first, one.second] += 1
    table = tuple(
        AgreementCell(first, second, counts[first, second]) for first, second in sorted(counts)
    )
    equal = sum(cell.count for cell in table if cell.first == cell.second)
    distance = (
        math.fsum(abs(cell.first - cell.second) * cell.count for cell in table) / n if n else None
    )

    def build_agreement(
        kappa: float | None,
        low: float | None,
        high: float | None,
        method: KappaMethod,
        note: str = "",
    ) -> Agreement:
        return Agreement(
            n, clusters, equal, weights, kappa, low, high, method, note, distance, table
        )

    if not n:
        return build_agreement(None, None, None, "none", "no answer has both verdicts")
    weight = _Weight(weights, span or 1.0)
    firsts, seconds = _shares(table, n)
    chance = math.fsum(p * q * weight(x, y) for x, p in firsts.items() for y, q in seconds.items())
    if 1 - chance < 1e-12:
        return build_agreement(None, None, None, "none", "both gave every answer the same verdict")
    observed = math.fsum(cell.count * weight(cell.first, cell.second) for cell in table) / n
    kappa = (observed - chance) / (1 - chance)
    if clusters < 2:
        return build_agreement(kappa, None, None, "none", "all answers are of one cluster")
    if len(firsts) == 1 or len(seconds) == 1:
        constant = "one of the two gave every answer the same verdict, so κ is 0 whatever they say"
        return build_agreement(kappa, None, None, "none", constant)
    if equal == n:
        # The normal theory would give an interval without any width.
        limit = wilson(clusters, clusters).low
        return build_agreement(
            kappa, max(-1.0, (limit - chance) / (1 - chance)), 1.0, "wilson-agreement"
        )
    variance = _variance(ratings, weight, firsts, seconds, chance, kappa, clusters)
    if variance < 1e-18:
        return build_agreement(kappa, None, None, "none", "the verdicts show no spread")
    half = t_quantile(0.5 + CONFIDENCE / 2, clusters - 1) * math.sqrt(variance)
    return build_agreement(kappa, max(-1.0, kappa - half), min(1.0, kappa + half), "clustered-t")


@dataclass(frozen=True, slots=True)
class _Weight:
    """The share of an agreement that two verdicts are: 1 where equal."""

    weights: Weights
    span: float

    def __call__(self, one: float, other: float) -> float:
        if self.weights == "none":
            return float(one == other)
        share = (one - other) / self.span
        return 1 - share * share


def _shares(
    table: Sequence[AgreementCell], n: int
) -> tuple[dict[float, float], dict[float, float]]:
    """Return how often each rater gives each verdict."""
    firsts: dict[float, float] = defaultdict(float)
    seconds: dict[float, float] = defaultdict(float)
    for cell in table:
        firsts[cell.first] += cell.count / n
        seconds[cell.second] += cell.count / n
    return firsts, seconds


def _variance(
    ratings: Sequence[Rating],
    weight: _Weight,
    firsts: dict[float, float],
    seconds: dict[float, float],
    chance: float,
    kappa: float,
    clusters: int,
) -> float:
    """Return Σ_c (Σ ψ)² · G / (G − 1), with ψ the influence of a rating on κ."""
    of_first = {x: math.fsum(q * weight(x, y) for y, q in seconds.items()) for x in firsts}
    of_second = {y: math.fsum(p * weight(x, y) for x, p in firsts.items()) for y in seconds}
    centre = kappa - chance * (1 - kappa)
    scale = len(ratings) * (1 - chance)
    sums: dict[str, float] = defaultdict(float)
    for one in ratings:
        habits = of_first[one.first] + of_second[one.second]
        influence = weight(one.first, one.second) - habits * (1 - kappa) - centre
        sums[one.cluster] += influence / scale
    return math.fsum(part * part for part in sums.values()) * clusters / (clusters - 1)
