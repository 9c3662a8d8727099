"""The outbox: what happened, told to whoever above reacts.

An action calls `tell` inside its transaction. Apps above register a subscriber with `subscribe` in
their `AppConfig.ready`. Delivery is at least once, in order of the events; subscribers are
idempotent. `plumbmark.common.jobs` delivers after the commit, and its sweep replays what was
missed.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from plumbmark.common.models import OutboxEvent

Subscriber = Callable[[dict[str, Any]], None]

_subscribers: dict[str, dict[str, Subscriber]] = {}


def subscribe(kind: str, name: str, subscriber: Subscriber) -> None:
    """Call `subscriber(payload)` for each event of `kind`; `name` is remembered as delivered to."""
    _subscribers.setdefault(kind, {})[name] = subscriber


def subscribers_of(kind: str) -> dict[str, Subscriber]:
    return _subscribers.get(kind, {})


def tell(kind: str, **payload: Any) -> OutboxEvent:
    """Write an event in the current transaction and ring the bell when it commits."""
    from plumbmark.common import jobs

    event = OutboxEvent.objects.create(kind=kind, payload=payload)
    transaction.on_commit(jobs.ring_outbox)
    return event
