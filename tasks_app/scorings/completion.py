"""The end of a scoring: its estimate stored, its grant closed, its submitted run with it."""

from django.db import transaction

from plumbmark.common.outbox import record_event
from plumbmark.gateway.actions import close_grant
from tasks_app.models import PackedScores, Run, Scoring, ScoringShard
from tasks_app.runs import states
from tasks_app.runs.manifests import MadeManifest, make_manifest
from tasks_app.runs.queries import median_latency
from tasks_app.scorings.estimates import ScoringResult, compute_result


def complete_scoring(scoring: Scoring, result: ScoringResult, manifest: MadeManifest) -> bool:
    """Store what a scoring came to, in the caller's transaction; False where it is over already."""
    estimate = dict(result.estimate)
    completed = states.change_scorings(
        Scoring.objects.filter(pk=scoring.pk),
        "completed",
        value=estimate["value"],
        estimate=estimate,
        samples_unscored=estimate["unscored"],
    )
    if not completed:
        return False
    PackedScores.objects.bulk_create(
        [PackedScores(scoring=scoring, data=result.packed)],
        update_conflicts=True,
        unique_fields=["scoring"],
        update_fields=["data"],
    )
    manifest.store(scoring)
    if scoring.grant is not None:
        close_grant(grant=scoring.grant)
    record_event("scoring.completed", scoring_id=scoring.pk, run_id=scoring.run_id)
    return True


def fail_scoring(scoring: Scoring, why: str) -> None:
    """End a scoring that cannot go on, and with it the submitted run that waits for it."""
    failed = states.change_scorings(
        Scoring.objects.filter(pk=scoring.pk), "failed", failure=why[: states.MAX_FAILURE]
    )
    if failed and scoring.run.is_submitted:
        states.fail(scoring.run_id, why)


def finish_scoring_if_done(scoring: Scoring) -> bool:
    """Complete a scoring all of whose shards are done, and with it a submitted run."""
    if ScoringShard.objects.filter(scoring=scoring).exclude(state=ScoringShard.State.DONE).exists():
        return False
    result = compute_result(scoring)
    manifest = make_manifest(scoring, result.estimate)
    with transaction.atomic():
        if not complete_scoring(scoring, result, manifest):
            return False
        run = scoring.run
        if run.state == Run.State.RUNNING and run.is_submitted:
            states.complete(
                run.pk,
                samples_unscored=result.estimate["unscored"],
                median_latency_ms=median_latency(run),
            )
    return True
