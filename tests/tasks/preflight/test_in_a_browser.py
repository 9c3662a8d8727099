"""Trying several models and the pre-flight in a browser: by keyboard and on a phone."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def shoot(page: Any, name: str) -> None:
    if folder := os.environ.get("PLUMBMARK_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_models_are_tried_and_probed_by_keyboard_and_on_a_phone(
    browser_page: Any,
    new_page: Callable[..., Any],
    axe: Callable[[Any], None],
    sign_in: Callable[..., None],
    open_account: Callable[..., Any],
    make_task: Callable[..., Any],
    echo: Any,
    work: Callable[[], None],
) -> None:
    ada = open_account("ada")
    task = make_task(ada)
    sign_in(browser_page, ada)
    page = browser_page
    page.goto(f"/tasks/ada/{task.slug}/try/")
    for name in ("baseline/echo", "baseline/first-choice"):
        box = page.get_by_label(name, exact=False)
        box.focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="What would it cost?").press("Enter")
    axe(page)
    shoot(page, "try")
    page.get_by_role("button", name="Start the try").press("Enter")
    page.get_by_text("0 of 6").wait_for()
    work()
    page.locator("#models").get_by_text("completed").first.wait_for()
    page.get_by_role("heading", name="q3").wait_for()
    axe(page)
    shoot(page, "trial")
    trial = page.url

    page.goto(f"/tasks/ada/{task.slug}/preflight/?models=baseline/echo")
    axe(page)
    shoot(page, "preflight-before")
    page.get_by_role("button", name="Ask 4 items first").press("Enter")
    page.get_by_text("The probe is under way").wait_for()
    work()
    page.get_by_text("from a probe of 4 items").wait_for()
    axe(page)
    shoot(page, "preflight")
    page.get_by_role("link", name="baseline/echo").click()
    page.get_by_role("heading", name="Pre-flight").wait_for()
    axe(page)
    shoot(page, "confirm")

    narrow = new_page(width=360, javascript=False)
    sign_in(narrow, ada)
    for name, address in (
        ("trial", trial),
        ("preflight", f"/tasks/ada/{task.slug}/preflight/?models=baseline/echo"),
        ("try", f"/tasks/ada/{task.slug}/try/?models=baseline/echo&models=baseline/first-choice"),
    ):
        narrow.goto(address)
        assert narrow.evaluate("document.documentElement.scrollWidth") <= 360
        shoot(narrow, f"{name}-narrow")
