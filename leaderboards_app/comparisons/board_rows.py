"""Rows of a board side by side, of the runs that counted when the snapshot was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from django.db.models import Q
from django.http import Http404

from benchmarks_app.models import BenchmarkTask
from benchmarks_app.queries import members_of
from leaderboards_app.board.arrangement import SCOPES
from leaderboards_app.board.rows import Row
from leaderboards_app.board.snapshots import snapshot_of
from leaderboards_app.models import Standings
from leaderboards_app.standings.collection import (
    IncludedRun,
    TaskCell,
    join_cell_scores,
    read_cell_vectors,
)
from plumbmark.accounts.permissions import Visitor
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.scoring.aggregates import TaskScores, WeightedTask
from plumbmark.scoring.comparison import (
    PairResult,
    compare_aggregates,
    compare_rows,
    largest_significant,
)
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.ranking import ALPHA
from plumbmark.scoring.vectors import ScoreVector, as_vector
from tasks_app.code_tasks.scores import ProgramScores
from tasks_app.models import Run, Scoring
from tasks_app.runs.queries import viewable_runs
from tasks_app.scorings.estimates import metric_of, round_stored

Pair = tuple[int, int]
"""The places of two rows in a comparison, the smaller one first."""


@dataclass(frozen=True, slots=True)
class BoardVerdict:
    """The board's own verdict on a pair: Holm over all pairs of its ranked rows."""

    is_told_apart: bool
    limit: float
    """The largest p that the board takes as a difference."""
    pairs: int


@dataclass(frozen=True, slots=True)
class TaskPair:
    """A pair of rows on one task, on the task's own scale."""

    task: Mapping[str, Any]
    result: PairResult | None
    """None where a row lacks the task."""
    first_runs: Sequence[int]
    second_runs: Sequence[int]

    @property
    def run_pair(self) -> str:
        """The runs for the address of their comparison; empty unless there is one of each row."""
        one, other = self.first_runs, self.second_runs
        return f"{one[0]},{other[0]}" if len(one) == len(other) == 1 else ""


@dataclass(frozen=True, slots=True)
class RowComparison:
    """Rows of a board with all their pairs. A pair is None where a row lacks a task."""

    content: Mapping[str, Any]
    rows: Sequence[Row]
    scope: str
    pairs: Mapping[Pair, PairResult | None]
    verdicts: Mapping[Pair, BoardVerdict | None]
    by_task: Mapping[Pair, Sequence[TaskPair]]
    is_changed: bool
    """Scores were computed anew since the snapshot, so that they are not those of its rows."""

    @property
    def smallest_difference(self) -> float | None:
        """The smallest difference that matters, as the snapshot has it; None: none is stated."""
        found: float | None = self.content.get("smallest_difference")
        return found


def compare_board_rows(
    standings: Standings, row_ids: Sequence[str], scope: str, *, to: Visitor
) -> RowComparison:
    """Compare rows of a snapshot that the visitor may see; 404 if a run of them is not visible."""
    content = snapshot_of(standings.public_id).content
    rows = _rows_of(content, row_ids)
    scope = _scope_of(rows, scope)
    tasks = list(members_of(standings.version))
    cells = _cells(standings, tasks, rows, to)
    vectors = read_cell_vectors([cell for row in cells for cell in row])
    scores = [
        [join_cell_scores(cell, vectors) if cell.counted else None for cell in row] for row in cells
    ]
    places = list(combinations(range(len(rows)), 2))
    metrics = [_metric_of_column(task, scores, n) for n, task in enumerate(tasks)]
    by_task = {
        pair: [
            TaskPair(
                content["tasks"][n],
                _compare_cells(scores[pair[0]][n], scores[pair[1]][n], metrics[n]),
                rows[pair[0]]["tasks"][n]["runs"],
                rows[pair[1]]["tasks"][n]["runs"],
            )
            for n in range(len(tasks))
        ]
        for pair in places
    }
    pairs = _compare_whole(content, tasks, scores, by_task, places)
    is_changed = any(
        _differs(vector, row["tasks"][n], metric_of(task.task_version))
        for row, found in zip(rows, scores, strict=True)
        for n, (vector, task) in enumerate(zip(found, tasks, strict=True))
    )
    verdicts = {
        pair: None if is_changed else _verdict(content, rows, pair, pairs[pair], scope)
        for pair in places
    }
    return RowComparison(content, rows, scope, pairs, verdicts, by_task, is_changed)


def _rows_of(content: Mapping[str, Any], row_ids: Sequence[str]) -> list[Row]:
    found = {row["contender"]["id"]: row for row in content["rows"]}
    unknown = [one for one in row_ids if one not in found]
    if unknown:
        raise InvalidInput([Problem(f"these standings have no row {unknown[0]!r}", "rows")])
    return [found[one] for one in row_ids]


def _scope_of(rows: Sequence[Row], scope: str) -> str:
    """Return the ranking that is asked for; the one that ranks all rows, if none is."""
    if scope in SCOPES:
        return scope
    return "platform" if all(row["ranks"]["platform"] for row in rows) else "all"


