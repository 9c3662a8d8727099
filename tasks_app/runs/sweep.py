"""The sweep: every few seconds it restarts what a lost message or a dead process left waiting."""

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from plumbmark.common.clock import database_now, now
from plumbmark.common.row_files import release_files, remove_files
from plumbmark.gateway.jobs import sweep_leases
from plumbmark.gateway.queries import has_balance
from tasks_app.code_tasks.folders import remove_folders_left_behind
from tasks_app.models import Run, Scoring, ScoringShard, Shard
from tasks_app.runs.claims import requeue_expired
from tasks_app.runs.completion import finish_run_if_done
from tasks_app.runs.duplicate_calls import account_for_recent_ones
from tasks_app.runs.states import change_run, change_scorings
from tasks_app.scorings.completion import finish_scoring_if_done


def sweep() -> bool:
    """Mend; returns whether there is work to wake workers for."""
    # First what dead processes were answered, so that the next holder of a shard finds it.
    sweep_leases()
    requeue_expired(Shard.objects.all())
    requeue_expired(ScoringShard.objects.all())
    resume_where_there_is_balance()
    resume_scorings_where_there_is_balance()
    _finish_what_was_left()
    account_for_recent_ones()
    _drop_expired_tries()
    remove_folders_left_behind()
    return _something_is_due()


def resume_where_there_is_balance() -> None:
    """Let runs that paused for the quota go on, the longest waiting first, one per payer a sweep.

    One per payer is what makes the renewal fair: the first run of each does not eat the balance of
    a fresh day before the next one is looked at.
    """
    seen: set[int] = set()
    waiting = Run.objects.filter(
        state=Run.State.PAUSED, pause_reason=Run.PauseReason.QUOTA
    ).select_related("namespace", "grant")
    for run in waiting.order_by("heartbeat_at", "id"):
        if run.namespace_id in seen:
            continue
        if has_balance(run.namespace, max(1, run.balance_needed), grant=run.grant):
            seen.add(run.namespace_id)
            change_run(
                run.pk,
                "resumed",
                sources=[Run.State.PAUSED],
                detail="balance available again",
                pause_reason="",
            )


def resume_scorings_where_there_is_balance() -> None:
    """Resume scorings whose judges wait for the quota, if there is balance."""
    waiting = Scoring.objects.filter(
        state=Scoring.State.PAUSED, pause_reason=Run.PauseReason.QUOTA, grant__isnull=False
    ).select_related("grant__payer")
    for scoring in waiting.order_by("id"):
        assert scoring.grant is not None
        if has_balance(scoring.grant.payer, max(1, scoring.balance_needed), grant=scoring.grant):
            change_scorings(
                Scoring.objects.filter(pk=scoring.pk), "resumed", pause_reason="", failure=""
            )


def _finish_what_was_left() -> None:
    """Finish runs whose worker died between the last batch and the completion."""
    open_shards = Shard.objects.filter(run=OuterRef("pk"), revision=OuterRef("revision")).exclude(
        state=Shard.State.DONE
    )
    # Queued as well: one that was paused while its last samples came, and resumed.
    left = Run.objects.filter(
        state__in=[Run.State.QUEUED, Run.State.RUNNING], grant__isnull=False
    ).filter(~Exists(open_shards))
    for run_id in left.values_list("id", flat=True):
        finish_run_if_done(run_id)
    unscored = ScoringShard.objects.filter(scoring=OuterRef("pk")).exclude(
        state=ScoringShard.State.DONE
    )
    for scoring in (
        Scoring.objects.filter(state=Scoring.State.RUNNING, is_inline=False)
        .filter(~Exists(unscored))
        .select_related("run", "task_version")
    ):
        finish_scoring_if_done(scoring)
    # A shard whose samples are all stored, but whose worker died before it was set to done, is
    # claimed again, finds nothing to do, and finishes.


def _drop_expired_tries() -> None:
    expired = Run.objects.filter(purpose=Run.Purpose.TRY, expires_at__lte=now()).exclude(
        state__in=[Run.State.RUNNING, Run.State.QUEUED]
    )
    for run in expired[:50]:
        files = [artifact.file for artifact in run.artifacts.all()]
        with transaction.atomic():
            release_files(files)
            run.delete()
        remove_files(files)


def _something_is_due() -> bool:
    due = Q(not_before__isnull=True) | Q(not_before__lte=database_now())
    return (
        Shard.objects.filter(due, state=Shard.State.QUEUED)
        .filter(run__state__in=[Run.State.QUEUED, Run.State.RUNNING])
        .exists()
        or ScoringShard.objects.filter(due, state=Shard.State.QUEUED)
        .filter(scoring__state__in=[Scoring.State.QUEUED, Scoring.State.RUNNING])
        .exists()
    )
