"""The person behind a request, and in whose name they act."""

from collections.abc import Iterable

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.common.errors import Conflict, NotAllowed


def person(request: HttpRequest) -> User:
    """Return the signed-in person, behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


def acting_namespaces(request: HttpRequest) -> list[Namespace]:
    """Return the namespaces that the person may act for, their own first."""
    namespaces = find_acting_namespaces(request)
    if not namespaces:
        raise Conflict("Your account has no handle yet; choose one in the settings.")
    return namespaces


def find_acting_namespaces(request: HttpRequest) -> list[Namespace]:
    """Return the namespaces that the visitor may act for, their own first; none for a reader.

    No query for a person without teams: their row came with their namespace.
    """
    user = request.user
    acts_for_teams = getattr(user, "acts_for_teams", True)  # Of a row read otherwise: not known.
    if isinstance(user, User) and not acts_for_teams and hasattr(user, "namespace"):
        return [user.namespace]
    return sorted(namespaces_acted_for_by(user), key=lambda one: one.user_id is None)


def chosen_namespace(namespaces: list[Namespace], handle: str) -> Namespace:
    """Return the one with this handle; the person's own if none was chosen."""
    if not handle:
        return namespaces[0]
    for namespace in namespaces:
        if namespace.handle == handle:
            return namespace
    raise NotAllowed(f"You may not act on behalf of {handle}.")


def namespace_field(namespaces: Iterable[Namespace]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("On behalf of"),
        choices=[(one.handle, one.label) for one in namespaces],
        required=False,
    )
