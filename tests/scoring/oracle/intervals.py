"""The stratified score interval, one weighted mean at a time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plumbmark.scoring.intervals import Interval


@dataclass(frozen=True, slots=True)
class Stratum:
    """A share of so many effective trials, with its weight in a weighted mean."""

    share: float
    n: float
    weight: float


def stratified_wilson(
    strata: Sequence[Stratum],
    correlations: Mapping[tuple[int, int], float],
    quantile: float,
) -> Interval:
    """Return the score interval of a weighted mean of shares, Wilson's own for one stratum.

    The interval contains every θ with (θ̂ − θ)² ≤ q²·V(θ), where V is the variance at the shares
    that are most likely if the weighted mean is θ (the score method for linear combinations of
    proportions: Andrés, Hernández & Tejedor 2011, Statistical Methods in Medical Research 20:541;
    like Yan & Su 2010 for weights that are fixed). The variance at the observed shares would be 0
    for a stratum that is all right, however few its trials are.

    `correlations` are those of strata that are not independent, by their numbers.
    """
    mirrored = [Stratum(1 - one.share, one.n, one.weight) for one in strata]
    whole = math.fsum(one.weight for one in strata)
    return Interval(
        _lower_limit(strata, correlations, quantile),
        whole - _lower_limit(mirrored, correlations, quantile),
    )


def _lower_limit(
    strata: Sequence[Stratum], correlations: Mapping[tuple[int, int], float], quantile: float
) -> float:
    """Return the lower limit, by bisection over the multiplier of the constrained likelihood.

    With the multiplier λ, the most likely share p of a stratum with the observed share p̂ solves
    n·(p̂ − p) = λ·w·p·(1 − p), so that θ̂ − θ = λ·V if the strata are independent.
    """
    if not any(one.share for one in strata):
        return 0.0

    def excess(multiplier: float) -> float:
        errors = []
        for one in strata:
            p = _likely_share(one, multiplier)
            errors.append(one.weight * math.sqrt(p * (1 - p) / one.n))
        independent = math.fsum(error * error for error in errors)
        variance = independent + 2 * math.fsum(
            share * errors[first] * errors[second]
            for (first, second), share in correlations.items()
        )
        return (multiplier * independent) ** 2 - quantile * quantile * max(0.0, variance)

    low, high = 0.0, 1.0
    # It ends: for a large multiplier the shares are small, and the difference is all of θ̂.
    while excess(high) <= 0 and high < 1e15:
        low, high = high, high * 2
    for _ in range(100):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if excess(middle) <= 0:
            low = middle
        else:
            high = middle
    return math.fsum(one.weight * _likely_share(one, high) for one in strata)


def _likely_share(one: Stratum, multiplier: float) -> float:
    pull = multiplier * one.weight
    root = math.sqrt(max(0.0, (pull + one.n) ** 2 - 4 * pull * one.n * one.share))
    return min(1.0, 2 * one.n * one.share / (pull + one.n + root))
