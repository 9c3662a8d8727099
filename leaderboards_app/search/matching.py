"""Which entries match a query, in order. All in the database, in a query of its own.

The ORM alone takes longer to write such a query than the database to answer it. So it writes the
part that says what a visitor sees, and that part is kept for strangers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from benchmarks_app.queries import visible_benchmarks
from leaderboards_app.models import SearchEntry
from leaderboards_app.search.documents import Kind
from leaderboards_app.search.fragments import Fragment
from leaderboards_app.search.index import search_index
from leaderboards_app.search.words import SearchQuery, SlipCounter, intact_parts
from plumbmark.accounts.models import User
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import visible_namespaces
from plumbmark.gateway.queries import visible_models
from tasks_app.authoring.queries import visible_tasks

BEST = 5
MAX_SIMILAR = 500
"""Titles with similar parts that are compared with the query letter by letter."""
_COLUMNS = ("id", "kind", "names", "title_words")
_SHOWN = (
    *("id", "topic", "benchmark__title", "benchmark__slug", "benchmark__claim"),
    *("benchmark__namespace__handle", "task__title", "task__slug", "task__summary"),
    *("task__namespace__handle", "model__name", "model__slug", "model__maker"),
    *("namespace__handle", "namespace__display_name", "namespace__bio"),
)
_EXACT, _BEGINNING, _TITLE, _TEXT, _SIMILAR = range(5)


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that matches; `tier` and `title` put matches of one kind in order."""

    pk: int
    kind: str
    tier: int
    title: str

    @property
    def order(self) -> tuple[int, int, str, int]:
        return self.tier, len(self.title), self.title, self.pk

    @property
    def is_similar(self) -> bool:
        return self.tier >= _SIMILAR


@dataclass(frozen=True, slots=True)
class Matches:
    """Matches of words, and how many there are of each kind."""

    best: Sequence[Match]
    """The best `BEST` of each kind."""
    page: Sequence[Match]
    """Those that were asked for, in order."""
    counts: Mapping[str, int]


def visible_entries(*, to: Visitor) -> QuerySet[SearchEntry]:
    """Return the entries of what the visitor sees in lists: the things' own rules decide."""

    def of(things: QuerySet[Any], key: str) -> Exists:
        return Exists(things.order_by().filter(pk=OuterRef(key)))

    namespace = getattr(to, "namespace", None)
    # The kind first: SQLite looks no further where it is another one.
    return SearchEntry.objects.filter(
        Q(kind=Kind.BENCHMARK) & Q(of(visible_benchmarks(to=to), "benchmark_id"))
        | Q(kind=Kind.TASK) & Q(of(visible_tasks(to=to), "task_id"))
        | Q(kind=Kind.MODEL) & Q(of(visible_models(to=namespace), "model_id"))
        | Q(kind=Kind.PERSON) & Q(of(visible_namespaces(), "namespace_id"))
        | Q(kind=Kind.HELP)
    )


def find_words(query: SearchQuery, *, to: Visitor, kind: str, limit: int, offset: int) -> Matches:
    """Find entries with all words, and return a slice of each kind, or of one. One query."""
    index = search_index()
    visible = _visible(to)
    anywhere = index.with_words(query.words, in_titles=False)
    in_titles = index.with_words(query.words, in_titles=True)
    sql = f"""
        SELECT id, kind, tier, title_words, n, place FROM (
            SELECT matched.*, COUNT(*) OVER (PARTITION BY kind) AS n, ROW_NUMBER() OVER (
                PARTITION BY kind ORDER BY tier, LENGTH(title_words), title_words, id
            ) AS place
            FROM (
                SELECT seen.id, seen.kind, seen.title_words, CASE
                    WHEN seen.names LIKE %s THEN {_EXACT}
                    WHEN seen.title_words LIKE %s THEN {_BEGINNING}
                    WHEN seen.id IN ({in_titles.sql}) THEN {_TITLE}
                    ELSE {_TEXT}
                END AS tier
                FROM ({visible.sql}) AS seen WHERE seen.id IN ({anywhere.sql})
            ) AS matched
        ) AS placed
        WHERE place <= {BEST} OR place > %s AND place <= %s AND (kind = %s OR %s = '')
        ORDER BY kind, place"""
    parameters = [
        *(f"%\n{query.phrase}\n%", f"{query.phrase}%"),
        *in_titles.parameters,
        *visible.parameters,
        *anywhere.parameters,
        *(offset, offset + limit, kind, kind),
    ]
    counts: dict[str, int] = {}
    best, page = [], []
    for pk, found_kind, tier, title, count, place in _rows(sql, parameters):
        match = Match(pk, found_kind, tier, title)
        counts[found_kind] = count
        if place <= BEST:
            best.append(match)
        if offset < place <= offset + limit and kind in ("", found_kind):
            page.append(match)
    return Matches(best, page, counts)


def find_similar(query: SearchQuery, *, to: Visitor) -> list[Match]:
    """Return titles in which each word of the query is, with a letter or two wrong. One query."""
    index = search_index()
    visible = _visible(to)
    parameters = list(visible.parameters)
    conditions = []
    for word in query.words:
        ways = [index.with_words([word], in_titles=True)]
        if parts := intact_parts(word):
            ways.append(index.with_parts(parts))
        conditions.append(f"seen.id IN ({' UNION '.join(way.sql for way in ways)})")
        parameters += [one for way in ways for one in way.parameters]
    sql = (
        f"SELECT seen.id, seen.kind, seen.title_words FROM ({visible.sql}) AS seen "
        f"WHERE {' AND '.join(conditions)} ORDER BY seen.id DESC LIMIT {MAX_SIMILAR}"
    )
    count = SlipCounter(query)
    return [
        Match(pk, kind, _SIMILAR + slips, title)
        for pk, kind, title in _rows(sql, parameters)
        if (slips := count.in_title(title)) is not None
    ]


def read_shown(ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return what results show of their things, by the names of `_SHOWN`. One query."""
    shown = _shown(connection.vendor)
    places = ", ".join(["%s"] * len(ids))
    rows = _rows(
        f"SELECT * FROM ({shown.sql}) AS shown WHERE shown.id IN ({places})",
        [*shown.parameters, *ids],
    )
    return [dict(zip(_SHOWN, row, strict=True)) for row in rows]


@cache
def _shown(vendor: str) -> Fragment:
    """Return a query of all entries; databases write SQL of their own."""
    entries = SearchEntry.objects.order_by().values_list(*_SHOWN)
    return Fragment(*entries.query.sql_with_params())


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _visible(visitor: Visitor) -> Fragment:
    if isinstance(visitor, User):
        return _written(visible_entries(to=visitor))
    return _visible_to_strangers(connection.vendor)


@cache
def _visible_to_strangers(vendor: str) -> Fragment:
    """Return the same for everybody who is not signed in; databases write SQL of their own."""
    return _written(visible_entries(to=AnonymousUser()))


def _written(entries: QuerySet[SearchEntry]) -> Fragment:
    return Fragment(*entries.values_list(*_COLUMNS).query.sql_with_params())
