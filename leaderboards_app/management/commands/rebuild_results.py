"""Derives the results on model pages from the newest snapshots anew."""

from typing import Any

from django.core.management.base import BaseCommand

from leaderboards_app.standings.results import rebuild_results


class Command(BaseCommand):
    help = "Derive the results on the pages of models from the newest snapshots anew."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{rebuild_results():,} results")
