"""From stored scores to what the statistics take, and to the estimate of a scoring."""

from dataclasses import asdict
from typing import Any

from plumbmark.scoring.estimates import Estimate, estimate
from plumbmark.scoring.items import ItemScore, ItemScores
from plumbmark.scoring.metrics import Metric
from tasks_app.models import Item, SampleScore, Scoring, TaskVersion


def metric_of(version: TaskVersion) -> Metric:
    """The main metric that a version declares."""
    return Metric(
        name=version.metric_name,
        direction="lower" if version.metric_direction == "lower" else "higher",
        unit=version.metric_unit,
        lower=version.metric_lower,
        upper=version.metric_upper,
    )


def item_scores(scoring: Scoring) -> ItemScores:
    """Every asked item of the scoring's run with its values, in two queries.

    Keys are the items' own, so scorings of different runs and of versions with equal questions
    meet on the same items.
    """
    run = scoring.run
    keys = list(
        Item.objects.filter(version_id=scoring.task_version_id, position__lt=run.item_count)
        .order_by("position")
        .values_list("key", "cluster")
    )
    values: list[list[float]] = [[] for _ in keys]
    repeats = run.repeats
    scored = SampleScore.objects.filter(scoring=scoring, value__isnull=False)
    for ordinal, value in scored.order_by("sample__ordinal").values_list(
        "sample__ordinal", "value"
    ):
        assert value is not None
        values[ordinal // repeats].append(value)
    return {
        key: ItemScore(tuple(found), repeats - len(found), cluster or None)
        for (key, cluster), found in zip(keys, values, strict=True)
    }


def estimate_scoring(scoring: Scoring) -> dict[str, Any]:
    """The estimate as it is stored: plain data, `value` and `unscored` among it."""
    return as_document(estimate(item_scores(scoring), metric_of(scoring.task_version)))


def as_document(found: Estimate) -> dict[str, Any]:
    """An estimate as JSON-able data.

    Keys: value, low, high, method, items, repeats, clusters, scored, unscored, effective, worst,
    best.
    """
    return {name.removeprefix("n_"): value for name, value in asdict(found).items()}
