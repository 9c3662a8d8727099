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
    version = entry.version
    runs = Run.objects.filter(contender=entry.contender, purpose=Run.Purpose.DECLARED)
    if version.entrants == BenchmarkVersion.Entrants.OWNER:
        runs = runs.filter(namespace=version.benchmark.namespace)
    attached = 0
    for task in version.tasks.select_related("task_version"):
        # Runs of another version with the same questions count too, scored by this one's scorers.
        fresh = runs.filter(question_hash=task.task_version.question_hash).exclude(
            pk__in=EntryRun.objects.filter(entry=entry, benchmark_task=task).values("run_id")
        )
        rows = [EntryRun(entry=entry, benchmark_task=task, run=run) for run in fresh]
        EntryRun.objects.bulk_create(rows, ignore_conflicts=True)
        attached += len(rows)
    return attached


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
        Entry.objects.filter(pk=entry.pk).update(invalid_reason=reason.strip()[:500])
        audit.record(
            "invalidate-entry",
            f"benchmark:{entry.version.benchmark.public_id}",
            by=by,
            reason=reason,
        )
        record_event(
            "entry.invalidated", entry_id=entry.pk, version_id=entry.version_id, reason=reason
        )
