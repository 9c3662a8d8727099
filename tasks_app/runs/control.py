"""Controlling runs: pause, resume, cancel, spend limit, retry, invalidate."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F

import plumbmark
from plumbmark.accounts.models import User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import record_event
from plumbmark.gateway.actions import reopen_grant, set_grant_cap
from plumbmark.gateway.calls.policy import KEPT_SECONDS
from tasks_app.kinds import kind_of
from tasks_app.models import Run, Sample, Scoring, Shard
from tasks_app.permissions import can_control_run, check_content, check_private_items
from tasks_app.runs.cost import whole_quota
from tasks_app.runs.shards import plan_shards
from tasks_app.runs.states import change_run
from tasks_app.scorings.plans import carry_scores_over
from tasks_app.workers.wake import wake_workers


def pause_run(*, run: Run, by: User) -> None:
    """Stop taking new samples until somebody resumes it; calls in flight end and are stored."""
    _check_control(run, by)
    with transaction.atomic():
        if not change_run(run.pk, "paused", pause_reason=Run.PauseReason.OWNER):
            raise Conflict(f"Run {run.pk} is {_state(run)} and cannot be paused.")
        audit.record("pause-run", f"run:{run.pk}", by=by)


def cancel_run(*, run: Run, by: User) -> None:
    """End a run for good. Its samples and its trace stay; a declared run counts as an attempt."""
    _check_control(run, by)
    with transaction.atomic():
        if not change_run(run.pk, "cancelled", pause_reason="", finished_at=now()):
            raise Conflict(f"Run {run.pk} is {_state(run)} and cannot be cancelled.")
        audit.record("cancel-run", f"run:{run.pk}", by=by)


def resume_run(*, run: Run, by: User) -> None:
    """Let a paused or failed run go on where it stopped."""
    _check_control(run, by)
    check_content(run.task_version)
    _check_private_items(run)
    with transaction.atomic():
        if not change_run(run.pk, "resumed", pause_reason="", failure="", finished_at=None):
            raise Conflict(f"Run {run.pk} is {_state(run)} and cannot be resumed.")
        waiting = Shard.objects.filter(
            run=run, revision=F("run__revision"), state=Shard.State.QUEUED
        )
        shards = waiting.update(attempts=0, not_before=None)
        audit.record("resume-run", f"run:{run.pk}", by=by)
        wake_workers(shards)


def set_spend_limit(*, run: Run, spend_limit: int | None, by: User) -> None:
    """Change the cap on the whole run (nanodollars; None: no cap). A run that it paused resumes."""
    _check_control(run, by)
    if spend_limit is not None and spend_limit < 0:
        raise InvalidInput([Problem("must not be negative", "spend_limit")])
    if run.grant is None:
        raise Conflict(f"Run {run.pk} calls no model, so there is nothing to limit.")
    is_open = kind_of(run.task_version).runs_program
    if is_open and spend_limit is None:
        spend_limit = run.charged + whole_quota(run.namespace)
    with transaction.atomic():
        set_grant_cap(grant=run.grant, cap=spend_limit)
        if is_open:
            Run.objects.filter(pk=run.pk).update(cost_bound=spend_limit)
        audit.record("set-spend-limit", f"run:{run.pk}", by=by, spend_limit=str(spend_limit))
        limited = Run.objects.filter(
            pk=run.pk, state=Run.State.PAUSED, pause_reason=Run.PauseReason.LIMIT
        )
        if limited.exists():
            resume_run(run=run, by=by)
            if is_open:
                # The gateway's routes would refuse by the old limit for so long.
                later = now() + timedelta(seconds=KEPT_SECONDS)
                Shard.objects.filter(run=run, state=Shard.State.QUEUED).update(not_before=later)


def retry_failed_samples(*, run: Run, by: User) -> Run:
    """Ask once more what stayed unscored, as a new revision. Scored samples are not touched."""
    _check_control(run, by)
    if run.is_submitted:
        raise Conflict("Outputs of this run were submitted; there is nothing to retry.")
    kind_of(run.task_version).check_retry()
    check_content(run.task_version)
    _check_private_items(run)
    with transaction.atomic():
        locked = Run.objects.select_for_update().select_related("task_version").get(pk=run.pk)
        if locked.state != Run.State.COMPLETED:
            raise Conflict(f"Run {run.pk} is {_state(run)}; only a completed run is retried.")
        failed = list(
            Sample.objects.filter(run=locked, is_scored=False)
            .order_by("ordinal")
            .values_list("ordinal", flat=True)
        )
        if not failed:
            raise Conflict(f"Run {run.pk} has no failed samples.")
        locked.revision += 1
        Run.objects.filter(pk=run.pk).update(
            revision=locked.revision,
            samples_done=F("samples_done") - len(failed),
            samples_unscored=F("samples_unscored") - len(failed),
        )
        spans = [(failed[0], failed[-1] + 1)]
        if locked.sampled_positions is not None:
            # What is between them was never asked.
            spans = [(ordinal, ordinal + 1) for ordinal in failed]
        shards = plan_shards(locked, spans)
        _add_scoring(locked, by)
        assert locked.grant is not None
        reopen_grant(grant=locked.grant)
        change_run(run.pk, "retried", detail=f"{len(failed)} samples", finished_at=None)
        audit.record("retry-run", f"run:{run.pk}", by=by, samples=len(failed))
        wake_workers(shards)
    return locked


def _add_scoring(run: Run, by: User) -> None:
    """Add an inline scoring of the new revision, with the scores that stay.

    Where programs score, one is queued when the revision is complete.
    """
    before = Scoring.objects.filter(run=run, is_inline=True, revision=run.revision - 1).first()
    if before is None:
        return
    scoring = Scoring.objects.create(
        run=run,
        task_version=before.task_version,
        revision=run.revision,
        is_inline=True,
        marking_hash=before.marking_hash,
        scorer_versions=before.scorer_versions,
        platform_version=plumbmark.__version__,
        started_by=by,
        samples_total=run.samples_total,
    )
    carry_scores_over(before, scoring)


def invalidate_run(*, run: Run, reason: str, by: User) -> None:
    """Invalidate a run for a public reason: it remains visible, and does not count."""
    owner = run.task_version.task.namespace
    if not (by.is_staff or can_act_for(by, owner)):
        raise NotAllowed("Only the task's owner or staff may mark a run as invalid.")
    if not reason.strip():
        raise InvalidInput([Problem("say why: the reason is public", "reason")])
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(invalid_reason=reason.strip()[:500], invalidated_by=by)
        audit.record("invalidate-run", f"run:{run.pk}", by=by, reason=reason)
        record_event("run.invalidated", run_id=run.pk)


def _check_control(run: Run, by: User) -> None:
    if not can_control_run(by, run):
        raise NotAllowed(f"Run {run.pk} belongs to somebody else.")


def _check_private_items(run: Run) -> None:
    """Refuse where the task's owner has withdrawn a permission since the start."""
    if run.grant is not None:
        check_private_items(run.task_version, run.grant.deployments.all())


def _state(run: Run) -> str:
    return str(Run.objects.only("state").get(pk=run.pk).get_state_display())
