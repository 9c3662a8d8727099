"""P-values of very many tests at once: Student's t and the mid-p sign test, over arrays.

The same formulas as in `distributions`, which has them for single numbers.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plumbmark.scoring import distributions
from plumbmark.scoring.vectors import Booleans, Floats, Integers

_TINY = 1e-300
_PRECISION = 4e-16
_CHUNK = 8192
"""Elements at a time, so that they stay in the cache of the processor."""
_STIRLING_FROM = 10.0
_MAX_DEGREES = 1e6
"""With more, the scalar function is used; it needs as many items."""


def t_two_sided(t: Floats, df: Floats) -> Floats:
    """Return the two-sided p-values of t statistics, finite and of one shape."""
    shape = t.shape
    t, df = t.ravel(), df.ravel()
    found = np.ones(t.shape)
    square = t * t
    many = df > _MAX_DEGREES
    for place in np.flatnonzero(many):
        found[place] = distributions.t_two_sided(float(t[place]), float(df[place]))
    some = np.flatnonzero((square >= _TINY) & ~many)
    square, df = square[some], df[some]
    total = df + square
    found[some] = _incomplete_beta(
        df / 2,
        np.full(df.shape, 0.5),
        df / total,
        square / total,
        -np.log1p(square / df),
        -np.log1p(df / square),
    )
    return np.minimum(1.0, found).reshape(shape)


def fair_coin_mid_p(fewer: Integers, total: Integers) -> Floats:
    """Return the two-sided mid-p values of sign tests. Each different pair is computed once."""
    base = int(total.max(initial=0)) + 1
    different, places = np.unique(fewer * base + total, return_inverse=True)
    k, n = different // base, different % base
    found = np.ones(different.shape)
    some = n > 0
    few, all_ = k[some].astype(float), n[some].astype(float)
    half = np.full(few.shape, 0.5)
    log_half = np.full(few.shape, -math.log(2))
    tail = _incomplete_beta(all_ - few, few + 1, half, half, log_half, log_half)
    log_mass = -np.log(all_ + 1) - _log_beta(few + 1, all_ - few + 1) - all_ * math.log(2)
    found[some] = np.clip(2 * tail - np.exp(log_mass), 0.0, 1.0)
    return found[places].reshape(fewer.shape)


def _incomplete_beta(
    a: Floats, b: Floats, x: Floats, y: Floats, log_x: Floats, log_y: Floats
) -> Floats:
    """Return the regularised incomplete beta function I_x(a, b), with y = 1 − x."""
    # The continued fraction converges quickly below the mean; above it the mirrored one does.
    is_mirrored = x > (a + 1) / (a + b + 2)
    a, b = np.where(is_mirrored, b, a), np.where(is_mirrored, a, b)
    x = np.where(is_mirrored, y, x)
    log_x, log_y = np.where(is_mirrored, log_y, log_x), np.where(is_mirrored, log_x, log_y)
    found = np.exp(a * log_x + b * log_y - _log_beta(a, b) - np.log(a))
    for start in range(0, a.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        found[part] *= _beta_fraction(a[part], b[part], x[part])
    return np.where(is_mirrored, 1 - found, found)


def _log_beta(a: Floats, b: Floats) -> Floats:
    """Return log B(a, b), by B(a, b) = B(a + 1, b) (a + b)/a up to where Stirling's holds."""
    a, b = a.copy(), b.copy()
    factor = np.ones(a.shape)
    for one in (a, b):
        while (small := one < _STIRLING_FROM).any():
            factor[small] *= (a[small] + b[small]) / one[small]
            one[small] += 1
    low, high = np.minimum(a, b), np.maximum(a, b)
    total = low + high
    series = _stirling(low) + _stirling(high) - _stirling(total)
    result: Floats = (
        np.log(factor)
        - 0.5 * np.log(high)
        + 0.5 * math.log(2 * math.pi)
        + series
        + (low - 0.5) * np.log(low / total)
        + high * np.log1p(-low / total)
    )
    return result


def _stirling(x: Floats) -> Floats:
    inverse_square = 1 / (x * x)
    series = np.zeros(x.shape)
    for coefficient in (1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = series * inverse_square + coefficient
    return series / x


def _beta_fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    """Return the continued fraction of I_x(a, b) (DLMF 8.17.22) by Lentz's method."""
    found = np.empty(a.shape)
    places: NDArray[Any] = np.arange(a.size)
    c = np.ones(a.shape)
    d = 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d.copy()
    steps = 200 + 20 * int(math.sqrt(max(a.max(initial=0), b.max(initial=0))))
    for step in range(1, steps):
        twice = 2 * step
        term = step * (b - step) * x / ((a + twice - 1) * (a + twice))
        d = 1 / _away_from_zero(1 + term * d)
        c = _away_from_zero(1 + term / c)
        value *= d * c
        term = -(a + step) * (a + b + step) * x / ((a + twice) * (a + twice + 1))
        d = 1 / _away_from_zero(1 + term * d)
        c = _away_from_zero(1 + term / c)
        change = d * c
        value *= change
        is_open: Booleans = np.abs(change - 1) >= _PRECISION
        if is_open.all():
            continue
        found[places] = value
        if not is_open.any():
            return found
        # What has converged is left out, once it is worth the copies.
        if 2 * np.count_nonzero(is_open) < is_open.size or step % 16 == 0:
            a, b, x, c, d = a[is_open], b[is_open], x[is_open], c[is_open], d[is_open]
            value, places = value[is_open], places[is_open]
    found[places] = value
    return found


def _away_from_zero(numbers: Floats) -> Floats:
    if np.abs(numbers).min(initial=1.0) > _TINY:
        return numbers
    return np.where(np.abs(numbers) > _TINY, numbers, _TINY)
