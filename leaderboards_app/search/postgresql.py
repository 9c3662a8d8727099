"""The index on PostgreSQL: indexes of expressions over the entries, kept by the database."""

import logging
from collections.abc import Iterable, Sequence

from django.db import DatabaseError, connection, transaction

from leaderboards_app.models import SearchEntry
from leaderboards_app.search.fragments import Fragment
from leaderboards_app.search.words import may_be_a_beginning

log = logging.getLogger(__name__)

TABLE = "leaderboards_searchentry"
_TITLE = "title_words"
_ANYWHERE = "(title_words || ' ' || text_words)"
_PADDED_TITLE = "(' ' || title_words || ' ')"
_TRIGRAM_INDEX = "searchentry_by_trigrams"


def _vector(text: str) -> str:
    """Return an expression for the words of a text, by their stems and as they are."""
    forms = (f"to_tsvector('{name}'::regconfig, {text})" for name in ("english", "simple"))
    return f"({' || '.join(forms)})"


INDEXES = {
    "searchentry_by_title": f"USING gin ({_vector(_TITLE)})",
    "searchentry_by_text": f"USING gin ({_vector(_ANYWHERE)})",
}


class PostgresIndex:
    """Only letters and digits reach `to_tsquery`, so nothing in a query is taken for its syntax."""

    def with_words(self, words: Sequence[str], *, in_titles: bool) -> Fragment:
        parts = " && ".join(
            ["(to_tsquery('english', %s) || to_tsquery('simple', %s))"] * len(words)
        )
        last = f"{words[-1]}:*" if may_be_a_beginning(words[-1]) else words[-1]
        plain = [*words[:-1], last]
        parameters = [one for pair in zip(words, plain, strict=True) for one in pair]
        vector = _vector(_TITLE if in_titles else _ANYWHERE)
        return Fragment(f"SELECT id FROM {TABLE} WHERE {vector} @@ ({parts})", parameters)

    def with_parts(self, parts: Sequence[str]) -> Fragment:
        wanted = " OR ".join([f"{_PADDED_TITLE} LIKE %s"] * len(parts))
        return Fragment(f"SELECT id FROM {TABLE} WHERE {wanted}", [f"%{part}%" for part in parts])

    def store(self, entries: Iterable[SearchEntry]) -> None:
        """Do nothing: the database keeps its indexes itself."""

    def clear(self) -> None:
        with connection.cursor() as cursor:
            for name, definition in INDEXES.items():
                cursor.execute(f"DROP INDEX IF EXISTS {name}")
                cursor.execute(f"CREATE INDEX {name} ON {TABLE} {definition}")
        self._index_trigrams()

    def _index_trigrams(self) -> None:
        """Index titles for misspelt words if the extension is there or can be created.

        Without it such words are found all the same, by reading all titles.
        """
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                cursor.execute(f"DROP INDEX IF EXISTS {_TRIGRAM_INDEX}")
                cursor.execute(
                    f"CREATE INDEX {_TRIGRAM_INDEX} ON {TABLE} USING gin "
                    f"({_PADDED_TITLE} gin_trgm_ops)"
                )
        except DatabaseError as error:
            log.warning("search without pg_trgm, slower on misspelt words: %s", error)
