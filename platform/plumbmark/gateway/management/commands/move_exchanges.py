"""Moves exchanges between the database and the storage beside it."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plumbmark.gateway.storage import exchanges
from plumbmark.gateway.storage.exchanges import StorageAway


class Command(BaseCommand):
    help = (
        "Move the exchanges in the database to the storage that PLUMBMARK_EXCHANGE_STORAGE names, "
        "in batches; --back moves them the other way. Start it again after an interruption: what "
        "is moved stays so."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--since", metavar="TIME", help="only of calls since then: ISO 8601, UTC"
        )
        which.add_argument("--back", action="store_true", help="from the storage to the database")

    def handle(self, *args: Any, **options: Any) -> None:
        if not exchanges.is_elsewhere():
            raise CommandError("PLUMBMARK_EXCHANGE_STORAGE names no storage.")
        if options["back"]:
            due, move = exchanges.in_objects(), exchanges.move_back
        else:
            due, move = exchanges.in_rows(since=_time(options["since"])), exchanges.move
        moved = 0
        try:
            for batch in exchanges.batches(due):
                moved += move(batch)
                if options["verbosity"] > 1:
                    self.stdout.write(f"{moved:,} moved")
        except StorageAway as error:
            raise CommandError(
                f"The storage does not answer: {error}. {moved:,} exchanges are moved; start the "
                "command again for the others."
            ) from error
        self.stdout.write(f"{moved:,} exchanges moved")


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"--since must be a time such as 2026-11-29T10:00, not {text!r}"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
