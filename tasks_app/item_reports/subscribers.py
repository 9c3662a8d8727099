"""Reactions of reports of items to what happens to runs."""

from collections.abc import Sequence

from plumbmark.common.models import OutboxEvent
from plumbmark.common.outbox import subscribe_to_batches
from tasks_app.kinds import kind_of
from tasks_app.models import ItemReport, Run
from tasks_app.scorings.actions import rescore_run


def register() -> None:
    subscribe_to_batches(["run.completed"], "tasks.score_by_corrected_key", _after_runs)


def _after_runs(events: Sequence[OutboxEvent]) -> None:
    """Score runs by the corrected key that were under way, or asked again, when it changed.

    Judges are left to a person, since somebody pays for them.
    """
    ids = [event.payload["run_id"] for event in events]
    runs = (
        Run.objects.filter(pk__in=ids, task_version__task__latest_version__isnull=False)
        .exclude(purpose=Run.Purpose.TRY)
        .select_related("task_version__task__latest_version", "task_version__task__namespace")
    )
    for run in runs:
        version = run.task_version.task.latest_version
        if (
            version is None
            or version.pk == run.task_version_id
            or version.question_hash != run.question_hash
            or version.is_withheld
            or run.task_version.is_withheld
        ):
            continue
        report = (
            ItemReport.objects.filter(resulting_version=version)
            .select_related("decided_by")
            .first()
        )
        if report is None or report.decided_by is None:
            continue
        version.task = run.task_version.task
        if kind_of(version).output_scorer.judges:
            continue
        if not run.scorings.filter(task_version=version, revision=run.revision).exists():
            rescore_run(run=run, version=version, by=report.decided_by)
