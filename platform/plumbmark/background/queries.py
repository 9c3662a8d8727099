"""Named reads of jobs."""

from django.db.models import QuerySet

from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.accounts.visible import find_visible
from plumbmark.background.models import LIVE_STATES, Job
from plumbmark.background.permissions import can_control_job


def jobs_of(visitor: Visitor) -> "QuerySet[Job]":
    """Return the jobs of the visitor and of their teams, newest first."""
    return (
        Job.objects.filter(namespace__in=namespaces_acted_for_by(visitor))
        .select_related("namespace")
        .order_by("-id")
    )


def job_at(*, public_id: str, to: Visitor) -> Job:
    """Return one job; 404 where the visitor may not know of it."""
    rows = Job.objects.select_related("namespace")
    return find_visible(rows, public_id, to=to, allows=can_control_job)


def live_job_on(subject: str) -> Job | None:
    """Return the newest job on something that has yet to end. Its owners may see it."""
    return Job.objects.filter(subject=subject, state__in=LIVE_STATES).order_by("-id").first()


def jobs_ahead_of(job: Job) -> int:
    """Return how many jobs of others began before a queued one."""
    return Job.objects.filter(state__in=LIVE_STATES, id__lt=job.pk).count()
