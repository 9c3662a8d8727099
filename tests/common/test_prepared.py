"""Queries that are compiled once."""

from collections.abc import Callable
from typing import Any

import pytest

from plumbmark.accounts.models import Namespace
from plumbmark.common.prepared import Prepared

pytestmark = pytest.mark.django_db


def _by_handle() -> Prepared:
    return Prepared(
        lambda handle: Namespace.objects.filter(handle=handle, kind="person").values_list(
            "id", "handle"
        ),
        "handle",
    )


def test_it_answers_as_the_orm_does_with_one_query_each(
    open_account: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    ids = {handle: open_account(handle=handle).namespace.pk for handle in ("ada", "bob")}
    prepared = _by_handle()

    for handle in ("bob", "ada", "bob"):
        with django_assert_num_queries(1):
            row = prepared.first(handle=handle)
        assert row is not None
        assert tuple(row) == (ids[handle], handle)


@pytest.mark.parametrize("handle", ["nobody", "", "' OR 1=1 --", "%s", "prepared:handle"])
def test_any_text_is_only_a_value(open_account: Callable[..., Any], handle: str) -> None:
    open_account(handle="ada")

    assert _by_handle().first(handle=handle) is None


def test_a_query_that_does_not_look_up_by_the_name_is_refused() -> None:
    prepared = Prepared(lambda handle: Namespace.objects.values_list("id"), "handle")

    with pytest.raises(TypeError, match="handle"):
        prepared.first(handle="ada")
