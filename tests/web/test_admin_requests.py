"""Requests to the administration that Django's own views fail on."""

from collections.abc import Callable
from typing import Any

import pytest

from plumbmark.web.admin_requests import MAX_SEARCH

pytestmark = pytest.mark.django_db


@pytest.fixture
def keeper(open_account: Callable[..., Any], client: Any) -> Any:
    client.force_login(open_account("keeper", is_administrator=True))
    return client


@pytest.mark.parametrize("table", ["accounts/user", "tasks/task", "gateway/call"])
def test_a_search_for_a_thousand_words_is_refused(keeper: Any, table: str) -> None:
    answer = keeper.get(f"/admin/{table}/", {"q": "x " * 1000})

    assert answer.status_code == 400
    assert f"at most {MAX_SEARCH} characters" in answer.content.decode()


def test_a_search_for_as_many_words_as_are_taken_is_answered(keeper: Any) -> None:
    answer = keeper.get("/admin/accounts/user/", {"q": ("x " * MAX_SEARCH)[:MAX_SEARCH]})

    assert answer.status_code == 200


def test_autocompletion_of_a_thousand_words_is_refused(keeper: Any) -> None:
    place = {"app_label": "accounts", "model_name": "membership", "field_name": "user"}

    assert keeper.get("/admin/autocomplete/", {**place, "term": "x " * 1000}).status_code == 400
