"""The score of a run as pages show it: a number only where most of its samples are scored."""

import pytest

from tasks_app.models import Run, Scoring, TaskVersion
from tasks_app.scorings.score_display import score_context

SHARE = {"metric_unit": "share", "metric_lower": 0.0, "metric_upper": 1.0}


def shown(scored: int, unscored: int, *, worst: float | None, best: float | None) -> list[str]:
    estimate = {
        "value": 0.0,
        "low": 0.0,
        "high": 0.2,
        "scored": scored,
        "unscored": unscored,
        "worst": worst,
        "best": best,
    }
    display = score_context(
        Run(),
        TaskVersion(metric_name="accuracy", **SHARE),
        Scoring(state=Scoring.State.COMPLETED, estimate=estimate),
    )
    return [display.estimate, display.missing]


def test_a_score_of_few_samples_is_shown_as_what_is_possible() -> None:
    assert shown(13, 37, worst=0.0, best=0.74) == [
        "",
        "from 0.0 to 74.0 possible: 37 of 50 samples are unscored",
    ]


def test_without_bounds_it_is_said_how_many_are_missing() -> None:
    assert shown(13, 37, worst=None, best=None) == ["", "37 of 50 samples are unscored"]


@pytest.mark.parametrize("unscored", [0, 1, 5])
def test_a_score_of_nearly_all_samples_is_a_number(unscored: int) -> None:
    assert shown(100, unscored, worst=0.0, best=0.05) == ["0.00 %", ""]
