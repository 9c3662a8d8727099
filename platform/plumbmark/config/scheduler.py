"""The scheduler of periodic jobs. It queues jobs by name and runs none, so it loads no Django app.

    celery -A plumbmark.config.scheduler beat

That takes a third of the memory that the worker's app takes. It shows in a file that it is at work.
"""

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.beat import PersistentScheduler
from django.apps import apps
from django.conf import settings
from django.utils.log import configure_logging

from plumbmark.config import file_queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")

if not apps.ready:
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
file_queue.use()
# Without fixups: Celery's for Django would set it up whole. Not the current one, where jobs are.
app = Celery("plumbmark-scheduler", fixups=[], set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")

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
