"""Changes of a run's state that workers and the sweep make.

Each is one conditional update, so that of two that try, one wins; the winner writes the log line
and the outbox event in the same transaction.
"""

import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from plumbmark.common.clock import now
from plumbmark.common.outbox import tell
from plumbmark.gateway.actions import close_grant
from tasks_app.models import Run, Sample, Scoring, Shard
from tasks_app.scorings.estimates import estimate_scoring
from tasks_app.scorings.plans import queue_scoring

_S = Run.State


def change_state(
    run_id: int,
    *,
    of: Collection[str],
    to: str,
    event: str,
    detail: str = "",
    **fields: Any,
) -> bool:
    """Move a run from one of the states `of` to `to`, if it is in one of them."""
    with transaction.atomic():
        run = Run.objects.select_for_update().only("id", "state", "log").get(pk=run_id)
        if run.state not in of:
            return False
        line = {"at": now().isoformat(timespec="seconds"), "event": event, "detail": detail}
        Run.objects.filter(pk=run_id).update(state=to, log=[*run.log, line], **fields)
        tell(f"run.{event}", run_id=run_id)
        return True


def mark_started(run_id: int) -> None:
    """A worker has begun: queued → running."""
    if not Run.objects.filter(pk=run_id, state=_S.QUEUED).exists():
        return
    if change_state(run_id, of=[_S.QUEUED], to=_S.RUNNING, event="started", heartbeat_at=now()):
        Run.objects.filter(pk=run_id, started_at__isnull=True).update(started_at=now())
        Scoring.objects.filter(run_id=run_id, is_inline=True, state=Scoring.State.QUEUED).update(
            state=Scoring.State.RUNNING, started_at=now()
        )


def pause_run(run_id: int, reason: str, detail: str = "", *, balance_needed: int = 0) -> bool:
    return change_state(
        run_id,
        of=[_S.QUEUED, _S.RUNNING],
        to=_S.PAUSED,
        event="paused",
        detail=detail,
        pause_reason=reason,
        balance_needed=balance_needed,
    )


def fail_run(run_id: int, why: str) -> bool:
    """End a run that cannot go on. What it has stays, and it can be resumed."""
    failed = change_state(
        run_id,
        of=[_S.QUEUED, _S.RUNNING, _S.PAUSED],
        to=_S.FAILED,
        event="failed",
        detail=why[:500],
        failure=why[:1000],
        pause_reason="",
        finished_at=now(),
    )
    if failed:
        Scoring.objects.filter(run_id=run_id, is_inline=True).exclude(
            state=Scoring.State.COMPLETED
        ).update(state=Scoring.State.FAILED, failure=why[:1000], finished_at=now())
    return failed


@dataclass(frozen=True, slots=True)
class _Ready:
    """A run that can be completed, and what it came to."""

    run: Run
    estimates: Sequence[tuple[Scoring, dict[str, Any]]]
    median_latency_ms: int | None


def finish_run_if_done(run_id: int, *, calls_stored: Callable[[], object] = lambda: None) -> bool:
    """Complete a run all of whose samples are stored; estimates are made first.

    `calls_stored` waits until the last calls are in the database too; it is called when everything
    else is ready, and in any case. Completing twice is harmless: the second finds the run
    completed.
    """
    try:
        ready = _ready(run_id)
    finally:
        calls_stored()
    return ready is not None and _complete(ready)


def _ready(run_id: int) -> _Ready | None:
    run = Run.objects.select_related("task_version", "grant", "started_by").get(pk=run_id)
    if run.state not in {_S.RUNNING, _S.QUEUED} or run.samples_done < run.samples_total:
        return None
    shards = Shard.objects.filter(run=run, revision=run.revision)
    if shards.exclude(state=Shard.State.DONE).exists():
        return None
    scorings = Scoring.objects.filter(run=run, is_inline=True, revision=run.revision)
    estimates = [
        (scoring, estimate_scoring(scoring)) for scoring in scorings.select_related("task_version")
    ]
    return _Ready(run, estimates, median_latency(run))


def _complete(ready: _Ready) -> bool:
    with transaction.atomic():
        if not change_state(
            ready.run.pk,
            of=[_S.RUNNING, _S.QUEUED],
            to=_S.COMPLETED,
            event="completed",
            finished_at=now(),
            median_latency_ms=ready.median_latency_ms,
        ):
            return False
        for scoring, estimate in ready.estimates:
            complete_scoring(scoring, estimate)
        if not ready.estimates:
            run = ready.run
            queue_scoring(run=run, version=run.task_version, by=run.started_by)
        if ready.run.grant is not None:
            close_grant(grant=ready.run.grant)
    return True


def complete_scoring(scoring: Scoring, estimate: dict[str, Any]) -> None:
    """Store what a scoring came to. Runs in the caller's transaction."""
    Scoring.objects.filter(pk=scoring.pk).update(
        state=Scoring.State.COMPLETED,
        value=estimate["value"],
        estimate=estimate,
        samples_unscored=estimate["unscored"],
        finished_at=now(),
    )
    if scoring.grant is not None:
        close_grant(grant=scoring.grant)
    tell("scoring.completed", scoring_id=scoring.pk, run_id=scoring.run_id)


def fail_scoring(scoring: Scoring, why: str) -> None:
    """End a scoring that cannot go on, and with it the submitted run that waits for it."""
    failed = Scoring.objects.filter(
        pk=scoring.pk, state__in=[Scoring.State.QUEUED, Scoring.State.RUNNING]
    ).update(state=Scoring.State.FAILED, failure=why[:1000], finished_at=now())
    if failed and scoring.run.grant_id is None:
        change_state(
            scoring.run_id,
            of=[_S.RUNNING],
            to=_S.FAILED,
            event="failed",
            detail=why[:500],
            failure=why[:1000],
            finished_at=now(),
        )


def median_latency(run: Run) -> int | None:
    latencies = Sample.objects.filter(run=run, latency_ms__isnull=False).values_list(
        "latency_ms", flat=True
    )
    values = [latency for latency in latencies if latency is not None]
    return round(statistics.median(values)) if values else None
