"""Jobs of boards and of the search: compute what is due, repair what is missing."""

from datetime import timedelta
from uuid import UUID, uuid4

from celery import shared_task
from django.db.models import Q

from benchmarks_app.models import BenchmarkVersion, EntryRun
from leaderboards_app.home import readings
from leaderboards_app.metrics import REFRESH_SECONDS
from leaderboards_app.models import BoardRefresh, Standings
from leaderboards_app.search.actions import index_help, repair_index
from leaderboards_app.search.subscribers import INDEX_HELP, REPAIR
from leaderboards_app.standings import results
from leaderboards_app.standings.actions import REFRESH, refresh_board
from leaderboards_app.subscribers import RESULTS
from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import database_now, now
from plumbmark.common.queue import enqueue
from tasks_app.models import Run

_AT_ONCE = 20
PAUSE = timedelta(seconds=5)
"""Between two computations of one board whose runs are at work. Computing it again and again keeps
the runs waiting, and the one that shows the last of them."""
LEASE = timedelta(minutes=15)
"""Longer than any board takes. After it, a worker that is still computing is taken for dead."""


@shared_task(name=REFRESH)
def refresh_boards() -> int:
    """Compute every board that is due; returns how many snapshots were made."""
    due = BoardRefresh.objects.order_by("requested_at")
    # A board that was given up is attempted again when something on it changes: the number of
    # requests is part of its key.
    refreshed = attempt_each(
        "compute a board",
        due,
        _refresh,
        key=lambda one: f"{one.version_id}/{one.requests}",
        max_items=_AT_ONCE,
    )
    return sum(refreshed)


@shared_task(name=RESULTS)
def rebuild_results() -> int:
    """Derive the results of every board anew; return how many there are."""
    return results.rebuild_results()


@shared_task(name=REPAIR)
def repair_search() -> int:
    """Index what a lost event left out; return how many entries were missing or differed."""
    return repair_index()


@shared_task(name=INDEX_HELP)
def index_guides() -> int:
    """Index what differs of the guides since the last time; return how many entries."""
    return index_help()


@shared_task(name=readings.STORE)
def store_readings() -> int:
    """Carry the counts of readings into the database; return how many rows changed."""
    return readings.store_readings()


def _refresh(due: BoardRefresh) -> bool:
    """Compute a board unless another worker is at it, and return whether there is a new snapshot.

    A request that comes meanwhile leaves the board due, and its message wakes a worker again.
    """
    if _waits(due.version_id):
        return False
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
            enqueue(REFRESH, merges=True)


def _waits(version_id: int) -> bool:
    """Return whether a board that was computed just now waits, because runs on it are at work and
    will change it again.

    The last of them finds none at work, so its result is shown at once. A board that waits is
    computed on the schedule.
    """
    since = now() - PAUSE
    if not Standings.objects.filter(version=version_id, created_at__gt=since).exists():
        return False
    return _is_at_work(version_id)


def _is_at_work(version_id: int) -> bool:
    """Return whether a run on the board is queued or running."""
    at_work = EntryRun.objects.filter(
        entry__version=version_id, run__state__in=[Run.State.QUEUED, Run.State.RUNNING]
    )
    return at_work.exists()


def _claim(due: BoardRefresh) -> UUID | None:
    token = uuid4()
    free = BoardRefresh.objects.filter(pk=due.pk).filter(
        Q(lease_token=None) | Q(lease_expires_at__lt=database_now())
    )
    claims = free.update(lease_token=token, lease_expires_at=database_now(LEASE))
    return token if claims else None
