"""The ways in which the command line sends a token."""

import base64
import binascii

from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from plumbmark.accounts.authentication import scope_needed
from plumbmark.accounts.models import ApiToken, Namespace, User
from plumbmark.accounts.tokens import TokenRejected, token_behind


class BasicTokenAuthentication(BaseAuthentication):
    """HTTP Basic with a handle and a personal token: how older set-ups send their key."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"basic":
            return None
        try:
            pair = base64.b64decode(parts[1], validate=True).decode()
        except (IndexError, ValueError, binascii.Error):
            raise AuthenticationFailed("The Basic credentials cannot be read.") from None
        handle, _, secret = pair.partition(":")
        try:
            token = token_behind(secret)
        except TokenRejected as error:
            raise AuthenticationFailed(error.message) from None
        if not Namespace.objects.filter(user=token.user_id, handle=handle.lower()).exists():
            raise AuthenticationFailed("The token belongs to another name than the one given.")
        needed = scope_needed(request)
        if needed not in token.scopes:
            raise PermissionDenied(
                f"This token lacks the scope “{needed}”. Make one that has it in your settings."
            )
        return token.user, token


class KnownCaller(BaseAuthentication):
    """Recognise a token where none is required, and count the request as its owner's.

    Otherwise everyone behind one address would share the rate of anonymous clients. A bad token is
    not refused.
    """

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if len(parts) != 2 or parts[0].lower() != b"bearer":
            return None
        try:
            token = token_behind(parts[1].decode("ascii", errors="replace"))
        except TokenRejected:
            return None
        return token.user, token
