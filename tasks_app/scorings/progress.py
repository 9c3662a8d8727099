"""The progress of re-scoring stored outputs by a version."""

from dataclasses import dataclass

from django.db.models import Count, Q

from tasks_app.models import Scoring, TaskVersion


@dataclass(frozen=True, slots=True)
class RescoringProgress:
    """The state of the scorings of a version, counted in runs."""

    total: int
    completed: int
    waiting: int
    """Queued, running or paused."""
    paused: int
    failed: int
    """Failed or cancelled."""

    @property
    def is_over(self) -> bool:
        return self.waiting == 0

    @property
    def over(self) -> int:
        """Those that have ended."""
        return self.total - self.waiting


def rescoring_progress(version: TaskVersion) -> RescoringProgress:
    """Return how far a version's scorings of outputs of other versions are. One query."""
    state = Scoring.State
    unfinished = Q(state__in=[state.QUEUED, state.RUNNING, state.PAUSED])
    scorings = Scoring.objects.filter(task_version=version).exclude(run__task_version=version)
    counts = scorings.aggregate(
        total=Count("pk"),
        completed=Count("pk", filter=Q(state=state.COMPLETED)),
        waiting=Count("pk", filter=unfinished),
        paused=Count("pk", filter=Q(state=state.PAUSED)),
        failed=Count("pk", filter=Q(state__in=[state.FAILED, state.CANCELLED])),
    )
    return RescoringProgress(**counts)
