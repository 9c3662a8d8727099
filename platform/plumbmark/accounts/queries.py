"""Named reads of accounts."""

from allauth.account.models import EmailAddress
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from plumbmark.accounts.models import ApiToken, Membership, Namespace, User
from plumbmark.accounts.permissions import Visitor


def visible_namespaces() -> QuerySet[Namespace]:
    """Return teams, and people whose address is confirmed.

    Unconfirmed sign-ups stay hidden: a page that appears would reveal that an address was new.
    """
    confirmed = EmailAddress.objects.filter(user=OuterRef("user"), verified=True)
    return Namespace.objects.filter(
        Q(kind=Namespace.Kind.TEAM) | Exists(confirmed), Q(user=None) | Q(user__is_active=True)
    ).select_related("user")


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """Return the tokens, newest first, revoked ones last."""
    return ApiToken.objects.filter(user=user).order_by(
        F("revoked_at").desc(nulls_first=True), "-created_at"
    )


def namespaces_inside_of(visitor: Visitor) -> QuerySet[Namespace]:
    """Return the namespaces whose private things the visitor may see."""
    if not isinstance(visitor, User):
        return Namespace.objects.none()
    return Namespace.objects.filter(
        Q(user=visitor) | Q(pk__in=Membership.objects.filter(user=visitor).values("namespace_id"))
    )


def namespaces_acted_for_by(visitor: Visitor) -> QuerySet[Namespace]:
    """Return the namespaces for which the visitor may write and run."""
    if not isinstance(visitor, User):
        return Namespace.objects.none()
    acting = Membership.objects.filter(user=visitor, role__in=Membership.ACTING)
    return Namespace.objects.filter(
        Q(user=visitor) | Q(pk__in=acting.values("namespace_id"))
    ).order_by("kind", "handle")
