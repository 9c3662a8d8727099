from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GatewayConfig(AppConfig):
    name = "plumbmark.gateway"
    label = "gateway"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from plumbmark.web.navigation import add_nav_item

        add_nav_item(_("Quota"), "gateway:quota", order=30, place="person")
