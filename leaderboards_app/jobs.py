"""Jobs of boards: compute what is due."""

from celery import shared_task

from benchmarks_app.models import BenchmarkVersion
from leaderboards_app.actions import refresh_board
from leaderboards_app.models import BoardRefresh
from plumbmark.common.attempts import attempt_each

_AT_ONCE = 20


@shared_task(name="leaderboards_app.jobs.refresh_boards")
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
    version = BenchmarkVersion.objects.select_related("benchmark").get(pk=due.version_id)
    return refresh_board(version) is not None
