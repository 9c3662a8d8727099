"""Several people at the same moment, each with a connection of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from plumbmark.accounts import actions
from plumbmark.accounts.first_administrator import (
    administrator_link,
    make_first_administrator,
)
from plumbmark.accounts.models import Namespace, User
from plumbmark.common.errors import Conflict

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 4


def all_at_once(action: Callable[[int], Any]) -> list[Any]:
    """Return what `action(0)` to `action(3)` returned, or the Conflict that they raised."""
    barrier = Barrier(PEOPLE)

    def take_part(number: int) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=300)
            return action(number)
        except Conflict as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(PEOPLE) as pool:
        return list(pool.map(take_part, range(PEOPLE)))


def test_of_many_who_want_a_handle_one_gets_it() -> None:
    results = all_at_once(
        lambda number: actions.open_account(
            email=f"p{number}@example.org", password="long enough words", handle="ada"
        )
    )

    assert sum(isinstance(result, User) for result in results) == 1
    assert {one.code for one in results if isinstance(one, Conflict)} == {"handle-taken"}
    assert Namespace.objects.count() == User.objects.count() == 1


def test_of_many_who_follow_the_administrator_link_one_becomes_administrator() -> None:
    link = administrator_link()
    assert link is not None
    token = urlsplit(link).path.rstrip("/").rsplit("/", 1)[1]

    results = all_at_once(
        lambda number: make_first_administrator(
            token=token,
            email=f"p{number}@example.org",
            handle=f"person-{number}",
            password="long enough words",
        )
    )

    assert sum(isinstance(result, User) for result in results) == 1
    assert User.objects.count() == 1
