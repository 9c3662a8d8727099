"""Metrics of whole runs against values worked out by hand, and what their intervals cover."""

import math
import random

import numpy as np
import pytest

from plumbmark.scoring.run_metrics.estimation import estimate_measure
from plumbmark.scoring.run_metrics.measures import (
    LABEL_METRICS,
    measure_calibration,
    measure_labels,
    measure_numbers,
)

# Three classes. Right: a 3 of 4, b 1 of 3, c 2 of 3. Predicted: a 4, b 2, c 3, and one of none.
TRUTH = list("aaaabbbccc")
GIVEN = [*"aaabbacc", "c", "neither"]


def of(name: str, truth: list[str], given: list[str]) -> float | None:
    return measure_labels(name, truth, given)(np.ones(len(truth)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Precisions 3/4, 1/2, 2/3; recalls 3/4, 1/3, 2/3; F1 of each 2·right/(true + predicted).
        ("macro_precision", (3 / 4 + 1 / 2 + 2 / 3) / 3),
        ("macro_recall", (3 / 4 + 1 / 3 + 2 / 3) / 3),
        ("macro_f1", (6 / 8 + 2 / 5 + 4 / 6) / 3),
        # (6·10 − (4·4 + 3·2 + 3·3)) / √((100 − 34)(100 − 30)), with the fourth column of 1.
        ("matthews", (60 - 31) / math.sqrt(66 * 70)),
    ],
)
def test_measures_of_labels(name: str, value: float) -> None:
    assert of(name, TRUTH, GIVEN) == pytest.approx(value, abs=1e-12)


def test_two_classes_give_the_usual_coefficient_of_matthews() -> None:
    # 6 true positives, 3 true negatives, 1 false positive, 2 false negatives.
    truth = ["yes"] * 8 + ["no"] * 4
    given = ["yes"] * 6 + ["no"] * 2 + ["no"] * 3 + ["yes"]

    assert of("matthews", truth, given) == pytest.approx(
        (6 * 3 - 1 * 2) / math.sqrt(7 * 8 * 4 * 5), abs=1e-12
    )


@pytest.mark.parametrize("name", LABEL_METRICS)
def test_perfect_labels_have_one(name: str) -> None:
    assert of(name, TRUTH, TRUTH) == pytest.approx(1.0)


def test_a_class_that_is_never_predicted_counts_as_zero() -> None:
    assert of("macro_precision", ["a", "a", "b"], ["a", "a", "a"]) == pytest.approx((2 / 3 + 0) / 2)
    assert of("macro_f1", ["a", "a", "b"], ["a", "a", "a"]) == pytest.approx((4 / 5 + 0) / 2)
    assert of("matthews", ["a", "a", "b"], ["a", "a", "a"]) is None
    assert of("matthews", ["a", "a"], ["a", "b"]) is None


def test_correlations() -> None:
    # Anscombe's first quartet; Pearson's r is 0.816.
    x = np.array([10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5], dtype=float)
    y = np.array([8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68])
    ones = np.ones(11)

    assert measure_numbers("pearson", x, y)(ones) == pytest.approx(0.81642051634484, abs=1e-12)
    # Without ties 1 − 6·Σd²/(n(n² − 1)), with Σd² = 40.
    assert measure_numbers("spearman", x, y)(ones) == pytest.approx(1 - 6 * 40 / 1320, abs=1e-12)
    # With ties: ranks 1, 2.5, 2.5, 4 and 1, 2, 3.5, 3.5.
    tied = measure_numbers("spearman", np.array([1.0, 2, 2, 3]), np.array([1.0, 2, 5, 5]))
    assert tied(np.ones(4)) == pytest.approx(3.75 / 4.5, abs=1e-12)
    assert measure_numbers("pearson", np.ones(3), np.arange(3.0))(np.ones(3)) is None
    huge = measure_numbers("pearson", np.array([1e30, -1e30, 0]), np.array([1e-30, -1e-30, 0]))
    assert huge(np.ones(3)) == pytest.approx(1.0)


