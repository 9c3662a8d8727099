"""Scoring stored outputs: for re-marked versions and for submitted runs."""

import asyncio
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import F

from plumbmark.common.clock import now
from plumbmark.gateway import bulk
from tasks_app.estimating import estimate_scoring
from tasks_app.jobs import sandboxing
from tasks_app.jobs.claims import (
    ATTEMPTS_AT_MOST,
    Lease,
    LeaseLost,
    finish_work,
    give_back,
    keep_leases,
)
from tasks_app.jobs.ending import shutting_down
from tasks_app.jobs.finishing import change_state, complete_scoring, fail_scoring, median_latency
from tasks_app.jobs.writing import SCORE_FIELDS, score_values
from tasks_app.marking import Mark, Marker
from tasks_app.models import Run, Sample, SampleScore, Scoring, ScoringShard
from tasks_app.planning import AskedItem, asked_items

_BATCH = 500
_PROGRAMS_BATCH = 16
"""Fewer where programs run: what a batch holds is lost with its worker."""


def work_on_scoring(shard: ScoringShard, lease: Lease) -> None:
    """Score one shard of stored samples; the last one completes the scoring."""
    scoring = shard.scoring
    if shard.attempts > ATTEMPTS_AT_MOST:
        fail_scoring(
            scoring,
            f"Workers died {ATTEMPTS_AT_MOST} times while scoring the same "
            f"{shard.stop - shard.start} samples. Tell the administrator.",
        )
        give_back(ScoringShard.objects.all(), lease)
        return
    Scoring.objects.filter(pk=scoring.pk, state=Scoring.State.QUEUED).update(
        state=Scoring.State.RUNNING, started_at=now()
    )
    marker = Marker(scoring.task_version)
    repeats = scoring.run.repeats
    try:
        size = _PROGRAMS_BATCH if marker.needs_sandbox else _BATCH
        for start in range(shard.start, shard.stop, size):
            _score_range(scoring, marker, lease, start, min(start + size, shard.stop), repeats)
            if shutting_down.is_set():
                give_back(ScoringShard.objects.all(), lease)
                return
    except LeaseLost:
        return
    finish_work(ScoringShard.objects.all(), lease)
    finish_scoring_if_done(scoring)


def _score_range(
    scoring: Scoring, marker: Marker, lease: Lease, start: int, stop: int, repeats: int
) -> None:
    marked = SampleScore.objects.filter(scoring=scoring).values("sample_id")
    samples = list(
        Sample.objects.filter(run_id=scoring.run_id, ordinal__gte=start, ordinal__lt=stop)
        .exclude(pk__in=marked)
        .values_list("id", "ordinal", "is_scored", "output")
    )
    # The version that marks may be another than the one that asked: equal questions, in order.
    items = asked_items(
        scoring.task_version_id,
        start // repeats,
        (stop - 1) // repeats,
        for_programs=marker.needs_sandbox,
    )
    to_mark = [
        (sample_id, output, items[ordinal // repeats])
        for sample_id, ordinal, is_scored, output in samples
        if is_scored
    ]
    outputs = [(output, item) for _, output, item in to_mark]
    marks = (
        _run_programs(marker, lease, outputs)
        if marker.needs_sandbox
        else [marker.mark(*one) for one in outputs]
    )
    scores = [
        score_values(scoring.pk, sample_id, mark)
        for (sample_id, _, _), mark in zip(to_mark, marks, strict=True)
    ]
    with transaction.atomic():
        keep_leases(ScoringShard.objects.all(), [lease])
        bulk.insert(SampleScore, SCORE_FIELDS, scores)
        Scoring.objects.filter(pk=scoring.pk).update(
            samples_done=F("samples_done") + len(samples), heartbeat_at=now()
        )


def _run_programs(
    marker: Marker, lease: Lease, outputs: Sequence[tuple[str, AskedItem]]
) -> list[Mark]:
    """Mark with programs, on the process's loop; the lease is kept meanwhile."""

    async def mark_all() -> list[Mark]:
        return await asyncio.gather(
            *(marker.mark_by_programs(*one, sandboxing.run_program) for one in outputs)
        )

    future = sandboxing.submit(mark_all())
    try:
        while True:
            try:
                marks: list[Mark] = future.result(timeout=settings.WORK_LEASE_SECONDS / 3)
            except TimeoutError:
                with transaction.atomic():
                    keep_leases(ScoringShard.objects.all(), [lease])
            else:
                return marks
    finally:
        future.cancel()


def finish_scoring_if_done(scoring: Scoring) -> bool:
    """Complete a scoring all of whose shards are done, and with it a submitted run."""
    if ScoringShard.objects.filter(scoring=scoring).exclude(state=ScoringShard.State.DONE).exists():
        return False
    estimate = estimate_scoring(scoring)
    with transaction.atomic():
        won = Scoring.objects.filter(pk=scoring.pk, state=Scoring.State.RUNNING).update(
            state=Scoring.State.COMPLETED
        )
        if not won:
            return False
        complete_scoring(scoring, estimate)
        run = scoring.run
        if run.state == Run.State.RUNNING and run.is_submitted:
            change_state(
                run.pk,
                of=[Run.State.RUNNING],
                to=Run.State.COMPLETED,
                event="completed",
                finished_at=now(),
                samples_unscored=estimate["unscored"],
                median_latency_ms=median_latency(run),
            )
    return True
