"""The outbox: events for subscribers in the layers above.

An action calls `record_event` inside its transaction. Apps above register a subscriber with
`subscribe` in their `AppConfig.ready`, or with `subscribe_to_batches` where many events cost little
more than one. Delivery is at least once, for each subscriber in order of the events; subscribers
are idempotent. `plumbmark.common.jobs` delivers after the commit, and the schedule replays what was
missed.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from plumbmark.common.models import OutboxEvent
from plumbmark.common.queue import enqueue

DELIVER = "common.jobs.deliver_events"

Subscriber = Callable[[dict[str, Any]], None]
BatchSubscriber = Callable[[Sequence[OutboxEvent]], None]

_subscribers: dict[str, dict[str, Subscriber]] = {}
_batch_subscribers: dict[str, dict[str, BatchSubscriber]] = {}


def subscribe(kind: str, name: str, subscriber: Subscriber) -> None:
    """Call `subscriber(payload)` for each event of `kind`; `name` is remembered as delivered to."""
    _subscribers.setdefault(kind, {})[name] = subscriber


def subscribe_to_batches(kinds: Iterable[str], name: str, subscriber: BatchSubscriber) -> None:
    """Call `subscriber(events)` with the events of these kinds that are delivered together, after
    the subscribers of single events.

    A batch that fails is delivered again event by event.
    """
    for kind in kinds:
        _batch_subscribers.setdefault(kind, {})[name] = subscriber


def subscribers_of(kind: str) -> dict[str, Subscriber]:
    return _subscribers.get(kind, {})


def batch_subscribers_of(kind: str) -> dict[str, BatchSubscriber]:
    return _batch_subscribers.get(kind, {})


def record_event(kind: str, **payload: Any) -> OutboxEvent:
    """Write an event in the current transaction; its delivery is queued when that commits."""
    event = OutboxEvent.objects.create(kind=kind, payload=payload)
    if subscribers_of(kind) or batch_subscribers_of(kind):
        enqueue(DELIVER, merges=True)
    # Without a subscriber nobody waits: it is delivered with the next one.
    return event
