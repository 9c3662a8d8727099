"""A badge: the rank of one row on a board, as a small SVG."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from leaderboards_app.board.arrangement import SCOPES, arrange
from leaderboards_app.board.rows import Row, format_rank
from leaderboards_app.figures.drawing import shorten_label, xml_text
from plumbmark.web.raster import text_width

_SIZE, _PAD, _HEIGHT = 12, 8, 22
_MAX_TITLE = 40
_INK, _GROUND, _RANKED, _OTHER = "#ffffff", "#3a4250", "#1f5fbf", "#545d6b"


@dataclass(frozen=True, slots=True)
class Badge:
    """The two parts of a badge, and the sentence that a screen reader reads."""

    title: str
    message: str
    sentence: str
    is_ranked: bool


def badge_of(content: Mapping[str, Any], contender_id: str, scope: str, title: str) -> Badge | None:
    """Return the badge of a row in one of the rankings; None if the board has no such row.

    Without a known `scope` it is the ranking of the platform's own runs, if the row is in it.
    """
    row = next((one for one in content["rows"] if one["contender"]["id"] == contender_id), None)
    if row is None:
        return None
    if scope not in SCOPES:
        scope = "platform" if row["ranks"]["platform"] else "all"
    message = _describe_rank(row, scope, arrange(content, {}).ranked_by_scope[scope])
    if row["contender"]["kind"] == "submitted":
        message = _("%(rank)s, submitted") % {"rank": message}
    values = {"model": row["contender"]["label"], "rank": message, "board": title}
    return Badge(
        shorten_label(title, _MAX_TITLE),
        message,
        _("%(model)s: %(rank)s on %(board)s") % values,
        bool(row["ranks"][scope]),
    )


def _describe_rank(row: Row, scope: str, ranked: int) -> str:
    rank = row["ranks"][scope]
    if not rank:
        return _("not ranked")
    if rank["coverage_differs"]:
        return _("coverage differs")
    best, worst = rank["best"], rank["worst"]
    place = format_rank(best, worst)
    return _("rank %(place)s of %(count)s") % {"place": place, "count": ranked}


def draw_badge(badge: Badge) -> str:
    """Draw the SVG document. Its colours are attributes, which no policy refuses."""
    left = round(text_width(badge.title, _SIZE)) + 2 * _PAD
    right = round(text_width(badge.message, _SIZE)) + 2 * _PAD
    width = left + right
    ground = _RANKED if badge.is_ranked else _OTHER
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" '
        f'viewBox="0 0 {width} {_HEIGHT}" role="img">'
        f"<title>{xml_text(badge.sentence)}</title>"
        f'<rect width="{width}" height="{_HEIGHT}" rx="3" fill="{_GROUND}"/>'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v{_HEIGHT - 6}a3 3 0 0 1-3 3h-{right - 3}z" '
        f'fill="{ground}"/>'
        f"{_write(badge.title, _PAD, left)}{_write(badge.message, left + _PAD, right)}</svg>"
    )


def _write(text: str, x: int, width: int) -> str:
    return (
        f'<text x="{x}" y="15" textLength="{width - 2 * _PAD}" lengthAdjust="spacingAndGlyphs" '
        f'font-family="Verdana,DejaVu Sans,Source Sans Pro,sans-serif" font-size="{_SIZE - 1}" '
        f'fill="{_INK}">{xml_text(text)}</text>'
    )
