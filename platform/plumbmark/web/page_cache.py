"""Cache of whole pages for anonymous readers, in the process.

A page that is the same for everyone without a session is rendered once, and served again as long as
its fingerprint is unchanged: a text that the view reads cheaply and that changes whenever the
page's content does. The ETag comes from the same fingerprint, so that a reader who has the page
already needs no rendering at all.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeGuard

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language

import plumbmark
from plumbmark.common.etags import not_modified, tag
from plumbmark.web import theme
from plumbmark.web.compression import compress_page

_MAX_BYTES = 16 * 1024 * 1024
_ACCEPTS_GZIP = re.compile(r"\bgzip\b")  # what `GZipMiddleware` takes for a yes
_VARY = ("Cookie", "Accept-Language")


@dataclass(slots=True)
class _CachedPage:
    content_type: str
    body: bytes
    packed: bytes | None = None
    """The same gzipped, once a reader has requested it."""
    disposition: str = ""
    """The name of a file that is no page, as its header has it."""

    @property
    def size(self) -> int:
        return len(self.body) + len(self.packed or b"")


class PageCache:
    """The pages used last, up to a number of bytes. Safe between threads."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._most = max_bytes
        self._bytes = 0
        self._pages: OrderedDict[str, _CachedPage] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> _CachedPage | None:
        with self._lock:
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
            return page

    def put(self, key: str, page: _CachedPage) -> None:
        with self._lock:
            old = self._pages.pop(key, None)
            self._bytes += page.size - (old.size if old else 0)
            self._pages[key] = page
            while self._bytes > self._most:
                _, dropped = self._pages.popitem(last=False)
                self._bytes -= dropped.size

    def clear(self) -> None:
        with self._lock:
            self._pages.clear()
            self._bytes = 0

    def __len__(self) -> int:
        return len(self._pages)


page_cache = PageCache()


def is_stranger(request: HttpRequest) -> bool:
    """Return whether the request is anonymous: no session and no message."""
    return (
        settings.SESSION_COOKIE_NAME not in request.COOKIES
        and CookieStorage.cookie_name not in request.COOKIES
    )


def same_for_strangers(
    request: HttpRequest, fingerprint: str, render: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Return an anonymous visitor's page: a 304, the cached page, or what `render` returns.

    `fingerprint` must be read before `render` reads anything: then a change in between can only
    cause another rendering, never an old page under a new fingerprint.
    """
    shown_as = (plumbmark.__version__, get_language(), theme.theme_of(request), fingerprint)
    version = hashlib.sha256(repr(shown_as).encode()).hexdigest()[:32]
    response = not_modified(request, version)
    if response is None:
        response = tag(_page(request, version, render), version)
        if response.has_header("Content-Encoding"):
            # As `GZipMiddleware` has it: the same page, but not the same bytes.
            response["ETag"] = f"W/{response['ETag']}"
    patch_vary_headers(response, _VARY)
    return response


def _page(
    request: HttpRequest, version: str, render: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    # The path with its query: pages lead back to themselves.
    key = f"{version} {request.get_full_path()}"
    page = page_cache.get(key)
    if page is None:
        response = render()
        if not _may_be_kept(response, request):
            return response
        disposition = response.headers.get("Content-Disposition", "")
        page = _CachedPage(response.headers["Content-Type"], response.content, None, disposition)
        page_cache.put(key, page)
    if not _ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", "")):
        return _respond(page, page.body)
    if page.packed is None:
        # Without the random padding of `GZipMiddleware`: an anonymous reader's page has no secret.
        page = replace(page, packed=compress_page(page.body))
        page_cache.put(key, page)
    response = _respond(page, page.packed or b"")
    response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ("Accept-Encoding",))
    return response


def _respond(page: _CachedPage, body: bytes) -> HttpResponse:
    response = HttpResponse(body, content_type=page.content_type)
    if page.disposition:
        response["Content-Disposition"] = page.disposition
    return response


def _may_be_kept(response: HttpResponseBase, request: HttpRequest) -> TypeGuard[HttpResponse]:
    """Return whether a page is the same for all readers: no cookie set, no CSRF token in a form."""
    return (
        isinstance(response, HttpResponse)
        and response.status_code == 200
        and not response.cookies
        and "CSRF_COOKIE" not in request.META
    )
