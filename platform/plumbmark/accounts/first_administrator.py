"""The first administrator: a one-time link, printed in the terminal, valid on this machine only.

The link is a signed token whose digest is kept in the state directory. It stops working once it is
used, expired or replaced by a newer one, and as soon as any staff user exists.
"""

import hashlib
import hmac
import ipaddress
import os
import secrets
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from plumbmark.accounts import actions
from plumbmark.accounts.models import User
from plumbmark.common.errors import Conflict
from plumbmark.web.client_address import FORWARDED

LIFETIME = timedelta(hours=24)
_SALT = "plumbmark.accounts.first_administrator"


class LinkUsed(Conflict):
    code = "link-used"


def _link_file() -> Path:
    return Path(settings.STATE_DIR) / "administrator_link"


def _has_administrator() -> bool:
    return User.objects.filter(is_staff=True, is_active=True).exists()


def administrator_link() -> str | None:
    """Return a new link to create the first administrator, or None if there is one already.

    It replaces the previous link.
    """
    if _has_administrator():
        _link_file().unlink(missing_ok=True)
        return None
    token = signing.TimestampSigner(salt=_SALT).sign(secrets.token_urlsafe(24))
    aside = _link_file().with_suffix(f".{secrets.token_hex(4)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(_digest(token))
    aside.replace(_link_file())
    path = reverse("accounts:administrator", args=[token])
    return f"{settings.SITE_URL}{path}"


@sensitive_variables()
def link_is_valid(token: str) -> bool:
    try:
        signing.TimestampSigner(salt=_SALT).unsign(token, max_age=LIFETIME)
        stored_digest = _link_file().read_text(encoding="ascii")
    except (signing.BadSignature, FileNotFoundError):
        return False
    return hmac.compare_digest(stored_digest, _digest(token)) and not _has_administrator()


def comes_from_this_machine(request: HttpRequest) -> bool:
    """Return whether the request is from a loopback address and was not forwarded by a proxy."""
    if request.META.get(FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


@sensitive_variables("token", "password")
def make_first_administrator(*, token: str, email: str, handle: str, password: str) -> User:
    """Use up the link. Of two at the same moment one wins; a failure gives the link back."""
    if not link_is_valid(token):
        raise LinkUsed("This link has been used or has expired. Restart to get a new one.")
    claimed = _link_file().with_suffix(".claimed")
    try:
        # Renaming is atomic: the second one finds nothing.
        _link_file().rename(claimed)
    except FileNotFoundError as error:
        raise LinkUsed("This link has just been used.") from error
    try:
        user = actions.open_account(
            email=email, password=password, handle=handle, is_confirmed=True, is_administrator=True
        )
    except Exception:
        claimed.replace(_link_file())
        raise
    claimed.unlink(missing_ok=True)
    return user


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8")).hexdigest()
