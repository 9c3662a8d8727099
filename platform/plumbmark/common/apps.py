from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _create_cache_table(using: str, **kwargs: Any) -> None:
    """Create the table of the shared cache after `migrate`: rate limits and lockouts are stored
    there.
    """
    from django.core.management import call_command

    call_command("createcachetable", database=using, verbosity=0)


class CommonConfig(AppConfig):
    name = "plumbmark.common"
    label = "common"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from plumbmark.common.metrics import register_figures
        from plumbmark.common.row_metrics import shared_figures
        from plumbmark.common.row_retention import register_policies

        register_policies()
        register_figures("shared", shared_figures)
        post_migrate.connect(_create_cache_table, sender=self)
