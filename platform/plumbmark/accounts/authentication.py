"""Authentication of the REST API, and the scopes of tokens.

Scopes are enforced with the authentication and not as a permission class: a view that lists its own
permission classes would silently drop the default ones, and be open to every token.
"""

from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from plumbmark.accounts.models import ApiToken, User
from plumbmark.accounts.tokens import TokenRejected, token_behind


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer pmk_…`. `request.auth` is the ApiToken.

    Reading needs the scope `read`, everything else `write`; a view names another one by its
    attribute `required_scope`. A session (another authentication class) has every scope.
    """

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("Send the header as “Authorization: Bearer pmk_…”.")
        try:
            token = token_behind(parts[1].decode("ascii", errors="replace"))
        except TokenRejected as error:
            raise AuthenticationFailed(error.message) from None
        needed = scope_needed(request)
        if needed not in token.scopes:
            raise PermissionDenied(
                f"This token lacks the scope “{needed}”. Make one that has it in your settings."
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Plumbmark"'


def scope_needed(request: Request) -> str:
    """Return the scope that a token needs for this request."""
    view = (request.parser_context or {}).get("view")
    return scope_of_method(view, request.method or "")


def scope_of_method(view: object, method: str) -> str:
    """Return the scope that a token needs for a method of a view."""
    named = getattr(view, "required_scope", None)
    if named is not None:
        return str(named)
    is_safe = method in SAFE_METHODS
    return ApiToken.Scope.READ.value if is_safe else ApiToken.Scope.WRITE.value
