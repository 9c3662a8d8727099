"""The scheduler of periodic jobs, which shows that it is at work."""

import time
from pathlib import Path
from typing import Any

from celery.beat import PersistentScheduler

_BETWEEN_NOTES_SECONDS = 5.0
MAX_SILENCE_SECONDS = 150.0
"""A scheduler that has not looked at its schedule for so long is stuck: a job is due every minute.
"""


def note_file(schedule: str) -> Path:
    """Return the file that changes each time the scheduler has looked at its schedule."""
    return Path(f"{schedule}.alive")


class NotingScheduler(PersistentScheduler):
    """Celery's own, with a file whose age tells how long ago it looked at the schedule.

    The age of the schedule's own file does not: that is written every few minutes.
    """

    schedule_filename: str
    _noted_at = float("-inf")

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Send what is due; return the seconds until the next job is."""
        seconds: float = super().tick(*arguments, **options)
        at = time.monotonic()
        if at - self._noted_at >= _BETWEEN_NOTES_SECONDS:
            self._noted_at = at
            note_file(self.schedule_filename).touch()
        return seconds
