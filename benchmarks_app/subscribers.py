"""What benchmarks do when something happens below them."""

from collections.abc import Sequence

from benchmarks_app.actions.entries import attach_runs
from benchmarks_app.models import BenchmarkVersion, Entry
from plumbmark.common.models import OutboxEvent
from plumbmark.common.outbox import record_event, subscribe_to_batches
from plumbmark.common.queue import enqueue
from tasks_app.item_reports.queries import unfollowed_reports
from tasks_app.models import Run

FOLLOW = "benchmarks_app.jobs.follow_corrections"


def register() -> None:
    subscribe_to_batches(["run.queued"], "benchmarks.attach_declared_run", attach_declared_runs)
    subscribe_to_batches(
        ["item_report.accepted", "scoring.completed"], "benchmarks.follow", _wake_followers
    )


def _wake_followers(_events: Sequence[OutboxEvent]) -> None:
    """Wake the job that lets benchmarks follow, if a report waits for its outputs."""
    if unfollowed_reports().exists():
        enqueue(FOLLOW, merges=True)


def attach_declared_runs(events: Sequence[OutboxEvent]) -> None:
    """Attach declared runs of entered contenders to their entries, wanted or not."""
    ids = [event.payload["run_id"] for event in events]
    for run in Run.objects.filter(pk__in=ids, purpose=Run.Purpose.DECLARED).order_by("pk"):
        _attach(run)


def _attach(run: Run) -> None:
    entries = (
        Entry.objects.filter(
            contender_id=run.contender_id,
            version__tasks__task_version__question_hash=run.question_hash,
            version__state=BenchmarkVersion.State.PUBLISHED,
        )
        .select_related("version__benchmark")
        .distinct()
    )
    for entry in entries:
        if attach_runs(entry):
            record_event("entry.changed", entry_id=entry.pk, version_id=entry.version_id)
