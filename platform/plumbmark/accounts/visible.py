"""Rows by their public ids, as far as somebody may see them."""

from collections.abc import Callable
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404

from plumbmark.accounts.permissions import Visitor

RowType = TypeVar("RowType", bound=Model)


def find_visible(
    rows: "QuerySet[RowType]",
    public_id: str,
    *,
    to: Visitor,
    allows: Callable[[Visitor, RowType], bool],
) -> RowType:
    """Return the row with a public id; 404 where there is none, and where `allows(to, row)` is
    false: nobody learns which ids exist.
    """
    found = rows.filter(public_id=public_id).first()
    if found is None or not allows(to, found):
        raise Http404
    return found
