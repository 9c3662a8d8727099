"""Every page: accessible in both themes, nothing blocked, nothing wider than a phone."""

from collections.abc import Callable
from typing import Any

import pytest

from plumbmark.gateway.models import Call, Exchange

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIGNED_IN = [
    "/",
    "/gallery/",
    "/gallery/?sort=n",
    "/people/keeper/",
    "/playground/",
    "/staff/status/",
    "/settings/profile/",
    "/settings/sessions/",
    "/settings/tokens/",
    "/settings/theme/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
]
ANYBODY = [
    "/",
    "/help/",
    "/help/readers/boards/",
    "/help/authors/definitions/",
    "/api/v1/docs",
    "/api/v1/docs/runs",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/confirm-email/wrong/",
    "/accounts/password/reset/key/1-wrong/",
    "/nothing-here/",
]
ADMINISTRATION = [
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/namespace/",
    "/admin/accounts/apitoken/",
]


@pytest.fixture
def keeper(open_account: Callable[..., Any]) -> Any:
    return open_account("keeper", is_administrator=True)


def test_pages_for_anybody_are_accessible(browser_page: Any, axe: Callable[[Any], None]) -> None:
    for path in ANYBODY:
        browser_page.goto(path)
        axe(browser_page)


def test_pages_of_a_person_are_accessible(
    browser_page: Any,
    axe: Callable[[Any], None],
    keeper: Any,
    sign_in: Callable[..., None],
) -> None:
    sign_in(browser_page, keeper)
    for path in SIGNED_IN:
        browser_page.goto(path)
        axe(browser_page)


def test_nothing_is_blocked_by_the_policy_and_only_tables_scroll_sideways(
    new_page: Callable[..., Any], keeper: Any, sign_in: Callable[..., None]
) -> None:
    page = new_page(width=320)
    sign_in(page, keeper)
    for path in SIGNED_IN + ANYBODY:
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, f"{path} is {width} px wide"


def test_a_call_is_accessible_and_reads_on_a_phone_without_scripts(
    browser_page: Any,
    new_page: Callable[..., Any],
    axe: Callable[[Any], None],
    keeper: Any,
    sign_in: Callable[..., None],
) -> None:
    from plumbmark.gateway.storage.records import compress, exchange_bytes
    from tests.gateway import rows

    deployment = rows.deployment("http://127.0.0.1:1/v1", "m" * 80)
    call = Call.objects.create(
        grant=rows.grant(keeper.namespace, deployment),
        deployment=deployment,
        status="failed",
        error_code="http-500",
        error_message="x" * 300,
        attempts=[{"at": 1.0, "ms": 20, "waited_ms": 0, "status": 500}],
        started_at="2026-01-01T00:00Z",
    )
    body = compress(exchange_bytes(b'{"model": "%b"}' % (b"m" * 900), {"error": "y" * 900}))
    Exchange.objects.create(call=call, body=body, hash="h1:")

    sign_in(browser_page, keeper)
    for path in (f"/calls/{call.pk}/", "/quota/"):
        browser_page.goto(path)
        axe(browser_page)
    narrow = new_page(width=320, javascript=False)
    sign_in(narrow, keeper)
    narrow.goto("/quota/")
    narrow.get_by_label("Id of the call").fill(str(call.pk))
    narrow.get_by_role("button", name="Open").click()
    for title in ("1 attempt", "Raw request", "Raw response"):
        narrow.get_by_text(title, exact=True).first.click()

    assert narrow.get_by_role("heading", level=1).inner_text() == "Call of a model"
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_administration_works_under_the_policy(
    new_page: Callable[..., Any], keeper: Any, sign_in: Callable[..., None]
) -> None:
    page = new_page()
    sign_in(page, keeper)
    for path in ADMINISTRATION:
        answer = page.goto(path)
        assert answer.status == 200, path
    page.goto(f"/admin/accounts/user/{keeper.pk}/change/")
    # The two-column chooser is built by the administration's own scripts.
    page.locator(".selector-available").first.wait_for()


def test_each_page_has_one_h1_and_a_title(new_page: Callable[..., Any]) -> None:
    page = new_page()
    for path in ANYBODY:
        page.goto(path)
        assert page.locator("h1").count() == 1, path
        assert page.title().endswith("· Plumbmark"), path


def test_htmx_comes_where_it_is_used_and_injects_no_style(
    new_page: Callable[..., Any], keeper: Any, sign_in: Callable[..., None]
) -> None:
    page = new_page()
    page.goto("/help/")
    assert page.evaluate("typeof htmx") == "undefined"

    sign_in(page, keeper)
    page.goto("/gallery/")
    assert page.evaluate("htmx.version").startswith("4.0.1")
    assert page.evaluate("document.adoptedStyleSheets.length") == 0
    assert page.locator("style").count() == 0


def test_a_time_is_shown_in_the_reader_s_words(
    new_page: Callable[..., Any], keeper: Any, sign_in: Callable[..., None]
) -> None:
    page = new_page()
    sign_in(page, keeper)
    page.goto("/gallery/")

    shown = page.locator("relative-time time").first
    assert "UTC" not in shown.inner_text()
    assert "UTC" in shown.get_attribute("title")


def test_a_fragment_posts_with_its_csrf_token_and_shows_the_refused_form(
    new_page: Callable[..., Any], keeper: Any, sign_in: Callable[..., None]
) -> None:
    page = new_page()
    sign_in(page, keeper)
    page.goto("/gallery/")
    page.evaluate(
        """() => {
            const main = document.getElementById("main");
            main.innerHTML = '<button hx-post="/settings/tokens/new/" hx-target="#main" '
                + 'hx-select="#main > *">Send</button>';
            htmx.process(main);
        }"""
    )

    with page.expect_response("**/settings/tokens/new/") as answer:
        page.get_by_role("button", name="Send").click()

    assert answer.value.status == 422
    page.get_by_text("Please correct the fields below.").wait_for()
