"""Our manners for django-allauth."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.contrib.auth.models import AbstractBaseUser
from django.forms import BaseForm
from django.http import HttpRequest

from plumbmark.accounts import actions
from plumbmark.accounts.models import Namespace, User


def user_display(user: AbstractBaseUser) -> str:
    """Return the handle: e-mail addresses are private."""
    namespace = Namespace.objects.filter(user_id=user.pk).first()
    return namespace.label if namespace is not None else str(user)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def save_user(
        self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True
    ) -> User:
        """Create user and namespace together at sign-up instead of saving only a user."""
        data = form.cleaned_data
        return actions.open_account(
            email=data["email"], password=data["password1"], handle=data["handle"]
        )

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Give the address to whoever proves to read its e-mails.

        Someone else may have signed up with it since without confirming; their claim is removed, or
        the unique constraint on users would be violated.
        """
        rivals = User.objects.filter(email__iexact=email_address.email).exclude(
            pk=email_address.user_id
        )
        for rival in rivals:
            actions.forget_unconfirmed_account(rival)
        return bool(super().confirm_email(request, email_address))

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """Omit the greeting after each sign-in: the page shows who is signed in."""
        template = kwargs.get("message_template") or (args[0] if args else "")
        if str(template).endswith("logged_in.txt"):
            return
        super().add_message(request, level, *args, **kwargs)
