"""Figures of jobs."""

from collections.abc import Iterator

from django.db.models import Count, Min, Q
from prometheus_client.core import Metric

from plumbmark.background.models import LIVE_STATES, Job
from plumbmark.common.metrics import gauge
from plumbmark.common.row_metrics import age_of


def job_figures() -> Iterator[Metric]:
    """Return how many jobs have yet to end. One query."""
    is_queued = Q(state=Job.State.QUEUED)
    found = Job.objects.filter(state__in=LIVE_STATES).aggregate(
        queued=Count("id", filter=is_queued),
        running=Count("id", filter=Q(state=Job.State.RUNNING)),
        oldest=Min("created_at", filter=is_queued),
    )
    yield gauge(
        "jobs",
        "Jobs on large files that have yet to end.",
        {("queued",): found["queued"], ("running",): found["running"]},
        "state",
    )
    yield gauge(
        "jobs_oldest_queued_age_seconds",
        "Age of the oldest job that no worker has begun.",
        age_of(found["oldest"]),
    )
