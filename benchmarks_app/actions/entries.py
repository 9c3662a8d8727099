"""Adding contenders to a board, starting missing runs, invalidating rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from benchmarks_app.models import (
    BenchmarkTask,
    BenchmarkVersion,
    Entry,
    EntryRun,
)
from benchmarks_app.permissions import can_edit_benchmark, can_enter
from plumbmark.accounts.models import Namespace, User
from plumbmark.common import audit
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import record_event
from tasks_app.kinds import CostBound
from tasks_app.models import Contender, Run
from tasks_app.runs.cost import cost_bound
from tasks_app.runs.start import start_run

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Missing:
    """A cell of the grid without a run, with the maximum cost of filling it."""

    task: BenchmarkTask
    contender: Contender
    bound: CostBound


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
    runs = Run.objects.filter(
        contender__in=by_contender, purpose=Run.Purpose.DECLARED, question_hash__in=tasks
    )
    if version.entrants == BenchmarkVersion.Entrants.OWNER:
        runs = runs.filter(namespace=version.benchmark.namespace)
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


def missing_cells(*, version: BenchmarkVersion, contenders: Sequence[Contender]) -> list[Missing]:
    """Return the cells without a declared run, completed or under way, each with its cost bound."""
    missing = []
    tasks = list(version.tasks.select_related("task_version__task"))
    have = set(
        Run.objects.filter(
            contender__in=contenders,
            question_hash__in=[task.task_version.question_hash for task in tasks],
            purpose=Run.Purpose.DECLARED,
            invalid_reason="",
        )
        .exclude(state__in=[Run.State.FAILED, Run.State.CANCELLED])
        .values_list("contender_id", "question_hash")
    )
    for contender in contenders:
        if contender.deployment_id is None:
            continue
        for task in tasks:
            if (contender.pk, task.task_version.question_hash) not in have:
                bound = cost_bound(version=task.task_version, contender=contender)
                missing.append(Missing(task, contender, bound))
    return missing


def start_missing(
    *,
    version: BenchmarkVersion,
    contenders: Sequence[Contender],
    namespace: Namespace,
    by: User,
    spend_limit: int | None = None,
) -> list[Run]:
    """Start a declared run for every missing cell of these contenders, and enter them."""
    if not can_enter(by, version):
        raise NotAllowed("You may not enter contenders into this benchmark.")
    missing = missing_cells(version=version, contenders=contenders)
    if not missing:
        raise Conflict("Nothing is missing: every cell has a run.")
    with transaction.atomic():
        runs = [
            start_run(
                version=cell.task.task_version,
                contender=cell.contender,
                purpose=Run.Purpose.DECLARED,
                namespace=namespace,
                by=by,
                spend_limit=spend_limit,
            )
            for cell in missing
        ]
        for contender in {cell.contender.pk: cell.contender for cell in missing}.values():
            enter(version=version, contender=contender, by=by)
    return runs


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
