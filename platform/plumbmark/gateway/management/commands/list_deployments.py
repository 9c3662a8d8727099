"""Lists the platform's deployments with their prices."""

from typing import Any

from django.core.management.base import BaseCommand

from plumbmark.gateway.budget.money import dollars
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.models import Deployment


class Command(BaseCommand):
    help = "List the platform's deployments, with their current prices."

    def handle(self, *args: Any, **options: Any) -> None:
        for deployment in Deployment.objects.filter(owner=None):
            card = current_price_card(deployment.pk)
            if card is None:
                price = "no price"
            else:
                price = (
                    f"{dollars(card.input_per_mtok)} in, {dollars(card.output_per_mtok)} out per "
                    f"million tokens ({card.get_source_display()})"
                )
            state = "" if deployment.is_active else ", switched off"
            self.stdout.write(f"{deployment.slug}: {price}{state}")
