"""Numbers as pages write them."""

import pytest

from plumbmark.web.numbers import (
    format_dollars_short,
    format_rate,
    format_score,
    format_score_short,
    format_seconds_short,
)

SHARE = {"unit": "share", "lower": 0.0, "upper": 1.0}
POINTS = {"unit": "points", "lower": None, "upper": None}


@pytest.mark.parametrize(
    ("nanodollars", "text"),
    [
        (None, ""),
        (0, "$0"),
        (1, "$0.000000001"),
        (210_000, "$0.00021"),
        (215_500, "$0.00022"),
        (1_000_000, "$0.0010"),
        (9_900_000, "$0.0099"),
        (10_000_000, "$0.010"),
        (82_000_000, "$0.082"),
        (100_000_000, "$0.10"),
        (999_000_000, "$1.00"),
        (1_000_000_000, "$1.00"),
        (1_234_560_000_000, "$1,234.56"),
    ],
)
def test_small_amounts_keep_two_significant_digits(nanodollars: int | None, text: str) -> None:
    assert format_dollars_short(nanodollars) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(None, ""), (0, "0.00 s"), (340, "0.34 s"), (8_930, "8.9 s")]
)
def test_columns_of_times_have_one_unit(milliseconds: int | None, text: str) -> None:
    assert format_seconds_short(milliseconds) == text


def test_shares_are_percentages_and_others_keep_their_scale() -> None:
    assert (format_score(0.5625, SHARE), format_score_short(0.5625, SHARE)) == ("56.25 %", "56.2")
    assert (format_score(1234.5678, POINTS), format_score_short(-0.12345, POINTS)) == (
        "1235",
        "-0.123",
    )
    assert (format_score(None, SHARE), format_score_short(None, POINTS)) == ("", "")


@pytest.mark.parametrize(
    ("rate", "text"),
    [(1360.4, "1,360"), (136.04, "136"), (13.64, "13.6"), (1.364, "1.36"), (0.0136, "0.014")],
)
def test_rates_are_written_out(rate: float, text: str) -> None:
    assert format_rate(rate) == text
