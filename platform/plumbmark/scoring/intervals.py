"""Interval formulas over plain numbers; `estimates` and `paired` decide which one applies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from plumbmark.scoring.distributions import normal_quantile, t_quantile
from plumbmark.scoring.vectors import Booleans, Floats

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


def wilson(successes: float, n: float, *, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval of a proportion (Wilson 1927): `successes` of `n` trials."""
    if n <= 0:
        raise ValueError("an interval needs at least one trial")
    quantile = normal_quantile(0.5 + confidence / 2)
    return wilson_with_quantile(successes / n, n, quantile)


def wilson_with_quantile(p: float, n: float, quantile: float) -> Interval:
    """Return Wilson's interval for a share `p` of an effective number `n` of trials.

    (p + q²/2n ± q·sqrt(p(1−p)/n + q²/4n²)) / (1 + q²/n), with q the quantile of the normal or, if n
    was estimated from clusters, of Student's t.
    """
    square = quantile * quantile
    denominator = 1 + square / n
    centre = (p + square / (2 * n)) / denominator
    half = quantile * math.sqrt(p * (1 - p) / n + square / (4 * n * n)) / denominator
    # The limits at p = 0 and p = 1 are exactly 0 and 1; rounding would leave a crumb.
    low = 0.0 if p <= 0 else max(0.0, centre - half)
    high = 1.0 if p >= 1 else min(1.0, centre + half)
    return Interval(min(low, p), max(high, p))


@dataclass(frozen=True, slots=True)
class Strata:
    """Shares of so many effective trials, with their weights in a weighted mean: arrays of strata ×
    means. A stratum with the weight 0 is not part of the mean; its share must be 0 and its n 1.
    """

    shares: Floats
    n: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class Intervals:
    """The limits of many intervals."""

    low: Floats
    high: Floats


def stratified_wilson(
    strata: Strata, correlations: Mapping[tuple[int, int], Floats], quantiles: Floats
) -> Intervals:
    """Return the score intervals of weighted means of shares, Wilson's own for one stratum.

    An interval contains every θ with (θ̂ − θ)² ≤ q²·V(θ), where V is the variance at the shares
    that are most likely if the weighted mean is θ (the score method for linear combinations of
    proportions: Andrés, Hernández & Tejedor 2011, Statistical Methods in Medical Research 20:541;
    like Yan & Su 2010 for weights that are fixed). The variance at the observed shares would be 0
    for a stratum that is all right, however few its trials are.

    `correlations` are those of strata that are not independent, by their numbers.
    """
    mirrored = np.where(strata.weights > 0, 1 - strata.shares, 0.0)
    whole = strata.weights.sum(axis=0)
    return Intervals(
        _lower_limits(strata, correlations, quantiles),
        whole - _lower_limits(replace(strata, shares=mirrored), correlations, quantiles),
    )


def _lower_limits(
    strata: Strata, correlations: Mapping[tuple[int, int], Floats], quantiles: Floats
) -> Floats:
    """Return the lower limits, by bisection over the multiplier of the constrained likelihood.

    With the multiplier λ, the most likely share p of a stratum with the observed share p̂ solves
    n·(p̂ − p) = λ·w·p·(1 − p), so that θ̂ − θ = λ·V if the strata are independent.
    """

    def is_inside(multipliers: Floats) -> Booleans:
        p = _likely_shares(strata, multipliers)
        errors = strata.weights * np.sqrt(p * (1 - p) / strata.n)
        independent = np.square(errors).sum(axis=0)
        variance = independent.copy()
        for (first, second), share in correlations.items():
            variance += 2 * share * errors[first] * errors[second]
        distance = np.square(multipliers * independent)
        inside: Booleans = distance <= np.square(quantiles) * np.maximum(0.0, variance)
        return inside

    low, high = np.zeros(quantiles.shape), np.ones(quantiles.shape)
    # It ends: for a large multiplier the shares are small, and the difference is all of θ̂.
    while (wider := is_inside(high) & (high < 1e15)).any():
        low, high = np.where(wider, high, low), np.where(wider, high * 2, high)
    for _ in range(100):
        middle = (low + high) / 2
        is_open = (low < middle) & (middle < high)
        if not is_open.any():
            break
        inside = is_inside(middle)
        low = np.where(is_open & inside, middle, low)
        high = np.where(is_open & ~inside, middle, high)
    limits = (strata.weights * _likely_shares(strata, high)).sum(axis=0)
    return np.where(strata.shares.any(axis=0), limits, 0.0)


def _likely_shares(strata: Strata, multipliers: Floats) -> Floats:
    pull = multipliers * strata.weights
    twice = 2 * strata.n * strata.shares
    root = np.sqrt(np.maximum(0.0, np.square(pull + strata.n) - 2 * pull * twice))
    return np.minimum(1.0, twice / (pull + strata.n + root))


def student(
    mean: float, variance_of_mean: float, df: float, *, confidence: float = CONFIDENCE
) -> Interval:
    """Return mean ± t·sqrt(V), with V the variance of the mean and `df` its degrees of freedom."""
    half = t_quantile(0.5 + confidence / 2, df) * math.sqrt(variance_of_mean)
    return Interval(mean - half, mean + half)


def newcombe_paired(
    both: int, only_first: int, only_second: int, neither: int, *, confidence: float = CONFIDENCE
) -> Interval:
    """Return the interval of the difference of two paired proportions, first minus second.

    Newcombe 1998, Statistics in Medicine 17:2635, method 10: Wilson limits of the two shares,
    joined through their correlation with a continuity correction.
    """
    n = both + only_first + only_second + neither
    first, second = both + only_first, both + only_second
    p1, p2 = first / n, second / n
    one, two = wilson(first, n, confidence=confidence), wilson(second, n, confidence=confidence)
    product = first * (n - first) * second * (n - second)
    if product == 0:
        correlation = 0.0
    else:
        numerator = float(both * neither - only_first * only_second)
        if numerator > 0:
            numerator = max(numerator - n / 2, 0.0)
        correlation = numerator / math.sqrt(product)
    down = _join_variances(p1 - one.low, two.high - p2, correlation)
    up = _join_variances(one.high - p1, p2 - two.low, correlation)
    difference = p1 - p2
    return Interval(max(-1.0, difference - down), min(1.0, difference + up))


def _join_variances(one: float, two: float, correlation: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * correlation * one * two + two * two))
