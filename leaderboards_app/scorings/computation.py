"""The order of a board under other scorings of the same outputs, made when a board is computed.

A scoring of the same outputs is one of a run that counts, in its present revision: by another
version of the task with the same questions, or by the board's version with other versions of its
scorers. Each takes the place of the board's own scoring of one task at a time.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F

from leaderboards_app.board.rows import Row
from leaderboards_app.weights.computation import SCOPES, normalised_value
from plumbmark.scoring.estimates import round_digits
from plumbmark.scoring.rank_correlation import kendall_tau_b
from plumbmark.scoring.weightings import rank_descending
from tasks_app.models import Scoring, TaskVersion
from tasks_app.models.tasks import Visibility
from tasks_app.scorings.metric_documents import metric_document

MAX_ALTERNATIVES = 20
"""Of a board: the newest scorings."""
MAX_ROWS = 1000
"""Of one alternative: the first rows of the board."""

_RUNS_AT_ONCE = 5000
"""In one query."""

_Key = tuple[int, int, str]
"""The task's place from 0, the version's id, and the versions of its scorers as text."""


@dataclass(frozen=True, slots=True)
class _Alternative:
    place: int
    version: TaskVersion
    scorer_versions: Mapping[str, str]
    newest: int
    """The id of its newest scoring."""
    values: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Score and number of scored samples by run."""


def compute_scoring_orders(
    content: Mapping[str, Any], versions: Sequence[TaskVersion]
) -> dict[str, Any] | None:
    """Return the document of a board's orders; None where its outputs have one scoring each.

    `versions` are those of the board's tasks, in their order. A query for each 5,000 runs and one
    more.
    """
    found = _find_alternatives(content, versions)
    documents = [
        document
        for one in sorted(found, key=lambda one: -one.newest)[:MAX_ALTERNATIVES]
        if (document := _describe(content, one)) is not None
    ]
    return {"format": 1, "alternatives": documents} if documents else None


def _find_alternatives(
    content: Mapping[str, Any], versions: Sequence[TaskVersion]
) -> list[_Alternative]:
    place_of = {
        run: place
        for row in content["rows"]
        for place, cell in enumerate(row["tasks"])
        for run in cell["runs"]
    }
    scorings = list(_read_scorings(list(place_of)))
    # The newest one by the board's version is the one that counts.
    counts = {
        run: key for key, run, version, *_rest in scorings if version == versions[place_of[run]].pk
    }
    counted_scorers = defaultdict(set)
    grouped: dict[_Key, dict[int, tuple[int, float, int]]] = defaultdict(dict)
    for key, run, version, scorers, value, unscored, total in scorings:
        place, text = place_of[run], json.dumps(scorers, sort_keys=True)
        if counts.get(run) == key:
            counted_scorers[place].add((version, text))
        grouped[place, version, text][run] = key, value, total - unscored
    others = {
        key: runs
        for key, runs in grouped.items()
        if (key[1], key[2]) not in counted_scorers[key[0]]
    }
    known = TaskVersion.objects.select_related("task__namespace").in_bulk(
        {version for _place, version, _text in others}
    )
    boards_tasks = [version.task_id for version in versions]
    return [
        _Alternative(
            place,
            known[version],
            json.loads(text),
            max(key for key, _value, _scored in runs.values()),
            {run: (value, scored) for run, (_key, value, scored) in runs.items()},
        )
        for (place, version, text), runs in others.items()
        # Nothing here tells of a task that only those know who have its address.
        if known[version].task_id == boards_tasks[place]
        or known[version].task.visibility == Visibility.PUBLIC
    ]


def _read_scorings(runs: Sequence[int]) -> Iterator[tuple[int, int, int, Any, float, int, int]]:
    """Return id, run, version, versions of scorers, value, unscored and all samples of completed
    scorings by published versions, of the runs' present revisions. Older ones of a run come first.
    """
    for start in range(0, len(runs), _RUNS_AT_ONCE):
        rows = Scoring.objects.filter(
            run__in=runs[start : start + _RUNS_AT_ONCE],
            state=Scoring.State.COMPLETED,
            revision=F("run__revision"),
            value__isnull=False,
            task_version__state=TaskVersion.State.PUBLISHED,
            task_version__withheld_at__isnull=True,
        ).order_by("id")
        for one in rows.values_list(
            "id",
            "run_id",
            "task_version_id",
            "scorer_versions",
            "value",
            "samples_unscored",
            "samples_total",
        ):
            key, run, version, scorers, value, unscored, total = one
            assert value is not None
            yield key, run, version, scorers, value, unscored, total


def _describe(content: Mapping[str, Any], other: _Alternative) -> dict[str, Any] | None:
    """Return the document of one alternative; None where fewer than two ranked rows have it."""
    scopes = {scope: _order(content, other, scope) for scope in SCOPES}
    if not any(scopes.values()):
        return None
    version = other.version
    return {
        "task": other.place + 1,
        "title": content["tasks"][other.place]["title"],
        "version": version.public_id,
        "handle": version.task.namespace.handle,
        "slug": version.task.slug,
        "number": version.number,
        "is_board_version": version.public_id == content["tasks"][other.place]["id"],
        "scorers": dict(other.scorer_versions),
        "metric": metric_document(version)
        if len(content["tasks"]) == 1
        else dict(content["metric"]),
        "scopes": scopes,
    }


def _order(content: Mapping[str, Any], other: _Alternative, scope: str) -> dict[str, Any] | None:
    ranked = [row for row in content["rows"] if row["ranks"][scope]]
    rows = [(row, value) for row in ranked if (value := _value_of(content, other, row)) is not None]
    if len(rows) < 2:
        return None
    before = [_signed(row["score"]["value"], content["metric"]) for row, _value in rows]
    scale = metric_document(other.version) if len(content["tasks"]) == 1 else content["metric"]
    after = [_signed(value, scale) for _row, value in rows]
    tau = kendall_tau_b(before, after)
    places = zip(rows, rank_descending(before), rank_descending(after), strict=True)
    return {
        "tau": None if tau is None else round_digits(tau),
        "missing": len(ranked) - len(rows),
        "rows_left_out": max(0, len(rows) - MAX_ROWS),
        "rows": [
            {
                "contender": row["contender"]["id"],
                "label": row["contender"]["label"],
                "before": row["score"]["value"],
                "after": round_digits(value),
                "rank_before": old,
                "rank_after": new,
            }
            for (row, value), old, new in places
        ][:MAX_ROWS],
    }


def _value_of(content: Mapping[str, Any], other: _Alternative, row: Row) -> float | None:
    """Return a row's score with this scoring of one task; None where a run of it lacks one."""
    known = [other.values.get(run) for run in row["tasks"][other.place]["runs"]]
    pairs = [one for one in known if one is not None]
    total = sum(scored for _value, scored in pairs)
    if len(pairs) < len(known) or not total:
        return None
    value = sum(one * scored for one, scored in pairs) / total
    if len(content["tasks"]) == 1:
        return value
    parts: list[float] = []
    for place, (task, cell) in enumerate(zip(content["tasks"], row["tasks"], strict=True)):
        is_other = place == other.place
        metric = metric_document(other.version) if is_other else task["metric"]
        part = normalised_value(metric, value if is_other else cell["value"])
        if part is None:
            return None
        parts.append(part * task["weight"])
    return math.fsum(parts)


def _signed(value: float, metric: Mapping[str, Any]) -> float:
    """Return a score so that higher is better, to the digits of estimates."""
    return round_digits(-value if metric["direction"] == "lower" else value)
