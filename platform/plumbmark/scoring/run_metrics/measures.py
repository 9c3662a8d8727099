"""Measures of a run, each a function of the weights of its samples.

Weights say how often a draw of the bootstrap takes each sample; with all of them 1, the measure is
that of the run. A measure is None where it is not defined, such as the correlation of a constant.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np

from plumbmark.scoring.vectors import Booleans, Floats, Integers

Measure = Callable[[Floats], float | None]

LabelMetric = Literal["macro_f1", "macro_precision", "macro_recall", "matthews"]
NumberMetric = Literal["pearson", "spearman"]
CalibrationMetric = Literal["brier", "ece"]
LABEL_METRICS: tuple[LabelMetric, ...] = get_args(LabelMetric)
NUMBER_METRICS: tuple[NumberMetric, ...] = get_args(NumberMetric)
CALIBRATION_METRICS: tuple[CalibrationMetric, ...] = get_args(CalibrationMetric)
ECE_BINS = 10
_TINY = 1e-12
"""Relative to the squares that it is a difference of: less is rounding."""


def measure_labels(name: LabelMetric, truth: Sequence[str], predicted: Sequence[str]) -> Measure:
    """Return a measure of predicted labels against the true ones.

    Classes are the true labels that occur. A prediction outside them is of no class: its true class
    misses a sample, and no class gets a false one. Macro measures are the unweighted means over the
    classes that a draw has; a class that is never predicted has precision 0 (Opitz & Burst 2019,
    "Macro F1 and Macro F1", the mean of the classes' F1). `matthews` is the coefficient for any
    number of classes, R_K (Gorodkin 2004, Comput. Biol. Chem. 28).
    """
    classes = {label: number for number, label in enumerate(dict.fromkeys(truth))}
    count = len(classes)
    true = np.array([classes[label] for label in truth], dtype=np.int64)
    # The last number is for what is none of the classes.
    given = np.array([classes.get(label, count) for label in predicted], dtype=np.int64)
    is_right: Booleans = true == given

    def tally(weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Return, by class, the right samples, the true ones and the predicted ones."""
        return (
            _sum_by(true[is_right], weights[is_right], count + 1),
            _sum_by(true, weights, count + 1),
            _sum_by(given, weights, count + 1),
        )

    def macro(weights: Floats) -> float | None:
        right, support, chosen = (one[:count] for one in tally(weights))
        occurs = support > 0
        if not occurs.any():
            return None
        right, support, chosen = right[occurs], support[occurs], chosen[occurs]
        below = {
            "macro_f1": (support + chosen) / 2,
            "macro_precision": np.where(chosen > 0, chosen, 1.0),
            "macro_recall": support,
        }[name]
        return float((right / below).mean())

    def matthews(weights: Floats) -> float | None:
        right, support, chosen = tally(weights)
        total = float(weights.sum())
        spread_true = total * total - float(support @ support)
        spread_given = total * total - float(chosen @ chosen)
        if min(spread_true, spread_given) <= _TINY * total * total:
            return None
        covariance = float(right.sum()) * total - float(support @ chosen)
        return covariance / float(np.sqrt(spread_true * spread_given))

    return matthews if name == "matthews" else macro


def measure_numbers(name: NumberMetric, truth: Floats, predicted: Floats) -> Measure:
    """Return the correlation of predicted numbers with the true ones: Pearson's, or Spearman's,
    which is Pearson's of the ranks, ties at their middle.
    """
    if name == "pearson":
        x, y = _centre(truth), _centre(predicted)
        return lambda weights: _correlation(x, y, weights)
    rank_true, rank_given = _RankWriter(truth), _RankWriter(predicted)
    return lambda weights: _correlation(rank_true(weights), rank_given(weights), weights)


def measure_calibration(name: CalibrationMetric, confidence: Floats, score: Floats) -> Measure:
    """Return how far confidences, from 0 to 1, are from what came out, `score`.

    `brier` is the mean square of the difference (Brier 1950, Mon. Weather Rev. 78). `ece` is the
    expected calibration error: over ten bins of equal width, the distance between mean confidence
    and mean score, weighted by the samples in the bin (Naeini et al. 2015, AAAI; Guo et al. 2017,
    ICML). 0 is best.
    """
    square = np.square(confidence - score)
    bins: Integers = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    gap = confidence - score

    def brier(weights: Floats) -> float | None:
        return float(weights @ square / weights.sum())

    def ece(weights: Floats) -> float | None:
        gaps = _sum_by(bins, weights * gap, ECE_BINS)
        return float(np.abs(gaps).sum() / weights.sum())

    return brier if name == "brier" else ece


def _sum_by(places: Integers, values: Floats, size: int) -> Floats:
    """Return the sums of the values at each of `size` places."""
    sums: Floats = np.bincount(places, values, minlength=size).astype(float)
    return sums


def _centre(values: Floats) -> Floats:
    """Return values around 0 of size 1: the correlation is the same, and nothing overflows."""
    centred = values - values.mean()
    largest = float(np.abs(centred).max(initial=0.0))
    scaled: Floats = centred / largest if largest else centred
    return scaled


def _correlation(x: Floats, y: Floats, weights: Floats) -> float | None:
    total = float(weights.sum())
    x, y = x - weights @ x / total, y - weights @ y / total
    square_x, square_y = float(weights @ (x * x)), float(weights @ (y * y))
    if min(square_x, square_y) <= _TINY * total * max(float(np.abs(x).max()), 1.0):
        return None
    found = float(weights @ (x * y)) / float(np.sqrt(square_x * square_y))
    return max(-1.0, min(1.0, found))


class _RankWriter:
    """Ranks of values of which each occurs as often as its weight says."""

    def __init__(self, values: Floats) -> None:
        kept: Any = np.unique(values, return_inverse=True)
        self._places: Integers = kept[1]
        self._count = len(kept[0])

    def __call__(self, weights: Floats) -> Floats:
        """Return the middle rank of each value, as a share of all."""
        often = _sum_by(self._places, weights, self._count)
        middle: Floats = np.cumsum(often) - (often - 1) / 2
        ranks: Floats = middle[self._places] / float(weights.sum())
        return ranks
