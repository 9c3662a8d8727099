"""The few distributions that intervals and tests need: normal, Student's t, binomial, beta.

Standard library only. Tails are computed as tails (never as one minus the rest), in log space
where factorials would overflow; the tests hold them to 1e-10 against scipy.
"""

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_TINY = 1e-300
_PRECISION = 1e-16


def normal_cdf(x: float) -> float:
    """Return P(Z ≤ x) of the standard normal."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def normal_quantile(p: float) -> float:
    """Return the x with P(Z ≤ x) = p, for 0 < p < 1."""
    return _NORMAL.inv_cdf(p)


def log_beta(a: float, b: float) -> float:
    """Return log B(a, b) for a, b > 0.

    For large arguments the Stirling series is subtracted term by term, because the difference of
    three large log-gammas loses digits.
    """
    small, large = min(a, b), max(a, b)
    total = small + large
    if small >= 10:
        correction = _stirling(small) + _stirling(large) - _stirling(total)
        return (
            -0.5 * math.log(large)
            + _HALF_LOG_TWO_PI
            + correction
            + (small - 0.5) * math.log(small / total)
            + large * math.log1p(-small / total)
        )
    if large >= 10:
        correction = _stirling(large) - _stirling(total)
        return (
            math.lgamma(small)
            + correction
            + small
            - small * math.log(total)
            + (large - 0.5) * math.log1p(-small / total)
        )
    return math.lgamma(small) + math.lgamma(large) - math.lgamma(total)


def _stirling(x: float) -> float:
    """Return lgamma(x) − [(x − ½) log x − x + ½ log 2π] for x ≥ 10, by the Stirling series."""
    inverse_square = 1 / (x * x)
    series = 0.0
    for coefficient in (
        1 / 156,
        -691 / 360360,
        1 / 1188,
        -1 / 1680,
        1 / 1260,
        -1 / 360,
        1 / 12,
    ):
        series = series * inverse_square + coefficient
    return series / x


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) for a, b > 0 and 0 ≤ x ≤ 1."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    return _incomplete_beta(a, b, x, 1 - x, math.log(x), math.log1p(-x))


def _incomplete_beta(a: float, b: float, x: float, y: float, log_x: float, log_y: float) -> float:
    """Return I_x(a, b) with y = 1 − x and both logarithms given, so that neither is rounded
    away.
    """
    # The continued fraction converges quickly below the mean; above it the mirrored one does.
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_tail(b, a, y, log_y, log_x)
    return _beta_tail(a, b, x, log_x, log_y)


def _beta_tail(a: float, b: float, x: float, log_x: float, log_y: float) -> float:
    log_front = a * log_x + b * log_y - log_beta(a, b) - math.log(a)
    return math.exp(log_front) * _beta_fraction(a, b, x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of I_x(a, b) (DLMF 8.17.22) by Lentz's method."""
    c = 1.0
    d = 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    # It needs about sqrt(max(a, b)) steps; the bound only ends what cannot happen.
    for step in range(1, 200 + 20 * int(math.sqrt(max(a, b)))):
        twice = 2 * step
        term = step * (b - step) * x / ((a + twice - 1) * (a + twice))
        d = 1 + term * d
        d = 1 / (d if abs(d) > _TINY else _TINY)
        c = 1 + term / c
        c = c if abs(c) > _TINY else _TINY
        value *= d * c
        term = -(a + step) * (a + b + step) * x / ((a + twice) * (a + twice + 1))
        d = 1 + term * d
        d = 1 / (d if abs(d) > _TINY else _TINY)
        c = 1 + term / c
        c = c if abs(c) > _TINY else _TINY
        change = d * c
        value *= change
        if abs(change - 1) < _PRECISION * 4:
            break
    return value


def t_tail(t: float, df: float) -> float:
    """Return P(T > t) of Student's t with `df` > 0 degrees of freedom, for t ≥ 0."""
    if df <= 0:
        raise ValueError("Student's t needs more than zero degrees of freedom")
    if t < 0:
        raise ValueError("the tail is asked for at t ≥ 0; mirror the negative side")
    square = t * t
    if square < _TINY:
        return 0.5  # also for every t whose square underflows
    if math.isinf(t):
        return 0.0
    if df > 1e6:
        return _t_tail_of_many_degrees(t, df)
    x, y = df / (df + square), square / (df + square)
    log_x = -math.log1p(square / df)
    log_y = -math.log1p(df / square)
    return 0.5 * _incomplete_beta(df / 2, 0.5, x, y, log_x, log_y)


def _t_tail_of_many_degrees(t: float, df: float) -> float:
    """Return the tail by Fisher's expansion about the normal (Abramowitz & Stegun 26.7.8, tail
    form).

    For many degrees the continued fraction would need more and more steps and lose digits.
    """
    if t > 40:
        return 0.0
    density = math.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)
    square = t * t
    first = t * (square + 1) / (4 * df)
    second = t * (((3 * square - 7) * square - 5) * square - 3) / (96 * df * df)
    return max(0.0, normal_cdf(-t) + density * (first + second))


def t_two_sided(t: float, df: float) -> float:
    """Return the two-sided p-value of a t statistic."""
    return min(1.0, 2 * t_tail(abs(t), df))


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """Return the t with P(T ≤ t) = p, for 0 < p < 1 and `df` > 0."""
    if not 0 < p < 1:
        raise ValueError("a quantile is asked for at 0 < p < 1")
    if p == 0.5:
        return 0.0
    if p < 0.5:
        return -_t_upper_quantile(p, df)
    return _t_upper_quantile(1 - p, df)


def _t_upper_quantile(tail: float, df: float) -> float:
    """Return the t > 0 with P(T > t) = tail, by bisection on a bracket, then Newton steps inside
    it.
    """
    low, high = 0.0, max(1.0, -normal_quantile(tail) if tail < 0.5 else 1.0)
    while t_tail(high, df) > tail:
        low, high = high, high * 2
    guess = (low + high) / 2
    log_norm = -log_beta(df / 2, 0.5) - 0.5 * math.log(df)
    for _ in range(200):
        excess = t_tail(guess, df) - tail
        if excess > 0:
            low = guess
        else:
            high = guess
        density = math.exp(log_norm - (df + 1) / 2 * math.log1p(guess * guess / df))
        step = guess + excess / density if density > 0 else math.inf
        following = step if low < step < high else (low + high) / 2
        if abs(following - guess) <= 4e-16 * guess:
            return following
        guess = following
    return guess


def binomial_tail(k: int, n: int, p: float) -> float:
    """Return P(X ≤ k) for X ~ Bin(n, p)."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return incomplete_beta(n - k, k + 1, 1 - p)


def binomial_mass(k: int, n: int) -> float:
    """Return P(X = k) for X ~ Bin(n, ½) and 0 ≤ k ≤ n, in logarithms."""
    return math.exp(-math.log(n + 1) - log_beta(k + 1, n - k + 1) - n * math.log(2))


@lru_cache(maxsize=65536)
def fair_coin_mid_p(fewer: int, total: int) -> float:
    """Return the two-sided mid-p value of the sign test: 2·P(X < fewer) + P(X = fewer), for X ~
    Bin(total, ½); cached, as boards repeat.

    The exact test counts the whole of the observed outcome and is conservative; counting half of it
    keeps the error below the nominal one in nearly all cases (Lancaster 1961; Fagerland, Lydersen &
    Laake 2013, BMC Medical Research Methodology 13:91).
    """
    if total == 0:
        return 1.0
    exact = 2 * binomial_tail(fewer, total, 0.5)
    return min(1.0, max(0.0, exact - binomial_mass(fewer, total)))
