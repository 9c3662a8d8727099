"""The smallest difference that matters: what it says and draws, and what it leaves as it is."""

import re
from typing import Any

import pytest
from django.test import Client

from leaderboards_app.history.changes import list_changes
from tests.factories import publish_benchmark, publish_task, settle, submit
from tests.leaderboards.rows import content, row
from tests.leaderboards.test_boards import enter, newest

pytestmark = pytest.mark.django_db(transaction=True)


def make_board(user: Any, version: Any, title: str, **rules: Any) -> Any:
    """Return two rows that a test tells apart: 200 and 190 of 200 right."""
    board = publish_benchmark(user, [version], title, **rules)
    for name, right in (("best", 200), ("next", 190), ("low", 20)):
        enter(board, submit(user, version, name, right), user)
    settle()
    return board


@pytest.fixture
def boards(ada: Any) -> tuple[Any, Any]:
    """Return the same rows with a smallest difference of ten points, and without one."""
    version = publish_task(ada, items=200)
    return (
        make_board(ada, version, "Stated", smallest_difference=0.1),
        make_board(ada, version, "Plain"),
    )


def test_ranks_are_those_of_a_board_that_states_none(boards: tuple[Any, Any]) -> None:
    stated, plain = (newest(board).content for board in boards)

    assert stated["smallest_difference"] == 0.1
    assert "smallest_difference" not in plain
    assert [one["ranks"] for one in stated["rows"]] == [one["ranks"] for one in plain["rows"]]
    assert stated["rows"][0]["ranks"]["all"]["sole_first"]
    assert [one.get("near_best") for one in stated["rows"]] == [None, ["all"], None]
    assert [one.get("near_best") for one in plain["rows"]] == [None, None, None]


def test_the_page_says_who_is_practically_equal_whatever_the_test_finds(
    boards: tuple[Any, Any], client: Client
) -> None:
    stated, plain = (
        client.get(board.benchmark.get_absolute_url()).content.decode() for board in boards
    )

    assert "significantly above every other row, but the difference is below 10.00 points" in stated
    assert stated.count("practically equal to the best") == 1
    assert "takes differences below 10.00 points not to matter" in re.sub(r"\s+", " ", stated)
    assert "practically equal" not in plain


def test_the_figure_has_a_band_around_the_best(boards: tuple[Any, Any], client: Client) -> None:
    drawings = [
        client.get(newest(board).get_absolute_url() + "figure.svg").content.decode()
        for board in boards
    ]

    assert drawings[0].count('<rect class="e"') == 1
    assert '<rect class="e"' not in drawings[1]


def test_a_comparison_says_it_draws_it_and_has_it_in_the_api(
    boards: tuple[Any, Any], client: Client
) -> None:
    standings = newest(boards[0])
    ids = [one["contender"]["id"] for one in standings.content["rows"]]

    near = client.get(f"{standings.get_absolute_url()}compare/?rows={ids[0]},{ids[1]}")
    far = client.get(f"{standings.get_absolute_url()}compare/?rows={ids[0]},{ids[2]}")
    api = client.get(f"/api/v1/standings/{standings.public_id}/comparison?rows={','.join(ids)}")

    text = re.sub(r"\s+", " ", near.content.decode())
    # The interval of 5 points in 200 ends below 10: equivalence, although p is below 5 %.
    assert "Practically equal: the author of this board" in text
    assert "and so is its whole interval" in text
    assert 'class="difference-band"' in text
    assert "is not below it" in re.sub(r"\s+", " ", far.content.decode())
    document = api.json()
    assert document["smallest_difference"] == 0.1
    assert [one["practically_equal"] for one in document["pairs"]] == [True, False, False]
    assert [one["interval_inside"] for one in document["pairs"]] == [True, False, False]
    assert document["pairs"][0]["result"]["p_value"] < 0.01


def test_a_comparison_on_a_board_without_one_has_no_band(
    boards: tuple[Any, Any], client: Client
) -> None:
    standings = newest(boards[1])
    ids = [one["contender"]["id"] for one in standings.content["rows"]]

    page = client.get(f"{standings.get_absolute_url()}compare/?rows={ids[0]},{ids[1]}")
    api = client.get(f"/api/v1/standings/{standings.public_id}/comparison?rows={','.join(ids)}")

    assert "difference-band" not in page.content.decode()
    assert api.json()["smallest_difference"] is None
    assert api.json()["pairs"][0]["practically_equal"] is None


def test_the_history_words_small_changes() -> None:
    before = content(row("a", 0.50), row("b", 0.60))
    after = {**content(row("a", 0.51), row("b", 0.70)), "smallest_difference": 0.02}
    for document in (before, after):
        for one in document["rows"]:
            one["contender"] = {**one["contender"], "id": one["contender"]["label"]}

    found = {one.label: one.is_practically_equal for one in list_changes(before, after)}

    assert found == {"a": True, "b": False}


def test_the_draft_takes_it_and_refuses_what_is_no_size(ada: Any, client: Client) -> None:
    from benchmarks_app.actions import authoring

    benchmark = authoring.create_benchmark(namespace=ada.namespace, title="Draft", by=ada)
    client.force_login(ada)
    address = f"/api/v1/benchmarks/{benchmark.public_id}/draft"

    def put(value: Any) -> Any:
        return client.put(address, {"smallest_difference": value}, content_type="application/json")

    assert put(0.02).json()["smallest_difference"] == 0.02
    refused = put(-1)
    assert refused.status_code == 422
    assert "above 0" in refused.content.decode()
    assert client.get(address).json()["smallest_difference"] == 0.02
    # What is left out stays, and null states none.
    assert client.put(address, {"notes": "x"}, content_type="application/json").json()[
        "smallest_difference"
    ] == (0.02)
    assert put(None).json()["smallest_difference"] is None
