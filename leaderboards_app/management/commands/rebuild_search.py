"""Makes the index of the search anew."""

from typing import Any

from django.core.management.base import BaseCommand

from leaderboards_app.search.actions import rebuild_index


class Command(BaseCommand):
    help = "Make the index of the search anew, with everything that can be found."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{rebuild_index():,} entries")
