"""Labels of the axes of figures."""

from functools import partial
from typing import Any

import pytest

from leaderboards_app.figures.drawing import label_ticks, round_values
from leaderboards_app.figures.scatter import AXES
from plumbmark.web.numbers import format_score_short

_SHARE = {"unit": "share", "lower": 0, "upper": 1}
_PLAIN = {"unit": "points", "lower": None, "upper": None}


def labels(values: list[float], write: Any) -> list[str]:
    return [label for _, label in label_ticks(values, write)]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("cost", [200_000, 205_000, 210_000], ["$0.000200", "$0.000205", "$0.000210"]),
        ("cost", [100_000, 200_000, 300_000], ["$0.00010", "$0.00020", "$0.00030"]),
        ("cost", [2.001e9, 2.002e9, 2.003e9], ["$2.001", "$2.002", "$2.003"]),
        ("latency", [20, 22, 24], ["0.020 s", "0.022 s", "0.024 s"]),
        ("latency", [0.2, 0.4], ["0.0002 s", "0.0004 s"]),
        ("released", [737_791.0, 737_791.5, 737_792.0], ["2021-01-01", "2021-01-02"]),
    ],
)
def test_neighbours_on_an_axis_are_told_apart(
    name: str, values: list[float], expected: list[str]
) -> None:
    assert labels(values, AXES[name].write) == expected


@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        (_SHARE, [0.9991, 0.9992, 0.9993], ["99.91", "99.92", "99.93"]),
        (_SHARE, [0.2, 0.4], ["20.0", "40.0"]),
        (_PLAIN, [1000.1, 1000.2], ["1000.1", "1000.2"]),
    ],
)
def test_close_scores_are_told_apart(
    metric: dict[str, Any], values: list[float], expected: list[str]
) -> None:
    assert labels(values, partial(format_score_short, metric=metric)) == expected


def test_no_label_comes_twice_however_narrow_the_range() -> None:
    for span in (1, 1e-3, 1e-6, 1e-9):
        found = labels(round_values(0.5, 0.5 + span), partial(format_score_short, metric=_SHARE))
        assert len(set(found)) == len(found) >= 1
