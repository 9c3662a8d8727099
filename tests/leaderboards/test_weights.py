"""Readers' own weights of a board's tasks, on pages and in the API."""

import re
from typing import Any

import pytest
from django.test import Client

from leaderboards_app.board.arrangement import arrange
from leaderboards_app.models import Weightings
from leaderboards_app.weights.addresses import (
    default_weights,
    read_weights,
    task_weights,
)
from leaderboards_app.weights.computation import compute_weightings, rank_by_reader
from plumbmark.common.errors import InvalidInput
from tests.factories import publish_benchmark, publish_task, settle, submit
from tests.leaderboards.rows import content, row
from tests.leaderboards.test_boards import enter, newest

pytestmark = pytest.mark.django_db(transaction=True)

TAGS = [["reading"], ["sums", "reading"], ["sums"]]


def named(*rows: tuple[str, list[float]], weights: list[float]) -> dict[str, Any]:
    """Return a board whose rows have these scores by task; their ids are their labels."""
    made = [row(label, sum(values) / len(values), tasks=values) for label, values in rows]
    document = content(*made, tasks=len(weights))
    for one in document["rows"]:
        one["contender"]["id"] = one["contender"]["label"]
    for task, weight in zip(document["tasks"], weights, strict=True):
        task["weight"] = weight
    return document


BOARD = named(
    ("even", [0.6, 0.6, 0.6]),
    ("reader", [1.0, 0.5, 0.0]),
    ("counter", [0.0, 0.5, 0.9]),
    weights=[0.5, 0.25, 0.25],
)


def test_the_lightest_task_weighs_one_at_first() -> None:
    assert default_weights(BOARD) == [2, 1, 1]
    assert task_weights(read_weights("", BOARD, TAGS), BOARD, TAGS) == [2, 1, 1]


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("task-1:3", [3, 1, 1]),
        ("task-1:0,task-3:2", [0, 1, 2]),
        ("tag-sums:2", [2, 2, 2]),
        ("tag-reading:0", [0, 0, 1]),
        ("task-2:4,tag-sums:2,tag-reading:0.5", [1, 4, 2]),
        (" task-1 : 3 ", [3, 1, 1]),
    ],
)
def test_weights_are_read_from_the_address(text: str, weights: list[float]) -> None:
    assert task_weights(read_weights(text, BOARD, TAGS), BOARD, TAGS) == weights


