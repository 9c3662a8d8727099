"""Permissions to see and change a model suite. Deny by default."""

from benchmarks_app.models import ModelSuite
from plumbmark.accounts.models import Namespace
from plumbmark.accounts.permissions import Visitor, can_act_for, can_see_inside, is_person


def can_view_suite(visitor: Visitor, suite: ModelSuite) -> bool:
    if suite.is_public:
        return True
    if suite.namespace is None:
        return is_person(visitor) and visitor.is_staff
    return can_see_inside(visitor, suite.namespace)


def can_write_suites(visitor: Visitor, namespace: Namespace | None) -> bool:
    """Allow an owner's own ones, and the platform's to staff."""
    if namespace is None:
        return is_person(visitor) and visitor.is_staff
    return can_act_for(visitor, namespace)
