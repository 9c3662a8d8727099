"""The links of the header. Apps register their own pages in `AppConfig.ready`.

The base template knows no page by name, so a link exists exactly where its page does.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from django.http import HttpRequest
from django.urls import NoReverseMatch, get_urlconf, reverse
from django.utils.functional import Promise

Place = Literal["main", "person", "staff", "footer"]
"""`main`: the header; `person`: the menu of a signed-in person; `staff`: its part for staff."""


@dataclass(frozen=True, slots=True)
class NavItem:
    label: str | Promise
    url_name: str
    order: int


@dataclass(frozen=True, slots=True)
class NavLink:
    """A resolved item; `current` is `page`, `true` (somewhere below it) or empty."""

    label: str | Promise
    url: str
    current: str


_items: dict[Place, dict[str, NavItem]] = {"main": {}, "person": {}, "staff": {}, "footer": {}}

_search: list[tuple[str, str]] = []


def add_nav_item(label: str | Promise, url_name: str, *, order: int, place: Place = "main") -> None:
    """Link to the page `url_name` (without arguments) from `place`, lower orders first."""
    _items[place][url_name] = NavItem(label, url_name, order)


@lru_cache(maxsize=256)
def _address(url_name: str, urlconf: str | None) -> str:
    """Return an address without arguments, cached: looking it up a dozen times per page is
    expensive.
    """
    return reverse(url_name, urlconf)


def set_search_page(url_name: str, suggestions: str) -> None:
    """Show a search field in the header, which leads to this page; `suggestions` names what its
    script asks for while somebody types.
    """
    _search[:] = [(url_name, suggestions)]


def search_page() -> dict[str, str] | None:
    """Return the addresses of the search, if there is one here."""
    try:
        return next(
            (
                {"url": _address(page, get_urlconf()), "suggestions": _address(part, get_urlconf())}
                for page, part in _search
            ),
            None,
        )
    except NoReverseMatch:
        return None


def links_of(place: Place, request: HttpRequest) -> list[NavLink]:
    links = []
    for item in sorted(_items[place].values(), key=lambda item: item.order):
        url = _address(item.url_name, get_urlconf())
        current = ""
        if request.path == url:
            current = "page"
        elif url != "/" and request.path.startswith(url):
            current = "true"
        links.append(NavLink(item.label, url, current))
    return links
