"""What benchmarks do when something happens below them."""

from typing import Any

from benchmarks_app.actions.entries import attach_runs
from benchmarks_app.models import BenchmarkVersion, Entry
from plumbmark.common.outbox import record_event, subscribe
from tasks_app.models import Run


def register() -> None:
    subscribe("run.queued", "benchmarks.attach_declared_run", attach_declared_run)


def attach_declared_run(payload: dict[str, Any]) -> None:
    """Attach a declared run of an entered contender to its entry, wanted or not."""
    run = Run.objects.filter(pk=payload["run_id"], purpose=Run.Purpose.DECLARED).first()
    if run is None:
        return
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
