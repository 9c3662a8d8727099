"""Adding contenders to a board, starting missing runs, invalidating rows."""

from collections.abc import Sequence

from django.db import transaction

from benchmarks_app.models import (
    BenchmarkVersion,
    Entry,
    EntryRun,
)
from benchmarks_app.permissions import can_edit_benchmark, can_enter
from benchmarks_app.queries import declared_runs_for
from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.errors import InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import record_event
from tasks_app.models import Contender

_ROWS_AT_ONCE = 1000


def enter(*, version: BenchmarkVersion, contender: Contender, by: User) -> Entry:
    """Put a contender on the board, with all declared runs it has on the benchmark's tasks.

    All of them, never a choice: the entry policy decides which count.
    """
    if not can_enter(by, version):
        raise NotAllowed("You may not enter contenders into this benchmark.")
    with transaction.atomic():
        entry, is_new = Entry.objects.get_or_create(
            version=version, contender=contender, defaults={"created_by": by}
        )
        attach_runs(entry)
        if is_new:
            audit.record(
                "enter",
                f"benchmark:{version.benchmark.public_id}",
                by=by,
                contender=contender.public_id,
            )
        record_event("entry.changed", entry_id=entry.pk, version_id=version.pk)
    return entry


def attach_runs(entry: Entry) -> int:
    """Add the entry's declared runs that are not attached yet; returns how many."""
    return _attach_runs(entry.version, [entry])


def _attach_runs(version: BenchmarkVersion, entries: Sequence[Entry]) -> int:
    """Add the declared runs of entries of one version; four queries, whatever their number."""
    by_contender = {entry.contender_id: entry for entry in entries}
    # Runs of another version with the same questions count too, scored by this one's scorers.
    tasks = {
        task.task_version.question_hash: task
        for task in version.tasks.select_related("task_version")
    }
    runs = declared_runs_for(version).filter(contender__in=by_contender, question_hash__in=tasks)
    known = set(
        EntryRun.objects.filter(entry__in=entries).values_list(
            "entry_id", "benchmark_task_id", "run_id"
        )
    )
    rows = []
    for run in runs.order_by("pk").only("pk", "contender_id", "question_hash"):
        entry, task = by_contender[run.contender_id], tasks[run.question_hash]
        if (entry.pk, task.pk, run.pk) not in known:
            rows.append(EntryRun(entry=entry, benchmark_task=task, run=run))
    EntryRun.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_ROWS_AT_ONCE)
    return len(rows)


def carry_entries(previous: BenchmarkVersion, version: BenchmarkVersion) -> int:
    """Enter the previous version's contenders into a new one; return how many.

    Their runs on tasks with unchanged questions count at once. A row that was marked as invalid
    stays so.
    """
    rows = [
        Entry(
            version=version,
            contender_id=entry.contender_id,
            created_by_id=entry.created_by_id,
            invalid_reason=entry.invalid_reason,
            invalidated_by_id=entry.invalidated_by_id,
        )
        for entry in previous.entries.order_by("pk")
    ]
    Entry.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_ROWS_AT_ONCE)
    _attach_runs(version, list(version.entries.all()))
    return len(rows)


def invalidate_entry(*, entry: Entry, reason: str, by: User) -> None:
    """Invalidate a row for a public reason. It remains on the board, unranked."""
    if not (by.is_staff or can_edit_benchmark(by, entry.version.benchmark)):
        raise NotAllowed("Only the benchmark's owner or staff may mark a row as invalid.")
    if not reason.strip():
        raise InvalidInput([Problem("say why: the reason is public", "reason")])
    with transaction.atomic():
        Entry.objects.filter(pk=entry.pk).update(
            invalid_reason=reason.strip()[:500], invalidated_by=by
        )
        audit.record(
            "invalidate-entry",
            f"benchmark:{entry.version.benchmark.public_id}",
            by=by,
            reason=reason,
        )
        record_event(
            "entry.invalidated", entry_id=entry.pk, version_id=entry.version_id, reason=reason
        )
