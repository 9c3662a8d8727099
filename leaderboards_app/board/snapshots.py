"""Content of a board's page from a snapshot, kept in the process: snapshots never change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, overload
from urllib.parse import urlencode

import orjson
from django.core.paginator import Page, Paginator
from django.db.models import Case, TextField, Value, When
from django.db.models.functions import Cast
from django.http import QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString

from leaderboards_app.board.arrangement import Arrangement, arrange
from leaderboards_app.board.columns import ScoreColumn, choose_columns, choose_score_columns
from leaderboards_app.board.excerpts import ROWS_OF_A_PAGE, read_excerpt
from leaderboards_app.board.filters import PARAMETERS as FILTER_PARAMETERS
from leaderboards_app.board.rows import Row
from leaderboards_app.board.table import board_rows
from leaderboards_app.figures.dot_plot import Figure, figure_of
from leaderboards_app.figures.scatter import Scatter, scatters_of
from leaderboards_app.models import Standings
from leaderboards_app.weights.addresses import MAX_LENGTH as MAX_WEIGHTS_LENGTH
from leaderboards_app.weights.addresses import PARAMETER as WEIGHTS
from leaderboards_app.weights.queries import tags_of_tasks
from plumbmark.web.compiled_queries import CompiledQuery
from plumbmark.web.numbers import format_score

_SNAPSHOTS_KEPT = 32
_VIEWS_KEPT = 128

Query = tuple[tuple[str, str], ...]
"""The parameters that a board knows, as sorted pairs."""

PARAMETERS = ("columns", "open", "page", "scope", "sort", "weights", *FILTER_PARAMETERS)
_MAX_CHARACTERS = {"columns": 200, WEIGHTS: MAX_WEIGHTS_LENGTH}
"""Read of a parameter; 200 of all others."""
_OF_THE_TABLE = {"page", "columns", "open", WEIGHTS}
"""Parameters that change the table and no figure."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A row of `Standings`."""

    public_id: str
    number: int
    content_hash: str
    created_at: datetime
    content: Mapping[str, Any]
    has_slices: bool = False
    """Whether its scores by slice are stored."""
    slice_counts: Sequence[Mapping[str, Any]] = ()
    """Counts of the items of slices: `slices.queries.read_counts` reads them."""

    def get_absolute_url(self) -> str:
        return reverse("leaderboards:snapshot", args=[self.public_id])


@dataclass(frozen=True, slots=True)
class BoardPage:
    """A snapshot as requested by one reader."""

    snapshot: Snapshot
    arranged: Arrangement
    page: Page[Row]
    """Of the rows of `arranged.main`."""
    columns: tuple[str, ...]
    """The columns that are shown besides rank, model and score."""
    score_columns: Sequence[ScoreColumn]
    """The columns of groups, tasks and further metrics that are shown."""
    main_rows: SafeString
    figure: Figure | None
    scatters: Sequence[Scatter]
    bounds: Sequence[Mapping[str, Any]]
    """Of the unranked rows, on the first page."""
    bounds_left_out: int


def query_of(parameters: QueryDict) -> Query:
    """Return the parameters of an address that a board knows. Several columns become one text."""
    return tuple(
        (
            name,
            (",".join(parameters.getlist(name)) if name == "columns" else value)[
                : _MAX_CHARACTERS.get(name, 200)
            ],
        )
        for name in PARAMETERS
        if (value := parameters.get(name)) is not None
    )


@dataclass(frozen=True, slots=True)
class _Opening:
    """A snapshot as far as its opening page needs it."""

    snapshot: Snapshot
    excerpt: Mapping[str, Any] | None
    """The document of an excerpt; without one the snapshot has all rows."""


@lru_cache(maxsize=_SNAPSHOTS_KEPT)
def _open_snapshot(public_id: str) -> _Opening:
    row = _openings.first(public_id=public_id)
    if row is None:
        raise Standings.DoesNotExist(f"no standings {public_id}")
    number, content_hash, created_at, excerpt_text, content_text, has_slices, counts = row
    excerpt = orjson.loads(excerpt_text) if excerpt_text else None
    content = excerpt["content"] if excerpt else orjson.loads(content_text)
    snapshot = Snapshot(
        *(public_id, number, content_hash, created_at, content),
        has_slices=bool(has_slices),
        slice_counts=orjson.loads(counts) if counts else (),
    )
    return _Opening(snapshot, excerpt)


@lru_cache(maxsize=_SNAPSHOTS_KEPT)
def snapshot_of(public_id: str) -> Snapshot:
    """Return a snapshot with all of its rows, read and parsed once per process."""
    opening = _open_snapshot(public_id)
    if opening.excerpt is None:
        return opening.snapshot
    row = _contents.first(public_id=public_id)
    if row is None:
        raise Standings.DoesNotExist(f"no standings {public_id}")
    return replace(opening.snapshot, content=orjson.loads(row[0]))


