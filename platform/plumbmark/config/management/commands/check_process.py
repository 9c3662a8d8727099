"""`manage.py check_process worker|scheduler`: the health check of processes without a port."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from plumbmark.config.scheduler import MAX_SILENCE_SECONDS, note_file
from tasks_app.workers.reports import SILENT_AFTER, reported_here


class Command(BaseCommand):
    help = (
        "Exit with 0 if this machine's worker or scheduler is at work, else with 1 and the reason."
    )
    # Only what the check itself needs: it runs every few seconds.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("process", choices=["worker", "scheduler"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["process"] == "worker":
            _check_worker()
        else:
            _check_scheduler()
        self.stdout.write("ok")


def _check_worker() -> None:
    try:
        is_alive = reported_here()
    except DatabaseError as error:
        raise CommandError(f"The database does not answer: {error}") from error
    if not is_alive:
        seconds = SILENT_AFTER.total_seconds()
        raise CommandError(f"No worker of this machine has reported for {seconds:.0f} seconds.")


def _check_scheduler() -> None:
    file = note_file(settings.CELERY_BEAT_SCHEDULE_FILENAME)
    try:
        age = time.time() - file.stat().st_mtime
    except OSError as error:
        raise CommandError(
            f"No scheduler has run with this state directory: {error.strerror}"
        ) from error
    if age > MAX_SILENCE_SECONDS:
        raise CommandError(f"The scheduler has not looked at its schedule for {age:.0f} seconds.")
