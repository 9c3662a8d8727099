"""Who calls the REST API, and what their token lets them do."""

from typing import TYPE_CHECKING, Any

from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from plumbmark.accounts.models import ApiToken, User
from plumbmark.accounts.tokens import TokenRejected, token_behind

if TYPE_CHECKING:
    # The views import this module through their default settings.
    from rest_framework.views import APIView


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer pmk_…`. `request.auth` is the ApiToken."""

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
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Plumbmark"'


class HasScope(BasePermission):
    """Reading needs the scope `read`, everything else `write`; a session has all.

    A view names another one by its attribute `required_scope`.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        token: Any = request.auth
        if not isinstance(token, ApiToken):
            return True
        needed = scope_needed(request, view)
        self.message = (
            f"This token lacks the scope “{needed}”. Make one that has it in your settings."
        )
        return needed in token.scopes


def scope_needed(request: Request, view: "APIView") -> str:
    named = getattr(view, "required_scope", None)
    if named is not None:
        return str(named)
    safe = request.method in SAFE_METHODS
    return ApiToken.Scope.READ.value if safe else ApiToken.Scope.WRITE.value
