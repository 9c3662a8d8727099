"""What tasks do when something happens to their runs."""

from typing import Any

from plumbmark.common.outbox import subscribe
from tasks_app.judges.actions import refresh_judged
from tasks_app.models import Run, Scoring


def register() -> None:
    subscribe("scoring.completed", "tasks.judge_panel", _after_scoring)
    subscribe("run.invalidated", "tasks.judge_panel", _after_run)


def _after_scoring(payload: dict[str, Any]) -> None:
    scoring = (
        Scoring.objects.select_related("task_version__task")
        .filter(pk=payload["scoring_id"])
        .first()
    )
    if scoring is not None:
        refresh_judged(scoring.task_version)


def _after_run(payload: dict[str, Any]) -> None:
    run = Run.objects.select_related("task_version__task").filter(pk=payload["run_id"]).first()
    if run is not None:
        refresh_judged(run.task_version)