def test_a_weight_of_two_is_as_a_sample_that_is_there_twice() -> None:
    chance = random.Random(1)
    x = np.array([chance.gauss(0, 1) for _ in range(12)])
    y = np.array([chance.gauss(float(value), 1) for value in x])
    weights = np.array([2.0, 0, 1, 3, 1, 1, 0, 2, 1, 1, 4, 1])
    repeated = np.repeat(np.arange(12), weights.astype(int))

    for name in ("pearson", "spearman"):
        assert measure_numbers(name, x, y)(weights) == pytest.approx(
            measure_numbers(name, x[repeated], y[repeated])(np.ones(len(repeated))), abs=1e-12
        )
    for name in LABEL_METRICS:
        weighted = measure_labels(name, TRUTH, GIVEN)(np.array([1.0, 2, 1, 1, 1, 3, 1, 1, 1, 1]))
        order = [0, 1, 1, 2, 3, 4, 5, 5, 5, 6, 7, 8, 9]
        again = of(name, [TRUTH[n] for n in order], [GIVEN[n] for n in order])
        assert weighted == pytest.approx(again, abs=1e-12)


def test_calibration() -> None:
    confidence = np.array([0.9, 0.95, 0.8, 0.3, 1.0])
    right = np.array([1.0, 0, 1, 0, 1])

    brier = measure_calibration("brier", confidence, right)(np.ones(5))
    ece = measure_calibration("ece", confidence, right)(np.ones(5))

    assert brier == pytest.approx((0.01 + 0.9025 + 0.04 + 0.09 + 0) / 5, abs=1e-12)
    # The top bin has 0.9, 0.95 and 1 (mean 0.95) of which two are right; then 0.8 and 0.3 alone.
    assert ece == pytest.approx((abs(2.85 - 2) + abs(0.8 - 1) + abs(0.3 - 0)) / 5, abs=1e-12)


def test_intervals_of_a_share_are_about_those_of_wilson() -> None:
    # With two classes of equal size, macro recall is the share of right ones: 80 of 100.
    truth = ["a"] * 50 + ["b"] * 50
    given = ["a"] * 40 + ["b"] * 10 + ["b"] * 40 + ["a"] * 10

    found = estimate_measure(measure_labels("macro_recall", truth, given), range(100))

    assert found.value == pytest.approx(0.8)
    assert found.low == pytest.approx(0.711, abs=0.02)
    assert found.high == pytest.approx(0.867, abs=0.02)


def test_equal_samples_give_equal_intervals_and_clusters_widen_them() -> None:
    truth = ["a", "b"] * 40
    given = ["a", "a"] * 10 + ["a", "b"] * 30
    measure = measure_labels("macro_f1", truth, given)

    alone = estimate_measure(measure, range(80))
    together = estimate_measure(measure, [number // 8 for number in range(80)])

    assert alone == estimate_measure(measure, range(80))
    assert alone.low is not None
    assert alone.high is not None
    assert together.low is not None
    assert together.high is not None
    assert together.value == alone.value
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_no_interval_is_drawn_from_too_little() -> None:
    measure = measure_labels("macro_f1", list("aabb"), list("abbb"))

    assert estimate_measure(measure, range(4)).low is None
    assert estimate_measure(measure, []).value is None
    # In most draws of one minority sample, its class does not occur: Matthews is not defined.
    rare = measure_labels("matthews", ["a"] * 9 + ["b"], ["a"] * 9 + ["b"])
    found = estimate_measure(rare, range(10))
    assert (found.value, found.low, found.high) == (1.0, None, None)


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Pearson's r of 0.6 with 60 samples: of 80 intervals, 95 % give or take four errors."""
    chance = np.random.RandomState(3)
    covered = 0
    for _ in range(80):
        x = chance.normal(size=60)
        y = 0.6 * x + 0.8 * chance.normal(size=60)
        found = estimate_measure(measure_numbers("pearson", x, y), range(60))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.6 <= found.high

    assert 68 <= covered <= 80
