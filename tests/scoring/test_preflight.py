"""Estimates of a run from a few items: the values are computed by hand, or by scipy."""

import math

import pytest

from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.preflight import (
    LikelyTotal,
    difference_found,
    items_needed,
    largest_variance,
    predict_total,
    score_variance,
)

UNBOUNDED = Metric(lower=None, upper=None)


def test_a_total_is_predicted_with_students_interval() -> None:
    # Mean 3, s = √2.5 = 1.58114, t(0.975, 4) = 2.776445, 100 · √(1/100 + 1/5) = 45.82576.
    half = 2.776445105 * 1.58113883 * 45.82575695
    found = predict_total([1, 2, 3, 4, 5], 100)

    assert found is not None
    assert found.mean == 300
    assert (found.low, found.high) == pytest.approx((300 - half, 300 + half))


def test_ends_stay_within_nothing_and_the_bound() -> None:
    found = predict_total([1, 20], 10, most=150)

    assert found == LikelyTotal(mean=105, low=0, high=150)
    assert predict_total([7], 10) == LikelyTotal(mean=70, low=None, high=None)
    assert predict_total([], 10) is None
    assert predict_total([4, 4, 4], 10) == LikelyTotal(mean=40, low=40, high=40)


def test_five_right_of_five_do_not_say_that_all_are_right() -> None:
    # Beta(5.5, 0.5): 5.5 · 0.5 / (6 · 7).
    assert score_variance([1] * 5, Metric()) == pytest.approx(2.75 / 42)
    # Beta(3.5, 2.5), on a scale of ten: 8.75 / 42 · 10².
    ten = Metric(lower=0, upper=10)
    assert score_variance([10, 10, 10, 0, 0], ten) == pytest.approx(100 * 8.75 / 42)
    assert largest_variance(ten) == 25


def test_without_bounds_the_variance_is_that_of_the_scores() -> None:
    assert score_variance([1.0, 3.0], UNBOUNDED) == 2
    assert score_variance([1.0], UNBOUNDED) is None
    assert score_variance([2.0, 2.0], UNBOUNDED) is None
    assert largest_variance(UNBOUNDED) is None
    assert score_variance([], Metric()) is None


def test_differences_and_the_items_that_they_take() -> None:
    # (1.959964 + 0.841621)² = 7.848880; · 2 · 0.25 / 0.05² = 1569.776.
    assert items_needed(0.25, 0.05) == 1570
    found = difference_found(0.25, 1570, Metric())
    assert found == pytest.approx(2.801585218 * math.sqrt(0.5 / 1570))
    assert found is not None
    assert found < 0.05 < (difference_found(0.25, 1569, Metric()) or 0)
    # No more than the whole scale; nothing without items.
    assert difference_found(0.25, 1, Metric()) == 1
    assert difference_found(0.25, 0, Metric()) is None
