"""pass@k and pass^k by their unbiased estimators, for items answered several times."""

from collections.abc import Iterable


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Return the chance that at least one of `k` answers is right, given `correct` right ones of
    `n`.

    1 − C(n−c, k)/C(n, k), as a product so that nothing overflows (Chen et al. 2021).
    """
    _check(n, correct, k)
    if n - correct < k:
        return 1.0
    miss = 1.0
    for position in range(n - correct + 1, n + 1):
        miss *= 1 - k / position
    return 1 - miss


def pass_hat_k(n: int, correct: int, k: int) -> float:
    """Return the chance that all of `k` answers are right: C(c, k)/C(n, k) (τ-bench)."""
    _check(n, correct, k)
    if correct < k:
        return 0.0
    chance = 1.0
    for position in range(k):
        chance *= (correct - position) / (n - position)
    return chance


def mean_pass_at_k(items: Iterable[tuple[int, int]], k: int) -> float:
    """Return the mean of `pass_at_k` over items given as (answers, right answers)."""
    return _mean([pass_at_k(n, correct, k) for n, correct in items])


def mean_pass_hat_k(items: Iterable[tuple[int, int]], k: int) -> float:
    """Return the mean of `pass_hat_k` over items given as (answers, right answers)."""
    return _mean([pass_hat_k(n, correct, k) for n, correct in items])


def _mean(values: list[float]) -> float:
    if not values:
        raise ValueError("a mean needs at least one item")
    return sum(values) / len(values)


def _check(n: int, correct: int, k: int) -> None:
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} right answers of {n} cannot be")
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} needs between 1 and {n} answers per item")
