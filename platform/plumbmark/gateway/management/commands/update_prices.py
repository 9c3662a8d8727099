"""Brings the library's price cards up to date."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from plumbmark.gateway import actions
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.catalogue.price_data import match_price
from plumbmark.gateway.models import Deployment, PriceCard


class Command(BaseCommand):
    help = (
        "Match every deployment with the price data library and store the changes. "
        "Prices set by an administrator are kept. A deployment without a match keeps "
        "its price."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", help="only these deployments")

    def handle(self, *args: Any, **options: Any) -> None:
        deployments = Deployment.objects.exclude(provider=Deployment.Provider.BASELINE)
        if options["slugs"]:
            deployments = deployments.filter(slug__in=options["slugs"])
        for deployment in deployments:
            self.stdout.write(f"{deployment.slug}: {_update(deployment)}")


def _update(deployment: Deployment) -> str:
    card = current_price_card(deployment.pk)
    if card is not None and card.source == PriceCard.Source.ADMIN:
        return "set by an administrator, kept"
    price = match_price(deployment)
    if price is None:
        return "no price" if card is None else "no match any longer, kept"
    if card is not None and (
        card.input_per_mtok,
        card.cached_input_per_mtok,
        card.output_per_mtok,
        card.per_request,
    ) == (
        price.input_per_mtok,
        price.cached_input_per_mtok,
        price.output_per_mtok,
        price.per_request,
    ):
        return f"unchanged ({price.matched_provider}/{price.matched_id})"
    actions.set_library_price(deployment=deployment, price=price, by=None)
    return f"priced as {price.matched_provider}/{price.matched_id}"
