"""Staff add a provider in a real browser, from the menu to a price, checked by axe on each page."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from plumbmark.gateway.calls import runtime
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.models import Deployment
from tests.fake_provider.process import FakeProvider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KEY = "sk-secret-0123456789abcdef"  # not a credential of anything


@pytest.fixture(autouse=True)
def _runtime_ends() -> Iterator[None]:
    yield
    runtime.shutdown()


def test_staff_add_a_provider(
    browser_page: Any,
    axe: Callable[[Any], None],
    sign_in: Callable[[Any, Any], None],
    open_account: Callable[..., Any],
    fake_provider: FakeProvider,
) -> None:
    fake_provider.configure(key=KEY, models={"sum": "arithmetic", "x": "echo"})
    page = browser_page
    sign_in(page, open_account("keeper", is_administrator=True))
    page.goto("/staff/providers/")
    axe(page)
    page.get_by_role("link", name="Add a provider").click()
    axe(page)
    page.get_by_role("link", name="Another address").click()
    axe(page)
    page.get_by_label("Name").fill("Lab")
    page.get_by_label("Address").fill(fake_provider.url)
    page.get_by_label("API key").fill("sk-wrong-0123456789abcdef")
    page.get_by_role("button", name="Test and connect").click()

    page.get_by_text("refuses the key (HTTP 401)").wait_for()
    assert page.get_by_label("API key").input_value() == ""
    axe(page)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Test and connect").click()

    page.get_by_text("It lists 2 models.").wait_for()
    axe(page)
    page.get_by_label("sum").check()
    page.get_by_role("button", name="Save the models").click()

    page.get_by_text("no price: refused").wait_for()
    axe(page)
    page.get_by_label("Input of sum", exact=True).fill("2.5")
    page.get_by_label("Output of sum").fill("10")
    page.get_by_role("button", name="Save the prices").click()

    page.get_by_text("1 price changed.").wait_for()
    axe(page)
    card = current_price_card(Deployment.objects.get().pk)
    assert card is not None
    assert (card.input_per_mtok, card.output_per_mtok) == (2_500_000_000, 10_000_000_000)
    page.get_by_role("button", name="Switch off", exact=True).click()
    page.get_by_role("button", name="Switch on").wait_for()
    assert not Deployment.objects.filter(is_active=True).exists()
    page.goto("/staff/providers/")
    assert re.search(r"\boff\b", page.locator("#providers").inner_text())


def test_a_persons_page_is_accessible(
    browser_page: Any,
    axe: Callable[[Any], None],
    sign_in: Callable[[Any, Any], None],
    open_account: Callable[..., Any],
) -> None:
    page = browser_page
    sign_in(page, open_account("ada"))
    for path in ("", "new/", "new/openai/", "new/other/"):
        page.goto(f"/settings/providers/{path}")
        axe(page)
