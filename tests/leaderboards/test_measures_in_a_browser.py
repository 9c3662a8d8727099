"""Weights, groups, further metrics, other scorings and differences that matter, in a browser."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.factories import CARD, publish_task, settle, submit
from tests.leaderboards.test_boards import enter, newest
from tests.leaderboards.test_other_scorings import publish_again, score_again
from tests.leaderboards.test_secondary_metrics import DEFINITION

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TASKS = (
    ("Reading a page", "reading", "Reading"),
    ("Reading a table with many columns", "reading", "Reading"),
    ("Sums", "sums", "Numbers"),
    ("Word problems", "sums", "Numbers"),
    ("Manners", "style", ""),
)
RIGHT = {
    "arbor-large-with-a-long-name": (38, 36, 20, 22, 30),
    "lithos": (24, 20, 39, 38, 30),
    "meadow": (36, 35, 30, 36, 38),
    "small": (9, 10, 4, 12, 11),
}


@pytest.fixture
def measured(ada: Any) -> Any:
    """Return a board of five tasks in two groups, with a smallest difference and another
    scoring.
    """
    from benchmarks_app.actions import authoring

    versions = [
        publish_task(ada, title, items=40, definition=DEFINITION) for title, _tag, _group in TASKS
    ]
    for version, (_title, tag, _group) in zip(versions, TASKS, strict=True):
        version.task.tags = [tag]
        version.task.save()
    benchmark = authoring.create_benchmark(
        namespace=ada.namespace, title="Measures", claim="What is measured.", by=ada
    )
    draft = authoring.draft_of(benchmark=benchmark, by=ada)
    authoring.compose_draft(
        version=draft,
        members=[
            authoring.Member(version, Decimal(1), group=group)
            for version, (_title, _tag, group) in zip(versions, TASKS, strict=True)
        ],
        card=CARD,
        smallest_difference=0.15,
        by=ada,
    )
    board = authoring.publish_benchmark(version=draft, by=ada)
    for name, right in RIGHT.items():
        runs = [
            submit(ada, version, name, n, maker="Arbor")
            for version, n in zip(versions, right, strict=True)
        ]
        enter(board, runs[0], ada)
    settle()
    again = DEFINITION.replace("type: exact", "type: regex\n    pattern: '^([0-9])$'", 1)
    score_again(publish_again(versions[2].task, ada, again), ada)
    return board


def pages(board: Any) -> list[str]:
    address = board.benchmark.get_absolute_url()
    standings = newest(board)
    own = standings.get_absolute_url()
    first, second = (row["contender"]["id"] for row in standings.content["rows"][:2])
    return [
        address,
        f"{address}?open=1&columns=groups,metrics",
        f"{address}?weights=task-1:4,tag-sums:0.5",
        f"{address}?weights=task-9:4",
        f"{own}weights/",
        f"{own}weights/?weights=task-1:4,tag-sums:0.5",
        f"{own}weights/?weigh=1&task-1=lots",
        f"{own}scorings/",
        f"{own}compare/?rows={first},{second}",
    ]


def test_they_are_accessible_and_fit_a_phone(
    new_page: Callable[..., Any], axe: Callable[[Any], None], measured: Any
) -> None:
    wide, narrow = new_page(bypass_csp=True), new_page(width=320)
    for path in pages(measured):
        wide.goto(path)
        axe(wide)
        narrow.goto(path)
        width = narrow.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, f"{path} is {width} px wide"


def test_tasks_are_weighed_without_javascript(new_page: Callable[..., Any], measured: Any) -> None:
    page = new_page(javascript=False)
    page.goto(measured.benchmark.get_absolute_url())
    page.get_by_role("link", name="Weigh the tasks yourself").click()
    expect(page.locator("#weighed tbody th").first).to_contain_text("meadow")

    page.get_by_label("Sums", exact=True).fill("20")
    page.get_by_role("button", name="Apply the weights").click()

    page.wait_for_url("**weights=task-3:20**")
    expect(page.locator("#weighed tbody th").first).to_contain_text("lithos")
    page.get_by_role("link", name="Show the whole board with your weights").click()
    expect(page.locator("#standings tbody th").first).to_contain_text("lithos")
