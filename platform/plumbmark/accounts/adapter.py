"""Our manners for django-allauth."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.forms import BaseForm
from django.http import HttpRequest
from django.urls import reverse

from plumbmark.accounts import actions
from plumbmark.accounts.devices import known_device
from plumbmark.accounts.models import ApiToken, Namespace, User
from plumbmark.accounts.notices import queue_notice
from plumbmark.accounts.sign_ins import current_digest, end_sign_ins
from plumbmark.common.client_addresses import network_of
from plumbmark.common.clock import now


class _Site(NamedTuple):
    """The site, as far as mails name it."""

    domain: str
    name: str


def _our_site() -> _Site:
    domain = urlsplit(settings.SITE_URL).netloc
    return _Site(domain, domain)


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
        super().send_mail(template_prefix, email, {**context, "current_site": _our_site()})

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Store the mail, to be sent by a job; the primary address gets it unless one is given."""
        email = email or EmailAddress.objects.get_primary_email(user) or user.email
        meta = self.request.META
        details = {
            "timestamp": now(),
            "ip": meta.get("REMOTE_ADDR", ""),
            # A stranger's words do not get into the mail.
            "device": known_device(meta.get("HTTP_USER_AGENT", "")),
            "password_reset_url": f"{settings.SITE_URL}{reverse('account_reset_password')}",
            "tokens_url": f"{settings.SITE_URL}{reverse('accounts:tokens')}",
            "security_contact": ", ".join(settings.SECURITY_CONTACT),
            "current_site": _our_site(),
            **(context or {}),
        }
        mail = self.render_mail(template_prefix, email, details)
        queue_notice(to=email, subject=mail.subject, body=str(mail.body))

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


def tell_of_new_address(*, email_address: EmailAddress, user: User, **_signal: Any) -> None:
    """Tell the old address that another one was entered. A receiver of `email_added`."""
    context = {"new_email": email_address.email}
    get_adapter().send_notification_mail("account/email/email_added", user, context)


def tell_of_confirmed_address(*, email_address: EmailAddress, **_signal: Any) -> None:
    """Tell the address that it is confirmed. A receiver of `email_confirmed`."""
    email = email_address.email
    get_adapter().send_notification_mail(
        "account/email/email_confirm", email_address.user, {"confirmed_email": email}, email
    )


def tell_of_token(token: ApiToken) -> None:
    """Tell its owner of a new token, by its name and its first characters."""
    context = {"name": " ".join(token.name.split()), "hint": f"{token.hint}…"}
    get_adapter().send_notification_mail("account/email/token_created", token.user, context)
