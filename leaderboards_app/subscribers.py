"""What boards do when something happens below them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from benchmarks_app.models import BenchmarkTask, BenchmarkVersion, EntryRun
from leaderboards_app.standings.actions import request_refresh
from leaderboards_app.standings.corrections import Cause
from plumbmark.common.models import OutboxEvent
from plumbmark.common.outbox import subscribe, subscribe_to_batches
from plumbmark.common.queue import enqueue

_OF_RUNS = (
    "run.queued",
    "run.completed",
    "run.failed",
    "run.cancelled",
    "run.retried",
    "run.resumed",
    "run.invalidated",
    "scoring.completed",
)
RESULTS = "leaderboards_app.jobs.rebuild_results"
_OF_ENTRIES = ("entry.changed", "entry.invalidated", "benchmark.published", "benchmark.corrected")


AUTOMATIC_REASONS = frozenset(
    {*_OF_RUNS, "scoring.completed", "entry.changed", "judges.labelled"} - {"run.invalidated"}
)
"""Reasons of snapshots that nobody made on purpose: no publication, no correction."""


def register() -> None:
    subscribe_to_batches((*_OF_RUNS, *_OF_ENTRIES), "leaderboards.refresh", _refresh)
    subscribe("judges.labelled", "leaderboards.refresh", _after_labels)
    subscribe("leaderboards.derived", "leaderboards.results", lambda _payload: enqueue(RESULTS))


def _refresh(events: Sequence[OutboxEvent]) -> None:
    """Note the boards that the events concern as due; a few queries for all of them."""
    runs = {event.payload["run_id"] for event in events if event.kind in _OF_RUNS}
    boards: dict[int, set[int]] = defaultdict(set)
    if runs:
        for run, version in EntryRun.objects.filter(
            run__in=runs, entry__version__state=BenchmarkVersion.State.PUBLISHED
        ).values_list("run", "entry__version"):
            boards[run].add(version)
    requests: dict[tuple[str, str], tuple[set[int], Cause | None]] = {}
    for event in events:
        cause = _cause_of(event)
        of_run = event.kind in _OF_RUNS
        ids = boards[event.payload["run_id"]] if of_run else {event.payload["version_id"]}
        key = (event.kind, repr(cause))
        requests.setdefault(key, (set(), cause))[0].update(ids)
    for (kind, _), (ids, cause) in requests.items():
        request_refresh(sorted(ids), reason=kind, cause=cause)


def _cause_of(event: OutboxEvent) -> Cause | None:
    if event.kind == "run.invalidated":
        return {"run": event.payload["run_id"]}
    if event.kind == "entry.invalidated":
        return {"entry": event.payload["entry_id"]}
    if event.kind == "benchmark.corrected":
        return {"report": event.payload["report_id"]}
    return None


def _after_labels(payload: dict[str, Any]) -> None:
    """Refresh the boards of a task whose judges were labelled."""
    members = BenchmarkTask.objects.filter(
        task_version=payload["version_id"], version__state=BenchmarkVersion.State.PUBLISHED
    )
    ids = set(members.values_list("version_id", flat=True))
    request_refresh(sorted(ids), reason="judges.labelled")
