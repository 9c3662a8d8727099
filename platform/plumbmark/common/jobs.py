"""Jobs of the outbox, delivery and the sweep that replays what was missed; and what is let go."""

import logging
from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.db.models import Q

from plumbmark.common import attempts
from plumbmark.common.attempts import attempt_each, describe_error
from plumbmark.common.clock import now as time_now
from plumbmark.common.models import IdempotencyKey, OutboxEvent
from plumbmark.common.outbox import subscribers_of
from plumbmark.common.row_files import remove_orphans

log = logging.getLogger(__name__)

_BATCH = 200
_MAX_PAUSE = timedelta(hours=1)
MAX_DELIVERIES = 8
"""Attempts of one event, over about two hours; then it has failed."""
_KEYS_KEPT = timedelta(days=3)
"""Longer than any client repeats a request; documented in docs/api.md."""


@shared_task(name="common.jobs.deliver_events")
def deliver_events() -> int:
    """Deliver every undelivered event that is due; returns how many were delivered."""
    now = time_now()
    due = (
        OutboxEvent.objects.filter(delivered_at__isnull=True, failed_at__isnull=True)
        .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
        .order_by("id")[:_BATCH]
    )
    return sum(attempt_each("deliver an event", due, _deliver, key=lambda event: event.pk))


@shared_task(name="common.jobs.forget_idempotency_keys")
def forget_idempotency_keys() -> int:
    """Let answers go that nobody asks for again; returns how many. Unfinished ones too: the request
    that they belong to died."""
    gone, _ = IdempotencyKey.objects.filter(created_at__lt=time_now() - _KEYS_KEPT).delete()
    return gone


@shared_task(name="common.jobs.forget_old_failures")
def forget_old_failures() -> int:
    """Delete what is stored of failures long ago; return how many."""
    return attempts.forget_old_failures()


@shared_task(name="common.jobs.remove_forgotten_files")
def remove_forgotten_files() -> int:
    """Remove files that a killed process left without a row; return how many."""
    return remove_orphans()


def _deliver(event: OutboxEvent) -> bool:
    reached = set(event.delivered_to)
    for name, subscriber in subscribers_of(event.kind).items():
        if name in reached:
            continue
        try:
            with transaction.atomic():
                subscriber(event.payload)
        except Exception as error:
            log.exception("subscriber %s failed on %s", name, event)
            pause = min(timedelta(seconds=4**event.attempts), _MAX_PAUSE)
            is_last = event.attempts + 1 >= MAX_DELIVERIES
            OutboxEvent.objects.filter(pk=event.pk, delivered_at__isnull=True).update(
                attempts=event.attempts + 1,
                next_attempt_at=time_now() + pause,
                failed_at=time_now() if is_last else None,
                delivered_to=sorted(reached),
                last_error=f"{name}: {describe_error(error)}",
            )
            return False
        reached.add(name)
    OutboxEvent.objects.filter(pk=event.pk).update(
        delivered_at=time_now(), delivered_to=sorted(reached), last_error=""
    )
    return True
