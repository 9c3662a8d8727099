"""The full-text index below the search: one interface, an implementation for each database.

An index finds the numbers of entries. It knows nothing of visibility: `queries` does.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from django.db import connection

from leaderboards_app.models import SearchEntry
from leaderboards_app.search.fragments import Fragment
from leaderboards_app.search.postgresql import PostgresIndex
from leaderboards_app.search.sqlite import SqliteIndex


class SearchIndex(Protocol):
    """All words are of `words.words_of`: letters and digits, in lower case."""

    def with_words(self, words: Sequence[str], *, in_titles: bool) -> Fragment:
        """Return a query of the entries that have each word in some form. The last one may be
        the beginning of a word.
        """
        ...

    def with_parts(self, parts: Sequence[str]) -> Fragment:
        """Return a query of the entries whose titles have one of these parts of words."""
        ...

    def store(self, entries: Iterable[SearchEntry]) -> None:
        """Index entries that are new or have changed."""
        ...

    def clear(self) -> None:
        """Make the index anew, empty."""
        ...


def search_index() -> SearchIndex:
    """Return the index of the database in use."""
    return PostgresIndex() if connection.vendor == "postgresql" else SqliteIndex()
