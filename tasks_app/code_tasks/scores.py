"""What the statistics take of a run of code: its own items where it tells them, else its count.

A program is no item. Where its score is the mean of samples that bear ids, these are the items, and
two runs are compared on the ids that both have. A count k of n is n items without names: enough for
an interval, but nothing to compare item by item. Anything else is one number, of which only the
program can know the interval. docs/design/standings.md says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plumbmark.scoring.estimates import Estimate, IntervalMethod, estimate_rows
from plumbmark.scoring.intervals import Interval, wilson
from plumbmark.scoring.items import ItemScore, ItemScores
from plumbmark.scoring.metrics import Metric, find_score_problem
from plumbmark.scoring.vectors import ItemList, ScoreVector, as_vector, join, pack
from tasks_app.code_tasks.output.result_file import is_mean
from tasks_app.models import SampleScore, Scoring

_MAX_COUNTED = 100_000
"""Of a larger count the interval is narrower than anybody looks."""


@dataclass(frozen=True, slots=True)
class ProgramScores:
    """`items` is what the estimate rests on, `pairs` what is compared with other runs.

    `is_number`: one number, whose interval the items cannot give; `interval` is the program's own.
    `is_share`: every item is right or wrong, also where the metric declares no bounds.
    """

    items: ItemScores | ScoreVector
    pairs: ItemScores | ScoreVector
    is_number: bool = False
    interval: Interval | None = None
    method: IntervalMethod = "none"
    is_share: bool = False

    def pack(self, like: ItemList | None = None) -> "ProgramScores":
        """Return the same scores as arrays; `like` is the list of items of another row."""
        items = _pack(self.items, like)
        pairs = items if self.pairs is self.items else _pack(self.pairs, like)
        return replace(self, items=items, pairs=pairs)

    def metric(self, declared: Metric) -> Metric:
        """Return the scale of the items."""
        if not self.is_share or declared.is_bounded:
            return declared
        return replace(declared, lower=0.0, upper=1.0)


def program_scores(scoring: Scoring, scores: ItemScores, metric: Metric) -> ProgramScores:
    """Return the scores of a run of code; `scores` are its tasks, as items elsewhere. At most one
    query.
    """
    if len(scores) != 1:
        # Several tasks that count: they are the items, each with the same weight.
        return ProgramScores(scores, scores)
    ((key, only),) = scores.items()
    if not only.values:
        return ProgramScores(scores, scores, is_number=True)
    details = (
        SampleScore.objects.filter(scoring=scoring, value__isnull=False)
        .values_list("details", flat=True)
        .first()
    ) or {}
    value = only.values[0]
    result = details.get("result", {})
    is_share = result.get("kind") == "count" and _may_be_share(metric)
    own_items = _read_items(details)
    if own_items and _is_within(own_items, metric) and is_mean(_scores_of(own_items), value):
        items = {
            one: ItemScore(() if score is None else (score,), int(score is None))
            for one, score in own_items.items()
        }
        return ProgramScores(items, items, is_share=is_share)
    if result.get("of") and is_share:
        # Under a name of their own: equal places in two runs are not the same question.
        counted = _count_as_items(
            scoring, result["passed"], min(result["of"], _MAX_COUNTED), result
        )
        alone = {f"run {scoring.run_id}/{key}": only}
        return ProgramScores(counted, alone, is_share=True)
    if result.get("of"):
        interval = wilson(result["passed"], result["of"])
        return ProgramScores(scores, scores, True, interval, "wilson")
    low, high = result.get("low"), result.get("high")
    if low is None or high is None:
        return ProgramScores(scores, scores, is_number=True)
    return ProgramScores(scores, scores, True, Interval(low, high), "reported")


def estimate_of_program(scores: ProgramScores, metric: Metric) -> Estimate:
    """Return the estimate; without an interval unless items or the program give one."""
    return estimates_of_programs([scores], metric)[0]


def estimates_of_programs(rows: Sequence[ProgramScores], metric: Metric) -> list[Estimate]:
    """Return the estimates of many rows on one task, as `estimate_of_program` does."""
    scales = [row.metric(metric) for row in rows]
    found: dict[int, Estimate] = {}
    for scale in dict.fromkeys(scales):
        numbers = [number for number, one in enumerate(scales) if one == scale]
        estimates = estimate_rows([as_vector(rows[number].items) for number in numbers], scale)
        found |= dict(zip(numbers, estimates, strict=True))
    return [_with_own_interval(found[number], row) for number, row in enumerate(rows)]


def _with_own_interval(found: Estimate, scores: ProgramScores) -> Estimate:
    if not scores.is_number:
        return found
    interval = scores.interval
    return replace(
        found,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        method=scores.method,
        n_effective=None,
    )


def _pack(scores: ItemScores | ScoreVector, like: ItemList | None) -> ScoreVector:
    return scores if isinstance(scores, ScoreVector) else pack(scores, like)


def join_runs(runs: Sequence[ProgramScores]) -> ProgramScores:
    """Join several runs of one program: further runs are additional repeats of its items."""
    if len(runs) == 1:
        return runs[0]
    # The mean of several numbers has an interval that none of them tells.
    return ProgramScores(
        join([as_vector(one.items) for one in runs]),
        join([as_vector(one.pairs) for one in runs]),
        is_number=any(one.is_number for one in runs),
        is_share=all(one.is_share for one in runs),
    )


def _read_items(details: Mapping[str, Any]) -> dict[str, float | None]:
    """Return ids and scores of every sample, or nothing: a part of them is not sufficient."""
    if "scores" in details:
        return dict(details["scores"])
    samples = details.get("samples", [])
    if not samples or len(samples) != details.get("samples_told"):
        return {}
    return {one["id"]: one["score"] for one in samples}


def _scores_of(items: Mapping[str, float | None]) -> list[float]:
    return [score for score in items.values() if score is not None]


def _is_within(items: Mapping[str, float | None], metric: Metric) -> bool:
    lower, upper = metric.lower, metric.upper
    return all(
        (lower is None or score >= lower)
        and (upper is None or score <= upper)
        and find_score_problem(score) is None
        for score in _scores_of(items)
    )


def _may_be_share(metric: Metric) -> bool:
    """Return whether its bounds are those of a share, or it has none."""
    return (metric.lower, metric.upper) in {(0.0, 1.0), (None, None)}


def _count_as_items(
    scoring: Scoring, passed: int, of: int, result: Mapping[str, Any]
) -> ItemScores:
    right = passed if of == result["of"] else round(passed / result["of"] * of)
    return {
        f"run {scoring.run_id}/{number}": ItemScore((float(number < right),))
        for number in range(of)
    }
