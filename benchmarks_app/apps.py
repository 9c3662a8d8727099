from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class BenchmarksConfig(AppConfig):
    name = "benchmarks_app"
    label = "benchmarks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from benchmarks_app import subscribers
        from benchmarks_app.queries import count_benchmarks
        from plumbmark.accounts.usage import register_object_limit
        from plumbmark.web.navigation import add_nav_item

        subscribers.register()
        register_object_limit(
            "benchmarks",
            label=_("Benchmarks"),
            limit=lambda: settings.MAX_BENCHMARKS,
            count=count_benchmarks,
        )
        add_nav_item(_("Benchmarks"), "benchmarks:list", order=10)
