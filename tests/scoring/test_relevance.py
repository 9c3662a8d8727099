"""Differences that matter, and intervals inside the band of those that do not."""

import pytest

from plumbmark.scoring.relevance import is_inside_band, is_practically_equal


@pytest.mark.parametrize(
    ("difference", "smallest", "expected"),
    [
        (0.019, 0.02, True),
        (-0.019, 0.02, True),
        (0.0, 0.02, True),
        (0.02, 0.02, False),
        (0.30 - 0.28, 0.02, False),  # 0.019999999999999962 in floats
        (0.021, 0.02, False),
        (None, 0.02, False),
        (0.001, None, False),
    ],
)
def test_a_smaller_difference_is_practically_equal(
    difference: float | None, smallest: float | None, expected: bool
) -> None:
    assert is_practically_equal(difference, smallest) is expected


@pytest.mark.parametrize(
    ("low", "high", "smallest", "expected"),
    [
        (-0.01, 0.015, 0.02, True),
        (0.001, 0.019, 0.02, True),
        (-0.01, 0.02, 0.02, False),
        (-0.03, 0.01, 0.02, False),
        (None, 0.01, 0.02, False),
        (-0.01, 0.01, None, False),
    ],
)
def test_an_interval_is_inside_where_both_ends_are(
    low: float | None, high: float | None, smallest: float | None, expected: bool
) -> None:
    assert is_inside_band(low, high, smallest) is expected
