"""Pages by key: what is added meanwhile neither repeats nor hides anything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.compat.kaggle.rpc.body import Body

T = TypeVar("T")
_USUAL, _MOST = 100, 500


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    next_token: str


def page_size(body: Body) -> int:
    return min(body.integer("pageSize") or _USUAL, _MOST)


def last_id(body: Body) -> int | None:
    """Return the id after which the page begins, newest first; None: at the beginning."""
    token = body.text("pageToken")
    if not token:
        return None
    if not (token.isascii() and token.isdigit() and len(token) <= 18):
        raise InvalidInput([Problem("is not one that this server gave out", "pageToken")])
    return int(token)


def page_of(items: Sequence[T], body: Body, key: Callable[[T], int]) -> Page[T]:
    """Return a page of a short list that is sorted by descending `key`."""
    before, size = last_id(body), page_size(body)
    rest = [item for item in items if before is None or key(item) < before]
    has_more = len(rest) > size
    return Page(rest[:size], str(key(rest[size - 1])) if has_more else "")
