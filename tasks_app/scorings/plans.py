"""Rows of scorings for workers: re-scored versions, submitted runs, programs."""

from collections.abc import Sequence

from django.conf import settings

import plumbmark
from plumbmark.accounts.models import Namespace, User
from plumbmark.common.outbox import record_event
from plumbmark.gateway.actions import open_grant
from plumbmark.gateway.queries import callable_deployments
from tasks_app.kinds import kind_of
from tasks_app.models import (
    Run,
    SampleScore,
    Scoring,
    ScoringShard,
    TaskVersion,
)
from tasks_app.permissions import may_receive_private_items
from tasks_app.workers.wake import wake_workers

_COPIED_AT_ONCE = 1000
_OUTSIDE_PER_SHARD = 64
"""Few, so that workers share them: a program takes as long as thousands of comparisons."""


def queue_scoring(
    *, run: Run, version: TaskVersion, by: User, payer: Namespace | None = None
) -> Scoring:
    """Create the rows of a scoring and its shards, in the caller's transaction.

    `payer` pays for judges; the run's own namespace if it is left out.
    """
    scorer = kind_of(version).output_scorer
    judges = scorer.judges
    scoring = Scoring.objects.create(
        run=run,
        task_version=version,
        revision=run.revision,
        marking_hash=version.marking_hash,
        needs_sandbox=scorer.needs_sandbox,
        scorer_versions=scorer.versions,
        platform_version=plumbmark.__version__,
        started_by=by,
        samples_total=run.samples_total,
    )
    before = (
        Scoring.objects.filter(
            run=run,
            task_version=version,
            revision=run.revision - 1,
            scorer_versions=scoring.scorer_versions,
            state=Scoring.State.COMPLETED,
        )
        .order_by("-id")
        .first()
    )
    if before is not None:
        carry_scores_over(before, scoring)
    if judges:
        _open_grant(scoring, judges, payer or run.namespace)
    size = settings.SHARD_ITEMS * 4 if scorer.is_pure else _OUTSIDE_PER_SHARD
    ranges = [
        (start, min(start + size, stop))
        for first, stop in run.spans
        for start in range(first, stop, size)
    ]
    ScoringShard.objects.bulk_create(
        ScoringShard(scoring=scoring, index=index, start=start, stop=stop)
        for index, (start, stop) in enumerate(ranges)
    )
    record_event("scoring.queued", scoring_id=scoring.pk, run_id=scoring.run_id)
    wake_workers()
    return scoring


def _open_grant(scoring: Scoring, judges: Sequence[str], payer: Namespace) -> None:
    """Let the judges be asked at the payer's expense. Who is missing is told at each sample."""
    found = callable_deployments(to=payer).filter(slug__in=judges)
    versions = [scoring.task_version, scoring.run.task_version]
    private_tasks = [version.task for version in versions if version.private_item_count]
    scoring.grant = open_grant(
        payer=payer,
        subject=f"scoring:{scoring.pk}",
        deployments=[
            deployment
            for deployment in found
            if all(may_receive_private_items(deployment, task) for task in private_tasks)
        ],
    )
    scoring.save(update_fields=["grant"])


def carry_scores_over(before: Scoring, scoring: Scoring) -> None:
    """Begin a scoring of a new revision with the scores that stay."""
    stored_scores = SampleScore.objects.filter(
        scoring=before,
        # For partitioned tables, as in `estimates`.
        sample__run=before.run_id,
        sample__is_scored=True,
        sample__revision__lt=scoring.revision,
    )
    if not scoring.is_inline:
        # What the sandbox failed on is tried again.
        stored_scores = stored_scores.filter(value__isnull=False)
    batch: list[SampleScore] = []
    for score in stored_scores.iterator(chunk_size=_COPIED_AT_ONCE):
        score.pk = None
        score.scoring = scoring
        batch.append(score)
        if len(batch) == _COPIED_AT_ONCE:
            SampleScore.objects.bulk_create(batch)
            batch = []
    SampleScore.objects.bulk_create(batch)
    carried = SampleScore.objects.filter(scoring=scoring)
    Scoring.objects.filter(pk=scoring.pk).update(
        samples_done=carried.count(), samples_unscored=carried.filter(value=None).count()
    )
