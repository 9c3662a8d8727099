"""Estimates beside the main one: of further scorers, from the verdicts that each sample keeps, and
of the metrics of the whole run.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models.fields.json import KeyTransform

from plumbmark.scoring.estimates import estimate, round_digits
from plumbmark.scoring.items import ItemScore, ItemScores
from plumbmark.scoring.metrics import MAX_SCORE
from tasks_app.models import SampleScore, Scoring
from tasks_app.scorings.metric_documents import SecondaryMetric, secondary_metrics
from tasks_app.scorings.run_metrics import run_metric_estimates

_AT_ONCE = 2000
_SCORINGS_AT_ONCE = 500
_KEPT = ("value", "low", "high")


def secondary_estimates(scoring: Scoring, main: ItemScores) -> dict[str, dict[str, Any]]:
    """Return value, low, high, scored and unscored of each further scorer and of each metric of the
    run, by name.

    `main` has the items of the scoring in their order, with their clusters. Empty for a version
    with a single scorer and no such metric, and for programs.
    """
    further = [one for one in secondary_metrics(scoring.task_version) if not one.is_of_run]
    estimates = _scorer_estimates(scoring, main, further) if further else {}
    return estimates | run_metric_estimates(scoring, main)


def _scorer_estimates(
    scoring: Scoring, main: ItemScores, metrics: Sequence[SecondaryMetric]
) -> dict[str, dict[str, Any]]:
    run = scoring.run
    values: dict[str, list[list[float]]] = {one.scorer: [[] for _ in main] for one in metrics}
    rows = SampleScore.objects.filter(scoring=scoring, sample__run=scoring.run_id).values_list(
        "sample__ordinal", "details"
    )
    for ordinal, details in rows.order_by("sample__ordinal").iterator(chunk_size=_AT_ONCE):
        verdicts = details.get("scorers", {})
        for name, found in values.items():
            value = verdicts.get(name, {}).get("value")
            if isinstance(value, int | float) and -MAX_SCORE <= value <= MAX_SCORE:
                found[run.place_of(ordinal)].append(float(value))
    estimates = {}
    for one in metrics:
        scores = {
            key: ItemScore(tuple(found), run.repeats - len(found), item.cluster)
            for (key, item), found in zip(main.items(), values[one.scorer], strict=True)
        }
        found_estimate = estimate(scores, one.metric)
        estimates[one.scorer] = {
            **{name: _rounded(getattr(found_estimate, name)) for name in _KEPT},
            "scored": found_estimate.n_scored,
            "unscored": found_estimate.n_unscored,
        }
    return estimates


def _rounded(value: float | None) -> float | None:
    return None if value is None else round_digits(value)


def read_secondary(scorings: Iterable[Scoring]) -> dict[int, Mapping[str, Mapping[str, Any]]]:
    """Return the stored estimates of further scorers by the scoring's id, of those that have some.
    One query for each 500 scorings of versions with several scorers.
    """
    wanted = [one.pk for one in scorings if secondary_metrics(one.task_version)]
    found: dict[int, Mapping[str, Mapping[str, Any]]] = {}
    for start in range(0, len(wanted), _SCORINGS_AT_ONCE):
        chunk = wanted[start : start + _SCORINGS_AT_ONCE]
        rows = Scoring.objects.filter(pk__in=chunk).values_list(
            "pk", KeyTransform("secondary", "estimate")
        )
        found |= {key: estimates for key, estimates in rows if estimates}
    return found


def join_estimates(estimates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one estimate of several runs: the mean weighted by their scored samples.

    A single one is as it is. The mean of several has no interval: their samples are of the same
    items, which single estimates do not tell.
    """
    if len(estimates) == 1:
        return dict(estimates[0])
    scored = [one for one in estimates if one["value"] is not None]
    total = sum(one["scored"] for one in scored)
    mean = sum(one["value"] * one["scored"] for one in scored) / total if total else None
    return {
        "value": _rounded(mean),
        "low": None,
        "high": None,
        "scored": total,
        "unscored": sum(one["unscored"] for one in estimates),
    }
