"""The queue of jobs: the one way to wake a worker.

Messages carry no work. The database knows what is due, and a woken job reads it, so a message that
is lost, doubled or late does no harm: the schedule wakes the same jobs every few seconds.
"""

import logging
from functools import partial

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)


def enqueue(job: str, *, times: int = 1) -> None:
    """Queue a job by its name, when the current transaction commits.

    `times` messages wake as many workers. A broker that is away is logged and never fails the
    caller, whose rows are committed by then.
    """
    transaction.on_commit(partial(_send, job, times))


def _send(job: str, times: int) -> None:
    try:
        for _ in range(times):
            current_app.send_task(job)
    except Exception:
        log.warning("the broker did not take %s; the schedule queues it again", job, exc_info=True)
