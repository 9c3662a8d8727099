"""What a board's page shows of a snapshot, kept in the process: snapshots never change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import orjson
from django.core.paginator import Page, Paginator
from django.db.models import TextField
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.safestring import SafeString

from leaderboards_app.arrangement import Arrangement, Row, arrange
from leaderboards_app.figure import Figure, figure_of
from leaderboards_app.models import Standings
from leaderboards_app.table import board_rows
from plumbmark.web.compiled_queries import CompiledQuery
from plumbmark.web.numbers import format_score

_SNAPSHOTS_KEPT = 32
_VIEWS_KEPT = 128

Query = tuple[tuple[str, str], ...]
"""The parameters that a board knows, as sorted pairs."""

PARAMETERS = ("maker", "page", "q", "scope", "sort")
ROWS_OF_A_PAGE = 200


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A row of `Standings`."""

    public_id: str
    number: int
    content_hash: str
    created_at: datetime
    content: Mapping[str, Any]

    def get_absolute_url(self) -> str:
        return reverse("leaderboards:snapshot", args=[self.public_id])


@dataclass(frozen=True, slots=True)
class BoardPage:
    """A snapshot as requested by one reader."""

    snapshot: Snapshot
    arranged: Arrangement
    page: Page[Row]
    """Of the rows of `arranged.main`."""
    main_rows: SafeString
    figure: Figure | None
    bounds: Sequence[Mapping[str, Any]]
    """Of the unranked rows, on the first page."""
    bounds_left_out: int


def query_of(given: Mapping[str, Any]) -> Query:
    return tuple((name, str(given[name])[:200]) for name in PARAMETERS if name in given)


@lru_cache(maxsize=_SNAPSHOTS_KEPT)
def snapshot_of(public_id: str) -> Snapshot:
    """Return a snapshot, read and parsed once per process."""
    row = _standings.first(public_id=public_id)
    if row is None:
        raise Standings.DoesNotExist(f"no standings {public_id}")
    number, content_hash, created_at, content = row
    return Snapshot(public_id, number, content_hash, created_at, orjson.loads(content))


# As text: the ORM's own reading of a long board takes as long as its table takes to draw.
_standings = CompiledQuery(
    lambda public_id: Standings.objects.filter(public_id=public_id).values_list(
        "number", "content_hash", "created_at", Cast("content", TextField())
    ),
    "public_id",
)


def arrange_snapshot(public_id: str, query: Query) -> tuple[Arrangement, Mapping[str, Any]]:
    """Return a snapshot's rows as the query asks, and its content."""
    content = snapshot_of(public_id).content
    return arrange(content, dict(query)), content


def figure_address(public_id: str, query: Query) -> str:
    """Return the address of the drawing of the rows that the query shows."""
    address = reverse("leaderboards:figure", args=[public_id])
    of_the_rows = [(name, value) for name, value in query if name != "page"]
    return f"{address}?{urlencode(of_the_rows)}" if of_the_rows else address


@lru_cache(maxsize=_VIEWS_KEPT)
def render_board_page(public_id: str, language: str, query: Query) -> BoardPage:
    """Render the page; `language` is only part of the key: the texts are in the active one."""
    arranged, content = arrange_snapshot(public_id, query)
    page = Paginator(arranged.main, ROWS_OF_A_PAGE).get_page(dict(query).get("page"))
    apart = arranged.apart if page.number == 1 else []
    return BoardPage(
        snapshot=snapshot_of(public_id),
        arranged=arranged,
        page=page,
        main_rows=board_rows(page.object_list, content, arranged.scope),
        figure=figure_of(arranged, content),
        bounds=[_bounds(row, content["metric"]) for row in apart[:ROWS_OF_A_PAGE]],
        bounds_left_out=len(apart[ROWS_OF_A_PAGE:]),
    )


def _bounds(row: Mapping[str, Any], metric: Mapping[str, Any]) -> dict[str, Any]:
    """Return an unranked row with the best and the worst score still possible."""
    score = row["score"] or {}
    return {
        "row": row,
        "value": format_score(score.get("value"), metric),
        "worst": format_score(score.get("worst"), metric),
        "best": format_score(score.get("best"), metric),
    }
