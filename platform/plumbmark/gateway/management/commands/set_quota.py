"""Sets the limits of a namespace, or the default."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import DomainError
from plumbmark.gateway import actions
from plumbmark.gateway.budget.money import nanodollars


class Command(BaseCommand):
    help = "Set what a namespace may spend per UTC day and month, in dollars; --default for all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("handle", nargs="?")
        who.add_argument("--default", action="store_true")
        parser.add_argument("--day-usd", required=True, metavar="USD")
        parser.add_argument("--month-usd", required=True, metavar="USD")
        parser.add_argument("--note", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        namespace = None
        if options["handle"]:
            namespace = Namespace.objects.filter(handle=options["handle"]).first()
            if namespace is None:
                raise CommandError(f"No person or team has the handle {options['handle']}.")
        try:
            actions.set_quota(
                namespace=namespace,
                day_cap=nanodollars(options["day_usd"]),
                month_cap=nanodollars(options["month_usd"]),
                note=options["note"],
                by=None,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write("limits set")
