"""Re-scoring: another version's scorers over stored outputs, without calling the candidate."""

from django.db import transaction
from django.db.models import Exists, OuterRef

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.errors import Conflict, NotAllowed
from tasks_app.kinds import CostBound, join_parts, kind_of
from tasks_app.models import Run, Scoring, TaskVersion
from tasks_app.permissions import can_rescore_run, check_content
from tasks_app.runs.cost import bound_scoring
from tasks_app.scorings.plans import queue_scoring

UNFINISHED = (Scoring.State.QUEUED, Scoring.State.RUNNING, Scoring.State.PAUSED)


def rescore_run(*, run: Run, version: TaskVersion, by: User) -> Scoring:
    """Add a scoring of `run` by `version`, whose questions must equal the run's."""
    if not can_rescore_run(by, run, version):
        raise NotAllowed("You may not add a scoring to this run.")
    kind_of(version).check_rescoring()
    check_content(version)
    check_content(run.task_version)
    if version.question_hash != run.question_hash:
        raise Conflict(
            "That version has different questions from this run, so its scoring "
            "cannot be applied. Start a new run."
        )
    if version.state not in {TaskVersion.State.READY, TaskVersion.State.PUBLISHED}:
        raise Conflict("That version is not ready.")
    if run.state not in {Run.State.COMPLETED, Run.State.FAILED, Run.State.CANCELLED}:
        raise Conflict("The run is not finished yet; score it again when it is.")
    with transaction.atomic():
        scoring = queue_scoring(run=run, version=version, by=by, payer=by.namespace)
        audit.record("rescore-run", f"run:{run.pk}", by=by, version=version.public_id)
    return scoring


def rescore_runs_of(*, version: TaskVersion, again: bool = False, by: User) -> list[Scoring]:
    """Score every finished run on this version's questions that it has not scored.

    With `again`, those that it has scored too, as after an improvement of a scorer; runs whose
    scoring by it is under way are left out.
    """
    kind_of(version).check_rescoring()
    check_content(version)
    runs = rescorable_runs(version, again=again, by=by)
    return [rescore_run(run=run, version=version, by=by) for run in runs]


def bound_rescoring(*, version: TaskVersion, again: bool = False, by: User) -> CostBound:
    """Return an upper bound of what `rescore_runs_of` costs: its judges, paid by the person."""
    runs = rescorable_runs(version, again=again, by=by)
    bounds = [bound_scoring(run=run, version=version, payer=by.namespace) for run in runs]
    return CostBound.of_parts(
        join_parts(part for bound in bounds for part in bound.parts),
        samples=sum(bound.samples for bound in bounds),
        max_output_tokens=0,
    )


def rescorable_runs(version: TaskVersion, *, again: bool = False, by: User) -> list[Run]:
    """Return the finished runs that `rescore_runs_of` would score for the person."""
    runs = (
        Run.objects.filter(
            question_hash=version.question_hash,
            state=Run.State.COMPLETED,
            task_version__withheld_at__isnull=True,
        )
        .select_related("task_version")
        .exclude(purpose=Run.Purpose.TRY)
    )
    scorings = Scoring.objects.filter(run=OuterRef("pk"), task_version=version)
    if again:
        scorings = scorings.filter(state__in=UNFINISHED)
    runs = runs.filter(~Exists(scorings))
    return [run for run in runs if can_rescore_run(by, run, version)]
