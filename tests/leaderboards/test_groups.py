"""Tasks of a board folded into groups."""

import re
from typing import Any

import pytest
from django.test import Client

from leaderboards_app.standings.computation import add_group_means, groups_of
from tests.factories import CARD, publish_task, settle, submit
from tests.leaderboards.rows import content, row
from tests.leaderboards.test_boards import enter, newest

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_mean_of_a_group_is_weighted_and_turned_to_higher_is_better() -> None:
    board = content(row("a", 0.5, tasks=[0.4, 3.0, 0.9]), row("b", 0.5, tasks=[0.4, 0, 0]), tasks=3)
    board["rows"][1]["tasks"][1]["value"] = None
    for task, group, weight in zip(board["tasks"], ("G", "G", ""), (0.5, 0.25, 0.25), strict=True):
        task.update(weight=weight, **({"group": group} if group else {}))
    scale = board["tasks"][1]["metric"]
    board["tasks"][1]["metric"] = {**scale, "direction": "lower", "upper": 4}

    board["groups"] = groups_of(board["tasks"])
    add_group_means(board)

    assert board["groups"] == [{"title": "G", "tasks": [1, 2], "weight": 0.75}]
    # 3 of 0 to 4, where lower is better, is 0.25: (0.5·0.4 + 0.25·0.25) / 0.75.
    assert board["rows"][0]["groups"] == [0.35]
    assert board["rows"][1]["groups"] == [None]
    assert groups_of(board["tasks"][:1]) == []


@pytest.fixture
def grouped(ada: Any) -> Any:
    """Return five tasks: two in Reading, two in Sums, one alone."""
    from decimal import Decimal

    from benchmarks_app.actions import authoring

    versions = [publish_task(ada, f"T{n}", items=10) for n in range(1, 6)]
    benchmark = authoring.create_benchmark(
        namespace=ada.namespace, title="Grouped", claim="What is measured.", by=ada
    )
    draft = authoring.draft_of(benchmark=benchmark, by=ada)
    authoring.compose_draft(
        version=draft,
        members=[
            authoring.Member(version, Decimal(weight), group=group)
            for version, weight, group in zip(
                versions, (1, 3, 1, 1, 2), ("Reading", "Reading", "Sums", "Sums", ""), strict=True
            )
        ],
        card=CARD,
        by=ada,
    )
    board = authoring.publish_benchmark(version=draft, by=ada)
    for name, right in (("one", (10, 2, 5, 5, 9)), ("two", (1, 9, 4, 8, 3))):
        runs = [submit(ada, version, name, n) for version, n in zip(versions, right, strict=True)]
        enter(board, runs[0], ada)
    settle()
    return board


def heads(page: str) -> list[str]:
    row = page[page.index('id="standings"') : page.index("</thead>")]
    return [name for name in re.findall(r"board__task[^>]*><a[^>]*>([^<]+)", row) if name]


def test_a_board_with_groups_shows_their_means_and_opens_them(
    grouped: Any, client: Client, django_assert_max_num_queries: Any
) -> None:
    address = grouped.benchmark.get_absolute_url()

    with django_assert_max_num_queries(4):
        folded = client.get(address).content.decode()
    opened = client.get(f"{address}?open=1").content.decode()
    everything = client.get(f"{address}?columns=tasks").content.decode()

    assert heads(folded) == ["Reading", "Sums", "T5"]
    assert heads(opened) == ["Reading", "T1", "T2", "Sums", "T5"]
    assert heads(everything) == ["T1", "T2", "T3", "T4", "T5"]
    assert 'href="?open=1#standings"' in folded
    assert "close Reading" in opened
    first = newest(grouped).content["rows"]
    by_label = {one["contender"]["label"]: one["groups"] for one in first}
    assert by_label == {"one": [0.4, 0.5], "two": [0.7, 0.6]}


def test_groups_order_the_board(grouped: Any, client: Client) -> None:
    address = grouped.benchmark.get_absolute_url()

    down, up = (
        re.findall(r'scope="row">(\w+)', client.get(f"{address}?sort={sort}").content.decode())
        for sort in ("-group-1", "group-1")
    )

    assert down[:2] == ["two", "one"]
    assert up[:2] == ["one", "two"]


def test_groups_stay_in_the_next_version_and_are_in_the_api(
    grouped: Any, ada: Any, client: Client
) -> None:

    client.force_login(ada)
    address = f"/api/v1/benchmarks/{grouped.benchmark.public_id}/draft"

    listed = client.get(address).json()["tasks"]
    changed = client.put(
        address,
        {"tasks": [{"task_version": one["task_version"], "group": " New "} for one in listed]},
        content_type="application/json",
    )

    assert [one["group"] for one in listed] == ["Reading", "Reading", "Sums", "Sums", ""]
    assert {one["group"] for one in changed.json()["tasks"]} == {"New"}
    page = client.get(f"/benchmarks/ada/{grouped.benchmark.slug}/edit/").content.decode()
    assert len(re.findall('<input[^>]*value="New"', page)) == 5


def test_a_board_without_groups_has_the_content_that_it_had(board: Any) -> None:
    document = newest(board).content

    assert "groups" not in document
    assert "group" not in document["tasks"][0]
    assert all("groups" not in one for one in document["rows"])
