from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from plumbmark.web import navigation, views
from plumbmark.web.page_cache import page_cache


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_kept_in_a_cookie_that_the_server_reads(client: Client, theme: str) -> None:
    answer = client.post("/theme/", {"theme": theme, "next": "/help/?a=b"})

    assert answer.headers["Location"] == "/help/?a=b"
    page = client.get("/help/").content.decode()
    assert f'data-theme="{theme}"' in page


def test_the_system_s_theme_drops_the_cookie(client: Client) -> None:
    client.post("/theme/", {"theme": "dark"})

    client.post("/theme/", {"theme": "system"})

    assert "data-theme" not in client.get("/help/").content.decode()


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "javascript:x", "", "help", "accounts:me", "a\0b"],
)
def test_the_theme_switch_leads_nowhere_else(client: Client, target: str) -> None:
    answer = client.post("/theme/", {"theme": "dark", "next": target})

    assert answer.headers["Location"] == "/"


def test_an_unknown_theme_changes_nothing(client: Client) -> None:
    answer = client.post("/theme/", {"theme": '"><script>'})

    assert "theme" not in answer.cookies


def test_the_gallery_is_for_staff(client: Client) -> None:
    assert client.get("/gallery/").status_code == 404


def test_a_form_from_elsewhere_gets_a_page_that_says_what_to_do() -> None:
    strict = Client(enforce_csrf_checks=True)

    answer = strict.post("/accounts/login/", {"login": "a@x.org", "password": "x"})

    assert answer.status_code == 403
    assert "The form has expired" in answer.content.decode()


@pytest.mark.parametrize(
    ("status", "page"),
    [
        (400, lambda request: views.bad_request(request, Exception())),
        (403, lambda request: views.permission_denied(request, Exception())),
        (404, lambda request: views.not_found(request, Exception())),
        (429, views.too_many_requests),
        (500, views.server_error),
    ],
)
def test_error_pages_need_no_database(rf: Any, status: int, page: Any) -> None:
    answer = page(rf.get("/"))

    assert answer.status_code == status
    assert answer.content.decode().count("<h1>") == 1


def test_the_header_links_to_what_apps_registered(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(navigation._items, "main", {})
    assert 'class="site-nav"' not in client.get("/help/").content.decode()

    page_cache.clear()
    navigation.add_nav_item("Second", "account_login", order=20)
    navigation.add_nav_item("First", "help", order=10)

    page = client.get("/help/").content.decode()
    assert 'href="/help/" aria-current="page">First' in page
    assert page.index(">First<") < page.index(">Second<")


@pytest.mark.django_db
def test_an_address_for_forms_leads_to_its_page_when_it_is_opened_by_itself(
    client: Client, open_account: Callable[..., Any]
) -> None:
    client.force_login(open_account("ada"))

    answer = client.get("/settings/tokens/abc/revoke/")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    page = answer.content.decode()
    assert "This address only accepts forms" in page
    assert 'href="/settings/tokens/"' in page


def test_after_an_expired_form_the_page_that_had_it_is_offered() -> None:
    strict = Client(enforce_csrf_checks=True)

    near = strict.post("/settings/tokens/new/", headers={"Referer": "http://testserver/settings/"})
    far = strict.post("/settings/tokens/new/", headers={"Referer": "https://evil.example/x"})

    assert 'href="http://testserver/settings/"' in near.content.decode()
    assert "evil.example" not in far.content.decode()


@pytest.mark.django_db
def test_who_is_not_signed_in_is_offered_to_sign_in_where_a_page_is_missing(client: Client) -> None:
    page = client.get("/nothing/here/?a=1&b=<x>").content.decode()

    assert "/accounts/login/?next=%2Fnothing%2Fhere%2F%3Fa%3D1%26b%3D" in page

    client.cookies["sessionid"] = "some"
    assert "/accounts/login/" not in client.get("/nothing/here/").content.decode()


def test_too_much_text_in_a_form_says_how_much_is_taken(client: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20

    form = client.post(
        "/theme/", b"next=" + b"x" * (3 * 2**20), content_type="application/x-www-form-urlencoded"
    )

    assert form.status_code == 413
    assert "At most 2 MiB are accepted as text" in form.content.decode()
