"""Waking workers: there may be something to claim."""

from django.conf import settings

from plumbmark.common.queue import enqueue

_WORK = "tasks_app.jobs.work"
MAX_HOPS = 8
"""A wake-up is dropped after it was passed on so often; by then a free worker has had it."""
_REMINDER_HOPS = 3


def wake_workers(times: int = 1) -> None:
    """Wake up to `times` workers when the current transaction commits."""
    enqueue(_WORK, times=max(1, min(times, settings.MAX_WAKE_UPS)))


def pass_on(hops: int) -> None:
    """Wake another worker in place of this one, which could do nothing with the message."""
    enqueue(_WORK, hops=hops)


def remind_workers() -> None:
    """Wake a worker that may have missed the start of a run, whose further shards are taken now.

    Messages go to whoever looks first, so now and then all of a run's go to other processes. A
    reminder is passed on only a few times, because most of them find nobody idle.
    """
    enqueue(_WORK, hops=MAX_HOPS - _REMINDER_HOPS)
