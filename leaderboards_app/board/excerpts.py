"""The opening page of a long board, cut out of its snapshot when the snapshot is made.

Reading and sorting 5,000 rows takes the page of the first 200 three times as long as showing them.
An excerpt has these rows and the counts and choices of all; it is derived from the content, so it
is no part of the content's hash. Whoever filters or turns the page reads the whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leaderboards_app.board.arrangement import Arrangement, arrange
from leaderboards_app.board.columns import choose_columns
from leaderboards_app.board.filters import Filters, list_facets, values_of

ROWS_OF_A_PAGE = 200


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a snapshot that its opening page shows. `content` has no rows."""

    content: Mapping[str, Any]
    arranged: Arrangement
    columns: tuple[str, ...]


def cut_excerpt(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the document of an excerpt; None for a board that has a single page."""
    if len(content["rows"]) <= ROWS_OF_A_PAGE:
        return None
    arranged = arrange(content, {})
    shown = [
        row
        for row in content["rows"]
        if arranged.scope == "all" or row["contender"]["kind"] != "submitted"
    ]
    return {
        "content": {**content, "rows": []},
        "columns": list(choose_columns(None, content)),
        "facets": values_of(shown),
        "arranged": {
            "scope": arranged.scope,
            "main": arranged.main[:ROWS_OF_A_PAGE],
            "apart": arranged.apart[:ROWS_OF_A_PAGE],
            "main_count": arranged.main_count,
            "apart_count": arranged.apart_count,
            "ranked": arranged.ranked,
            "sort": arranged.sort,
            "ranked_by_scope": arranged.ranked_by_scope,
            "submitted": arranged.submitted,
            "total": arranged.total,
            "running": arranged.running,
        },
    }


def read_excerpt(document: Mapping[str, Any]) -> Excerpt:
    """Return the excerpt of a document of `cut_excerpt`, in the active language."""
    filters = Filters(list_facets(document["facets"], {}), "", "", "", [])
    return Excerpt(
        document["content"],
        Arrangement(**document["arranged"], filters=filters),
        tuple(document["columns"]),
    )
