from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BenchmarksConfig(AppConfig):
    name = "benchmarks_app"
    label = "benchmarks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from benchmarks_app import subscribers
        from plumbmark.web.navigation import add_nav_item

        subscribers.register()
        add_nav_item(_("Benchmarks"), "benchmarks:list", order=10)
