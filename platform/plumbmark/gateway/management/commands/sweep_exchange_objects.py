"""Looks for objects of exchanges that nothing needs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plumbmark.gateway.storage import exchanges
from plumbmark.gateway.storage.exchanges import StorageAway


class Command(BaseCommand):
    help = (
        "Remove what erased exchanges left in the storage that PLUMBMARK_EXCHANGE_STORAGE names, "
        "and count objects that the database does not know: what a crash left behind. Reads the "
        "whole list of objects."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--delete-unknown",
            action="store_true",
            help="delete them; only if no other database uses the same bucket and prefix",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not exchanges.is_elsewhere():
            raise CommandError("PLUMBMARK_EXCHANGE_STORAGE names no storage.")
        try:
            exchanges.mark_unused()
            done = exchanges.sweep()
            unknown = list(exchanges.orphans())
            if options["delete_unknown"]:
                exchanges.remove_orphans(unknown)
        except StorageAway as error:
            raise CommandError(f"The storage does not answer: {error}") from error
        self.stdout.write(
            f"{done.removed:,} objects removed, {done.rewritten:,} of them after the rest was "
            f"moved; {len(unknown):,} unknown "
            f"{'deleted' if options['delete_unknown'] else 'left: see --delete-unknown'}"
        )
