"""Jobs of boards: compute what is due."""

from celery import shared_task

from benchmarks_app.models import BenchmarkVersion
from leaderboards_app.actions import refresh_board
from leaderboards_app.models import BoardRefresh

_AT_ONCE = 20


@shared_task(name="leaderboards_app.jobs.refresh_boards")
def refresh_boards() -> int:
    """Compute every board that is due; returns how many snapshots were made."""
    made = 0
    due = BoardRefresh.objects.order_by("requested_at").values_list("version_id", flat=True)
    for version_id in list(due[:_AT_ONCE]):
        version = BenchmarkVersion.objects.select_related("benchmark").get(pk=version_id)
        made += refresh_board(version) is not None
    return made