def _cells(
    standings: Standings, tasks: Sequence[BenchmarkTask], rows: Sequence[Row], to: Visitor
) -> list[list[TaskCell]]:
    """Return the cells of the rows with the runs and scorings that counted. Two queries."""
    wanted = {run for row in rows for cell in row["tasks"] for run in cell["runs"]}
    runs = {run.pk: run for run in viewable_runs(to=to).filter(pk__in=wanted)}
    if len(runs) < len(wanted):
        raise Http404
    scorings = _scorings_then(standings, tasks, runs)
    return [
        [
            TaskCell(
                task=task,
                counted=[
                    IncludedRun(runs[run_id], scoring)
                    for run_id in cell["runs"]
                    if (scoring := scorings.get((run_id, task.task_version_id))) is not None
                ],
                state=cell["state"],
                declared=len(cell["runs"]),
                attempts=len(cell["runs"]),
            )
            for task, cell in zip(tasks, row["tasks"], strict=True)
        ]
        for row in rows
    ]


def _scorings_then(
    standings: Standings, tasks: Sequence[BenchmarkTask], runs: Mapping[int, Run]
) -> dict[tuple[int, int], Scoring]:
    """Return the scorings that were the newest when the snapshot was made, by run and version."""
    versions = {task.task_version_id: task.task_version for task in tasks}
    before = Q(finished_at=None) | Q(finished_at__lte=standings.created_at)
    rows = Scoring.objects.filter(
        before, run__in=runs, task_version__in=versions, state=Scoring.State.COMPLETED
    )
    found: dict[tuple[int, int], Scoring] = {}
    for one in rows.order_by("revision", "id"):
        one.run, one.task_version = runs[one.run_id], versions[one.task_version_id]
        found[one.run_id, one.task_version_id] = one
    return found


def _metric_of_column(
    task: BenchmarkTask, scores: Sequence[Sequence[ProgramScores | None]], number: int
) -> Metric:
    metric = metric_of(task.task_version)
    column = [row[number] for row in scores]
    known = [one for one in column if one is not None]
    if known and all(one.is_share for one in known):
        return known[0].metric(metric)
    return metric


def _compare_cells(
    one: ProgramScores | None, other: ProgramScores | None, metric: Metric
) -> PairResult | None:
    if one is None or other is None:
        return None
    return compare_rows(one.pairs, other.pairs, metric)


def _compare_whole(
    content: Mapping[str, Any],
    tasks: Sequence[BenchmarkTask],
    scores: Sequence[Sequence[ProgramScores | None]],
    by_task: Mapping[Pair, Sequence[TaskPair]],
    places: Sequence[Pair],
) -> dict[Pair, PairResult | None]:
    """Return the pairs on the scale of the score column, as the board tests them."""
    if len(tasks) == 1:
        return {pair: by_task[pair][0].result for pair in places}
    weighted = [
        WeightedTask(str(task.pk), part["weight"], metric_of(task.task_version))
        for task, part in zip(tasks, content["tasks"], strict=True)
    ]
    whole = [n for n, row in enumerate(scores) if None not in row]
    rows: list[TaskScores] = [
        {
            task.key: one.pairs
            for task, one in zip(weighted, scores[n], strict=True)
            if one is not None
        }
        for n in whole
    ]
    found = compare_aggregates(rows, weighted) if len(whole) > 1 else {}
    by_place = {(whole[one], whole[other]): result for (one, other), result in found.items()}
    return {pair: by_place.get(pair) for pair in places}


def _differs(scores: ProgramScores | None, cell: Mapping[str, Any], metric: Metric) -> bool:
    """Return whether the scores are not those of the snapshot any more."""
    if scores is None:
        return bool(cell["runs"])
    vector: ScoreVector = as_vector(scores.items)
    if not vector.summary.items or cell["value"] is None:
        return bool(vector.summary.items) != (cell["value"] is not None)
    means = vector.means[vector.counts > 0]
    value = round_stored(float(means.mean()))
    assert value is not None
    allowed = 1e-9 * max(1.0, metric.width, abs(value))
    return not abs(value - float(cell["value"])) <= allowed


def _verdict(
    content: Mapping[str, Any],
    rows: Sequence[Row],
    pair: Pair,
    result: PairResult | None,
    scope: str,
) -> BoardVerdict | None:
    """Return the verdict on a pair of ranked rows; the snapshot's counts are enough for it."""
    if result is None or not all(rows[place]["ranks"][scope] for place in pair):
        return None
    ranks = [row["ranks"][scope] for row in content["rows"] if row["ranks"][scope]]
    told_apart = sum(rank["above"] for rank in ranks)
    limit = largest_significant(len(ranks), told_apart, ALPHA)
    return BoardVerdict(
        is_told_apart=result.p_value is not None and result.p_value <= limit,
        limit=limit,
        pairs=len(ranks) * (len(ranks) - 1) // 2,
    )


def neighbours_in_rank(content: Mapping[str, Any], row: Row, scope: str, *, most: int) -> list[Row]:
    """Return a ranked row and those next to it by score whose ranges of ranks overlap with its own:
    the rows that it may be tied with. In the order of the board.
    """
    ranked = [one for one in content["rows"] if one["ranks"][scope]]
    place = next(n for n, one in enumerate(ranked) if one is row)
    rank = row["ranks"][scope]
    overlapping = [
        (abs(n - place), n)
        for n, one in enumerate(ranked)
        if one["ranks"][scope]["best"] <= rank["worst"]
        and one["ranks"][scope]["worst"] >= rank["best"]
    ]
    chosen = sorted(n for _, n in sorted(overlapping)[:most])
    return [ranked[n] for n in chosen]
