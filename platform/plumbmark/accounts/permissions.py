"""Who may act for a namespace. Pure predicates; one query where memberships matter."""

from django.contrib.auth.models import AnonymousUser

from plumbmark.accounts.models import Membership, Namespace, SignIn, User

Visitor = User | AnonymousUser
"""The visitor of a page or endpoint, signed in or not."""


def is_person(visitor: Visitor) -> bool:
    return isinstance(visitor, User) and visitor.is_active


def can_act_for(visitor: Visitor, namespace: Namespace) -> bool:
    """Write and run things in the namespace's name: the person, or a team's maintainers."""
    if not isinstance(visitor, User) or not visitor.is_active:
        return False
    if namespace.user_id is not None:
        return namespace.user_id == visitor.pk
    return Membership.objects.filter(
        namespace=namespace,
        user=visitor,
        role__in=Membership.ACTING,
    ).exists()


def can_end_sign_in(visitor: Visitor, sign_in: SignIn) -> bool:
    """Return whether the visitor may see and end the session: the person alone."""
    return is_person(visitor) and sign_in.user_id == visitor.pk


def can_see_inside(visitor: Visitor, namespace: Namespace) -> bool:
    """Return whether the visitor sees the namespace's private things: the person, or a team's
    members.
    """
    if not isinstance(visitor, User) or not visitor.is_active:
        return False
    if namespace.user_id is not None:
        return namespace.user_id == visitor.pk
    return Membership.objects.filter(namespace=namespace, user=visitor).exists()
