"""Scores as pages show them: texts for people and numbers for the bar."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.web.numbers import format_score, format_score_short
from tasks_app.models import Run, Scoring, TaskVersion
from tasks_app.scorings.metric_documents import metric_document

MAX_UNSCORED_SHARE = 0.05
"""Of a run's samples. With more, what the others say is not shown as the run's score."""


@dataclass(frozen=True, slots=True)
class ScoreDisplay:
    """The context of `components/score.html`. `missing` says why there is no score."""

    missing: str = ""
    estimate: str = ""
    low: str = ""
    high: str = ""
    bar_estimate: float = 0.0
    bar_low: float = 0.0
    bar_high: float = 0.0
    minimum: float = 0.0
    maximum: float = 1.0


def score_context(run: Run, version: TaskVersion, scoring: Scoring | None) -> ScoreDisplay:
    """Return the score of a run by one scoring, or the reason why there is none yet."""
    if run.invalid_reason:
        return ScoreDisplay(missing=_("invalid"))
    if scoring is None or scoring.state != Scoring.State.COMPLETED or scoring.estimate is None:
        return ScoreDisplay(missing=_missing_reason(run, scoring))
    estimate = scoring.estimate
    value, low, high = (estimate.get(name) for name in ("value", "low", "high"))
    if value is None:
        return ScoreDisplay(missing=_("nothing was scored"))
    metric = metric_document(version)
    unscored, total = estimate["unscored"], estimate["unscored"] + estimate["scored"]
    if unscored > MAX_UNSCORED_SHARE * total:
        return ScoreDisplay(missing=_possible_scores(estimate, metric, unscored, total))
    low, high = (value if end is None else end for end in (low, high))
    minimum = low if version.metric_lower is None else version.metric_lower
    maximum = high if version.metric_upper is None else version.metric_upper
    return ScoreDisplay(
        estimate=format_score(value, metric),
        low=format_score_short(low, metric),
        high=format_score_short(high, metric),
        bar_estimate=value,
        bar_low=low,
        bar_high=high,
        minimum=minimum,
        maximum=maximum,
    )


def _possible_scores(
    estimate: Mapping[str, Any], metric: Mapping[str, Any], unscored: int, total: int
) -> str:
    """Return what is known of a score if many samples are unscored."""
    facts = {"unscored": f"{unscored:,}", "total": f"{total:,}"}
    worst, best = estimate.get("worst"), estimate.get("best")
    if worst is None or best is None:
        return _("%(unscored)s of %(total)s samples are unscored") % facts
    low, high = (format_score_short(end, metric) for end in sorted((worst, best)))
    text = _("from %(low)s to %(high)s possible: %(unscored)s of %(total)s samples are unscored")
    return text % {"low": low, "high": high, **facts}


def _missing_reason(run: Run, scoring: Scoring | None) -> str:
    if run.state == Run.State.FAILED:
        return _("failed")
    if run.state == Run.State.CANCELLED:
        return _("cancelled")
    if run.state == Run.State.COMPLETED and scoring is not None:
        return _("being scored") if scoring.state != Scoring.State.FAILED else _("scoring failed")
    return str(run.get_state_display())
