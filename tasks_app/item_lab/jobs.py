"""Jobs of analyses of items: compute what is due, find what is missing."""

from datetime import timedelta
from uuid import UUID, uuid4

from celery import shared_task
from django.db.models import Q

from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import database_now, now
from plumbmark.common.queue import enqueue
from tasks_app.item_lab.actions import REFRESH, refresh_analysis, request_missing_analyses
from tasks_app.models import AnalysisRefresh, ItemAnalysis, Run, TaskVersion

REPAIR = "tasks_app.item_lab.jobs.repair_analyses"
_AT_ONCE = 5
PAUSE = timedelta(seconds=60)
"""Between two analyses of one version while runs on it are at work. The last run is analysed at
once."""
LEASE = timedelta(minutes=15)
"""Longer than any analysis takes. After it, a worker that is still computing is taken for dead."""


@shared_task(name=REFRESH)
def refresh_analyses() -> int:
    """Analyse every version that is due; return how many analyses were stored."""
    # A version that was given up is attempted again when something on it changes: the number of
    # requests is part of its key.
    stored = attempt_each(
        "analyse items",
        AnalysisRefresh.objects.order_by("requested_at"),
        _refresh,
        key=lambda one: f"{one.version_id}/{one.requests}",
        max_items=_AT_ONCE,
    )
    return sum(stored)


@shared_task(name=REPAIR)
def repair_analyses() -> int:
    """Request the analyses that are missing; return how many."""
    return request_missing_analyses()


def _refresh(due: AnalysisRefresh) -> int:
    """Analyse a version unless another worker is at it. A request that comes meanwhile leaves it
    due, and a message wakes a worker again.
    """
    if _waits(due.version_id):
        return 0
    token = _claim(due)
    if token is None:
        return 0
    try:
        version = TaskVersion.objects.select_related("task").get(pk=due.version_id)
        return refresh_analysis(version)
    finally:
        left = AnalysisRefresh.objects.filter(pk=due.pk, lease_token=token)
        if left.update(lease_token=None, lease_expires_at=None):
            enqueue(REFRESH, merges=True)


def _waits(version_id: int) -> bool:
    """Return whether a version that was analysed just now waits, because runs on it are at work."""
    recent = ItemAnalysis.objects.filter(version=version_id, computed_at__gt=now() - PAUSE)
    at_work = Run.objects.filter(
        task_version=version_id, state__in=[Run.State.QUEUED, Run.State.RUNNING]
    )
    return recent.exists() and at_work.exists()


def _claim(due: AnalysisRefresh) -> UUID | None:
    token = uuid4()
    free = AnalysisRefresh.objects.filter(pk=due.pk).filter(
        Q(lease_token=None) | Q(lease_expires_at__lt=database_now())
    )
    claims = free.update(lease_token=token, lease_expires_at=database_now(LEASE))
    return token if claims else None
