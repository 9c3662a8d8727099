"""Numbers as pages write them."""

from typing import Any

import pytest

from plumbmark.web.numbers import (
    format_difference,
    format_dollars_short,
    format_rate,
    format_score,
    format_score_short,
    format_seconds_short,
    format_size_with_unit,
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


def metric(lower: float | None, upper: float | None, chosen: str, unit: str = "") -> dict[str, Any]:
    return {"name": "grade", "unit": unit, "lower": lower, "upper": upper, "format": chosen}


@pytest.mark.parametrize(
    ("scale", "value", "long", "short"),
    [
        (metric(0, 1, "percent"), 0.5625, "56.25 %", "56.2"),
        (metric(0, None, "percent"), 1.25, "125.00 %", "125.0"),
        (metric(0, 1, "points", "share"), 0.5625, "56.25 points", "56.2"),
        (metric(0, 100, "points"), 56.25, "56.25 points", "56.2"),
        (metric(None, None, "points"), 1250.5, "1,250.50 points", "1,250.5"),
        (metric(None, None, "dollars"), 1.2, "$1.20", "$1.20"),
        (metric(None, None, "dollars"), -1234.5, "−$1,234.50", "−$1,234.50"),
        (metric(None, None, "dollars"), 0.00021, "$0.00021", "$0.00021"),
        (metric(0, None, "seconds"), 12.345, "12.35 s", "12.3"),
        (metric(0, None, "seconds"), 12.0, "12 s", "12"),
        (metric(0, None, "seconds"), 0.00123, "0.0012 s", "0.0012"),
        (metric(0, 10, "fraction"), 8.0, "8/10", "8"),
        (metric(0, 10, "fraction"), 7.625, "7.62/10", "7.6"),
        (metric(0, 10, "fraction"), 0.0, "0/10", "0"),
        (metric(0, 1, "plain", "share"), 0.56254, "0.5625", "0.563"),
    ],
)
def test_a_score_is_written_as_its_author_chose(
    scale: dict[str, Any], value: float, long: str, short: str
) -> None:
    assert format_score(value, scale) == long
    assert format_score_short(value, scale) == short


@pytest.mark.parametrize(
    ("scale", "value", "text"),
    [
        (metric(0, 1, "percent"), 0.02, "2.00 points"),
        (metric(0, 1, "points"), 0.02, "2.00 points"),
        (metric(0, 100, "points"), 2.0, "2 points"),
        (metric(None, None, "dollars"), 1.5, "$1.50"),
        (metric(0, None, "seconds"), 1.5, "1.5 seconds"),
        (metric(0, 10, "fraction"), 0.5, "0.5 grade"),
        (metric(0, 1, "plain", "share"), 0.02, "0.02 grade"),
    ],
)
def test_sizes_of_differences_have_their_unit(
    scale: dict[str, Any], value: float, text: str
) -> None:
    assert format_size_with_unit(value, scale) == text
    assert format_difference(-value, scale)[0] == "−"
