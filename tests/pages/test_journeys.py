"""What a person does, in a real browser, in both themes, checked by axe on every page."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Axe = Callable[[Any], None]
PASSWORD = "a long enough sentence"


def test_from_sign_up_to_an_api_token(browser_page: Any, axe: Axe) -> None:
    page = browser_page
    page.goto("/accounts/signup/")
    axe(page)
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Handle").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()

    page.get_by_text("“admin-2” is free").wait_for()
    axe(page)
    page.get_by_label("Handle").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()

    page.get_by_role("heading", name="Check your e-mail").wait_for()
    axe(page)
    link = re.search(r"http://\S+/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    assert link
    page.goto(link.group())
    axe(page)
    page.get_by_role("button", name="Yes, confirm it").click()

    page.get_by_role("heading", name="ada").wait_for()
    axe(page)
    page.locator("summary.menu__toggle").click()
    axe(page)
    page.get_by_role("link", name="API tokens").click()
    axe(page)
    page.get_by_label("Name").fill("laptop")
    page.get_by_label("write tasks, benchmarks and runs").check()
    page.get_by_role("button", name="Create the token").click()

    secret = page.locator("#token-secret")
    secret.wait_for()
    assert re.fullmatch(r"pmk_\w{46}", secret.inner_text())
    axe(page)
    page.get_by_role("button", name="Revoke laptop").click()
    page.get_by_text("The token “laptop” is revoked.").wait_for()
    axe(page)


def test_a_forgotten_password_is_set_anew(
    browser_page: Any, axe: Axe, open_account: Callable[..., Any]
) -> None:
    open_account("ada")
    page = browser_page
    page.goto("/accounts/login/")
    axe(page)
    page.get_by_role("link", name="Forgot your password?").click()
    axe(page)
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_role("button", name="Send the link").click()
    page.get_by_role("heading", name="Check your e-mail").wait_for()
    axe(page)
    link = re.search(r"http://\S+/password/reset/key/\S+", str(mail.outbox[-1].body))
    assert link

    page.goto(link.group())
    axe(page)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()

    page.get_by_role("heading", name="ada").wait_for()


def test_signing_in_and_out_works_without_javascript(
    new_page: Callable[..., Any], open_account: Callable[..., Any]
) -> None:
    open_account("ada", password=PASSWORD)
    page = new_page(javascript=False)
    page.goto("/settings/tokens/")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("heading", name="API tokens").wait_for()
    page.get_by_role("button", name="Dark").click()
    page.locator("html[data-theme=dark]").wait_for()
    page.locator("summary.menu__toggle").click()
    page.get_by_role("button", name="Sign out").click()

    page.get_by_role("heading", name="Sign in").wait_for()


def test_the_keyboard_alone_reaches_content_and_account(
    new_page: Callable[..., Any], open_account: Callable[..., Any], sign_in: Callable[..., None]
) -> None:
    page = new_page()
    sign_in(page, open_account("ada"))
    page.goto("/settings/tokens/")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.locator("#main:focus").wait_for()
    page.locator("summary.menu__toggle").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Settings").wait_for()
    page.keyboard.press("Escape")

    page.locator("details.menu:not([open])").wait_for()
    page.locator("summary:focus").wait_for()
