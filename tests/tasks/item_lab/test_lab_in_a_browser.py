"""The item lab in a browser: accessible in both themes, within a phone, by keyboard."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.tasks.item_lab.simulation import publish, run_all

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_lab_is_accessible_and_fits_a_phone(
    browser_page: Any,
    new_page: Callable[..., Any],
    axe: Callable[[Any], None],
    open_account: Callable[..., Any],
) -> None:
    ada = open_account("ada")
    version = publish(ada)
    run_all(ada, version)
    url = f"{version.get_absolute_url()}lab/"
    browser_page.goto(url)
    axe(browser_page)
    expect(browser_page.get_by_text("1 key looks wrong.")).to_be_visible()
    link = browser_page.get_by_role("link", name="Suspected keys")
    link.focus()
    browser_page.keyboard.press("Enter")
    expect(browser_page.get_by_text("1945")).to_be_visible()
    expect(browser_page.locator("#items tbody tr")).to_have_count(1)
    axe(browser_page)
    narrow = new_page(width=360, javascript=False)
    for query in ("", "?show=near-duplicates"):
        narrow.goto(url + query)
        assert narrow.evaluate("document.documentElement.scrollWidth") <= 360