def test_an_address_is_written_without_what_changes_nothing() -> None:
    text = "tag-sums:1,task-1:2,task-3:2,tag-reading:0.5"

    assert read_weights(text, BOARD, TAGS).as_text() == "task-3:2,tag-reading:0.5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task-4:1", "the board has no 'task-4': it has task-1 to task-3"),
        ("tag-none:1", "and the tags reading, sums"),
        ("task-1", "'task-1' has no weight: write task-1:2"),
        ("task-1:many", "'many' is no weight: use a number from 0 to 1,000"),
        ("task-1:-1", "is no weight"),
        ("task-1:nan", "is no weight"),
        ("task-1:1e9", "is no weight"),
        ("task-1:0,task-2:0,task-3:0", "one weight at least must be above 0"),
        ("tag-sums:0,task-1:0", "one weight at least"),
    ],
)
def test_weights_that_cannot_be_used_are_named(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_weights(text, BOARD, TAGS)

    assert message in raised.value.problems[0].message


def test_ranks_follow_the_weights() -> None:
    chosen = read_weights("task-3:6,task-1:0", BOARD, TAGS)

    found = rank_by_reader(BOARD, chosen, TAGS, "all")

    # (1·0.5 + 6·0.9) / 7, and the like.
    assert {key: (one.rank, round(one.value, 4)) for key, one in found.items()} == {
        "counter": (1, 0.8429),
        "even": (2, 0.6),
        "reader": (3, 0.0714),
    }


def test_a_metric_of_which_lower_is_better_is_turned_round() -> None:
    board = named(("fast", [1.0, 0.5]), ("slow", [4.0, 0.5]), weights=[0.5, 0.5])
    scale = board["tasks"][0]["metric"]
    board["tasks"][0]["metric"] = {**scale, "direction": "lower", "upper": 5, "unit": "s"}

    found = rank_by_reader(board, read_weights("task-1:9", board, ()), (), "all")

    # 1 of 0 to 5 is 0.8 of the way to the best; (9·0.8 + 0.5)/10.
    assert found["fast"].value == pytest.approx(0.77)
    assert (found["fast"].rank, found["slow"].rank) == (1, 2)


def test_rows_that_lack_a_task_have_no_place_in_weightings() -> None:
    board = named(("whole", [0.5, 0.5]), ("gap", [0.9, 0.9]), weights=[0.5, 0.5])
    gap = board["rows"][1]
    gap["tasks"][0]["value"] = None
    gap["ranks"] = {"platform": None, "all": None}
    gap["status"] = "incomplete"

    document = compute_weightings(board, [[], []])

    assert document is not None
    assert document["scopes"]["all"] == {"whole": 1.0}
    assert compute_weightings(named(("a", [0.5]), weights=[1.0]), [[]]) is None


def test_the_board_is_ordered_by_the_reader_and_keeps_its_ranks() -> None:
    arranged = arrange(BOARD, {"weights": "task-1:5"}, TAGS)

    assert arranged.sort == "yours"
    assert [one["contender"]["label"] for one in arranged.main] == ["reader", "even", "counter"]
    upwards = arrange(BOARD, {"weights": "task-1:5", "sort": "yours"}, TAGS)
    assert [one["contender"]["label"] for one in upwards.main] == ["counter", "even", "reader"]
    bad = arrange(BOARD, {"weights": "task-9:5"}, TAGS)
    assert (bad.sort, dict(bad.yours)) == ("score", {})
    assert "no 'task-9'" in bad.weights_problem


@pytest.fixture
def tagged(ada: Any) -> Any:
    """Return two tasks, on each of which another row is the better one."""
    versions = [publish_task(ada, title, items=20) for title in ("Reading", "Sums")]
    for version, tag in zip(versions, ("reading", "sums"), strict=True):
        version.task.tags = [tag]
        version.task.save()
    board = publish_benchmark(ada, versions, "Weighed")
    for name, right in (("reader", (20, 8)), ("counter", (6, 19))):
        runs = [submit(ada, version, name, n) for version, n in zip(versions, right, strict=True)]
        enter(board, runs[0], ada)
    settle()
    return board


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_a_snapshot_gets_its_weightings_outside_of_its_content(tagged: Any) -> None:
    standings = newest(tagged)

    document = Weightings.objects.get(standings=standings).content

    # w·1 + (1 − w)·0.4 is above w·0.3 + (1 − w)·0.95 where w is above 0.44.
    by_label = {
        one["contender"]["label"]: one["contender"]["id"] for one in (standings.content["rows"])
    }
    assert document["scopes"]["all"][by_label["reader"]] == pytest.approx(0.56, abs=0.015)
    assert document["tags"] == [["reading"], ["sums"]]
    assert "weightings" not in standings.content


def test_the_form_becomes_one_parameter_without_javascript(tagged: Any, client: Client) -> None:
    address = f"{newest(tagged).get_absolute_url()}weights/"
    page = client.get(address)

    assert page.status_code == 200
    assert 'name="task-1" inputmode="decimal" maxlength="12" value="1"' in page.content.decode()
    sent = client.get(address, {"weigh": "1", "scope": "all", "task-1": "1", "task-2": "3"})
    assert sent.status_code == 302
    assert sent["Location"] == f"{address}?scope=all&weights=task-2:3#ranks"
    shown = text_of(client.get(sent["Location"].removesuffix("#ranks")))
    assert "Ranks under your weights" in shown
    places = [shown.index(f"{label} <span") for label in ("counter", "reader")]
    assert places == sorted(places)


def test_a_bad_weight_is_said_beside_what_was_written(tagged: Any, client: Client) -> None:
    address = f"{newest(tagged).get_absolute_url()}weights/"

    refused = client.get(address, {"weigh": "1", "task-1": "lots", "tag-sums": "2"})

    assert refused.status_code == 422
    assert "is no weight: use a number from 0 to 1,000" in text_of(refused)
    assert 'value="lots"' in refused.content.decode()


def test_the_board_shows_your_rank_beside_the_official_one(
    tagged: Any, client: Client, django_assert_max_num_queries: Any
) -> None:
    address = tagged.benchmark.get_absolute_url()

    with django_assert_max_num_queries(5):  # the tags, once for each process
        page = client.get(f"{address}?weights=tag-sums:9")
    text = text_of(page)

    assert 'aria-sort="descending"' in text
    assert "Only these two are computed anew" in text
    assert text.count('data-l="Your weights"') == 2
    plain = text_of(client.get(address))
    assert "Your weights" not in plain
    assert "Weigh the tasks yourself" in plain
    wrong = text_of(client.get(f"{address}?weights=task-7:1"))
    assert "The weights in this address were not used" in wrong


def test_the_api_has_the_same(tagged: Any, client: Client) -> None:
    address = f"/api/v1/standings/{newest(tagged).public_id}/weightings"

    official = client.get(address).json()
    mine = client.get(address, {"weights": "tag-sums:9"}).json()
    refused = client.get(address, {"weights": "task-9:1"})

    assert [one["label"] for one in official["rows"]] == ["reader", "counter"]
    assert [one["label"] for one in mine["rows"]] == ["counter", "reader"]
    assert [one["moved"] for one in mine["rows"]] == [1, -1]
    assert [round(one["share"], 2) for one in mine["tasks"]] == [0.1, 0.9]
    assert mine["rows"][0]["value"] == pytest.approx(0.1 * 0.3 + 0.9 * 0.95)
    assert official["draws"] == 10_000
    assert refused.status_code == 422


def test_a_board_of_one_task_has_nothing_to_weigh(board: Any, client: Client) -> None:
    standings = newest(board)

    page = text_of(client.get(f"{standings.get_absolute_url()}weights/"))
    api = client.get(f"/api/v1/standings/{standings.public_id}/weightings")

    assert "there is nothing to weigh" in page
    assert api.status_code == 404
    assert not Weightings.objects.exists()
    assert "Weigh the tasks yourself" not in text_of(client.get(board.benchmark.get_absolute_url()))
