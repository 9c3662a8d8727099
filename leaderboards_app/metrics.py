"""Metrics of boards: how long they take, and how many are due."""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client import Histogram
from prometheus_client.core import Metric

from leaderboards_app.models import BoardRefresh
from plumbmark.common.metrics import OWN, gauge
from plumbmark.common.row_metrics import age_of

REFRESH_SECONDS = Histogram(
    "plumbmark_board_refresh_duration_seconds",
    "How long boards took to be computed.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900),
    registry=OWN,
)


def board_figures() -> Iterator[Metric]:
    """Return how many boards are due. One query."""
    due = BoardRefresh.objects.aggregate(n=Count("version_id"), oldest=Min("requested_at"))
    yield gauge("board_refreshes", "Boards that are due to be computed.", due["n"])
    yield gauge(
        "board_refreshes_oldest_age_seconds",
        "How long the board that has waited longest is due.",
        age_of(due["oldest"]),
    )
