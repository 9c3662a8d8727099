"""Two rows compared on the items that both have."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from plumbmark.scoring import tails
from plumbmark.scoring.clustering import (
    Spread,
    Table,
    deviate,
    lay_out,
    spread,
    tabulate,
)
from plumbmark.scoring.distributions import fair_coin_mid_p
from plumbmark.scoring.intervals import Interval, newcombe_paired, student
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.vectors import Booleans, Floats, Integers, ScoreVector, as_vector

PairMethod = Literal["mcnemar", "clustered-t", "sign", "none"]
"""`mcnemar`: mid-p McNemar, one binary score per item and no clusters; its interval is Newcombe's.
`clustered-t`: paired t on clustered differences. `sign`: the sign test over clusters, where every
cluster differs by the same amount and no variance can be estimated. `none`: nothing to test."""

NO_DIFFERENCE = 1e-13
"""Of the size of the scores: a smaller difference of means is rounding."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Row a against row b. `difference` is a − b on the scale of the metric.

    `p_value` is two-sided and unadjusted; None where nothing can be tested.
    """

    p_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    method: PairMethod
    n_common: int
    a_only: int
    b_only: int
    a_higher: int
    """Common items on which a scores higher than b: one discordant count of McNemar's test."""
    b_higher: int
    n_clusters: int
    standard_error: float | None = None
    """Of the difference, where the method is `clustered-t`; `df` are its degrees of freedom."""
    df: float | None = None


@dataclass(frozen=True, slots=True)
class PairTests:
    """Of many pairs: differences of the first from the second, and two-sided p-values, NaN where
    nothing can be tested.
    """

    differences: Floats
    p_values: Floats

    def take(self, places: Integers) -> "PairTests":
        """Return some of the pairs."""
        return PairTests(self.differences[places], self.p_values[places])


def compare(a: ItemScores | ScoreVector, b: ItemScores | ScoreVector, metric: Metric) -> Comparison:
    """Compare two rows on their common items, on the metric's own scale."""
    rows = [as_vector(a), as_vector(b)]
    layout = lay_out([[row.items for row in rows]])
    table = tabulate(layout.frames[0], rows, metric, normalise=False)
    common = table.present[0] & table.present[1]
    first, second = (int(count) for count in table.counts)
    count = int(np.count_nonzero(common))
    if not count:
        return Comparison(None, None, None, None, "none", 0, first, second, 0, 0, 0)
    # Of centred rows, so that no digits of the size of the means are lost.
    values = np.where(common, table.centred[0] - table.centred[1], 0.0)
    found = deviate(table.frame, values[None], common[None], 1.0)
    differences = table.means[:1] - table.means[1:] + found.means
    clusters = int(found.part.clusters[0])
    above, below = _higher_counts(table, common)
    error = df = None
    is_binary = bool((table.is_binary & table.is_one_repeat).all())
    method: PairMethod
    if is_binary and not found.part.has_clusters[0]:
        high = table.high
        both = int(np.count_nonzero(high[0] & high[1]))
        unit = newcombe_paired(both, above, below, count - both - above - below)
        interval: Interval | None = Interval(unit.low * metric.width, unit.high * metric.width)
        difference = (above - below) * metric.width / count
        p_value: float | None = fair_coin_mid_p(min(above, below), above + below)
        method = "mcnemar"
    else:
        scales = table.scales.max(keepdims=True)
        variance = spread([found.part], layout, scales)
        tests = spread_tests(differences, variance, scales)
        difference, method = float(tests.differences[0]), _method(variance)
        p_value = None if method == "none" else float(tests.p_values[0])
        interval = None
        if method == "clustered-t":
            error, df = math.sqrt(float(variance.variance[0])), float(variance.df[0])
            interval = student(difference, float(variance.variance[0]), df)
    return Comparison(
        p_value=p_value,
        difference=difference,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        method=method,
        n_common=count,
        a_only=first - count,
        b_only=second - count,
        a_higher=above,
        b_higher=below,
        n_clusters=clusters,
        standard_error=error,
        df=df,
    )


def _method(found: Spread) -> PairMethod:
    variance = float(found.variance[0])
    if variance != variance:
        return "none"
    return "clustered-t" if variance else "sign"


def _higher_counts(table: Table, common: Booleans) -> tuple[int, int]:
    differences = (table.values[0] - table.values[1])[common]
    margin = 1e-12 * float(table.scales.max())
    return int(np.count_nonzero(differences > margin)), int(np.count_nonzero(differences < -margin))


def spread_tests(differences: Floats, found: Spread, scale: Floats | float) -> PairTests:
    """Return the t tests of differences with a clustered variance."""
    differences = np.where(np.abs(differences) <= NO_DIFFERENCE * scale, 0.0, differences)
    varies = found.variance > 0
    errors = np.sqrt(np.where(varies, found.variance, 1.0))
    statistics = np.where(varies, differences / errors, 0.0)
    p_values = tails.t_two_sided(statistics, np.where(varies, found.df, 1.0))
    # Where every cluster shows the same difference, t would be infinite however few they are. Under
    # the null each cluster could as well have gone the other way.
    signs = np.where(differences == 0, 1.0, np.minimum(1.0, 2.0 ** (1 - found.clusters)))
    p_values = np.where(found.variance == 0, signs, p_values)
    return PairTests(differences, np.where(np.isnan(found.variance), np.nan, p_values))
