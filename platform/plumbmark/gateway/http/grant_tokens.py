"""Short tokens that open one grant: `pmg_<grant>.<expiry>.<flags>.<signature>`.

For code that runs under a grant, such as in a sandbox: the relay adds the token to its calls, the
code never sees it. Signed with the platform's secret key and stored nowhere; closing the grant
invalidates its tokens within the ten seconds that a policy is cached.
"""

import base64
import hmac
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from plumbmark.accounts.tokens import TokenRejected
from plumbmark.common import clock
from plumbmark.gateway.models import Grant

PREFIX = "pmg_"
_SALT = "plumbmark.gateway.grant-token"
_MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class GrantToken:
    """The content of a token: its grant's public id, and its end (seconds since the epoch)."""

    grant: str
    expires_at: int
    is_private: bool


def issue_grant_token(grant: Grant, *, lives_seconds: float, is_private: bool = False) -> str:
    """Issue a token for calls under a grant; `is_private` marks them as carrying private items."""
    expiry = int(clock.timestamp() + lives_seconds)
    body = f"{PREFIX}{grant.public_id}.{expiry:x}.{'p' if is_private else '-'}"
    return f"{body}.{_signature(body)}"


def read_grant_token(secret: str) -> GrantToken:
    """Return the content of a token; raise TokenRejected where it is none of ours, or over."""
    body, _, signature = secret[:_MAX_LENGTH].rpartition(".")
    if not secret.isascii() or not hmac.compare_digest(signature, _signature(body)):
        raise TokenRejected("This is not a token of this platform, or part of it is missing.")
    grant, expiry, flags = body.removeprefix(PREFIX).split(".")
    expires_at = int(expiry, 16)
    if expires_at <= clock.timestamp():
        raise TokenRejected("This token has expired; the run that it belonged to is over.")
    return GrantToken(grant, expires_at, "p" in flags)


def _signature(body: str) -> str:
    digest = salted_hmac(_SALT, body, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
