from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "plumbmark.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from allauth.account.signals import email_added, email_confirmed
        from django.contrib.auth.signals import user_logged_in

        from plumbmark.accounts.adapter import tell_of_confirmed_address, tell_of_new_address
        from plumbmark.accounts.sign_ins import note_sign_in
        from plumbmark.accounts.tokens import MAX_TOKENS_PER_NAMESPACE, count_tokens
        from plumbmark.accounts.usage import register_object_limit
        from plumbmark.web.navigation import add_nav_item

        register_object_limit(
            "tokens",
            label=_("API tokens"),
            limit=lambda: MAX_TOKENS_PER_NAMESPACE,
            count=count_tokens,
        )
        user_logged_in.connect(note_sign_in, dispatch_uid="accounts.note_sign_in")
        email_added.connect(tell_of_new_address, dispatch_uid="accounts.new_address")
        email_confirmed.connect(
            tell_of_confirmed_address, dispatch_uid="accounts.confirmed_address"
        )
        add_nav_item(_("Profile"), "accounts:me", order=10, place="person")
        add_nav_item(_("Settings"), "accounts:settings", order=20, place="person")
        add_nav_item(_("API tokens"), "accounts:tokens", order=30, place="person")
