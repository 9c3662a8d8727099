"""Benchmarks that follow a corrected key: their next version, with the corrected task version.

A published version does not change, so a board takes a new marking only as a new version of its
benchmark. It is published when all stored outputs are scored anew, so that its first snapshot
is whole and can be compared with the last one before.
"""

from django.db import transaction
from django.db.models import QuerySet

from benchmarks_app.actions.authoring import copy_members, open_board, settings_of
from benchmarks_app.models import Benchmark, BenchmarkTask, BenchmarkVersion
from benchmarks_app.permissions import can_edit_benchmark
from plumbmark.accounts.models import User
from plumbmark.common.errors import Conflict, NotAllowed
from plumbmark.common.outbox import record_event
from tasks_app.item_reports.actions import mark_followed
from tasks_app.models import ItemReport, TaskVersion
from tasks_app.scorings.progress import rescoring_progress


def benchmarks_to_follow(version: TaskVersion) -> QuerySet[Benchmark]:
    """Return the benchmarks whose newest version has another version of the same questions of this
    task.
    """
    members = BenchmarkTask.objects.filter(
        task_version__task=version.task_id, task_version__question_hash=version.question_hash
    ).exclude(task_version=version)
    return (
        Benchmark.objects.filter(latest_version__in=members.values("version"))
        .select_related("namespace", "latest_version")
        .order_by("pk")
    )


def follow_report(report: ItemReport) -> list[BenchmarkVersion]:
    """Let the benchmarks of who accepted a report follow it; return their new versions.

    Nothing happens while outputs are being scored. Benchmarks of others are left alone: their
    owners decide (`follow_correction`).
    """
    version, by = report.resulting_version, report.decided_by
    if version is None or by is None or not rescoring_progress(version).is_over:
        return []
    with transaction.atomic():
        if not mark_followed(report):
            return []
        return [
            _follow(benchmark, report, version, by)
            for benchmark in benchmarks_to_follow(version)
            if can_edit_benchmark(by, benchmark)
        ]


def follow_correction(*, benchmark: Benchmark, report: ItemReport, by: User) -> BenchmarkVersion:
    """Publish the next version of a benchmark with the version that a report led to."""
    if not can_edit_benchmark(by, benchmark):
        raise NotAllowed("This benchmark belongs to somebody else.")
    version = report.resulting_version
    if version is None:
        raise Conflict("This report led to no new version of its task.")
    if not rescoring_progress(version).is_over:
        raise Conflict("The stored outputs are still being scored. Try again when they are.")
    with transaction.atomic():
        locked = benchmarks_to_follow(version).filter(pk=benchmark.pk).first()
        if locked is None:
            raise Conflict("The newest version of this benchmark has the correction already.")
        return _follow(locked, report, version, by)


def _follow(
    benchmark: Benchmark, report: ItemReport, corrected: TaskVersion, by: User
) -> BenchmarkVersion:
    """Publish a copy of the newest version with the corrected task version in it.

    A draft of the next version becomes that of the one after, and has the correction too.
    """
    Benchmark.objects.select_for_update().get(pk=benchmark.pk)
    latest = benchmark.latest_version
    assert latest is not None
    draft = benchmark.versions.filter(state=BenchmarkVersion.State.DRAFT).first()
    number = latest.number + 1
    if draft is not None:
        number, draft.number = draft.number, draft.number + 1
        draft.save(update_fields=["number"])
        _replace(draft, corrected)
    version = BenchmarkVersion.objects.create(
        benchmark=benchmark,
        number=number,
        # Not a draft for a moment: there may be one.
        state=BenchmarkVersion.State.PUBLISHED,
        **settings_of(latest),
        notes=_notes(report, corrected),
        created_by=by,
    )
    copy_members(latest, version)
    _replace(version, corrected)
    members = list(version.tasks.select_related("task_version__task"))
    open_board(version, members, visibility=benchmark.visibility, by=by)
    record_event("benchmark.corrected", version_id=version.pk, report_id=report.pk)
    return version


def _replace(version: BenchmarkVersion, corrected: TaskVersion) -> None:
    """Replace earlier markings of the same questions by the corrected one."""
    version.tasks.filter(
        task_version__task=corrected.task_id, task_version__question_hash=corrected.question_hash
    ).update(task_version=corrected, metric=corrected.metric_name)


def _notes(report: ItemReport, corrected: TaskVersion) -> str:
    return f"Version {corrected.number} of {corrected.task.title}: {corrected.notes}"
