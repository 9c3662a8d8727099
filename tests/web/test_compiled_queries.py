"""Queries that are compiled once."""

from collections.abc import Callable
from typing import Any

import pytest

from plumbmark.accounts.models import Namespace
from plumbmark.web.compiled_queries import CompiledModelQuery, CompiledQuery

pytestmark = pytest.mark.django_db


def _by_handle() -> CompiledQuery:
    return CompiledQuery(
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
    prepared = CompiledQuery(lambda handle: Namespace.objects.values_list("id"), "handle")

    with pytest.raises(TypeError, match="handle"):
        prepared.first(handle="ada")


def test_objects_are_as_the_orm_makes_them(
    open_account: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    from django.db.models import Value

    accounts = {handle: open_account(handle=handle) for handle in ("ada", "bob")}
    prepared = CompiledModelQuery(
        lambda handle: (
            Namespace.objects.select_related("user").annotate(beside=Value(7)).filter(handle=handle)
        ),
        "handle",
    )

    for handle in ("bob", "ada", "bob"):
        with django_assert_num_queries(1):
            found = prepared.first(handle=handle)
            assert found is not None
            assert found.user == accounts[handle]  # selected along: no query of its own
        expected = Namespace.objects.get(handle=handle)
        assert found == expected
        assert found.user is not None
        assert found.user.date_joined == accounts[handle].date_joined
        assert getattr(found, "beside", None) == 7
        assert found.created_at == expected.created_at
        assert not found._state.adding
    assert prepared.first(handle="nobody") is None


def test_a_related_object_that_is_not_there_is_none(open_account: Callable[..., Any]) -> None:
    Namespace.objects.create(handle="team", kind="team")
    prepared = CompiledModelQuery(
        lambda handle: Namespace.objects.select_related("user").filter(handle=handle), "handle"
    )

    found = prepared.first(handle="team")

    assert found is not None
    assert found.user is None


def test_each_thread_has_a_plan_of_its_own(open_account: Callable[..., Any]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    prepared = CompiledQuery(
        lambda handle: Namespace.objects.filter(handle=handle).values_list("created_at"), "handle"
    )
    prepared.first(handle="ada")
    plan = prepared._plans.plan()

    def elsewhere() -> object:
        try:
            return prepared._plans.plan()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(elsewhere).result() is not plan
    assert prepared._plans.plan() is plan
