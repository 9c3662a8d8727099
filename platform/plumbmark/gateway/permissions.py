"""Who may see and do what with quota, calls and deployments. Pure predicates."""

from django.contrib.auth.models import AnonymousUser

from plumbmark.accounts.models import Membership, Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.gateway.models import Call

Visitor = User | AnonymousUser


def can_view_ledger(user: Visitor, namespace: Namespace) -> bool:
    """Allow the person behind a namespace, the members of a team, and staff."""
    if not isinstance(user, User) or not user.is_active:
        return False
    if user.is_staff or namespace.user_id == user.pk:
        return True
    return Membership.objects.filter(namespace=namespace, user=user).exists()


def can_view_call(user: Visitor, call: Call) -> bool:
    """Allow those who see the ledger that the call was charged to."""
    return can_view_ledger(user, call.grant.payer)


def can_view_exchange(user: Visitor, call: Call) -> bool:
    """Allow those who may spend for the payer, unless the call carries a private item: who pays for
    a run may not see those.
    """
    return not call.is_private and can_act_for(user, call.grant.payer)


def can_manage_deployments(user: Visitor) -> bool:
    """Allow staff only: they manage the platform's deployments, prices and quotas."""
    return isinstance(user, User) and user.is_active and user.is_staff
