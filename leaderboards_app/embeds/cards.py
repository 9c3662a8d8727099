"""The picture that a link to a board is shown with: title, finding and the first rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from leaderboards_app.board.arrangement import Arrangement
from leaderboards_app.board.rows import Row
from leaderboards_app.figures.drawing import light_colour, shorten_label
from leaderboards_app.figures.pictures import write_line
from plumbmark.web.numbers import format_score
from plumbmark.web.raster import draw_png, wrap_text

WIDTH, HEIGHT = 1200, 630
_LEFT, _RIGHT = 64, 1136
_ROWS = 5
_BAR = (560, 980)
"""The place of the bars."""


def draw_card(
    title: str, finding: str, source: str, arranged: Arrangement, content: Mapping[str, Any]
) -> bytes:
    """Draw the PNG, at the size that previews have."""
    heading = wrap_text(title, 56, _RIGHT - _LEFT, max_lines=2)
    y = 104
    parts = []
    for line in heading:
        parts.append(write_line(line, _LEFT, y, 56, weight=700))
        y += 64
    for line in wrap_text(finding, 28, _RIGHT - _LEFT, max_lines=2):
        parts.append(write_line(line, _LEFT, y, 28, colour="muted"))
        y += 38
    rows = [row for row in arranged.main if row["score"] and row["score"]["low"] is not None]
    parts += _draw_rows(
        rows[: _ROWS if len(heading) == 1 else _ROWS - 1], content["metric"], y + 24
    )
    parts.append(write_line(source, _LEFT, HEIGHT - 40, 24, colour="muted"))
    ground = f'<rect width="14" height="{HEIGHT}" fill="{light_colour("mark-1")}"/>'
    return draw_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{ground}{"".join(parts)}</svg>',
        zoom=1,
        background=light_colour("page"),
    )


def _draw_rows(rows: Sequence[Row], metric: Mapping[str, Any], top: int) -> list[str]:
    if not rows:
        return []
    least: float = min(row["score"]["low"] for row in rows)
    most: float = max(row["score"]["high"] for row in rows)
    span = (most - least) or 1.0

    def place(value: float) -> float:
        return round(_BAR[0] + (value - least) / span * (_BAR[1] - _BAR[0]), 1)

    parts = []
    for number, row in enumerate(rows):
        score, y = row["score"], top + number * 52 + 24
        low, value, high = (place(score[end]) for end in ("low", "value", "high"))
        mark = light_colour("mark-1")
        parts += [
            write_line(shorten_label(row["contender"]["label"], 34), _LEFT, y + 9, 28),
            f'<path d="M{low} {y}H{high}" stroke="{mark}" stroke-width="6"/>',
            f'<circle cx="{value}" cy="{y}" r="10" fill="{mark}"/>',
            write_line(format_score(score["value"], metric), _BAR[1] + 32, y + 9, 28, weight=600),
        ]
    return parts
