"""What tasks do when something happens to their runs."""

from collections.abc import Sequence
from typing import Any

from plumbmark.common.models import OutboxEvent
from plumbmark.common.outbox import subscribe, subscribe_to_batches
from tasks_app.judges.actions import refresh_judged
from tasks_app.models import Run, Scoring, TaskVersion


def register() -> None:
    subscribe_to_batches(["scoring.completed"], "tasks.judge_panel", _after_scorings)
    subscribe("run.invalidated", "tasks.judge_panel", _after_run)


def _after_scorings(events: Sequence[OutboxEvent]) -> None:
    """Refresh the panel of each version with new scores once."""
    ids = [event.payload["scoring_id"] for event in events]
    scored = Scoring.objects.filter(pk__in=ids).values("task_version")
    for version in TaskVersion.objects.select_related("task").filter(pk__in=scored):
        refresh_judged(version)


def _after_run(payload: dict[str, Any]) -> None:
    run = Run.objects.select_related("task_version__task").filter(pk=payload["run_id"]).first()
    if run is not None:
        refresh_judged(run.task_version)
