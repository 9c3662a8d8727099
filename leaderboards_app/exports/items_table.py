"""Per-item results of a snapshot: a row for each model and each item that the reader may see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from benchmarks_app.queries import members_of
from leaderboards_app.board.arrangement import Arrangement
from leaderboards_app.board.rows import Row
from leaderboards_app.board.snapshots import Snapshot
from leaderboards_app.exports.standings_table import file_stem, snapshot_facts
from plumbmark.accounts.permissions import Visitor
from plumbmark.common.table_files import Cell, Column, TableFile
from plumbmark.scoring.vectors import ScoreVector, as_vector, join
from tasks_app.code_tasks.scores import join_runs, program_scores
from tasks_app.kinds import kind_of
from tasks_app.models import Item, Scoring
from tasks_app.permissions import can_view_private_items, can_view_version
from tasks_app.scorings.estimates import item_scores, metric_of
from tasks_app.scorings.packed_scores import VectorReader

_COLUMNS = (
    Column("task"),
    Column("task_version", "integer"),
    Column("item"),
    Column("split"),
    Column("contender"),
    Column("contender_id"),
    Column("runs"),
    Column("score", "number"),
    Column("scored", "integer"),
    Column("unscored", "integer"),
)
_ROWS_AT_ONCE = 50
"""Rows of the board whose scores are in memory together."""


@dataclass(frozen=True, slots=True)
class VisibleTask:
    """A task of a board as far as a reader may see its items."""

    place: int
    task: BenchmarkTask
    with_private: bool
    """Whether the private items are among those that the reader sees."""


def visible_tasks_of(version: BenchmarkVersion, *, to: Visitor) -> list[VisibleTask]:
    """Return the tasks of a board whose results the visitor may see item by item.

    A program with private data tells nothing by item to those who may not see it.
    """
    found = []
    for place, task in enumerate(members_of(version)):
        task_version = task.task_version
        if not can_view_version(to, task_version):
            continue
        with_private = not task_version.private_item_count or can_view_private_items(
            to, task_version.task
        )
        if with_private or not kind_of(task_version).runs_program:
            found.append(VisibleTask(place, task, with_private))
    return found


def items_table(
    snapshot: Snapshot,
    arranged: Arrangement,
    version: BenchmarkVersion,
    tasks: Sequence[VisibleTask],
    canary: str,
) -> TableFile:
    """Return the mean score of each row on each item, ordered by task and by the board's rows."""
    rows = [*arranged.main, *arranged.apart]
    return TableFile(
        name=file_stem(version, snapshot, "items"),
        columns=_COLUMNS,
        rows=_item_rows(snapshot, rows, tasks),
        canary=canary,
        facts={
            **snapshot_facts(snapshot, version),
            "ranking": arranged.scope,
            "private_items": "included"
            if all(one.with_private for one in tasks)
            else "left out: they are shown to those who may see the task's private items",
        },
    )


def count_rows(arranged: Arrangement, tasks: Sequence[VisibleTask]) -> int:
    """Return how many rows a table of results has at most."""
    items = sum(one.task.task_version.item_count for one in tasks)
    return items * (len(arranged.main) + len(arranged.apart))


def _item_rows(
    snapshot: Snapshot, rows: Sequence[Row], tasks: Sequence[VisibleTask]
) -> Iterator[list[Cell]]:
    for one in tasks:
        splits = dict(
            Item.objects.filter(version=one.task.task_version_id).values_list("key", "split")
        )
        rest = iter(rows)
        while chunk := list(islice(rest, _ROWS_AT_ONCE)):
            scores = _scores_of(chunk, one, snapshot)
            for row, vector in zip(chunk, scores, strict=True):
                if vector is not None:
                    yield from _rows_of_vector(row, vector, one, splits)


def _rows_of_vector(
    row: Row, vector: ScoreVector, visible: VisibleTask, splits: dict[str, str]
) -> Iterator[list[Cell]]:
    version = visible.task.task_version
    contender = row["contender"]
    runs = " ".join(map(str, row["tasks"][visible.place]["runs"]))
    task = f"{version.task.namespace.handle}/{version.task.slug}"
    triples = zip(vector.totals, vector.counts, vector.unscored, strict=True)
    for key, (total, count, unscored) in zip(vector.items.keys, triples, strict=True):
        split = splits.get(key, "")
        if split == Item.Split.PRIVATE and not visible.with_private:
            continue
        yield [
            task,
            version.number,
            key,
            split,
            contender["label"],
            contender["id"],
            runs,
            float(total) / int(count) if count else None,
            int(count),
            int(unscored),
        ]


def _scores_of(
    rows: Sequence[Row], visible: VisibleTask, snapshot: Snapshot
) -> list[ScoreVector | None]:
    """Return the scores by item of each row on a task, from the scorings that the snapshot had."""
    cells = [row["tasks"][visible.place]["runs"] for row in rows]
    scorings = _scorings_of([run for runs in cells for run in runs], visible, snapshot)
    if kind_of(visible.task.task_version).runs_program:
        return [
            _program_vector([scorings[run] for run in runs if run in scorings]) for runs in cells
        ]
    vectors = VectorReader().read(scorings.values())
    return [
        join([vectors[scorings[run].pk] for run in runs if run in scorings]) if runs else None
        for runs in cells
    ]


def _scorings_of(
    runs: Sequence[int], visible: VisibleTask, snapshot: Snapshot
) -> dict[int, Scoring]:
    """Return the newest scoring of each run among those completed before the snapshot was made."""
    found: Any = Scoring.objects.filter(
        run__in=runs,
        task_version=visible.task.task_version_id,
        state=Scoring.State.COMPLETED,
        finished_at__lte=snapshot.created_at,
    ).select_related("run")
    scorings = {one.run_id: one for one in found.order_by("revision", "id")}
    for one in scorings.values():
        one.task_version = visible.task.task_version
    return scorings


def _program_vector(scorings: Sequence[Scoring]) -> ScoreVector | None:
    if not scorings:
        return None
    joined = join_runs(
        [program_scores(one, item_scores(one), metric_of(one.task_version)) for one in scorings]
    )
    return as_vector(joined.pairs)
