"""Figures of the rows that every app shares: the outbox, and periodic jobs that fail."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min, Q
from prometheus_client.core import Metric

from plumbmark.common.clock import now
from plumbmark.common.metrics import gauge
from plumbmark.common.models import FailedAttempt, OutboxEvent


def age_of(moment: datetime | None) -> float:
    """Return the seconds since a moment; 0 where there is none, because nothing waits."""
    return max(0.0, (now() - moment).total_seconds()) if moment else 0.0


def shared_figures() -> Iterator[Metric]:
    """Return the figures of outbox and failed attempts. Two queries."""
    has_failed = Q(failed_at__isnull=False)
    events = OutboxEvent.objects.filter(delivered_at__isnull=True).aggregate(
        waiting=Count("id", filter=~has_failed),
        failed=Count("id", filter=has_failed),
        oldest=Min("created_at", filter=~has_failed),
    )
    yield gauge(
        "outbox_events",
        "Events that are not delivered: those that wait, and those that were given up.",
        {("waiting",): events["waiting"], ("failed",): events["failed"]},
        "state",
    )
    yield gauge(
        "outbox_oldest_age_seconds",
        "Age of the oldest event that waits for its delivery.",
        age_of(events["oldest"]),
    )
    failures = FailedAttempt.objects.aggregate(
        given_up=Count("id", filter=Q(next_attempt_at=None)),
        retried=Count("id", filter=Q(next_attempt_at__isnull=False)),
    )
    yield gauge(
        "failed_attempts",
        "Items of periodic jobs that failed and are listed in the administration.",
        {("given up",): failures["given_up"], ("retried",): failures["retried"]},
        "state",
    )
