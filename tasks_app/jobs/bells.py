"""The Celery entry points: bells that carry no work.

A woken worker claims what is due in SQL, works a bounded slice, and rings again while more is due.
A lost or doubled bell does no harm.
"""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings
from django.db import connection

from tasks_app.jobs import sweeping
from tasks_app.jobs.claims import claim_scoring_shard, claim_shard
from tasks_app.jobs.running import RunSlice, shutting_down
from tasks_app.jobs.scoring import work_on_scoring

log = logging.getLogger(__name__)


def ring_workers(times: int = 1) -> None:
    """Wake up to `times` workers. Call it on commit."""
    try:
        for _ in range(max(1, min(times, settings.WORKER_BELLS_AT_MOST))):
            work.delay()
    except Exception:
        log.warning("the broker did not take a bell; the sweep will ring again", exc_info=True)


@shared_task(name="tasks_app.jobs.work")
def work() -> str:
    """Claim what is due and work on it for one slice; returns what was done, for the log."""
    if shutting_down.is_set():
        return "ending"
    try:
        claimed = claim_shard()
        if claimed is not None:
            shard, lease = claimed
            ending = RunSlice(shard, lease).work()
            ring_workers()
            return f"run {shard.run_id}: {ending}"
        scoring = claim_scoring_shard()
        if scoring is not None:
            work_on_scoring(*scoring)
            ring_workers()
            return f"scoring {scoring[0].scoring_id}"
        return "nothing due"
    finally:
        if connection.in_atomic_block:  # pragma: no cover - a fault of ours, never leave it open
            connection.close()


@worker_shutting_down.connect
def _end_slices(**_signal: Any) -> None:
    shutting_down.set()


@shared_task(name="tasks_app.jobs.sweep")
def sweep() -> None:
    """Mend what a lost bell, a dead worker or a renewed quota left waiting."""
    if sweeping.sweep():
        ring_workers(2)
