"""The queue of jobs: the one way to wake a worker.

Messages carry no work. The database knows what is due, and a woken job reads it, so a message that
is lost, doubled or late does no harm: the schedule wakes the same jobs every few seconds.

A message costs a worker more than a query. So the messages of one transaction for a job are sent
once, and jobs that do all that is due may have those of a short while merged.
"""

import logging
import threading
import time

from celery import current_app
from django.db import connection, transaction

log = logging.getLogger(__name__)

MERGED_SECONDS = 0.3


def enqueue(job: str, *, times: int = 1, merges: bool = False, hops: int = 0) -> None:
    """Queue a job by its name, when the current transaction commits.

    `times` messages wake as many workers. With `merges`, the first message is sent at once, and
    those that this process sends within a moment after it become one at the end of the moment.
    `hops` is how often the message was passed on by workers that could do nothing with it. A broker
    that is away is logged and never fails the caller, whose rows are committed by then.
    """
    if connection.in_atomic_block:
        held = set(connection.savepoint_ids)
        for savepoints, waiting, *_ in connection.run_on_commit:
            # What is undone together with this one, or later.
            if isinstance(waiting, _Message) and waiting.job == job and savepoints <= held:
                waiting.times += 0 if merges else times
                return
    transaction.on_commit(_Message(job, times, merges, hops))


class _Message:
    """A message that waits for the end of its transaction."""

    def __init__(self, job: str, times: int, merges: bool, hops: int) -> None:
        self.job = job
        self.times = times
        self._merges = merges
        self._hops = hops

    def __call__(self) -> None:
        if self._merges:
            _merged.send(self.job)
        else:
            _send(self.job, self.times, self._hops)


class _MergedMessages:
    """Sends a job's first message at once, and the others of the same moment as one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent_at: dict[str, float] = {}
        self._due_at: dict[str, float] = {}
        """When the merged message of a job is sent. In a forked child, its thread is missing."""

    def send(self, job: str) -> None:
        with self._lock:
            now = time.monotonic()
            if job in self._due_at and now < self._due_at[job] + MERGED_SECONDS:
                return
            wait = self._sent_at.get(job, float("-inf")) + MERGED_SECONDS - now
            if wait > 0:
                self._due_at[job] = now + wait
                later = threading.Timer(wait, self._send_later, [job])
                # A process that ends does not wait for it: the schedule wakes the job.
                later.daemon = True
                later.start()
                return
            self._sent_at[job] = now
        _send(job)

    def _send_later(self, job: str) -> None:
        with self._lock:
            self._due_at.pop(job, None)
            self._sent_at[job] = time.monotonic()
        _send(job)


_merged = _MergedMessages()


def _send(job: str, times: int = 1, hops: int = 0) -> None:
    arguments = {"hops": hops} if hops else {}
    try:
        for _ in range(times):
            current_app.send_task(job, kwargs=arguments)
    except Exception:
        log.warning("the broker did not take %s; the schedule queues it again", job, exc_info=True)
