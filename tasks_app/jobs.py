"""The Celery jobs of tasks and runs. Their messages carry no work.

A woken worker claims what is due in SQL, works a bounded slice, and queues the next one.
"""

import logging
import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings
from django.db import connection

from plumbmark.common.attempts import describe_error
from plumbmark.common.logs import log_about
from tasks_app.datasets.media import storage
from tasks_app.kinds import kind_of
from tasks_app.models import ScoringShard, Shard
from tasks_app.runs import states
from tasks_app.runs import sweep as sweeping
from tasks_app.runs.claims import MAX_ATTEMPTS, Lease, claim_scoring_shard, claim_shard
from tasks_app.scorings.completion import fail_scoring
from tasks_app.scorings.slices import work_on_scoring
from tasks_app.workers import (
    reports,  # noqa: F401 - connects to the worker's signals
    sandbox,
)
from tasks_app.workers.shutdown import shutting_down
from tasks_app.workers.wake import wake_workers

log = logging.getLogger(__name__)

_claiming = threading.Lock()
_in_hand: set[int] = set()
"""Runs that a thread of this process works on."""
_programs: set[int] = set()
"""Those of them that are code tasks."""


@shared_task(name="tasks_app.jobs.work")
def work() -> str:
    """Claim what is due and work on it for one slice; returns what was done, for the log."""
    if shutting_down.is_set():
        return "ending"
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
            wake_workers()
            return f"run {shard.run_id}: {ending}"
        scoring = claim_scoring_shard(has_sandbox=sandbox.is_here())
        if scoring is not None:
            with log_about(run_id=scoring[0].scoring.run_id, scoring_id=scoring[0].scoring_id):
                ending = _work_on_scoring_shard(*scoring)
            wake_workers()
            return f"scoring {scoring[0].scoring_id} {ending}".strip()
        return "nothing due"
    finally:
        if connection.in_atomic_block:  # pragma: no cover - a fault of ours, never leave it open
            connection.close()


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
