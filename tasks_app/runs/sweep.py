"""The sweep: every few seconds it restarts what a lost message or a dead process left waiting."""

from collections.abc import Callable, Mapping

from django.db import transaction
from django.db.models import Exists, OuterRef

from plumbmark.common.attempts import attempt_each, run_steps
from plumbmark.common.clock import now
from plumbmark.common.row_files import release_files, remove_files
from plumbmark.gateway.jobs import sweep_leases
from plumbmark.gateway.queries import has_balance
from tasks_app.code_tasks.folders import remove_folders_left_behind
from tasks_app.models import ItemTrial, Run, Scoring, ScoringShard, Shard
from tasks_app.runs import states
from tasks_app.runs.claims import requeue_expired, something_is_due
from tasks_app.runs.completion import finish_run_if_done
from tasks_app.runs.duplicate_calls import account_for_recent_ones
from tasks_app.scorings.completion import fail_scoring, finish_scoring_if_done


def sweep() -> bool:
    """Mend; returns whether there is work to wake workers for.

    Every step stands alone, and so does every run and scoring within a step.
    """
    run_steps("sweep", _STEPS)
    return something_is_due()


def resume_where_there_is_balance() -> None:
    """Let runs that paused for the quota go on, the longest waiting first, one per payer a sweep.

    One per payer is what makes the renewal fair: the first run of each does not eat the balance of
    a fresh day before the next one is looked at.
    """
    seen: set[int] = set()
    waiting = Run.objects.filter(
        state=Run.State.PAUSED, pause_reason=Run.PauseReason.QUOTA
    ).select_related("namespace", "grant")

    def resume(run: Run) -> None:
        if run.namespace_id in seen:
            return
        if has_balance(run.namespace, max(1, run.balance_needed), grant=run.grant):
            seen.add(run.namespace_id)
            states.change_run(
                run.pk,
                "resumed",
                sources=[Run.State.PAUSED],
                detail="balance available again",
                pause_reason="",
            )

    attempt_each(
        "resume a run",
        waiting.order_by("heartbeat_at", "id"),
        resume,
        key=_id,
        give_up=lambda run, why: states.fail(run.pk, f"It could not be resumed. {why}"),
    )


def resume_scorings_where_there_is_balance() -> None:
    """Resume scorings whose judges wait for the quota, if there is balance."""
    waiting = Scoring.objects.filter(
        state=Scoring.State.PAUSED, pause_reason=Run.PauseReason.QUOTA, grant__isnull=False
    ).select_related("grant__payer")

    def resume(scoring: Scoring) -> None:
        assert scoring.grant is not None
        if has_balance(scoring.grant.payer, max(1, scoring.balance_needed), grant=scoring.grant):
            states.change_scorings(
                Scoring.objects.filter(pk=scoring.pk), "resumed", pause_reason="", failure=""
            )

    attempt_each(
        "resume a scoring",
        waiting.select_related("run").order_by("id"),
        resume,
        key=_id,
        give_up=lambda scoring, why: fail_scoring(scoring, f"It could not be resumed. {why}"),
    )


def _finish_runs() -> None:
    """Finish runs whose worker died between the last batch and the completion."""
    open_shards = Shard.objects.filter(run=OuterRef("pk"), revision=OuterRef("revision")).exclude(
        state=Shard.State.DONE
    )
    # Queued as well: one that was paused while its last samples came, and resumed.
    left = Run.objects.filter(
        state__in=[Run.State.QUEUED, Run.State.RUNNING], grant__isnull=False
    ).filter(~Exists(open_shards))
    attempt_each(
        "finish a run",
        list(left.values_list("id", flat=True)),
        finish_run_if_done,
        give_up=lambda run_id, why: states.fail(
            run_id, f"All samples are stored, but no score could be computed. {why}"
        ),
    )


def _finish_scorings() -> None:
    """Finish scorings in the same way."""
    unscored = ScoringShard.objects.filter(scoring=OuterRef("pk")).exclude(
        state=ScoringShard.State.DONE
    )
    left = (
        Scoring.objects.filter(state=Scoring.State.RUNNING, is_inline=False)
        .filter(~Exists(unscored))
        .select_related("run", "task_version")
    )
    attempt_each(
        "finish a scoring",
        left,
        finish_scoring_if_done,
        key=_id,
        give_up=lambda scoring, why: fail_scoring(
            scoring, f"All samples are scored, but no score could be computed. {why}"
        ),
    )
    # A shard whose samples are all stored, but whose worker died before it was set to done, is
    # claimed again, finds nothing to do, and finishes.


def _drop_expired_tries() -> None:
    expired = Run.objects.filter(purpose=Run.Purpose.TRY, expires_at__lte=now()).exclude(
        state__in=[Run.State.RUNNING, Run.State.QUEUED]
    )
    attempt_each("drop a try", expired, drop_run, key=_id, max_items=50)
    ItemTrial.objects.filter(expires_at__lte=now(), runs=None).delete()


def drop_run(run: Run) -> None:
    """Delete a run with its samples and files."""
    files = [artifact.file for artifact in run.artifacts.all()]
    with transaction.atomic():
        release_files(files)
        run.delete()
    remove_files(files)


def _id(row: Run | Scoring) -> int:
    return row.pk


_STEPS: Mapping[str, Callable[[], object]] = {
    # First what dead processes were answered, so that the next holder of a shard finds it.
    "replay what dead processes left": sweep_leases,
    "requeue shards of runs": lambda: requeue_expired(Shard.objects.all()),
    "requeue shards of scorings": lambda: requeue_expired(ScoringShard.objects.all()),
    "resume runs": resume_where_there_is_balance,
    "resume scorings": resume_scorings_where_there_is_balance,
    "finish runs": _finish_runs,
    "finish scorings": _finish_scorings,
    "account for second answers": account_for_recent_ones,
    "drop expired tries": _drop_expired_tries,
    "remove folders of dead workers": remove_folders_left_behind,
}
