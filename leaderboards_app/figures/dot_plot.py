"""The board's figure: every ranked row as a dot with its interval, drawn as SVG on the server.

A separate drawing with its own address, not part of the page: most readers come for the table,
browsers fetch the figure when it is scrolled to, and papers and other pages can use it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from leaderboards_app.board.arrangement import Arrangement
from leaderboards_app.board.rows import Row
from leaderboards_app.figures.drawing import (
    document,
    label_ticks,
    round_values,
    shorten_label,
    xml_text,
)
from plumbmark.web.numbers import (
    format_interval,
    format_score,
    format_score_short,
    format_size_with_unit,
    writers_of,
)
from plumbmark.web.theme import Theme

MAX_ROWS = 30
_TOP, _BOTTOM = 12, 30
_LABEL_WIDTH = 40
"""Of a number on the axis, in pixels."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Lengths in pixels. Where it is narrow, names and values are above the marks."""

    width: int
    label: int
    value: int
    row: int
    text: int
    """Distance of the names above the marks."""

    def anchor_at(self, x: int) -> str:
        """Return how a label of the axis is placed, so that the edge cuts none off."""
        return "end" if x > self.width - _LABEL_WIDTH / 2 else "middle"


_WIDE = _Layout(width=760, label=230, value=70, row=26, text=0)
_NARROW = _Layout(width=344, label=6, value=0, row=42, text=17)


@dataclass(frozen=True, slots=True)
class Figure:
    """The drawing that a page shows, and its description."""

    width: int
    height: int
    narrow_width: int
    narrow_height: int
    finding: str
    """The finding, in a sentence: the accessible name of the figure."""
    left_out: int


def figure_of(arranged: Arrangement, content: Mapping[str, Any]) -> Figure | None:
    """Describe the figure of the rows that have an interval; None for fewer than two."""
    with_interval = _with_interval(arranged.main)
    return None if len(with_interval) < 2 else _figure(with_interval, content, arranged)


def _figure(
    with_interval: Sequence[Row], content: Mapping[str, Any], arranged: Arrangement
) -> Figure:
    rows = len(with_interval[:MAX_ROWS])
    return Figure(
        width=_WIDE.width,
        height=_height(_WIDE, rows),
        narrow_width=_NARROW.width,
        narrow_height=_height(_NARROW, rows),
        finding=_describe_finding(with_interval, content, arranged),
        left_out=arranged.main_count - rows,
    )


def _height(layout: _Layout, rows: int) -> int:
    return _TOP + rows * layout.row + _BOTTOM


def draw_figure(
    arranged: Arrangement, content: Mapping[str, Any], theme: Theme, *, is_narrow: bool = False
) -> str | None:
    """Draw the SVG document; None if `figure_of` returns none."""
    with_interval = _with_interval(arranged.main)
    if len(with_interval) < 2:
        return None
    layout = _NARROW if is_narrow else _WIDE
    finding = _figure(with_interval, content, arranged).finding
    rows = with_interval[:MAX_ROWS]
    metric = content["metric"]
    scale = _ScoreScale.of(rows, metric, layout)
    bottom, height = _TOP + len(rows) * layout.row, _height(layout, len(rows))
    grid = "".join(
        f'<path class="g" d="M{x} 8V{bottom}"/>'
        f'<text class="k" x="{x}" y="{bottom + 20}" text-anchor="{layout.anchor_at(x)}">'
        f"{label}</text>"
        for x, label in scale.ticks(metric)
    )
    band = _draw_band(arranged, content, scale, bottom)
    row_elements = "".join(_draw_row(row, index, scale, metric) for index, row in enumerate(rows))
    return document(layout.width, height, finding, theme, band + grid + row_elements)


def _draw_band(
    arranged: Arrangement, content: Mapping[str, Any], scale: "_ScoreScale", bottom: int
) -> str:
    """Draw the scores that are practically equal to the best one of the rows, if the author states
    the smallest difference that matters.
    """
    smallest = content.get("smallest_difference")
    best = _best_of(_with_interval(arranged.main), content["metric"], arranged.scope)
    if smallest is None or best is None:
        return ""
    value = best["score"]["value"]
    left, right = (
        scale.x(min(max(end, scale.least), scale.most))
        for end in (value - smallest, value + smallest)
    )
    return f'<rect class="e" x="{left}" y="8" width="{right - left}" height="{bottom - 8}"/>'


