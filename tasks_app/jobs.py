"""The Celery jobs of tasks and runs. Their messages carry no work.

A woken worker claims what is due in SQL, works bounded slices until nothing is due, and queues a
message where more is.
"""

import logging
import threading
import time
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings
from django.db import connection

from plumbmark.common.attempts import describe_error
from plumbmark.common.logs import log_about
from tasks_app.datasets.media import storage
from tasks_app.item_lab import jobs as _jobs_of_item_lab  # noqa: F401 - Celery finds them here
from tasks_app.kinds import kind_of
from tasks_app.models import ScoringShard, Shard
from tasks_app.runs import states
from tasks_app.runs import sweep as sweeping
from tasks_app.runs.claims import (
    MAX_ATTEMPTS,
    Lease,
    claim_scoring_shard,
    claim_shard,
    something_is_due,
)
from tasks_app.scorings.completion import fail_scoring
from tasks_app.scorings.slices import work_on_scoring
from tasks_app.workers import reports, sandbox
from tasks_app.workers.shutdown import shutting_down
from tasks_app.workers.wake import MAX_HOPS, pass_on, wake_workers

log = logging.getLogger(__name__)

NOTHING_DUE = "nothing due"
_TURN_SECONDS = 1.0
_HOP_SECONDS = 0.05

_claiming = threading.Lock()
_in_hand: set[int] = set()
"""Runs that a thread of this process works on."""
_programs: set[int] = set()
"""Those of them that are code tasks."""


@shared_task(name="tasks_app.jobs.work")
def work_until_idle(hops: int = 0) -> int:
    """Work on what is due, slice by slice; returns how many slices there were.

    It looks again after each slice, so no further message is needed for what is due by then. After
    a moment it queues a message for itself, so that other jobs have their turn.
    """
    ends_at = time.monotonic() + _TURN_SECONDS
    slices = 0
    while work() != NOTHING_DUE:
        slices += 1
        if time.monotonic() > ends_at:
            wake_workers()
            return slices
    if not slices and not shutting_down.is_set() and _is_for_others(hops):
        # Idle workers look for messages in turns; this one would be the first to have it again.
        shutting_down.wait(_HOP_SECONDS)
        pass_on(hops + 1)
    return slices


def work() -> str:
    """Claim what is due and work on it for one slice; returns what was done."""
    if shutting_down.is_set():
        return NOTHING_DUE
    try:
        claimed = _claim()
        if claimed is not None:
            shard, lease = claimed
            try:
                with log_about(run_id=shard.run_id):
                    ending = _work_on_shard(shard, lease)
            finally:
                _in_hand.discard(shard.run_id)
                _programs.discard(shard.run_id)
            return f"run {shard.run_id}: {ending}"
        scoring = claim_scoring_shard(has_sandbox=sandbox.is_here())
        if scoring is not None:
            with log_about(run_id=scoring[0].scoring.run_id, scoring_id=scoring[0].scoring_id):
                ending = _work_on_scoring_shard(*scoring)
            return f"scoring {scoring[0].scoring_id} {ending}".strip()
        return NOTHING_DUE
    finally:
        if connection.in_atomic_block:  # pragma: no cover - a fault of ours, never leave it open
            connection.close()


def _is_for_others(hops: int) -> bool:
    """Return whether a wake-up that found nothing for this process is passed on: something is due
    that another can take, because this one works on the run already, or runs no code.
    """
    return hops < MAX_HOPS and reports.known_workers() > 1 and something_is_due()


def _work_on_shard(shard: Shard, lease: Lease) -> str:
    try:
        return kind_of(shard.run.task_version).open_slice(shard, lease).work()
    except Exception as error:
        return _note_failed_slice(shard, error)


def _work_on_scoring_shard(shard: ScoringShard, lease: Lease) -> str:
    try:
        work_on_scoring(shard, lease)
    except Exception as error:
        return _note_failed_scoring_slice(shard, error)
    return ""


def _note_failed_slice(shard: Shard, error: Exception) -> str:
    """Fail a run whose slices fail again and again; otherwise the shard's lease runs out, and it
    is claimed again.
    """
    log.exception("a slice of run %s failed", shard.run_id)
    why = describe_error(error)
    if shard.attempts >= MAX_ATTEMPTS:
        states.fail(shard.run_id, f"It failed {shard.attempts} times, the last time with {why}")
    return f"failed: {why}"


def _note_failed_scoring_slice(shard: ScoringShard, error: Exception) -> str:
    log.exception("a slice of scoring %s failed", shard.scoring_id)
    why = describe_error(error)
    if shard.attempts >= MAX_ATTEMPTS:
        fail_scoring(shard.scoring, f"It failed {shard.attempts} times, the last time with {why}")
    return f"failed: {why}"


def _claim() -> tuple[Shard, Lease] | None:
    """Claim the next shard, of a run that no other thread of this process is working on.

    A slice takes its run's further shards by itself; a second one beside it would share the same
    loop and the same slots, and only wait for the interpreter's lock.
    """
    with _claiming:
        # Programs take long: some threads are kept for everything else.
        has_sandbox = sandbox.is_here()
        takes_code = len(_programs) < settings.SANDBOX_RUNS and has_sandbox
        claimed = claim_shard(
            # A copy: the threads that end their slices change it meanwhile.
            not_of=frozenset(_in_hand),
            takes_code=takes_code,
            has_sandbox=has_sandbox,
        )
        if claimed is not None:
            _in_hand.add(claimed[0].run_id)
            if kind_of(claimed[0].run.task_version).runs_program:
                _programs.add(claimed[0].run_id)
        return claimed


@worker_shutting_down.connect
def _end_slices(**_signal: Any) -> None:
    shutting_down.set()


@shared_task(name="tasks_app.jobs.sweep")
def sweep() -> None:
    """Mend what a lost message, a dead worker or a renewed quota left waiting."""
    if sweeping.sweep():
        wake_workers(2)


@shared_task(name="tasks_app.jobs.forget_unused_attachments")
def forget_unused_attachments() -> int:
    """Remove images and audio that no task uses any longer; return how many."""
    return storage.remove_unused()
