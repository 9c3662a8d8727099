"""The table of items in a browser: by keyboard, accessible, within a phone."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def shoot(page: Any, name: str) -> None:
    if folder := os.environ.get("PLUMBMARK_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_rows_are_edited_by_keyboard_and_the_table_fits_a_phone(
    browser_page: Any,
    new_page: Callable[..., Any],
    axe: Callable[[Any], None],
    sign_in: Callable[..., None],
    open_account: Callable[..., Any],
    make_task: Callable[..., Any],
) -> None:
    ada = open_account("ada")
    task = make_task(ada)
    page = browser_page
    sign_in(page, ada)
    page.goto(f"/tasks/ada/{task.slug}/edit/")
    page.get_by_role("link", name="Edit its rows").press("Enter")
    axe(page)
    page.get_by_role("link", name="2", exact=True).press("Enter")
    axe(page)
    shoot(page, "row")
    page.get_by_label("answer").fill("")
    page.get_by_role("button", name="Save").press("Enter")
    page.get_by_text("Row 2 is saved.").wait_for()
    page.get_by_text("holds no right answer").wait_for()
    axe(page)
    shoot(page, "table")
    page.get_by_role("button", name="Undo").press("Enter")
    page.get_by_text("Undone: row 2 changed.").wait_for()

    page.goto(f"/tasks/ada/{task.slug}/settings/")
    axe(page)
    shoot(page, "settings")
    page.goto(f"/tasks/ada/{task.slug}/versions/1/copy/")
    axe(page)
    page.goto(f"/tasks/ada/{task.slug}/changes/1/1/")
    axe(page)
    narrow = new_page(width=360, javascript=False)
    sign_in(narrow, ada)
    for name in ("edit/items/", "edit/items/0/", "settings/", "changes/1/1/"):
        narrow.goto(f"/tasks/ada/{task.slug}/{name}")
        assert narrow.evaluate("document.documentElement.scrollWidth") <= 360
    narrow.goto(f"/tasks/ada/{task.slug}/edit/items/")
    shoot(narrow, "table-narrow")