def forget_snapshots() -> None:
    """Empty the caches of this process."""
    for cache in (_open_snapshot, snapshot_of, render_board_page):
        cache.cache_clear()


# As text: the ORM's own reading of a long board takes as long as its table takes to draw.
_contents = CompiledQuery(
    lambda public_id: Standings.objects.filter(public_id=public_id).values_list(
        Cast("content", TextField())
    ),
    "public_id",
)
_openings = CompiledQuery(
    lambda public_id: Standings.objects.filter(public_id=public_id).values_list(
        "number",
        "content_hash",
        "created_at",
        Cast("excerpt", TextField()),
        Case(When(excerpt__isnull=True, then=Cast("content", TextField()))),
        Case(When(slice_results__isnull=False, then=Value(1)), default=Value(0)),
        Cast("slice_results__counts", TextField()),
    ),
    "public_id",
)


def arrange_snapshot(public_id: str, query: Query) -> tuple[Arrangement, Mapping[str, Any]]:
    """Return a snapshot's rows as the query asks, and its content."""
    content = snapshot_of(public_id).content
    return arrange(content, dict(query)), content


def figure_address(public_id: str, query: Query, name: str = "", *, size: str = "") -> str:
    """Return the address of a drawing of the rows that the query shows. Without a name it is the
    figure of all scores.
    """
    if name:
        address = reverse("leaderboards:named_figure", args=[public_id, name])
    else:
        address = reverse("leaderboards:figure", args=[public_id])
    return address + file_query((*query, ("size", size)) if size else query)


def file_query(query: Query) -> str:
    """Return the parameters that files and figures follow, to be put after an address."""
    parameters = [pair for pair in query if pair[0] not in _OF_THE_TABLE]
    return f"?{urlencode(parameters)}" if parameters else ""


def figure_files(public_id: str, query: Query, name: str) -> dict[str, str]:
    """Return the addresses of a figure's picture and numbers, and of the code that embeds it."""
    parameters = file_query(query)
    addresses = {
        "png_url": reverse("leaderboards:figure_png", args=[public_id, name]),
        "csv_url": reverse("leaderboards:figure_csv", args=[public_id, name]),
        "cite_url": reverse("leaderboards:cite", args=[public_id]),
    }
    found = {key: address + parameters for key, address in addresses.items()}
    found["cite_url"] += f"#figure-{name}"
    return found


@lru_cache(maxsize=_VIEWS_KEPT)
def render_board_page(public_id: str, language: str, query: Query) -> BoardPage:
    """Render the page; `language` is only part of the key: the texts are in the active one."""
    opening = None if query else _open_snapshot(public_id)
    if opening is not None and opening.excerpt is not None:
        excerpt = read_excerpt(opening.excerpt)
        snapshot, arranged, columns = opening.snapshot, excerpt.arranged, excerpt.columns
    else:
        snapshot = snapshot_of(public_id)
        tags = tags_of_tasks(public_id) if WEIGHTS in dict(query) else ()
        arranged = arrange(snapshot.content, dict(query), tags)
        columns = choose_columns(dict(query).get("columns"), snapshot.content)
    content = snapshot.content
    rows = Paginator(_CountedRows(arranged.main, arranged.main_count), ROWS_OF_A_PAGE)
    page = rows.get_page(dict(query).get("page"))
    apart = arranged.apart if page.number == 1 else []
    score_columns = choose_score_columns(columns, content, dict(query).get("open", ""))
    return BoardPage(
        snapshot=snapshot,
        arranged=arranged,
        page=page,
        columns=columns,
        score_columns=score_columns,
        main_rows=board_rows(
            list(page.object_list),
            content,
            arranged.scope,
            columns,
            score_columns=score_columns,
            yours=arranged.yours,
            comparisons=reverse("leaderboards:compare_rows", args=[public_id]),
        ),
        figure=figure_of(arranged, content),
        scatters=scatters_of(arranged, content),
        bounds=[_bounds(row, content["metric"]) for row in apart[:ROWS_OF_A_PAGE]],
        bounds_left_out=max(0, arranged.apart_count - ROWS_OF_A_PAGE) if apart else 0,
    )


class _CountedRows(Sequence[Row]):
    """Rows of which the first ones may stand for a longer list, whose length is known."""

    def __init__(self, rows: Sequence[Row], count: int) -> None:
        self._rows = rows
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        return self._rows[index]


def _bounds(row: Mapping[str, Any], metric: Mapping[str, Any]) -> dict[str, Any]:
    """Return an unranked row with the best and the worst score still possible."""
    score = row["score"] or {}
    return {
        "row": row,
        "value": format_score(score.get("value"), metric),
        "worst": format_score(score.get("worst"), metric),
        "best": format_score(score.get("best"), metric),
    }
