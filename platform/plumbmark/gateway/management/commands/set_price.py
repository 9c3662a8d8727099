"""Sets a deployment's price."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plumbmark.common.errors import DomainError
from plumbmark.gateway import actions
from plumbmark.gateway.budget.money import nanodollars
from plumbmark.gateway.models import Deployment


class Command(BaseCommand):
    help = "Set what a deployment costs from now on, in dollars per million tokens, or --free."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--input-usd-per-mtok", metavar="USD")
        parser.add_argument("--output-usd-per-mtok", metavar="USD")
        parser.add_argument("--cached-input-usd-per-mtok", metavar="USD")
        parser.add_argument("--usd-per-request", metavar="USD")
        parser.add_argument("--free", action="store_true", help="state that it costs nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        deployment = Deployment.objects.filter(slug=options["slug"]).first()
        if deployment is None:
            raise CommandError(
                f"There is no deployment {options['slug']}; list_deployments shows what there is."
            )
        prices = [name for name in options if name.endswith("_mtok") and options[name] is not None]
        if options["free"]:
            if prices:
                raise CommandError("Give either --free or prices, not both.")
            options["input_usd_per_mtok"] = options["output_usd_per_mtok"] = "0"
        if options["input_usd_per_mtok"] is None or options["output_usd_per_mtok"] is None:
            raise CommandError(
                "Give both --input-usd-per-mtok and --output-usd-per-mtok, or --free."
            )
        try:
            cached = options["cached_input_usd_per_mtok"]
            actions.set_price(
                deployment=deployment,
                input_per_mtok=nanodollars(options["input_usd_per_mtok"]),
                output_per_mtok=nanodollars(options["output_usd_per_mtok"]),
                cached_input_per_mtok=None if cached is None else nanodollars(cached),
                per_request=nanodollars(options["usd_per_request"] or "0"),
                by=None,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{deployment.slug}: price set")
