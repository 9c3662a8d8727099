"""Pages kept for strangers: who gets them, who never does, when they are dropped."""

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.test import RequestFactory

from plumbmark.web.page_cache import (
    PageCache,
    _CachedPage,
    is_stranger,
    page_cache,
    same_for_strangers,
)

PAGE = "a page of some length " * 40


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    page_cache.clear()
    yield
    page_cache.clear()


class Rendering:
    """Counts how often the page is made, and numbers each."""

    def __init__(self, change: Callable[[HttpRequest, HttpResponse], Any] | None = None) -> None:
        self.times = 0
        self._change = change

    def ask(self, fingerprint: str = "one", path: str = "/x/", **headers: str) -> Any:
        request = RequestFactory().get(path, headers=headers)

        def render() -> HttpResponse:
            self.times += 1
            response = HttpResponse(f"{PAGE}{self.times}")
            if self._change:
                self._change(request, response)
            return response

        return same_for_strangers(request, fingerprint, render)


def test_a_page_is_rendered_once_for_each_fingerprint_and_address() -> None:
    page = Rendering()

    assert page.ask().content == page.ask().content
    assert page.times == 1
    page.ask(fingerprint="two")
    page.ask(path="/x/?sort=cost")
    assert page.times == 3
    page.ask()
    assert page.times == 3


def test_the_theme_and_the_fingerprint_make_the_etag() -> None:
    page = Rendering()

    light = page.ask(Cookie="theme=light")
    dark = page.ask(Cookie="theme=dark")

    assert page.times == 2
    assert light["ETag"] != dark["ETag"] != page.ask(fingerprint="two")["ETag"]
    assert page.ask(Cookie='theme="\\012\\"x"')["ETag"] == page.ask()["ETag"]


def test_a_reader_who_has_the_page_gets_a_304_without_a_rendering() -> None:
    page = Rendering()
    etag = page.ask()["ETag"]
    page_cache.clear()

    unchanged = page.ask(**{"If-None-Match": f"W/{etag}"})

    assert unchanged.status_code == 304
    assert page.times == 1
    assert page.ask("two", **{"If-None-Match": etag}).status_code == 200


def test_the_packed_page_is_the_same_page() -> None:
    page = Rendering()
    plain = page.ask()

    packed = page.ask(**{"Accept-Encoding": "br, gzip;q=0.8"})

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed.content == page.ask(**{"Accept-Encoding": "gzip"}).content
    assert packed["ETag"] == f"W/{plain['ETag']}"
    assert page.times == 1
    assert "Content-Encoding" not in page.ask()


def test_caches_on_the_way_are_told_what_the_page_depends_on() -> None:
    page = Rendering()

    for response in (page.ask(), page.ask(**{"Accept-Encoding": "gzip"})):
        assert {"Cookie", "Accept-Language"} <= set(response["Vary"].split(", "))
        assert response["Cache-Control"] == "no-cache"
    assert "Accept-Encoding" in response["Vary"]
    unchanged = page.ask(**{"If-None-Match": response["ETag"]})
    assert unchanged.status_code == 304
    assert "Cookie" in unchanged["Vary"]


@pytest.mark.parametrize(
    "change",
    [
        lambda request, response: response.set_cookie("seen", "1"),
        lambda request, response: get_token(request),
        lambda request, response: setattr(response, "status_code", 404),
    ],
    ids=["a cookie", "a token for forms", "no success"],
)
def test_what_belongs_to_one_reader_is_not_kept(
    change: Callable[[HttpRequest, HttpResponse], Any],
) -> None:
    page = Rendering(change)

    page.ask()
    page.ask()

    assert page.times == 2
    assert len(page_cache) == 0


@pytest.mark.parametrize("cookie", ["sessionid=x", "messages=x"])
def test_nobody_with_a_session_or_a_message_is_a_stranger(cookie: str) -> None:
    assert not is_stranger(RequestFactory().get("/", headers={"Cookie": cookie}))
    assert is_stranger(RequestFactory().get("/", headers={"Cookie": "theme=dark; csrftoken=x"}))


def test_the_pages_used_last_stay_within_the_bytes() -> None:
    pages = PageCache(max_bytes=1000)
    for name in "abc":
        pages.put(name, _CachedPage("text/html", b"x" * 300))
    pages.get("a")

    pages.put("d", _CachedPage("text/html", b"x" * 300))

    assert [name for name in "abcd" if pages.get(name)] == ["a", "c", "d"]
    pages.put("a", _CachedPage("text/html", b"x" * 300, b"x" * 500))
    assert [name for name in "abcd" if pages.get(name)] == ["a"]
    pages.put("e", _CachedPage("text/html", b"x" * 2000))
    assert len(pages) == 0
