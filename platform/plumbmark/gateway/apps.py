from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GatewayConfig(AppConfig):
    name = "plumbmark.gateway"
    label = "gateway"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from plumbmark.accounts.profile_sections import add_profile_section
        from plumbmark.common.metrics import register_figures
        from plumbmark.common.readiness import register_impairment
        from plumbmark.common.retention import register_policy
        from plumbmark.gateway.calls import gauges  # noqa: F401 - registers them
        from plumbmark.gateway.catalogue.base_urls import address_rules
        from plumbmark.gateway.connections.offers import offers_section
        from plumbmark.gateway.metrics import gateway_figures
        from plumbmark.gateway.retention import EXCHANGES, LEDGER
        from plumbmark.gateway.storage import exchanges
        from plumbmark.web.navigation import add_nav_item

        # A mistake in the settings shows at the start, not at the first call.
        address_rules()
        register_figures("gateway", gateway_figures)
        register_impairment("exchange-storage", lambda: exchanges.health.is_away)
        register_policy(EXCHANGES)
        register_policy(LEDGER)

        add_profile_section("providers", offers_section, order=1)
        add_nav_item(_("Quota"), "gateway:quota", order=30, place="person")
        add_nav_item(_("Providers"), "gateway:staff_providers", order=5, place="staff")
