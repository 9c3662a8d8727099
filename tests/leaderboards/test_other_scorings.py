"""A board under other scorings of the same outputs, and how far its order moves."""

import re
from typing import Any

import pytest
from django.test import Client

from leaderboards_app.models import ScoringOrders, Standings
from tests.factories import DEFINITION, publish_benchmark, publish_task, rows, settle
from tests.leaderboards.test_boards import enter, newest
from tests.leaderboards.test_secondary_metrics import submit_texts

pytestmark = pytest.mark.django_db(transaction=True)

LENIENT = DEFINITION.replace("{type: exact}", "{type: includes}")
ANSWERS = {
    "terse": [str(n) if n < 6 else "none" for n in range(10)],
    "wordy": [str(n) if n < 3 else f"it is {n}" for n in range(10)],
    "middle": [str(n) if n < 4 else "none" for n in range(10)],
}
"""Exact finds 6, 3 and 4 of 10 right, a scorer of what is included 6, 10 and 4."""


def publish_again(task: Any, by: Any, definition: str, visibility: str = "public") -> Any:
    """Publish another version of the task, with the same questions."""
    from tasks_app.authoring import drafts, publication

    drafts.save_draft(task=task, definition_text=definition, by=by)
    return publication.publish_task(task=task, visibility=visibility, by=by)


def score_again(version: Any, by: Any) -> None:
    from tasks_app.scorings.actions import rescore_runs_of

    rescore_runs_of(version=version, by=by)
    settle()


def make_board(user: Any, versions: list[Any], title: str = "Marked") -> Any:
    board = publish_benchmark(user, versions, title)
    for name, outputs in ANSWERS.items():
        runs = [submit_texts(user, version, name, outputs) for version in versions]
        enter(board, runs[0], user)
    settle()
    return board


@pytest.fixture
def strict(ada: Any) -> Any:
    return publish_task(ada, items=10)


@pytest.fixture
def marked(ada: Any, strict: Any) -> Any:
    return make_board(ada, [strict])


def test_there_are_none_until_outputs_are_scored_again(marked: Any, client: Client) -> None:
    standings = newest(marked)

    page = client.get(f"{standings.get_absolute_url()}scorings/")
    api = client.get(f"/api/v1/standings/{standings.public_id}/scorings").json()

    assert "No other scorings yet" in page.content.decode()
    assert api == {"scope": "all", "computed_at": None, "orders": []}
    assert not ScoringOrders.objects.exists()


def test_another_version_of_the_scorer_moves_the_order_and_changes_no_snapshot(
    marked: Any, strict: Any, ada: Any, client: Client
) -> None:
    before = Standings.objects.count()
    version = publish_again(strict.task, ada, LENIENT)

    score_again(version, ada)

    assert Standings.objects.count() == before
    standings = newest(marked)
    order = client.get(f"/api/v1/standings/{standings.public_id}/scorings").json()["orders"][0]
    assert order["version"] == version.public_id
    # terse > middle > wordy becomes wordy > terse > middle: two of three pairs turn round.
    assert order["tau"] == pytest.approx(-1 / 3)
    assert [
        (one["label"], one["before"], one["after"], one["rank_before"], one["gained"])
        for one in order["rows"]
    ] == [("wordy", 0.3, 1.0, 3, 2), ("terse", 0.6, 0.6, 1, -1), ("middle", 0.4, 0.4, 2, -1)]
    assert (order["missing"], order["is_board_version"]) == (0, False)


def test_the_page_shows_it_and_is_read_in_a_few_queries(
    marked: Any,
    strict: Any,
    ada: Any,
    client: Client,
    django_assert_max_num_queries: Any,
) -> None:
    score_again(publish_again(strict.task, ada, LENIENT), ada)
    address = f"{newest(marked).get_absolute_url()}scorings/"

    with django_assert_max_num_queries(5):
        page = client.get(address)
    text = re.sub(r"\s+", " ", page.content.decode())

    assert "τ = −0.333" in text
    assert "3 of 3" in text
    assert "up 2" in text
    assert text.count("down 1") == 2
    assert client.get(f"{address}?scoring=2").status_code == 404
    assert "Other scorings" in client.get(marked.benchmark.get_absolute_url()).content.decode()


def test_on_several_tasks_one_scoring_is_replaced_at_a_time(
    ada: Any, strict: Any, client: Client
) -> None:
    other = publish_task(ada, "Other", items=10, data=rows(10, "Other"))
    board = make_board(ada, [strict, other], "Several")

    score_again(publish_again(strict.task, ada, LENIENT), ada)

    found = client.get(f"/api/v1/standings/{newest(board).public_id}/scorings").json()["orders"]
    assert [one["task"] for one in found] == [1]
    # The means of 1.0 and 0.3, of 0.6 and 0.6, and of 0.4 and 0.4.
    assert [(one["label"], one["after"]) for one in found[0]["rows"]] == [
        ("wordy", 0.65),
        ("terse", 0.6),
        ("middle", 0.4),
    ]


def test_a_version_that_a_reader_may_not_see_is_not_listed(
    marked: Any, strict: Any, ada: Any, client: Client
) -> None:
    version = publish_again(strict.task, ada, LENIENT)
    score_again(version, ada)
    address = f"/api/v1/standings/{newest(marked).public_id}/scorings"
    assert len(client.get(address).json()["orders"]) == 1

    # The task becomes private; the board's version stays visible, because it has declared runs.
    from tasks_app.authoring.visibility import set_task_visibility

    set_task_visibility(task=strict.task, visibility="private", by=ada)

    assert client.get(address).json()["orders"] == []
    page = client.get(f"{newest(marked).get_absolute_url()}scorings/").content.decode()
    assert "No other scorings yet" in page
    client.force_login(ada)
    assert len(client.get(address).json()["orders"]) == 1


def test_rows_without_the_scoring_are_counted_and_left_out(
    marked: Any, strict: Any, ada: Any, client: Client
) -> None:
    from tasks_app.models import Run
    from tasks_app.scorings.actions import rescore_run

    version = publish_again(strict.task, ada, LENIENT)
    for run in Run.objects.filter(contender__label__in=["terse", "wordy"]):
        rescore_run(run=run, version=version, by=ada)
    settle()

    order = client.get(f"/api/v1/standings/{newest(marked).public_id}/scorings").json()["orders"][0]

    assert order["missing"] == 1
    assert order["tau"] == -1.0
    assert [(one["label"], one["rank_before"]) for one in order["rows"]] == [
        ("wordy", 2),
        ("terse", 1),
    ]


def test_a_task_that_is_unlisted_elsewhere_is_not_told(
    marked: Any, ada: Any, client: Client
) -> None:
    """Somebody's copy of the task with the same questions, known by its address alone."""
    copies = [
        publish_task(
            ada, f"Copy {one}", items=10, data=rows(10), definition=LENIENT, visibility=one
        )
        for one in ("unlisted", "public")
    ]
    address = f"/api/v1/standings/{newest(marked).public_id}/scorings"

    for copy, count in zip(copies, (0, 1), strict=True):
        score_again(copy, ada)
        assert len(client.get(address).json()["orders"]) == count
