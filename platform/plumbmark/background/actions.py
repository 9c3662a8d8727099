"""Starting and cancelling jobs."""

from typing import Any

from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.background.kinds import discard_job
from plumbmark.background.models import LIVE_STATES, Job
from plumbmark.background.permissions import can_control_job
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Busy, NotAllowed
from plumbmark.common.queue import enqueue

MAX_LIVE_JOBS = 5
"""Of one namespace: those that wait and the one that is worked on."""
_WORK = "background.jobs.work"


def start_job(
    *,
    kind: str,
    title: str,
    namespace: Namespace,
    subject: str,
    arguments: dict[str, Any],
    return_url: str = "",
    by: User,
) -> Job:
    """Queue a job. The same one, if it has yet to end, is returned instead of a second one.

    Whether the person may do this is checked by the caller, and again by the job itself.
    """
    with transaction.atomic():
        # One at a time for a namespace, so that two clicks are one job.
        Namespace.objects.select_for_update().get(pk=namespace.pk)
        live = list(Job.objects.filter(namespace=namespace, state__in=LIVE_STATES).order_by("id"))
        for job in live:
            if (job.kind, job.subject, job.arguments) == (kind, subject, arguments):
                return job
        if len(live) >= MAX_LIVE_JOBS:
            raise Busy(
                f"{len(live)} large pieces of work of {namespace.handle} are under way. Wait until "
                "one is finished, or cancel one."
            )
        job = Job.objects.create(
            kind=kind,
            title=title[:200],
            namespace=namespace,
            subject=subject,
            arguments=arguments,
            return_url=return_url,
            created_by=by,
        )
        audit.record("start-job", f"job:{job.public_id}", by=by, kind=kind, subject=subject)
        enqueue(_WORK)
    return job


def cancel_job(*, job: Job, by: User) -> Job:
    """End a job that has yet to end; one that is worked on stops at its next step."""
    if not can_control_job(by, job):
        raise NotAllowed("This work belongs to somebody else.")
    with transaction.atomic():
        job = Job.objects.select_for_update().select_related("namespace").get(pk=job.pk)
        # What is done already stays done, though nobody has said so yet.
        unfinished = Job.objects.filter(pk=job.pk, state__in=LIVE_STATES, result__isnull=True)
        if unfinished.update(
            state=Job.State.CANCELLED,
            finished_at=now(),
            lease_token=None,
            lease_expires_at=None,
        ):
            audit.record("cancel-job", f"job:{job.public_id}", by=by)
            enqueue(_WORK)
            if job.state == Job.State.QUEUED:
                discard_job(job)
    job.refresh_from_db()
    return job
