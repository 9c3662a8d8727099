"""The Celery jobs of background work. Their messages carry no work."""

from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from plumbmark.background import work as working
from plumbmark.common.queue import enqueue

_WORK = "background.jobs.work"


@shared_task(name=_WORK)
def work() -> str:
    """Work on the next job; return what was done, for the log."""
    job = working.work_on_next_job()
    if job is None:
        return "nothing due"
    if working.has_due_jobs():
        enqueue(_WORK)
    return f"job {job.public_id}"


@shared_task(name="background.jobs.recover")
def recover() -> None:
    """Queue again what a dead worker left, and wake a worker for what a lost message left."""
    working.recover_jobs()
    if working.has_due_jobs():
        enqueue(_WORK)


@worker_shutting_down.connect
def _stop(**_signal: Any) -> None:
    working.stopping.set()
