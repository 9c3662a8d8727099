"""`manage.py load_demo`: the demo benchmark, where it is not there yet."""

from typing import Any

from django.core.management.base import BaseCommand

from plumbmark.config.demo import load_demo


class Command(BaseCommand):
    help = "Load the demo benchmark: generated items, run by the baselines."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("Loaded." if load_demo() else "It is already there.")
