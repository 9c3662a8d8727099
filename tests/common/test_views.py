from typing import Any

import pytest
from django.test import Client

from plumbmark.common import navigation, views
from plumbmark.common.htmx import wants_fragment


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


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x", ""])
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
    assert "The form had expired" in answer.content.decode()


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

    navigation.add_nav_item("Second", "account_login", order=20)
    navigation.add_nav_item("First", "help", order=10)

    page = client.get("/help/").content.decode()
    assert 'href="/help/" aria-current="page">First' in page
    assert page.index(">First<") < page.index(">Second<")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"HX-Request": "true"}, False),
        ({"HX-Request": "true", "HX-Request-Type": "partial"}, True),
        ({"HX-Request": "true", "HX-Request-Type": "full"}, False),
        ({"HX-History-Restore-Request": "true"}, False),
    ],
)
def test_a_fragment_goes_only_to_who_asked_for_one(
    rf: Any, headers: dict[str, str], expected: bool
) -> None:
    assert wants_fragment(rf.get("/", headers=headers)) is expected
