"""Named reads of accounts."""

from django.db.models import Q, QuerySet

from plumbmark.accounts.models import Membership, Namespace, User
from plumbmark.accounts.permissions import Visitor


def namespaces_inside_of(visitor: Visitor) -> QuerySet[Namespace]:
    """Namespaces whose private things the visitor may see."""
    if not isinstance(visitor, User):
        return Namespace.objects.none()
    return Namespace.objects.filter(
        Q(user=visitor) | Q(pk__in=Membership.objects.filter(user=visitor).values("namespace_id"))
    )


def namespaces_acted_for_by(visitor: Visitor) -> QuerySet[Namespace]:
    """Namespaces in whose name the visitor may write and run."""
    if not isinstance(visitor, User):
        return Namespace.objects.none()
    roles = [Membership.Role.OWNER, Membership.Role.MAINTAINER]
    return Namespace.objects.filter(
        Q(user=visitor)
        | Q(pk__in=Membership.objects.filter(user=visitor, role__in=roles).values("namespace_id"))
    ).order_by("kind", "handle")
