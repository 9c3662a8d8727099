from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApiConfig(AppConfig):
    name = "plumbmark.api"
    label = "api"

    def ready(self) -> None:
        from plumbmark.web.navigation import add_nav_item

        add_nav_item(_("API"), "api:docs", order=10, place="footer")
