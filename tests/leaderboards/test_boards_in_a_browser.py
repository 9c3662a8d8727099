"""Boards and what belongs to them in a browser: accessible, readable on a phone, by keyboard."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.leaderboards.rows import content, keep, row

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FACTS = {"open_weights": True, "modalities": ["text"], "released_on": "2026-02-03"}


@pytest.fixture
def wide_board(board: Any) -> str:
    """Return a board with several tasks, costs, latencies and dates; return its address."""
    rows = [
        row(
            f"model-{number}-with-a-long-name",
            0.9 - number / 20,
            tasks=[0.5, 0.6, 0.7],
            cost=(number + 1) * 1_000_000,
            latency=4_000 - 300 * number,
            maker="Arbor" if number % 2 else "Lithos",
            facts={**FACTS, "open_weights": number % 2 == 0, "released_on": f"2026-02-1{number}"},
        )
        for number in range(8)
    ]
    return keep(board, content(*rows, tasks=3))


def pages(address: str) -> list[str]:
    from leaderboards_app.models import SliceResults, Standings

    newest = Standings.objects.order_by("-id").first()
    assert newest is not None
    cells = [{"value": 0.5, "low": 0.3, "high": 0.7, "scored": 20}, {"value": 0.1 * 7, "low": 0.5,
             "high": 0.9, "scored": 20}]  # fmt: skip
    SliceResults.objects.create(
        standings=newest,
        content={
            "format": 1,
            "tasks": [
                {
                    "number": 1,
                    "title": "Task 1",
                    "metric": newest.content["metric"],
                    "columns": [
                        {
                            "name": "topic",
                            "left_out": 2,
                            "rows_left_out": 1,
                            "values": [{"name": "a", "items": 20}, {"name": "b", "items": 40}],
                            "rows": [{"contender": "x", "label": "one", "cells": cells}],
                        }
                    ],
                }
            ],
        },
    )
    return [
        address,
        f"{address}?maker=Arbor&max_cost=0.1&columns=&columns=attempts",
        f"{address}history/",
        f"/standings/{newest.public_id}/changes/",
        f"/standings/{newest.public_id}/slices/",
        f"/standings/{newest.public_id}/slices/?slice=1-1-1",
    ]


def test_pages_of_a_board_are_accessible(
    browser_page: Any, axe: Callable[[Any], None], wide_board: str
) -> None:
    for path in pages(wide_board):
        browser_page.goto(path)
        axe(browser_page)


def test_a_phone_shows_rank_model_score_and_interval_of_every_row(
    new_page: Callable[..., Any], wide_board: str
) -> None:
    page = new_page(width=320)
    for path in pages(wide_board):
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, f"{path} is {width} px wide"
    page.goto(wide_board)
    for line in page.locator("#standings tbody tr").all():
        boxes = [line.locator(":scope > *").nth(place).bounding_box() for place in range(3)]
        for box in boxes:
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 320
        tops = [box["y"] for box in boxes if box]
        assert max(tops) - min(tops) < 20  # one line
        # The name is not squeezed by what comes after the score.
        assert boxes[1] is not None
        assert boxes[1]["width"] >= 100
    assert page.locator("#standings small").first.is_visible()


def test_filters_work_by_keyboard(new_page: Callable[..., Any], wide_board: str) -> None:
    page = new_page()
    page.goto(wide_board)
    page.locator("#f-search").focus()
    page.keyboard.type("model-3")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=model-3**")
    expect(page.locator("#standings tbody tr")).to_have_count(1)
    page.locator("a.chip").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#standings tbody tr")).to_have_count(8)
    page.wait_for_load_state()
    page.locator("summary", has_text="Columns").focus()
    page.keyboard.press("Enter")
    tasks = page.locator("input[name=columns][value=tasks]")
    tasks.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert not tasks.is_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#standings thead")).not_to_contain_text("Task 1")
    expect(page.locator("#standings thead")).to_contain_text("Latency")
