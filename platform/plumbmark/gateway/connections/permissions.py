"""Permissions to see and change connections to providers. Pure predicates."""

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.gateway.models import ProviderConnection
from plumbmark.gateway.permissions import Visitor, can_manage_deployments


def can_connect_for(user: Visitor, owner: Namespace | None) -> bool:
    """Allow staff for the platform; for a person the person, for a team its maintainers.

    Staff may not: a key of a person or team is theirs alone.
    """
    if owner is None:
        return can_manage_deployments(user)
    return can_act_for(user, owner)


def can_manage_connection(user: Visitor, connection: ProviderConnection) -> bool:
    """Allow those who may connect providers for its owner."""
    return isinstance(user, User) and can_connect_for(user, connection.owner)
