"""The first rows of a board as a small table."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from leaderboards_app.board.arrangement import Arrangement
from leaderboards_app.board.rows import format_rank
from plumbmark.web.numbers import format_interval, writers_of

MAX_ROWS = 10


def embedded_rows(arranged: Arrangement, content: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return rank, model, score and interval of the first rows, as a page writes them."""
    written, short = writers_of(content["metric"])
    rows = []
    for row in arranged.main[:MAX_ROWS]:
        rank, score = row["ranks"][arranged.scope], row["score"] or {}
        interval = format_interval(score.get("low"), score.get("high"), short)
        place = ""
        if rank and rank["coverage_differs"]:
            place = _("coverage differs")
        elif rank:
            place = format_rank(rank["best"], rank["worst"])
        value = score.get("value")
        rows.append(
            {
                "rank": place,
                "label": row["contender"]["label"],
                "note": _("submitted, unverified")
                if row["contender"]["kind"] == "submitted"
                else "",
                "score": "" if value is None else written(value),
                "interval": interval,
            }
        )
    return rows
