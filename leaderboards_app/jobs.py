"""Jobs of boards: compute what is due."""

from datetime import timedelta
from uuid import UUID, uuid4

from celery import shared_task
from django.db.models import Q

from benchmarks_app.models import BenchmarkVersion
from leaderboards_app.actions import REFRESH, refresh_board
from leaderboards_app.metrics import REFRESH_SECONDS
from leaderboards_app.models import BoardRefresh
from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import database_now
from plumbmark.common.queue import enqueue

_AT_ONCE = 20
LEASE = timedelta(minutes=15)
"""Longer than any board takes. After it, a worker that is still computing is taken for dead."""


@shared_task(name=REFRESH)
def refresh_boards() -> int:
    """Compute every board that is due; returns how many snapshots were made."""
    due = BoardRefresh.objects.order_by("requested_at")
    # A board that was given up is attempted again when something on it changes: the number of
    # requests is part of its key.
    made = attempt_each(
        "compute a board",
        due,
        _refresh,
        key=lambda one: f"{one.version_id}/{one.requests}",
        max_items=_AT_ONCE,
    )
    return sum(made)


def _refresh(due: BoardRefresh) -> bool:
    """Compute a board unless another worker is at it, and return whether there is a new snapshot.

    A request that comes meanwhile leaves the board due, and its message wakes a worker again.
    """
    token = _claim(due)
    if token is None:
        return False
    try:
        version = BenchmarkVersion.objects.select_related("benchmark").get(pk=due.version_id)
        with REFRESH_SECONDS.time():
            return refresh_board(version) is not None
    finally:
        left = BoardRefresh.objects.filter(pk=due.pk, lease_token=token)
        if left.update(lease_token=None, lease_expires_at=None):
            enqueue(REFRESH)


def _claim(due: BoardRefresh) -> UUID | None:
    token = uuid4()
    free = BoardRefresh.objects.filter(pk=due.pk).filter(
        Q(lease_token=None) | Q(lease_expires_at__lt=database_now())
    )
    taken = free.update(lease_token=token, lease_expires_at=database_now(LEASE))
    return token if taken else None
