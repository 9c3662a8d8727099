"""The rows of a snapshot as a table: what its page shows, and the numbers with all their digits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings

from benchmarks_app.models import BenchmarkVersion
from leaderboards_app.board.arrangement import Arrangement
from leaderboards_app.board.rows import Row, facts_of
from leaderboards_app.board.snapshots import Query, Snapshot
from plumbmark.common.table_files import Cell, Column, TableFile

_BEFORE_TASKS = (
    Column("rank_best", "integer"),
    Column("rank_worst", "integer"),
    Column("rank_alone_best", "integer"),
    Column("rank_alone_worst", "integer"),
    Column("status"),
    Column("reason"),
    Column("contender"),
    Column("contender_id"),
    Column("kind"),
    Column("maker"),
    Column("owner"),
    Column("score", "number"),
    Column("score_low", "number"),
    Column("score_high", "number"),
    Column("interval_method"),
    Column("worst_possible", "number"),
    Column("best_possible", "number"),
    Column("items", "integer"),
    Column("repeats", "integer"),
    Column("scored", "integer"),
    Column("unscored", "integer"),
)
_AFTER_TASKS = (
    Column("cost_per_item_usd", "number"),
    Column("median_latency_ms", "integer"),
    Column("date"),
    Column("attempts", "integer"),
    Column("declared_runs", "integer"),
    Column("model_changed", "boolean"),
    Column("open_weights", "boolean"),
    Column("licence"),
    Column("released_on"),
    Column("effort"),
)
_OF_A_TASK = (("", "number"), ("_low", "number"), ("_high", "number"), ("_unscored", "integer"))


def standings_table(
    snapshot: Snapshot,
    arranged: Arrangement,
    version: BenchmarkVersion,
    canary: str,
    query: Query,
) -> TableFile:
    """Return all rows that a view of the snapshot has, on whichever page of it they are."""
    tasks = snapshot.content["tasks"]
    return TableFile(
        name=file_stem(version, snapshot, "standings"),
        columns=[
            *_BEFORE_TASKS,
            *_group_columns(snapshot.content),
            *_task_columns(tasks),
            *_AFTER_TASKS,
        ],
        rows=_rows(arranged),
        canary=canary,
        facts={
            **snapshot_facts(snapshot, version),
            "ranking": arranged.scope,
            "filters": {name: value for name, value in query if name not in {"columns", "page"}},
        },
    )


def canary_of(version: BenchmarkVersion) -> str:
    """Return the canaries of all tasks of a board, with spaces between them."""
    canaries = version.tasks.order_by("position").values_list("task_version__canary", flat=True)
    return " ".join(canaries)


def file_stem(version: BenchmarkVersion, snapshot: Snapshot, what: str) -> str:
    """Return the name of a file without its ending: slugs and numbers, nothing that people
    typed.
    """
    return f"{version.benchmark.slug}-v{version.number}-{what}-{snapshot.number}"


def snapshot_facts(snapshot: Snapshot, version: BenchmarkVersion) -> dict[str, Any]:
    """Return where rows are from, and what they are checked against."""
    content = snapshot.content
    return {
        "benchmark": version.benchmark.title,
        "benchmark_version": version.number,
        "snapshot": snapshot.number,
        "url": settings.SITE_URL + snapshot.get_absolute_url(),
        "created_at": snapshot.created_at.isoformat(),
        "content_hash": snapshot.content_hash,
        "metric": content["metric"],
        "tasks": [
            {
                "number": number,
                "title": task["title"],
                "handle": task["handle"],
                "slug": task["slug"],
                "version": task["number"],
                "weight": task["weight"],
                "metric": task["metric"],
                **{key: task[key] for key in ("group", "secondary") if key in task},
            }
            for number, task in enumerate(content["tasks"], start=1)
        ],
        **({"groups": content["groups"]} if "groups" in content else {}),
    }


def _group_columns(content: Mapping[str, Any]) -> Iterator[Column]:
    for number, _ in enumerate(content.get("groups", ()), start=1):
        yield Column(f"group_{number}", "number")


def _task_columns(tasks: Sequence[Mapping[str, Any]]) -> Iterator[Column]:
    for number, task in enumerate(tasks, start=1):
        for place, _ in enumerate(task.get("secondary", ()), start=1):
            for ending, kind in _OF_A_TASK:
                yield Column(f"task_{number}_metric_{place}{ending}", kind)  # type: ignore[arg-type]
        if len(tasks) > 1:
            for ending, kind in _OF_A_TASK:
                yield Column(f"task_{number}{ending}", kind)  # type: ignore[arg-type]
        yield Column(f"task_{number}_runs")
        yield Column(f"task_{number}_manifests")


def _rows(arranged: Arrangement) -> Iterator[list[Cell]]:
    for row in (*arranged.main, *arranged.apart):
        yield _row(row, arranged.scope)


def _row(row: Row, scope: str) -> list[Cell]:
    contender, score, facts = row["contender"], row["score"] or {}, facts_of(row)
    rank = row["ranks"][scope] or {}
    alone = rank.get("marginal") or {}
    cost = row["cost_per_item"]
    return [
        rank.get("best"),
        rank.get("worst"),
        alone.get("best"),
        alone.get("worst"),
        row["status"],
        row["reason"],
        contender["label"],
        contender["id"],
        contender["kind"],
        contender["maker"],
        row["by"],
        *(score.get(name) for name in ("value", "low", "high", "method", "worst", "best")),
        *(score.get(name) for name in ("items", "repeats", "scored", "unscored")),
        *row.get("groups", ()),
        *_task_cells(row["tasks"]),
        None if cost is None else cost / 1e9,
        row["median_latency_ms"],
        row["date"],
        row["attempts"],
        row["declared"],
        row["model_changed"],
        *(facts.get(name) for name in ("open_weights", "licence", "released_on", "effort")),
    ]


def _task_cells(cells: Sequence[Mapping[str, Any]]) -> Iterator[Cell]:
    for cell in cells:
        for one in cell.get("secondary", ()):
            yield from ((one or {}).get(name) for name in ("value", "low", "high", "unscored"))
        if len(cells) > 1:
            yield from (cell[name] for name in ("value", "low", "high", "unscored"))
        yield " ".join(map(str, cell["runs"]))
        yield " ".join(cell.get("manifests", ()))
