"""Other weights of the tasks of a board: means and ranks under them, and who leads how often.

"All plausible weightings" are the weights that are positive and sum to 1, all equally likely: the
flat Dirichlet distribution Dirichlet(1, …, 1) on the simplex. The share of them under which a row
has the highest mean is its rank-1 acceptability index (Lahdelma, Hokkanen & Salminen 1998, SMAA),
estimated by Monte Carlo. A share p from n draws has the standard error √(p(1 − p)/n): half a point
at most with 10,000 draws.
"""

from collections.abc import Sequence

import numpy as np

from plumbmark.scoring.vectors import Floats

DRAWS = 10_000
SEED = 20261130
MIN_DRAWS = 1_000
_MAX_PRODUCTS = 4_000_000_000
"""Rows x tasks x draws: boards beyond it get fewer draws."""
_AT_ONCE = 500
_TOLERANCE = 1e-12
"""Means that differ by less are equal: sums in another order differ in the last digits."""


def count_draws(rows: int, tasks: int) -> int:
    """Return how many weightings are drawn for a board of that size."""
    return max(MIN_DRAWS, min(DRAWS, _MAX_PRODUCTS // max(1, rows * tasks)))


def leading_shares(values: Floats, *, draws: int = DRAWS, seed: int = SEED) -> Floats:
    """Return for each row the share of weightings under which its mean is the highest.

    `values` are rows x tasks, all on one scale on which higher is better, without gaps. Rows that
    lead together share the weighting. The shares sum to 1; no rows have none. The same seed always
    gives the same weightings, whatever the rows are.
    """
    rows, tasks = values.shape
    counts: Floats = np.zeros(rows)
    if not rows or not tasks:
        return counts
    generator = np.random.Generator(np.random.PCG64(seed))
    done = 0
    while done < draws:
        size = min(_AT_ONCE, draws - done)
        # Exponentials divided by their sum have the flat Dirichlet distribution.
        weights = generator.standard_exponential((size, tasks))
        weights /= weights.sum(axis=1, keepdims=True)
        means = values @ weights.T
        leads = means >= means.max(axis=0) - _TOLERANCE
        counts += (leads / leads.sum(axis=0)).sum(axis=1)
        done += size
    shares: Floats = counts / draws
    return shares


def weighted_means(values: Floats, weights: Floats) -> Floats:
    """Return the means of rows under weights, which are divided by their sum.

    `values` are rows x tasks. Raises `ValueError` for weights that are negative or sum to 0.
    """
    total = float(weights.sum())
    if not (np.isfinite(total) and total > 0 and (weights >= 0).all()):
        raise ValueError("weights must be at least 0, and one of them above it")
    means: Floats = values @ (weights / total)
    return means


def rank_descending(values: Sequence[float]) -> list[int]:
    """Return the ranks of values, 1 for the highest. Equal ones share the best: 1, 2, 2, 4."""
    order = sorted(range(len(values)), key=lambda place: -values[place])
    ranks = [0] * len(values)
    for number, place in enumerate(order, start=1):
        before = order[number - 2] if number > 1 else None
        is_tie = before is not None and values[before] - values[place] <= _TOLERANCE
        ranks[place] = ranks[before] if is_tie and before is not None else number
    return ranks
