"""Statistics of items over the rows of a board: difficulty, discrimination, items to look at.

All functions take a matrix of scores, one row for each model and one column for each item, as
floats; NaN where a model has no score on an item. Scores are on a scale from 0 (wrong) to 1
(right), higher is better: `scale_scores` brings the scores of a metric onto it.

Difficulty is the mean score, as in classical test theory, so that a high value is an easy item.
Discrimination is the corrected item-total correlation: the point-biserial correlation of the item
with the mean of the *other* items (Lord and Novick 1968, section 15.3; "corrected" because an item
within its own total correlates with itself).

The two-parameter logistic model is P(right) = 1 / (1 + exp(-a (theta - b))) (Birnbaum 1968), with
abilities theta from a standard normal distribution. It is fitted by marginal maximum likelihood
with the EM algorithm of Bock and Aitkin (1981), with priors on both parameters, which is Bayes
modal estimation (Mislevy 1986): log a is normal with mean 0 and standard deviation 0.5, b is normal
with mean 0 and standard deviation 2. The priors keep items that all or none get right finite.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

MIN_ROWS_FOR_DISCRIMINATION = 5
"""With fewer models a correlation says nothing."""
MIN_ROWS_FOR_FIT = 30
"""With fewer models the priors say more of two parameters than the data do."""
MIN_ITEMS_FOR_FIT = 5
MIN_ROWS_FOR_ONLY = 4
"""With fewer models, being the only one that is right is common."""
MIN_STRONG_ROWS = 3
STRONG_SHARE = 0.25
"""The part of the models, by their mean on all items, that counts as strong."""
AGREEMENT = 0.6
"""The share of the strong models that must give one and the same answer against the key."""
SATURATED_AT = 0.95
"""A best row at or above it leaves almost nothing to measure."""

_CHUNK = 4096
_NODES = 31
_MAX_STEPS = 60
_NEWTON_STEPS = 5
_TOLERANCE = 1e-4
_LOG_A_SD = 0.5
_B_SD = 2.0


def scale_scores(
    scores: Floats, *, lower: float | None, upper: float | None, higher_is_better: bool
) -> Floats:
    """Return scores of a metric on a scale from 0 to 1, higher is better.

    Without declared bounds, the smallest and the largest score that occur take their place.
    """
    if not np.isfinite(scores).any():
        return np.full(scores.shape, np.nan)
    low = float(np.nanmin(scores)) if lower is None else lower
    high = float(np.nanmax(scores)) if upper is None else upper
    if high <= low:
        return np.where(np.isnan(scores), np.nan, 1.0)
    scaled: Floats = np.clip((scores - low) / (high - low), 0.0, 1.0)
    return scaled if higher_is_better else 1.0 - scaled


def difficulties(scores: Floats) -> Floats:
    """Return the mean score of each item; NaN where no row has one."""
    known = np.isfinite(scores)
    counts = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = np.where(known, scores, 0.0).sum(axis=0) / counts
    return means


def discriminations(scores: Floats) -> Floats:
    """Return the corrected point-biserial correlation of each item.

    NaN where fewer than `MIN_ROWS_FOR_DISCRIMINATION` rows have the item and another, or where all
    of them have the same score on it. A row's rest is the mean of its other items, so that rows
    with a few missing scores can be compared.
    """
    rows, items = scores.shape
    found = np.full(items, np.nan)
    if rows < MIN_ROWS_FOR_DISCRIMINATION or items < 2:
        return found
    known = np.isfinite(scores)
    sums = np.where(known, scores, 0.0).sum(axis=1, keepdims=True)
    counts = known.sum(axis=1, keepdims=True)
    for start in range(0, items, _CHUNK):
        part = slice(start, min(start + _CHUNK, items))
        found[part] = _rest_correlations(scores[:, part], sums, counts)
    return found


def _rest_correlations(block: Floats, sums: Floats, counts: Integers) -> Floats:
    """Return the correlations of some items with the rests of the rows."""
    known = np.isfinite(block)
    values = np.where(known, block, 0.0)
    others = counts - known
    used = known & (others > 0)
    rest = np.where(used, (sums - values) / np.maximum(others, 1), 0.0)
    size = used.sum(axis=0)
    divisor = np.maximum(size, 1)
    x = np.where(used, values - (values * used).sum(axis=0) / divisor, 0.0)
    y = np.where(used, rest - rest.sum(axis=0) / divisor, 0.0)
    variances = (x * x).sum(axis=0), (y * y).sum(axis=0)
    product = np.sqrt(variances[0] * variances[1])
    enough = (size >= MIN_ROWS_FOR_DISCRIMINATION) & (variances[0] > 1e-12) & (variances[1] > 1e-12)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(enough, (x * y).sum(axis=0) / product, np.nan)
    return found


def all_right(scores: Floats) -> Booleans:
    """Return which items every row has right; items without a score are not among them."""
    known = np.isfinite(scores)
    right: Booleans = known.any(axis=0) & ((scores == 1.0) | ~known).all(axis=0)
    return right


def none_right(scores: Floats) -> Booleans:
    """Return which items no row gets any credit for; items without a score are not among them."""
    known = np.isfinite(scores)
    wrong: Booleans = known.any(axis=0) & ((scores == 0.0) | ~known).all(axis=0)
    return wrong


def only_right_row(scores: Floats) -> Integers:
    """Return for each item the row that alone has it right while all others get no credit.

    -1 where there is no such row, or fewer than `MIN_ROWS_FOR_ONLY` rows have the item.
    """
    known = np.isfinite(scores)
    right = known & (scores == 1.0)
    wrong = known & (scores == 0.0)
    size = known.sum(axis=0)
    is_only = (
        (size >= MIN_ROWS_FOR_ONLY) & (right.sum(axis=0) == 1) & (wrong.sum(axis=0) == size - 1)
    )
    found: Integers = np.where(is_only, right.argmax(axis=0), -1).astype(np.int64)
    return found


def strong_rows(scores: Floats) -> list[int]:
    """Return the rows with the best means, best first: a quarter of them, three at least.

    None where there are fewer than three rows with a score.
    """
    known = np.isfinite(scores)
    counts = known.sum(axis=1)
    means = np.where(known, scores, 0.0).sum(axis=1) / np.maximum(counts, 1)
    order = [int(row) for row in np.lexsort((np.arange(len(means)), -means)) if counts[row]]
    if len(order) < MIN_STRONG_ROWS:
        return []
    return order[: max(MIN_STRONG_ROWS, round(len(order) * STRONG_SHARE))]


def doubtful_items(scores: Floats, strong: Sequence[int], *, most: int) -> list[int]:
    """Return the items that most strong rows get wrong: those whose answers are worth comparing.

    By the mean of the strong rows, lowest first, then by position; at most `most`.
    """
    if not strong:
        return []
    block = scores[list(strong)]
    known = np.isfinite(block)
    means = difficulties(block)
    wrong = (known & (block == 0.0)).sum(axis=0)
    needed = max(MIN_STRONG_ROWS, int(np.ceil(AGREEMENT * len(strong))))
    found = np.flatnonzero(wrong >= needed)
    order = found[np.lexsort((found, means[found]))]
    return [int(item) for item in order[:most]]


@dataclass(frozen=True, slots=True)
class KeyDoubt:
    """A sign that the key of an item is wrong: strong rows agree on another answer."""

    answer: str
    """The answer that they give, as most of them write it."""
    agreeing: int
    """Strong rows that give it."""
    strong: int
    """Strong rows with an answer to the item."""
    right: int
    """Strong rows whose answer the key calls right."""


def doubt_key(answers: Sequence[tuple[str, float]]) -> KeyDoubt | None:
    """Return a doubt about an item's key, given the answer and score of each strong row.

    At least `MIN_STRONG_ROWS` rows, and the share `AGREEMENT` of them, must give the same answer,
    which the key calls wrong, and fewer may be right. Answers are compared without regard to case
    and space. Empty answers agree with none.
    """
    wrong: Counter[str] = Counter()
    texts: dict[str, Counter[str]] = {}
    right = 0
    for text, score in answers:
        if score > 0.0:
            right += 1
            continue
        form = " ".join(text.split()).casefold()
        if form:
            wrong[form] += 1
            texts.setdefault(form, Counter())[text.strip()] += 1
    if not wrong:
        return None
    form, agreeing = min(wrong.items(), key=lambda one: (-one[1], one[0]))
    if agreeing < max(MIN_STRONG_ROWS, AGREEMENT * len(answers)) or agreeing <= right:
        return None
    shown = min(texts[form].items(), key=lambda one: (-one[1], one[0]))[0]
    return KeyDoubt(shown, agreeing, len(answers), right)


@dataclass(frozen=True, slots=True)
class Saturation:
    """A measure of how much a task as a whole still tells models apart."""

    rows: int
    items: int
    """Items with a score."""
    best: float | None
    """The mean score of the best row."""
    median: float | None
    all_right: int
    none_right: int
    informative: int
    """Items on which rows differ."""
    is_saturated: bool
    """The best row is at `SATURATED_AT` or above it."""


def measure_saturation(scores: Floats) -> Saturation:
    """Return how much room the items leave above the best row, and how many tell rows apart."""
    known = np.isfinite(scores)
    counts = known.sum(axis=1)
    rows = counts > 0
    means = np.where(known, scores, 0.0).sum(axis=1)[rows] / counts[rows]
    values = np.where(known, scores, 0.0)
    differs = (np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)) > (
        np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    )
    scored = known.any(axis=0)
    best = float(means.max()) if means.size else None
    return Saturation(
        rows=int(rows.sum()),
        items=int(scored.sum()),
        best=best,
        median=float(np.median(means)) if means.size else None,
        all_right=int(all_right(scores).sum()),
        none_right=int(none_right(scores).sum()),
        informative=int((differs & scored).sum()),
        is_saturated=best is not None and best >= SATURATED_AT,
    )


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """A two-parameter logistic fit: one entry of each array per item, NaN where it has no score."""

    discrimination: Floats
    """a, the slope."""
    difficulty: Floats
    """b, the ability at which half of the answers are right. A high value is a hard item, unlike
    the mean score."""
    ability: Floats
    """The expected ability of each row after its answers (EAP)."""
    steps: int
    converged: bool


def fit_logistic(scores: Floats) -> LogisticFit | None:
    """Fit the two-parameter model of the module's text to right and wrong answers.

    Scores between 0 and 1 count as the share of several repeats that is right. None with fewer than
    `MIN_ROWS_FOR_FIT` rows or `MIN_ITEMS_FOR_FIT` items.
    """
    rows = np.flatnonzero(np.isfinite(scores).any(axis=1))
    items = np.flatnonzero(np.isfinite(scores).any(axis=0))
    if len(rows) < MIN_ROWS_FOR_FIT or len(items) < MIN_ITEMS_FOR_FIT:
        return None
    block = scores[np.ix_(rows, items)]
    known = np.isfinite(block)
    right = np.where(known, block, 0.0)
    points, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    log_prior = np.log(weights / weights.sum())
    log_a, b = np.zeros(len(items)), _first_difficulties(block)
    seen = known.astype(float)
    converged, step = False, 0
    for step in range(1, _MAX_STEPS + 1):  # noqa: B007 - the number of steps is reported
        posterior = _posterior(right, seen, log_a, b, points, log_prior)
        asked, solved = seen.T @ posterior, right.T @ posterior
        new_log_a, new_b = _maximise(log_a, b, asked, solved, points)
        change = max(np.abs(new_log_a - log_a).max(), np.abs(new_b - b).max())
        log_a, b = new_log_a, new_b
        if change < _TOLERANCE:
            converged = True
            break
    posterior = _posterior(right, seen, log_a, b, points, log_prior)
    ability = np.full(scores.shape[0], np.nan)
    ability[rows] = posterior @ points
    slopes, places = np.full(scores.shape[1], np.nan), np.full(scores.shape[1], np.nan)
    slopes[items], places[items] = np.exp(log_a), b
    return LogisticFit(slopes, places, ability, step, converged)


def _first_difficulties(block: Floats) -> Floats:
    """Return the difficulties to begin with: the logit of the share that is wrong."""
    share = np.clip(difficulties(block), 0.02, 0.98)
    logits: Floats = np.log((1 - share) / share)
    return logits


def _posterior(
    right: Floats, seen: Floats, log_a: Floats, b: Floats, points: Floats, log_prior: Floats
) -> Floats:
    """Return the probability of each ability point for each row (the E step)."""
    logits = np.exp(log_a)[:, None] * (points[None, :] - b[:, None])
    # log P = z - log(1 + e^z), log (1 - P) = -log(1 + e^z), without overflow.
    log_sum = np.logaddexp(0.0, logits)
    log_likelihood = right @ logits - seen @ log_sum + log_prior
    log_likelihood -= log_likelihood.max(axis=1, keepdims=True)
    likelihood: Floats = np.exp(log_likelihood)
    likelihood /= likelihood.sum(axis=1, keepdims=True)
    return likelihood


def _maximise(
    log_a: Floats, b: Floats, asked: Floats, solved: Floats, points: Floats
) -> tuple[Floats, Floats]:
    """Return the parameters after some Fisher scoring steps for each item (the M step)."""
    for _ in range(_NEWTON_STEPS):
        a = np.exp(log_a)[:, None]
        distance = points[None, :] - b[:, None]
        chance = 1.0 / (1.0 + np.exp(-np.clip(a * distance, -35.0, 35.0)))
        error = solved - asked * chance
        weight = asked * chance * (1.0 - chance)
        # Derivatives of the logit by log a and by b are a * distance and -a.
        by_log_a = (error * a * distance).sum(axis=1) - log_a / _LOG_A_SD**2
        by_b = -(error * a).sum(axis=1) - b / _B_SD**2
        info_aa = (weight * (a * distance) ** 2).sum(axis=1) + 1 / _LOG_A_SD**2
        info_bb = (weight * a**2).sum(axis=1) + 1 / _B_SD**2
        info_ab = -(weight * a**2 * distance).sum(axis=1)
        determinant = info_aa * info_bb - info_ab**2
        step_a = (info_bb * by_log_a - info_ab * by_b) / determinant
        step_b = (info_aa * by_b - info_ab * by_log_a) / determinant
        log_a = np.clip(log_a + np.clip(step_a, -0.5, 0.5), -3.0, 2.0)
        b = np.clip(b + np.clip(step_b, -1.0, 1.0), -8.0, 8.0)
    return log_a, b
