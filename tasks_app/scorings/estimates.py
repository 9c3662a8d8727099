"""From stored scores to what the statistics take, and to the estimate of a scoring."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from plumbmark.scoring.estimates import Estimate, round_digits
from plumbmark.scoring.items import ItemScore, ItemScores
from plumbmark.scoring.metrics import MAX_SCORE, Metric
from plumbmark.scoring.pass_at_k import mean_pass_at_k, mean_pass_hat_k
from plumbmark.scoring.vectors import pack
from tasks_app.kinds import kind_of
from tasks_app.models import Item, SampleScore, Scoring, TaskVersion
from tasks_app.scorings.secondary import secondary_estimates


def metric_of(version: TaskVersion) -> Metric:
    """Return the main metric that a version declares."""
    return Metric(
        name=version.metric_name,
        direction="lower" if version.metric_direction == "lower" else "higher",
        unit=version.metric_unit,
        lower=version.metric_lower,
        upper=version.metric_upper,
    )


def item_scores(scoring: Scoring) -> ItemScores:
    """Return every asked item of the scoring's run with its values, in two queries.

    Keys are the items' own, so scorings of different runs and of versions with equal questions
    share items. A stored number that is beyond the range of scores counts as unscored.
    """
    run = scoring.run
    keys = list(
        Item.objects.filter(run.asked_items, version_id=scoring.task_version_id)
        .order_by("position")
        .values_list("key", "cluster")
    )
    values: list[list[float]] = [[] for _ in keys]
    repeats = run.repeats
    scored = SampleScore.objects.filter(
        scoring=scoring,
        # Says nothing new, and spares partitioned tables the search for each sample in all parts.
        sample__run=scoring.run_id,
        value__gte=-MAX_SCORE,
        value__lte=MAX_SCORE,
    )
    for ordinal, value in scored.order_by("sample__ordinal").values_list(
        "sample__ordinal", "value"
    ):
        assert value is not None
        values[run.place_of(ordinal)].append(value)
    return {
        key: ItemScore(tuple(found), repeats - len(found), cluster or None)
        for (key, cluster), found in zip(keys, values, strict=True)
    }


@dataclass(frozen=True, slots=True)
class ScoringResult:
    """The result of a scoring.

    `estimate` is plain data, `value` and `unscored` among it. If every score is right or wrong and
    items were asked several times, `pass_at` and `pass_hat` are pass@k and pass^k by k (as text).
    `secondary` has the estimates of further scorers by name, if there are any.
    """

    estimate: Mapping[str, Any]
    packed: bytes
    """The scores, for `PackedScores`."""


def compute_result(scoring: Scoring) -> ScoringResult:
    """Return what a scoring came to, from its stored scores."""
    scores, metric = item_scores(scoring), metric_of(scoring.task_version)
    estimate = kind_of(scoring.task_version).estimate(scoring, scores, metric)
    if secondary := secondary_estimates(scoring, scores):
        estimate["secondary"] = secondary
    return ScoringResult(estimate, pack(scores).to_bytes())


_SHOWN_K = (1, 2, 3, 5, 10, 20, 50, 100)


def passes(scores: ItemScores, metric: Metric) -> dict[str, dict[str, float]]:
    """Return pass@k and pass^k for the usual k, up to the fewest scored answers of an item.

    Items without a scored answer are left out, as from the score; empty for a metric of which lower
    is better, or that is not 0 or 1.
    """
    answered = [score.values for score in scores.values() if score.values]
    fewest = min(map(len, answered), default=0)
    is_binary = all(value in (0.0, 1.0) for values in answered for value in values)
    if fewest < 2 or not is_binary or metric.direction == "lower":
        return {}
    counts = [(len(values), sum(map(int, values))) for values in answered]
    ks = sorted({k for k in _SHOWN_K if k < fewest} | {fewest})
    return {
        "pass_at": {str(k): mean_pass_at_k(counts, k) for k in ks},
        "pass_hat": {str(k): mean_pass_hat_k(counts, k) for k in ks},
    }


def as_document(found: Estimate) -> dict[str, Any]:
    """Return an estimate as JSON-able data.

    Keys: value, low, high, method, items, repeats, clusters, scored, unscored, effective, worst,
    best, and skewed where it is. Numbers are rounded to twelve digits, so that the order in which
    scores are summed changes nothing that is stored.
    """
    document = {name.removeprefix("n_"): value for name, value in asdict(found).items()}
    if document.pop("is_skewed"):
        document["skewed"] = True
    for name, value in document.items():
        if isinstance(value, float) and not math.isfinite(value):
            # A guard: PostgreSQL stores no such JSON, and no page can show it.
            raise ArithmeticError(f"the {name} of the estimate is no finite number")
        if isinstance(value, float):
            document[name] = round_digits(value)
    return document


def round_stored(value: float | None) -> float | None:
    """Return a number of an estimate as it is stored."""
    return None if value is None else round_digits(value)
