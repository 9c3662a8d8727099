"""Waking workers: there may be something to claim."""

from django.conf import settings

from plumbmark.common.queue import enqueue

_WORK = "tasks_app.jobs.work"


def wake_workers(times: int = 1) -> None:
    """Wake up to `times` workers when the current transaction commits."""
    enqueue(_WORK, times=max(1, min(times, settings.MAX_WAKE_UPS)))
