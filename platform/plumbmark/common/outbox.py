"""The outbox: events for subscribers in the layers above.

An action calls `record_event` inside its transaction. Apps above register a subscriber with
`subscribe` in their `AppConfig.ready`. Delivery is at least once, in order of the events;
subscribers are idempotent. `plumbmark.common.jobs` delivers after the commit, and the schedule
replays what was missed.
"""

from collections.abc import Callable
from typing import Any

from plumbmark.common.models import OutboxEvent
from plumbmark.common.queue import enqueue

Subscriber = Callable[[dict[str, Any]], None]

_subscribers: dict[str, dict[str, Subscriber]] = {}


def subscribe(kind: str, name: str, subscriber: Subscriber) -> None:
    """Call `subscriber(payload)` for each event of `kind`; `name` is remembered as delivered to."""
    _subscribers.setdefault(kind, {})[name] = subscriber


def subscribers_of(kind: str) -> dict[str, Subscriber]:
    return _subscribers.get(kind, {})


def record_event(kind: str, **payload: Any) -> OutboxEvent:
    """Write an event in the current transaction; its delivery is queued when that commits."""
    event = OutboxEvent.objects.create(kind=kind, payload=payload)
    enqueue("common.jobs.deliver_events")
    return event
