"""What endpoints ask about the caller."""

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.common.errors import Conflict, InvalidInput, Problem


def actor(request: Request) -> User:
    """Return the signed-in person behind a write; raise 401 otherwise."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def acting_namespace(request: Request, handle: str | None) -> Namespace:
    """Return the namespace on whose behalf a write is made: the named one, or the caller's own."""
    user = actor(request)
    if not handle:
        namespace = Namespace.objects.filter(user=user).first()
        if namespace is None:
            raise Conflict("Your account has no handle yet; choose one in the settings.")
        return namespace
    namespace = namespaces_acted_for_by(user).filter(handle=handle.lower()).first()
    if namespace is None:
        raise InvalidInput(
            [
                Problem(
                    f"you cannot act for {handle!r}; leave it out to act for yourself", "namespace"
                )
            ]
        )
    return namespace
