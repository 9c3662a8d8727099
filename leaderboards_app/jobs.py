"""Jobs of boards: compute what is due."""

import logging

from celery import shared_task

from benchmarks_app.models import BenchmarkVersion
from leaderboards_app.actions import refresh_board
from leaderboards_app.models import BoardRefresh

log = logging.getLogger(__name__)

_AT_ONCE = 20


def ring_boards() -> None:
    """Ask a worker to compute what is due. A lost bell is no harm: the schedule rings too."""
    try:
        refresh_boards.delay()
    except Exception:
        log.warning("the broker did not take a bell; the schedule rings again", exc_info=True)


@shared_task(name="leaderboards_app.jobs.refresh_boards")
def refresh_boards() -> int:
    """Compute every board that is due; returns how many snapshots were made."""
    made = 0
    due = BoardRefresh.objects.order_by("requested_at").values_list("version_id", flat=True)
    for version_id in list(due[:_AT_ONCE]):
        version = BenchmarkVersion.objects.select_related("benchmark").get(pk=version_id)
        made += refresh_board(version) is not None
    return made
