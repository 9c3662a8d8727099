"""Reactions of analyses of items to what happens to runs and tasks."""

from collections.abc import Sequence

from plumbmark.common.models import OutboxEvent
from plumbmark.common.outbox import subscribe_to_batches
from tasks_app.item_lab.actions import request_analyses
from tasks_app.models import Run, Scoring, TaskVersion

_OF_TASKS = ("task.updated", "task.withdrawn")


def register() -> None:
    subscribe_to_batches(
        ["scoring.completed", "run.invalidated", *_OF_TASKS], "tasks.analyse_items", _request
    )


def _request(events: Sequence[OutboxEvent]) -> None:
    """Note the versions whose rows or audience changed as due. A few queries for all events."""
    scorings = [one.payload["scoring_id"] for one in events if one.kind == "scoring.completed"]
    runs = [one.payload["run_id"] for one in events if one.kind == "run.invalidated"]
    tasks = [one.payload["task_id"] for one in events if one.kind in _OF_TASKS]
    ids: set[int] = set()
    # Tries are in no analysis.
    counted = Scoring.objects.exclude(run__purpose=Run.Purpose.TRY).filter(
        task_version__kind=TaskVersion.Kind.DECLARATIVE
    )
    if scorings:
        ids.update(counted.filter(pk__in=scorings).values_list("task_version", flat=True))
    if runs:
        ids.update(counted.filter(run__in=runs).values_list("task_version", flat=True))
    if tasks:
        of_tasks = TaskVersion.objects.filter(task__in=tasks, item_analyses__isnull=False)
        ids.update(of_tasks.values_list("pk", flat=True))
    request_analyses(sorted(ids))
