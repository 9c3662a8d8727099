"""Labelling in a real browser, by keys alone, and the panel; checked by axe in both themes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks_app.judges.actions import label_answer, make_label_set
from tasks_app.judges.queries import place_at
from tasks_app.models import JudgeLabel, TaskVersion
from tests.tasks.judges.test_pages import (  # noqa: F401  (fixtures)
    ada,
    judged,
    judges_url,
    provider,
)
from tests.themes import in_each_theme

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def shot(page: Any, name: str) -> None:
    """Take pictures to look at in both themes, where a folder for them is named."""
    folder = os.environ.get("PLUMBMARK_SCREENSHOTS")
    if folder:
        for theme in in_each_theme(page):
            page.screenshot(path=Path(folder) / f"{name}-{theme}.png", full_page=True)


def test_a_set_is_labelled_by_keys_alone(
    ada: Any,  # noqa: F811
    judged: Callable[..., TaskVersion],  # noqa: F811
    browser_page: Any,
    axe: Callable[[Any], None],
    sign_in: Callable[..., None],
) -> None:
    version = judged("judge")
    page = browser_page
    sign_in(page, ada)
    page.goto(judges_url(version))
    axe(page)
    page.get_by_role("spinbutton", name="Answers").fill("3")
    page.get_by_role("button", name="Draw a set").click()

    page.get_by_role("heading", name="Answer 1 of 3").wait_for()
    page.locator("shortcut-keys[data-ready]").wait_for()
    axe(page)
    shot(page, "label")
    page.keyboard.press("1")
    page.get_by_role("heading", name="Answer 2 of 3").wait_for()
    page.locator("shortcut-keys[data-ready]").wait_for()
    page.keyboard.press("s")
    page.get_by_role("heading", name="Answer 3 of 3").wait_for()
    page.locator("shortcut-keys[data-ready]").wait_for()
    page.keyboard.press("2")
    page.get_by_role("heading", name="Answer 2 of 3").wait_for()
    page.get_by_text("You skipped this one.").wait_for()
    page.get_by_role("button", name="Keys are on").click()
    page.keyboard.press("1")
    assert page.get_by_role("heading", name="Answer 2 of 3").is_visible()
    page.get_by_role("button", name="Keys are off").click()
    page.keyboard.press("1")
    page.get_by_role("heading", name="Your labels").wait_for()
    axe(page)
    assert sorted(JudgeLabel.objects.values_list("value", flat=True)) == [0.0, 1.0, 1.0]


def test_the_panel_is_accessible_and_fits_a_phone(
    ada: Any,  # noqa: F811
    judged: Callable[..., TaskVersion],  # noqa: F811
    browser_page: Any,
    new_page: Callable[..., Any],
    axe: Callable[[Any], None],
    sign_in: Callable[..., None],
) -> None:
    version = judged("judge:first", "judge:tie", extra="mode: pairwise", rubric='"Which is right?"')
    label_set = make_label_set(version=version, size=32, by=ada)
    for position in range(32):
        value = [1.0, 0.5, 0.5, 0.0][position % 4]
        label_answer(place=place_at(label_set, position), value=value, by=ada)
    sign_in(browser_page, ada)

    browser_page.goto(judges_url(version))
    for summary in browser_page.locator("summary").all():
        summary.evaluate("one => { one.parentElement.open = true; }")
    axe(browser_page)
    shot(browser_page, "judges")
    browser_page.goto(version.get_absolute_url())
    axe(browser_page)
    browser_page.goto(f"/labels/{label_set.public_id}/3/")
    axe(browser_page)
    shot(browser_page, "label-pair")

    phone = new_page(width=360)
    sign_in(phone, ada)
    for name, path in (
        ("judges-phone", judges_url(version)),
        ("label-phone", f"/labels/{label_set.public_id}/0/"),
        ("labels-phone", f"/labels/{label_set.public_id}/?result"),
    ):
        phone.goto(path)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 360, path
        shot(phone, name)


def test_labelling_works_without_javascript(
    ada: Any,  # noqa: F811
    judged: Callable[..., TaskVersion],  # noqa: F811
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
) -> None:
    version = judged("judge")
    label_set = make_label_set(version=version, size=1, by=ada)
    page = new_page(javascript=False)
    sign_in(page, ada)

    page.goto(f"/labels/{label_set.public_id}/")
    page.get_by_role("button", name="Incorrect").click()

    page.get_by_role("heading", name="Your labels").wait_for()
    assert JudgeLabel.objects.get().value == 0.0
