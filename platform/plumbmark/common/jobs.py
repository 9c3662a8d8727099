"""Jobs of the outbox, delivery and the sweep that replays what was missed; and what is let go."""

import logging
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.db.models import Q

from plumbmark.common import retention
from plumbmark.common.attempts import attempt_each, describe_error
from plumbmark.common.clock import now as time_now
from plumbmark.common.models import IdempotencyKey, OutboxEvent
from plumbmark.common.outbox import (
    DELIVER,
    BatchSubscriber,
    batch_subscribers_of,
    subscribers_of,
)
from plumbmark.common.row_files import remove_orphans

log = logging.getLogger(__name__)

_BATCH = 200
_MAX_PAUSE = timedelta(hours=1)
MAX_DELIVERIES = 8
"""Attempts of one event, over about two hours; then it has failed."""
_delivering = threading.Lock()
_asked = threading.Event()
"""Events may have been recorded since the thread that delivers looked."""
_KEYS_KEPT = timedelta(days=3)
"""Longer than any client repeats a request; documented in docs/api.md."""


@shared_task(name=DELIVER)
def deliver_events() -> int:
    """Deliver every undelivered event that is due; returns how many were delivered.

    One thread of a process delivers at a time; one that comes meanwhile lets it look once more.
    """
    delivered = 0
    _asked.set()
    while _asked.is_set():
        if not _delivering.acquire(blocking=False):
            return delivered
        try:
            _asked.clear()
            delivered += _deliver_due()
        finally:
            _delivering.release()
    return delivered


@shared_task(name="common.jobs.forget_idempotency_keys")
def forget_idempotency_keys() -> int:
    """Let answers go that nobody asks for again; returns how many. Unfinished ones too: the request
    that they belong to died."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=time_now() - _KEYS_KEPT).delete()
    return deleted


@shared_task(name="common.jobs.purge")
def purge() -> int:
    """Purge what the retention policies no longer keep; return how many rows."""
    return retention.purge_all()


@shared_task(name="common.jobs.remove_forgotten_files")
def remove_forgotten_files() -> int:
    """Remove files that a killed process left without a row; return how many."""
    return remove_orphans()


def _deliver_due() -> int:
    """Deliver what is due, batch by batch; return how many events were delivered."""
    delivered = 0
    while True:
        due = (
            OutboxEvent.objects.filter(delivered_at__isnull=True, failed_at__isnull=True)
            .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=time_now()))
            .order_by("id")
        )
        batch = list(due[:_BATCH])
        count = _deliver_all(batch)
        delivered += count
        if not count or len(batch) < _BATCH:
            return delivered


def _deliver_all(due: Sequence[OutboxEvent]) -> int:
    """Deliver these events; return how many were delivered to all their subscribers."""
    reached = attempt_each("deliver an event", due, _deliver, key=lambda event: event.pk)
    left = _deliver_batches([one for one in reached if one is not None])
    by_names: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for one in left:
        by_names[tuple(sorted(one.names))].append(one.event.pk)
    for names, ids in by_names.items():
        OutboxEvent.objects.filter(pk__in=ids).update(
            delivered_at=time_now(), delivered_to=list(names), last_error=""
        )
    return len(left)


@dataclass(slots=True)
class _Reached:
    """An event, and the subscribers that have reacted to it."""

    event: OutboxEvent
    names: set[str]


def _deliver(event: OutboxEvent) -> _Reached | None:
    """Deliver an event to the subscribers of single events; None where one of them failed."""
    reached = _Reached(event, set(event.delivered_to))
    for name, subscriber in subscribers_of(event.kind).items():
        if name in reached.names:
            continue
        try:
            with transaction.atomic():
                subscriber(event.payload)
        except Exception as error:
            _note_failure(reached, name, error)
            return None
        reached.names.add(name)
    return reached


def _deliver_batches(delivered: Sequence[_Reached]) -> list[_Reached]:
    """Deliver events to the subscribers of batches; return those that none of them failed on."""
    batches: dict[tuple[str, BatchSubscriber], list[_Reached]] = defaultdict(list)
    for one in delivered:
        for name, subscriber in batch_subscribers_of(one.event.kind).items():
            if name not in one.names:
                batches[name, subscriber].append(one)
    failed: set[int] = set()
    for (name, subscriber), batch in batches.items():
        waiting = [one for one in batch if one.event.pk not in failed]
        failed |= _deliver_batch(name, subscriber, waiting)
    return [one for one in delivered if one.event.pk not in failed]


def _deliver_batch(name: str, subscriber: BatchSubscriber, batch: Sequence[_Reached]) -> set[int]:
    """Deliver to one subscriber; return the events that it failed on."""
    try:
        with transaction.atomic():
            subscriber([one.event for one in batch])
    except Exception as error:
        if len(batch) == 1:
            _note_failure(batch[0], name, error)
            return {batch[0].event.pk}
        log.warning("subscriber %s failed on %d events; trying each", name, len(batch))
        return set().union(*(_deliver_batch(name, subscriber, [one]) for one in batch))
    for one in batch:
        one.names.add(name)
    return set()


def _note_failure(reached: _Reached, name: str, error: Exception) -> None:
    event = reached.event
    log.error("subscriber %s failed on %s", name, event, exc_info=error)
    pause = min(timedelta(seconds=4**event.attempts), _MAX_PAUSE)
    is_last = event.attempts + 1 >= MAX_DELIVERIES
    OutboxEvent.objects.filter(pk=event.pk, delivered_at__isnull=True).update(
        attempts=event.attempts + 1,
        next_attempt_at=time_now() + pause,
        failed_at=time_now() if is_last else None,
        delivered_to=sorted(reached.names),
        last_error=f"{name}: {describe_error(error)}",
    )
