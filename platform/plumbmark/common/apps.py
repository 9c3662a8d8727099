from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


def _create_cache_table(using: str, **kwargs: Any) -> None:
    """Rate limits and lockouts live in the shared cache, so its table is there after `migrate`."""
    from django.core.management import call_command

    call_command("createcachetable", database=using, verbosity=0)


class CommonConfig(AppConfig):
    name = "plumbmark.common"
    label = "common"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from plumbmark.common.mail import mailbox_is_local
        from plumbmark.common.navigation import add_nav_item

        post_migrate.connect(_create_cache_table, sender=self)
        if mailbox_is_local():
            add_nav_item(_("Mail"), "staff_mail", order=10, place="staff")
        add_nav_item(_("Components"), "gallery", order=80, place="staff")
        add_nav_item(_("Administration"), "admin:index", order=90, place="staff")
