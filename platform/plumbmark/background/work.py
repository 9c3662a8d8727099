"""A worker's part: claiming a job, reporting its progress, storing its end.

One job of a namespace is worked on at a time, and one in a process, since a job keeps a processor
busy and the process has models to call as well.
"""

import logging
import threading
import time
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import OperationalError, connection
from django.db.models import Exists, F, OuterRef

from plumbmark.background.kinds import Interrupted, do_work
from plumbmark.background.models import Job
from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import database_now, now
from plumbmark.common.errors import DomainError, InvalidInput, NotAllowed
from plumbmark.common.logs import log_about
from plumbmark.common.progress import watch_progress

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""Attempts that end without a word, since a worker died, before a job has failed."""
LEASE = timedelta(minutes=5)
_REPORT_SECONDS = 0.5
_CANDIDATES = 8

_at_work = threading.Lock()
stopping = threading.Event()
"""Set when this process is asked to end: its job goes back to the queue."""


def work_on_next_job() -> Job | None:
    """Claim the oldest job that is due and work on it to its end; None where there is none."""
    if stopping.is_set() or not _at_work.acquire(blocking=False):
        return None
    try:
        job = _claim()
        if job is not None:
            with log_about(job_id=job.public_id):
                _work_on(job)
        return job
    finally:
        _at_work.release()


def _claim() -> Job | None:
    running = Job.objects.filter(namespace_id=OuterRef("namespace_id"), state=Job.State.RUNNING)
    due = Job.objects.filter(~Exists(running), state=Job.State.QUEUED).order_by("id")
    for job_id in due.values_list("id", flat=True)[:_CANDIDATES]:
        token = uuid4()
        claims = Job.objects.filter(~Exists(running), pk=job_id, state=Job.State.QUEUED).update(
            state=Job.State.RUNNING,
            lease_token=token,
            lease_expires_at=database_now(LEASE),
            attempts=F("attempts") + 1,
            started_at=now(),
            step="",
            done=0,
            total=None,
        )
        if claims:
            return Job.objects.select_related("namespace", "created_by").get(
                pk=job_id, lease_token=token
            )
    return None


def _work_on(job: Job) -> None:
    assert job.lease_token is not None
    token = job.lease_token
    if job.result is not None:
        # It was done, and the worker died before it could say so.
        _end(job, token, state=Job.State.COMPLETED)
        return
    try:
        if not job.created_by.is_active:
            raise NotAllowed("The account that asked for this is suspended.")
        with watch_progress(_Reporter(job, token)):
            result = do_work(job)
        _end(job, token, state=Job.State.COMPLETED, result=result.as_document())
    except Interrupted:
        # Somebody wanted it to stop: that is no fault of the work.
        _give_back(job, token, attempts=job.attempts - 1)
    except DomainError as error:
        _end(job, token, state=Job.State.FAILED, error=_describe_error(error))
    except OperationalError:
        log.exception("the database failed job %s", job.public_id)
        if job.attempts >= MAX_ATTEMPTS:
            _end(job, token, state=Job.State.FAILED, error=_inside(job))
        else:
            _give_back(job, token, attempts=job.attempts)
    except Exception:
        log.exception("job %s failed", job.public_id)
        # Its reason may hold what no person should see; the log has it.
        _end(job, token, state=Job.State.FAILED, error=_inside(job))


def _inside(job: Job) -> dict[str, object]:
    return {
        "status": 500,
        "code": "failed",
        "detail": "This failed for a reason inside the platform. Its operator can find it in the "
        f"worker's log as job {job.public_id}.",
    }


def _describe_error(error: DomainError) -> dict[str, object]:
    document: dict[str, object] = {
        "status": error.status,
        "code": error.code,
        "detail": error.message,
    }
    if isinstance(error, InvalidInput):
        document["problems"] = [problem.as_document() for problem in error.problems]
    return document


def _end(job: Job, token: UUID, *, state: str, **columns: object) -> None:
    Job.objects.filter(pk=job.pk, lease_token=token).update(
        state=state,
        finished_at=now(),
        lease_token=None,
        lease_expires_at=None,
        **columns,
    )


def _give_back(job: Job, token: UUID, *, attempts: int) -> None:
    Job.objects.filter(pk=job.pk, lease_token=token).update(
        state=Job.State.QUEUED,
        attempts=attempts,
        lease_token=None,
        lease_expires_at=None,
        step="",
        done=0,
        total=None,
    )


class _Reporter:
    """Stores progress twice a second, which prolongs the lease, and stops work that was lost."""

    def __init__(self, job: Job, token: UUID) -> None:
        self._job = job
        self._token = token
        self._next = 0.0
        self._step = ""
        self._depth = len(connection.atomic_blocks)

    def __call__(self, step: str, done: int, total: int | None) -> None:
        if stopping.is_set():
            raise Interrupted
        at = time.monotonic()
        if at < self._next and step == self._step:
            return
        if len(connection.atomic_blocks) > self._depth:
            # In a transaction nobody else would see it, and a lock would be held to its end.
            return
        self._next, self._step = at + _REPORT_SECONDS, step
        rows = Job.objects.filter(pk=self._job.pk, lease_token=self._token).update(
            step=step[:100],
            done=done if total is None else min(done, total),
            total=total,
            lease_expires_at=database_now(LEASE),
        )
        if not rows:
            raise Interrupted


def recover_jobs() -> int:
    """Queue jobs again whose workers died, and fail those that died too often; return how many."""
    lost = Job.objects.filter(state=Job.State.RUNNING, lease_expires_at__lt=database_now())
    return len(attempt_each("recover a job", lost, _recover, key=lambda job: job.public_id))


def _recover(job: Job) -> None:
    of_job = Job.objects.filter(pk=job.pk, lease_token=job.lease_token, state=Job.State.RUNNING)
    if job.attempts < MAX_ATTEMPTS or job.result is not None:
        of_job.update(state=Job.State.QUEUED, lease_token=None, lease_expires_at=None)
        return
    values = {
        "status": 500,
        "code": "worker-lost",
        "detail": f"The worker stopped {job.attempts} times before it was finished. The file may "
        "be too large for it.",
    }
    of_job.update(
        state=Job.State.FAILED,
        error=values,
        finished_at=now(),
        lease_token=None,
        lease_expires_at=None,
    )


def has_due_jobs() -> bool:
    return Job.objects.filter(state=Job.State.QUEUED).exists()
