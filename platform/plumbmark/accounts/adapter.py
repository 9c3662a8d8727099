"""Our manners for django-allauth."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.forms import BaseForm
from django.http import HttpRequest

from plumbmark.accounts import actions
from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.sign_ins import current_digest, end_sign_ins
from plumbmark.common.client_addresses import network_of


class _Site(NamedTuple):
    """The site, as far as mails name it."""

    domain: str
    name: str


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

    def set_password(self, user: User, password: str) -> None:
        """Set it and end the sessions that the person has elsewhere."""
        super().set_password(user, password)
        is_own = self.request.user == user
        end_sign_ins(user=user, by=user, but=current_digest(self.request) if is_own else "")

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

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send links to the site's address, whatever host the request has named."""
        ours = urlsplit(settings.SITE_URL)
        for name, value in context.items():
            if name.endswith("url") and isinstance(value, str):
                link = urlsplit(value)
                context[name] = link._replace(scheme=ours.scheme, netloc=ours.netloc).geturl()
        context["current_site"] = _Site(ours.netloc, ours.netloc)
        super().send_mail(template_prefix, email, context)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count wrong passwords for an account by where they come from, so that strangers lock
        nobody out but themselves.
        """
        login = str(credentials.get("email", "")).lower()
        return f"{network_of(self.get_client_ip(request))}:{login}"

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """Omit the greeting after each sign-in: the page shows who is signed in."""
        template = kwargs.get("message_template") or (args[0] if args else "")
        if str(template).endswith("logged_in.txt"):
            return
        super().add_message(request, level, *args, **kwargs)
