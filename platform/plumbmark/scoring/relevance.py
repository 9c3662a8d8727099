"""Differences that matter: an author may state the smallest one.

Smaller ones are practically equal, whatever the p-value. That is a statement about the estimate;
the stronger one, that the whole interval is inside the band, is an equivalence test with the level
of the interval (Schuirmann 1987: two one-sided tests, here at 2.5 % each because the interval is
of 95 %).
"""

from plumbmark.scoring.estimates import round_digits


def is_practically_equal(difference: float | None, smallest: float | None) -> bool:
    """Return whether a difference is smaller than the smallest that matters.

    Both are on one scale. False where either is None, and for a difference that is just as large.
    Differences are rounded to the digits of estimates, so that 0.3 - 0.28 is 0.02.
    """
    if difference is None or smallest is None:
        return False
    return round_digits(abs(difference)) < smallest


def is_inside_band(low: float | None, high: float | None, smallest: float | None) -> bool:
    """Return whether a whole interval of a difference is closer to 0 than the smallest difference
    that matters. False where one of them is None.
    """
    if low is None or high is None:
        return False
    return is_practically_equal(low, smallest) and is_practically_equal(high, smallest)