def _best_of(rows: Sequence[Row], metric: Mapping[str, Any], scope: str) -> Row | None:
    """Return the best ranked row, by its rank and then by its score: rows may have any order."""
    ranked = [row for row in rows if row["status"] == "ranked" and row["ranks"][scope]]
    sign = 1 if metric["direction"] == "lower" else -1
    return min(
        ranked,
        key=lambda row: (row["ranks"][scope]["best"], sign * row["score"]["value"]),
        default=None,
    )


def _with_interval(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["score"] and row["score"]["low"] is not None]


@dataclass(frozen=True, slots=True)
class _ScoreScale:
    least: float
    most: float
    layout: _Layout

    @classmethod
    def of(cls, rows: Sequence[Row], metric: Mapping[str, Any], layout: _Layout) -> "_ScoreScale":
        least = min(row["score"]["low"] for row in rows)
        most = max(row["score"]["high"] for row in rows)
        margin = (most - least) * 0.05 or 0.5
        least, most = least - margin, most + margin
        if metric["lower"] is not None:
            least = max(least, metric["lower"])
        if metric["upper"] is not None:
            most = min(most, metric["upper"])
        return cls(least, most, layout)

    def x(self, value: float) -> int:
        span = self.most - self.least
        share = (value - self.least) / span if span > 0 else 0.5
        layout = self.layout
        return round(layout.label + share * (layout.width - layout.label - layout.value - 12))

    def ticks(self, metric: Mapping[str, Any]) -> list[tuple[int, str]]:
        values = round_values(self.least, self.most)
        # Labels would touch each other where it is narrow.
        step = 2 if self.layout is _NARROW and len(values) > 5 else 1
        ticks = label_ticks(values[::step], partial(format_score_short, metric=metric))
        return [(self.x(value), label) for value, label in ticks]


def _draw_row(row: Row, index: int, scale: _ScoreScale, metric: Mapping[str, Any]) -> str:
    """Draw a row: its label, its interval with a dot, and its value."""
    score = row["score"]
    layout = scale.layout
    y = _TOP + index * layout.row + (layout.row + layout.text) // 2
    text_y = 4 - layout.text
    label = row["contender"]["label"]
    if row["contender"]["kind"] == "submitted":
        label = _("%(label)s (submitted)") % {"label": label}
    short = xml_text(shorten_label(label))
    value = xml_text(format_score(score["value"], metric))
    interval = format_interval(score["low"], score["high"], writers_of(metric)[1])
    low, high = scale.x(score["low"]), scale.x(score["high"])
    css = ' class="r"' if row["status"] == "reference" else ""
    return (
        f'<g{css} transform="translate(0 {y})">'
        f"<title>{xml_text(label)}: {value} ({xml_text(interval)})</title>"
        f'<text y="{text_y}">{short}</text><path d="M{low} 0h{high - low}"/>'
        f'<circle cx="{scale.x(score["value"])}" r="4.5"/>'
        f'<text class="v" x="{layout.width}" y="{text_y}" text-anchor="end">{value}</text></g>'
    )


def _describe_finding(
    rows: Sequence[Row], content: Mapping[str, Any], arranged: Arrangement
) -> str:
    scope, metric = arranged.scope, content["metric"]
    first = _best_of(rows, metric, scope)
    if first is None:
        return _("Reference lines only")
    rank = first["ranks"][scope]
    label = first["contender"]["label"]
    value = format_score(first["score"]["value"], metric)
    values = {"label": label, "value": value}
    if arranged.is_filtered:
        return _("Of the rows shown, %(label)s has the best estimate, %(value)s") % values
    is_near = any(scope in row.get("near_best", ()) for row in rows)
    if rank and rank["sole_first"] and is_near:
        return _(
            "%(label)s leads with %(value)s, significantly above every other row, but the "
            "difference is below %(smallest)s, which the author calls practically equal"
        ) % {**values, "smallest": format_size_with_unit(content["smallest_difference"], metric)}
    if rank and rank["sole_first"]:
        return _("%(label)s leads with %(value)s, significantly above every other row") % values
    return (
        _("%(label)s has the best estimate, %(value)s, but is not clearly ahead of the next")
        % values
    )
