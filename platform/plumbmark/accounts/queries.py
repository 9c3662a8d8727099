"""Reads of accounts."""

from allauth.account.models import EmailAddress
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from plumbmark.accounts.models import ApiToken, Namespace, User


def visible_namespaces() -> QuerySet[Namespace]:
    """Teams, and people whose address is confirmed.

    Unconfirmed sign-ups stay unseen: a page that appears would tell that an address was new.
    """
    confirmed = EmailAddress.objects.filter(user=OuterRef("user"), verified=True)
    return Namespace.objects.filter(
        Q(kind=Namespace.Kind.TEAM) | Exists(confirmed), Q(user=None) | Q(user__is_active=True)
    ).select_related("user")


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """Newest first, revoked ones last."""
    return ApiToken.objects.filter(user=user).order_by(
        F("revoked_at").desc(nulls_first=True), "-created_at"
    )
