"""Personal API tokens: `pmk_` + 40 random characters + 6 characters of checksum.

The checksum distinguishes a typo from a revoked token without a look-up, and lets scanners of
leaked secrets recognise tokens reliably. Only the SHA-256 digest is stored: the random part has 238
bits, so nothing slower is needed.
"""

import hashlib
import secrets
import string
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from plumbmark.accounts.models import ApiToken, Namespace, User
from plumbmark.common import audit
from plumbmark.common.errors import (
    DomainError,
    InvalidInput,
    NotAllowed,
    Problem,
)

PREFIX = "pmk_"
_ALPHABET = string.digits + string.ascii_letters
_RANDOM_LENGTH = 40
_CHECKSUM_LENGTH = 6
_LENGTH = len(PREFIX) + _RANDOM_LENGTH + _CHECKSUM_LENGTH
_HINT_LENGTH = 12
USE_NOTED_EVERY = timedelta(minutes=5)
"""How stale `last_used_at` may be: constant use costs one write in this time."""
MAX_TOKENS_PER_NAMESPACE = 50


class IssuedToken(NamedTuple):
    """`secret` exists only here: it is shown once and kept nowhere."""

    token: ApiToken
    secret: str


class TokenRejected(DomainError):
    """The secret opens nothing. The message never repeats it."""

    status = 401
    code = "token-rejected"


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode("ascii"))
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()


def new_secret() -> str:
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return f"{PREFIX}{body}{_checksum(body)}"


@sensitive_variables()
def is_well_formed(secret: str) -> bool:
    """Return whether it has the shape and the checksum of a token; it may still be unknown."""
    if len(secret) != _LENGTH or not secret.startswith(PREFIX) or not secret.isascii():
        return False
    body, tail = secret[len(PREFIX) : -_CHECKSUM_LENGTH], secret[-_CHECKSUM_LENGTH:]
    return _checksum(body) == tail


@sensitive_variables("secret")
def _valid_tokens() -> "QuerySet[ApiToken]":
    return ApiToken.objects.filter(revoked_at=None).filter(
        Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    )


def count_tokens(namespace: Namespace) -> int:
    """Return how many tokens of a person are valid; a team has none."""
    return _valid_tokens().filter(user__namespace=namespace).count()


def issue_token(
    *, user: User, name: str, scopes: Iterable[str], expires_at: datetime | None
) -> IssuedToken:
    """Make a token for `user`; `expires_at` None never expires."""
    wanted = list(dict.fromkeys(scopes))
    problems = []
    if not name.strip():
        problems.append(Problem("Give the token a name to recognise it by.", path="name"))
    if not wanted:
        problems.append(Problem("Choose at least one scope.", path="scopes"))
    unknown = sorted(set(wanted) - set(ApiToken.Scope.values))
    if unknown:
        known = ", ".join(ApiToken.Scope.values)
        problems.append(
            Problem(f"There is no scope {', '.join(unknown)}; use {known}.", path="scopes")
        )
    if expires_at is not None and expires_at <= timezone.now():
        problems.append(Problem("The expiry must be in the future.", path="expires_at"))
    if _valid_tokens().filter(user=user).count() >= MAX_TOKENS_PER_NAMESPACE:
        problems.append(
            Problem(f"You have {MAX_TOKENS_PER_NAMESPACE} tokens; revoke one that you do not use.")
        )
    if problems:
        raise InvalidInput(problems)
    secret = new_secret()
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name.strip(),
            hint=secret[:_HINT_LENGTH],
            digest=_digest(secret),
            scopes=wanted,
            expires_at=expires_at,
        )
        audit.record("token.issued", f"token:{token.public_id}", by=user, scopes=wanted)
    return IssuedToken(token, secret)


def revoke_token(*, token: ApiToken, by: User) -> ApiToken:
    """Revoke the token: it gives no access from now on, but remains in the list."""
    if token.user_id != by.pk and not by.is_superuser:
        raise NotAllowed("Only its owner can revoke a token.")
    if token.revoked_at is None:
        with transaction.atomic():
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at"])
            audit.record("token.revoked", f"token:{token.public_id}", by=by)
    return token


def revoke_all_tokens(*, user: User, by: User) -> int:
    """Revoke every token of a person that still gives access; return how many."""
    tokens = ApiToken.objects.filter(user=user, revoked_at=None)
    for token in tokens:
        revoke_token(token=token, by=by)
    return len(tokens)


@sensitive_variables("secret")
def token_behind(secret: str) -> ApiToken:
    """Return the valid token that `secret` is, with its user; raise TokenRejected.

    Notes the use, at most once in `USE_NOTED_EVERY`.
    """
    if not is_well_formed(secret):
        raise TokenRejected(
            "This is not a token of this platform, or part of it is missing. Copy all of it."
        )
    token = (
        ApiToken.objects.select_related("user__namespace").filter(digest=_digest(secret)).first()
    )
    now = timezone.now()
    if token is None:
        raise TokenRejected("This token is unknown. Create one in your settings.")
    if token.revoked_at is not None:
        raise TokenRejected("This token was revoked. Create a new one in your settings.")
    if token.expires_at is not None and token.expires_at <= now:
        raise TokenRejected("This token has expired. Create a new one in your settings.")
    if not token.user.is_active:
        raise TokenRejected("The account of this token is closed.")
    _note_use(token, now)
    return token


def _note_use(token: ApiToken, now: datetime) -> None:
    if token.last_used_at is not None and now - token.last_used_at < USE_NOTED_EVERY:
        return
    # Conditional, so that of many requests at once only one writes.
    ApiToken.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY), pk=token.pk
    ).update(last_used_at=now)
    token.last_used_at = now
