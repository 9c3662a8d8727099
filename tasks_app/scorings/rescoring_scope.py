"""The extent and cost of a re-scoring, as told before it begins: outputs, and judges."""

from dataclasses import dataclass

from django.db.models import Sum

from plumbmark.accounts.models import User
from tasks_app.kinds import CostBound, kind_of
from tasks_app.models import Run, TaskVersion
from tasks_app.scorings.actions import bound_rescoring, rescorable_runs


@dataclass(frozen=True, slots=True)
class RescoringScope:
    """The stored outputs that a scoring of all runs covers, and what it needs."""

    runs: int
    outputs: int
    needs_sandbox: bool
    """Scorers run code, so a worker with a sandbox takes them. That costs time, not money."""
    bound: CostBound | None
    """The most that judges cost; None if no models judge."""


def pending_scope(version: TaskVersion, *, again: bool, by: User) -> RescoringScope:
    """Return what re-scoring by this very version would score: runs without a score by it, or,
    with `again`, all.
    """
    runs = rescorable_runs(version, again=again, by=by)
    scorer = kind_of(version).output_scorer
    return RescoringScope(
        runs=len(runs),
        outputs=sum(run.samples_total for run in runs),
        needs_sandbox=scorer.needs_sandbox,
        bound=bound_rescoring(version=version, again=again, by=by) if scorer.judges else None,
    )


def rescoring_scope(version: TaskVersion, *, by: User) -> RescoringScope:
    """Return what a version that differs from this one in a key alone would score anew."""
    runs = Run.objects.filter(
        question_hash=version.question_hash,
        state=Run.State.COMPLETED,
        task_version__withheld_at__isnull=True,
    ).exclude(purpose=Run.Purpose.TRY)
    scorer = kind_of(version).output_scorer
    bound = bound_rescoring(version=version, again=True, by=by) if scorer.judges else None
    return RescoringScope(
        runs=runs.count(),
        outputs=runs.aggregate(total=Sum("samples_total"))["total"] or 0,
        needs_sandbox=scorer.needs_sandbox,
        bound=bound,
    )
