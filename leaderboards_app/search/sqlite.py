"""The index on SQLite: FTS5 tables beside the entries, by the same numbers."""

from collections.abc import Iterable, Sequence

from django.db import connection

from leaderboards_app.models import SearchEntry
from leaderboards_app.search.fragments import Fragment
from leaderboards_app.search.words import may_be_a_beginning

STEMS, WORDS, TRIGRAMS = (
    "leaderboards_search_stems",
    "leaderboards_search_words",
    "leaderboards_search_trigrams",
)
TABLES = {
    STEMS: "title, text, tokenize='porter unicode61'",
    WORDS: "title, text, tokenize='unicode61', prefix='1 2 3'",
    TRIGRAMS: "title, tokenize='trigram'",
}
"""Words by their stems; words as they are, for beginnings; all threes of characters of titles."""


class SqliteIndex:
    """Only quoted words reach FTS5, so nothing in a query is taken for its syntax."""

    def with_words(self, words: Sequence[str], *, in_titles: bool) -> Fragment:
        column = "{title} : " if in_titles else ""
        *whole, last = words
        sql = f"SELECT rowid FROM {STEMS} WHERE {STEMS} MATCH %s"
        parameters = [f'{column}("{last}")']
        if may_be_a_beginning(last):
            sql += f" UNION SELECT rowid FROM {WORDS} WHERE {WORDS} MATCH %s"
            parameters.append(f'{column}("{last}" *)')
        if whole:
            stems = " AND ".join(f'"{word}"' for word in whole)
            # Each is read once; as a condition of the other it would be read for every row.
            sql = (
                f"SELECT rowid FROM {STEMS} WHERE {STEMS} MATCH %s "
                f"INTERSECT SELECT rowid FROM ({sql})"
            )
            parameters.insert(0, f"{column}({stems})")
        return Fragment(sql, parameters)

    def with_parts(self, parts: Sequence[str]) -> Fragment:
        match = " OR ".join(f'"{part}"' for part in parts)
        return Fragment(f"SELECT rowid FROM {TRIGRAMS} WHERE {TRIGRAMS} MATCH %s", [match])

    def store(self, entries: Iterable[SearchEntry]) -> None:
        rows = [(one.pk, one.title_words, one.text_words) for one in entries]
        ids = [(row[0],) for row in rows]
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.executemany(f"DELETE FROM {table} WHERE rowid = %s", ids)
            for table in (STEMS, WORDS):
                cursor.executemany(
                    f"INSERT INTO {table} (rowid, title, text) VALUES (%s, %s, %s)", rows
                )
            # Spaces around it, so that the beginning and the end of a word can be found.
            cursor.executemany(
                f"INSERT INTO {TRIGRAMS} (rowid, title) VALUES (%s, %s)",
                [(key, f" {title} ") for key, title, _text in rows],
            )

    def clear(self) -> None:
        with connection.cursor() as cursor:
            for table, definition in TABLES.items():
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
                cursor.execute(f"CREATE VIRTUAL TABLE {table} USING fts5({definition})")
