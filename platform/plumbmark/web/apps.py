from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebConfig(AppConfig):
    name = "plumbmark.web"
    label = "web"

    def ready(self) -> None:
        from plumbmark.web.mail import mailbox_is_local
        from plumbmark.web.navigation import add_nav_item

        if mailbox_is_local():
            add_nav_item(_("Mail"), "staff_mail", order=10, place="staff")
        add_nav_item(_("Components"), "gallery", order=80, place="staff")
        add_nav_item(_("Administration"), "admin:index", order=90, place="staff")
