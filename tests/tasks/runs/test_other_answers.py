"""The sample page: how other models did on the item, and where they differ next."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tasks_app.models import Run
from tests.factories import publish_task, settle
from tests.leaderboards.comparing import make_private, publish_sliced, submit_outputs_of
from tests.tasks.authoring.test_pages import client_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


def page_of(run: Run, ordinal: int, client: Client | None = None, query: str = "") -> str:
    answer = (client or Client()).get(f"/runs/{run.pk}/samples/{ordinal}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def others_of(run: Run, ordinal: int, client: Client | None = None) -> list[Any]:
    answer = (client or Client()).get(f"/api/v1/runs/{run.pk}/samples/{ordinal}/others")
    assert answer.status_code == 200
    found: list[Any] = answer.json()
    return found


def link(page: str, words: str) -> str:
    match = re.search(rf'href="([^"]+)"[^>]*>{words}<', page)
    return match[1] if match else ""


def test_the_newest_valid_run_of_each_other_model_is_listed(ada: Any) -> None:
    version = publish_sliced(ada, 10)
    mine = submit_outputs_of(ada, version, "mine", range(5))
    submit_outputs_of(ada, version, "other", range(2))
    newest = submit_outputs_of(ada, version, "other", range(8))
    invalid = submit_outputs_of(ada, version, "other", ())
    bad = submit_outputs_of(ada, version, "bad <b>", ())
    settle()
    Run.objects.filter(pk=invalid.pk).update(invalid_reason="It had seen the answers.")

    found = others_of(mine, 6)
    page = page_of(mine, 6)

    assert [(one["run"], one["value"]) for one in found] == [(bad.pk, 0.0), (newest.pk, 1.0)]
    assert [one["contender_label"] for one in found] == ["bad <b>", "other"]
    assert "bad &lt;b&gt;" in page
    assert f'href="/compare/items/6/?runs={mine.pk},{newest.pk}"' in page
    assert f'href="/runs/{newest.pk}/samples/6/"' in page


def test_what_others_may_not_see_is_not_among_them(ada: Any, bob: Any) -> None:
    version = publish_sliced(ada, 10)
    mine = submit_outputs_of(ada, version, "mine", range(5))
    hidden = publish_sliced(bob, 10, title="Hidden", visibility="private")
    submit_outputs_of(bob, hidden, "of bob", range(3))
    unlisted = publish_sliced(bob, 10, title="Unlisted", visibility="unlisted")
    submit_outputs_of(bob, unlisted, "not listed", range(3))
    own = submit_outputs_of(ada, version, "exploring", range(3))
    settle()
    Run.objects.filter(pk=own.pk).update(purpose="exploratory")

    def seen(client: Client) -> set[str]:
        return {one["contender_label"] for one in others_of(mine, 1, client)}

    assert seen(Client()) == set()
    assert seen(client_of(ada)) == {"exploring"}
    assert seen(client_of(bob)) == {"of bob", "not listed"}
    assert "Other models on this item" not in page_of(mine, 1)


def test_private_items_of_another_task_stay_private(ada: Any, bob: Any) -> None:
    """Equal questions, of which the other task's owner keeps one private."""
    version = publish_sliced(ada, 10)
    mine = submit_outputs_of(ada, version, "mine", range(5))
    other = publish_sliced(bob, 10, title="Other")
    submit_outputs_of(bob, other, "of bob", range(3))
    settle()
    make_private(other, (1,))

    assert len(others_of(mine, 0)) == 1
    assert others_of(mine, 1) == []
    assert len(others_of(mine, 1, client_of(bob))) == 1


def test_links_lead_to_the_wrong_ones_and_to_where_models_differ(ada: Any) -> None:
    version = publish_sliced(ada, 20)
    mine = submit_outputs_of(ada, version, "mine", (0, 1, 2, 4, 5, 6, 7, 8, 10, 15))
    # Differs on 4, 9 and 15 alone.
    submit_outputs_of(ada, version, "other", (0, 1, 2, 5, 6, 7, 8, 9, 10))
    settle()

    page = page_of(mine, 5)

    assert link(page, "Previous wrong") == f"/runs/{mine.pk}/samples/3/"
    assert link(page, "Next wrong") == f"/runs/{mine.pk}/samples/9/"
    assert link(page, "Next where models differ") == f"/runs/{mine.pk}/samples/9/"
    later = page_of(mine, 9, query="?verdict=right")
    assert link(later, "Next where models differ") == f"/runs/{mine.pk}/samples/15/?verdict=right"
    assert link(page_of(mine, 15), "Next where models differ") == ""
    assert link(page_of(mine, 0), "Previous wrong") == ""


def test_the_next_difference_is_one_that_the_visitor_may_see(ada: Any) -> None:
    version = publish_sliced(ada, 10)
    mine = submit_outputs_of(ada, version, "mine", range(10))
    submit_outputs_of(ada, version, "other", (0, 1, 2, 3, 4, 6, 7))
    settle()
    make_private(version, (5, 8))

    label = "Next where models differ"
    assert link(page_of(mine, 2), label) == f"/runs/{mine.pk}/samples/9/"
    assert link(page_of(mine, 2, client_of(ada)), label) == f"/runs/{mine.pk}/samples/5/"


def test_a_sample_takes_the_same_queries_however_many_others_there_are(
    ada: Any, django_assert_num_queries: Any
) -> None:
    version = publish_sliced(ada, 10)
    mine = submit_outputs_of(ada, version, "mine", range(5))
    submit_outputs_of(ada, version, "one", range(8))
    settle()
    # For the sample with its score and calls, the others, and the neighbours in each direction.
    with django_assert_num_queries(8):
        page_of(mine, 3)

    for number in range(8):
        submit_outputs_of(ada, version, f"m{number}", range(number))
    settle()

    with django_assert_num_queries(8):
        page_of(mine, 3)


def test_a_task_without_others_has_no_section(ada: Any) -> None:
    alone = submit_outputs_of(ada, publish_task(ada, "Alone", items=4), "mine", range(2))
    settle()

    page = page_of(alone, 1)

    assert "Other models on this item" not in page
    assert "Next where models differ" not in page
