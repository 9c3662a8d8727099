"""Comparisons in Chromium: by keys, on a phone, without JavaScript, clean for axe."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from tests.factories import publish_benchmark, settle
from tests.leaderboards.comparing import publish_sliced, submit_outputs_of
from tests.leaderboards.test_boards import enter, newest
from tests.themes import in_each_theme

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def board(ada: Any) -> Any:
    version = publish_sliced(ada)
    made = publish_benchmark(ada, [version])
    said = {30: "A long answer with some words, of which few differ: thirty-one."}
    other = {30: "A long answer with other words, of which few differ: thirty-two."}
    for name, right, words in (
        ("first", range(30), said),
        ("second", range(1, 29), other),
        ("third", range(8), None),
    ):
        enter(made, submit_outputs_of(ada, version, name, right, words), ada)
    settle()
    return made


def shot(page: Any, name: str) -> None:
    """Take pictures to look at in both themes, where a folder for them is named."""
    folder = os.environ.get("PLUMBMARK_SCREENSHOTS")
    if folder:
        for theme in in_each_theme(page):
            page.screenshot(path=Path(folder) / f"{name}-{theme}.png", full_page=True)


def test_from_a_board_to_two_answers_and_on_by_keys(
    board: Any, browser_page: Any, axe: Callable[[Any], None]
) -> None:
    page = browser_page
    page.goto(board.benchmark.get_absolute_url())
    page.get_by_role("link", name="Compare models; why a tie?").click()
    page.get_by_role("heading", name="Compare models").wait_for()
    axe(page)
    shot(page, "compare-choice")
    for name in ("first", "second", "third"):
        page.get_by_role("checkbox", name=name).check()
    page.get_by_role("button", name="Compare", exact=True).first.click()
    page.get_by_role("heading", name="3 models compared").wait_for()
    axe(page)
    shot(page, "compare-rows")

    page.get_by_role("link", name="Numbers", exact=True).last.click()
    page.get_by_role("heading", name="first and second").wait_for()
    axe(page)
    shot(page, "compare-runs")
    page.get_by_role("link", name="A right, B wrong").click()
    page.get_by_role("link", name="i0", exact=True).click()
    page.get_by_role("heading", name="Item i0").wait_for()
    page.locator("shortcut-keys[data-ready]").wait_for()
    axe(page)
    page.keyboard.press("n")
    page.get_by_role("heading", name="Item i29").wait_for()
    page.locator("shortcut-keys[data-ready]").wait_for()
    page.keyboard.press("p")
    page.get_by_role("heading", name="Item i0").wait_for()
    page.go_back()
    page.get_by_role("heading", name="Item i29").wait_for()


def test_a_sample_leads_to_where_models_differ_by_keys(
    board: Any, browser_page: Any, axe: Callable[[Any], None]
) -> None:
    run = newest(board).content["rows"][0]["tasks"][0]["runs"][0]
    page = browser_page
    page.goto(f"/runs/{run}/samples/2/")
    page.locator("shortcut-keys[data-ready]").wait_for()
    axe(page)
    shot(page, "compare-sample")

    page.keyboard.press("d")
    page.get_by_role("heading", name="Item i8").wait_for()
    page.locator("shortcut-keys[data-ready]").wait_for()
    page.keyboard.press("w")
    page.get_by_role("heading", name="Item i30").wait_for()
    page.get_by_role("row", name="second").get_by_role("link", name="compare").click()
    page.get_by_role("heading", name="Item i30").wait_for()
    page.locator("mark").first.wait_for()
    assert page.locator("mark").all_inner_texts() == ["some", "one", "other", "two"]
    axe(page)
    shot(page, "compare-item")


def test_comparisons_fit_a_phone_and_need_no_javascript(
    board: Any, new_page: Callable[..., Any], axe: Callable[[Any], None]
) -> None:
    phone = new_page(width=360, javascript=False)
    content = newest(board).content
    ids = ",".join(row["contender"]["id"] for row in content["rows"])
    runs = ",".join(str(row["tasks"][0]["runs"][0]) for row in content["rows"][:2])
    permalink = reverse("leaderboards:compare_rows", args=[newest(board).public_id])
    for path in (
        permalink,
        f"{permalink}?rows={ids}",
        f"/compare/?runs={runs}",
        f"/compare/?runs={runs}&pick=1",
        f"/compare/items/30/?runs={runs}",
        "/compare/",
    ):
        phone.goto(path)
        widest = phone.locator("body").bounding_box()
        assert widest is not None
        assert widest["width"] <= 360, path
    phone.goto(f"/compare/items/0/?runs={runs}")
    phone.get_by_role("link", name="Next").click()
    phone.get_by_role("heading", name="Item i29").wait_for()
