"""What boards do when something happens below them."""

from typing import Any

from benchmarks_app.models import BenchmarkTask, BenchmarkVersion, EntryRun
from leaderboards_app.actions import request_refresh
from plumbmark.common.outbox import Subscriber, subscribe

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
_OF_ENTRIES = ("entry.changed", "entry.invalidated", "benchmark.published")


def register() -> None:
    for kind in _OF_RUNS:
        subscribe(kind, "leaderboards.refresh", _after_run(kind))
    for kind in _OF_ENTRIES:
        subscribe(kind, "leaderboards.refresh", _after_entry(kind))
    subscribe("judges.labelled", "leaderboards.refresh", _after_labels)


def _after_run(kind: str) -> Subscriber:
    def refresh(payload: dict[str, Any]) -> None:
        versions = EntryRun.objects.filter(
            run=payload["run_id"], entry__version__state=BenchmarkVersion.State.PUBLISHED
        )
        ids = set(versions.values_list("entry__version_id", flat=True))
        cause = {"run": payload["run_id"]} if kind == "run.invalidated" else None
        request_refresh(sorted(ids), reason=kind, cause=cause)

    return refresh


def _after_entry(kind: str) -> Subscriber:
    def refresh(payload: dict[str, Any]) -> None:
        cause = {"entry": payload["entry_id"]} if kind == "entry.invalidated" else None
        request_refresh([payload["version_id"]], reason=kind, cause=cause)

    return refresh


def _after_labels(payload: dict[str, Any]) -> None:
    """Refresh the boards of a task whose judges were labelled."""
    members = BenchmarkTask.objects.filter(
        task_version=payload["version_id"], version__state=BenchmarkVersion.State.PUBLISHED
    )
    ids = set(members.values_list("version_id", flat=True))
    request_refresh(sorted(ids), reason="judges.labelled")
