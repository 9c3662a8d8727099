"""The picture of the home page: the first rows of a board, with intervals and ranges of ranks."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from leaderboards_app.board.rows import format_rank
from leaderboards_app.models import ContenderResult
from plumbmark.web.numbers import format_score

_EXAMPLE: Sequence[tuple[str, float, float, float, str]] = (
    ("A", 0.83, 0.79, 0.87, "1–2"),
    ("B", 0.80, 0.76, 0.84, "1–2"),
    ("C", 0.66, 0.61, 0.71, "3"),
    ("D", 0.52, 0.47, 0.57, "4–5"),
    ("E", 0.50, 0.45, 0.55, "4–5"),
)


@dataclass(frozen=True, slots=True)
class PictureRow:
    label: str
    rank: str
    score: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Some rows on one scale, and what they show in a sentence."""

    rows: Sequence[PictureRow]
    least: float
    most: float
    finding: str


def draw_board(results: Sequence[ContenderResult]) -> Picture | None:
    """Return the picture of a board; None for fewer than two rows with an interval."""
    rows = [
        PictureRow(
            one.contender.label,
            format_rank(one.best_rank, one.worst_rank or one.best_rank),
            format_score(one.value, one.metric),
            one.value,
            one.low,
            one.high,
        )
        for one in results
        if one.best_rank and one.value is not None and one.low is not None and one.high is not None
    ]
    if len(rows) < 2:
        return None
    worst = results[0].worst_rank or 1
    words = {"label": rows[0].label, "worst": worst}
    finding = (
        _("%(label)s is listed first; its rank may be anywhere from 1 to %(worst)d.") % words
        if worst > 1
        else _("%(label)s is first, ahead of all others.") % words
    )
    return _on_one_scale(rows, finding)


def draw_example() -> Picture:
    """Return the picture of a board that does not exist, for a site without boards."""
    rows = [
        PictureRow(
            _("Model %(letter)s") % {"letter": letter},
            rank,
            f"{value:.0%}".replace("%", " %"),
            value,
            low,
            high,
        )
        for letter, value, low, high, rank in _EXAMPLE
    ]
    return _on_one_scale(rows, _("An example: A and B are a tie, and so are D and E."))


def _on_one_scale(rows: Sequence[PictureRow], finding: str) -> Picture:
    return Picture(rows, min(one.low for one in rows), max(one.high for one in rows), finding)
