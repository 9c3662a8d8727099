"""The board's figure: every ranked row as a dot with its interval, drawn as SVG on the server.

A separate drawing with its own address, not part of the page: most readers come for the table,
browsers fetch the figure when it is scrolled to, and papers and other pages can use it.
"""

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.html import escape
from django.utils.translation import gettext as _

from leaderboards_app.arrangement import Arrangement, Row
from plumbmark.web.numbers import format_score, format_score_short
from plumbmark.web.stylesheet import token
from plumbmark.web.theme import Theme

_WIDTH, _LABEL, _VALUE, _ROW, _TOP, _BOTTOM = 760, 230, 70, 26, 12, 30
MAX_ROWS = 30


@dataclass(frozen=True, slots=True)
class Figure:
    """The drawing that a page shows, and its description."""

    width: int
    height: int
    finding: str
    """What the figure shows, in a sentence: its accessible name."""
    left_out: int


def figure_of(arranged: Arrangement, content: Mapping[str, Any]) -> Figure | None:
    """Describe the figure of the rows that have an interval; None for fewer than two."""
    with_interval = _with_interval(arranged.main)
    return None if len(with_interval) < 2 else _figure(with_interval, content, arranged)


def _figure(
    with_interval: Sequence[Row], content: Mapping[str, Any], arranged: Arrangement
) -> Figure:
    drawn = with_interval[:MAX_ROWS]
    return Figure(
        width=_WIDTH,
        height=_TOP + len(drawn) * _ROW + _BOTTOM,
        finding=_describe_finding(with_interval, content["metric"], arranged),
        left_out=len(with_interval) - len(drawn),
    )


def draw_figure(arranged: Arrangement, content: Mapping[str, Any], theme: Theme) -> str | None:
    """Draw the SVG document; None if `figure_of` returns none."""
    with_interval = _with_interval(arranged.main)
    if len(with_interval) < 2:
        return None
    figure = _figure(with_interval, content, arranged)
    drawn = with_interval[:MAX_ROWS]
    metric = content["metric"]
    scale = _Scale.of(drawn, metric)
    bottom = _TOP + len(drawn) * _ROW
    grid = "".join(
        f'<path class="g" d="M{x} 8V{bottom}"/>'
        f'<text class="k" x="{x}" y="{bottom + 20}" text-anchor="middle">{label}</text>'
        for x, label in scale.ticks(metric)
    )
    row_elements = "".join(_draw_row(row, index, scale, metric) for index, row in enumerate(drawn))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{figure.width}" height="{figure.height}" '
        f'viewBox="0 0 {figure.width} {figure.height}" role="img">'
        f"<title>{escape(figure.finding)}</title><style>{style_of(theme)}</style>{grid}{row_elements}</svg>"
    )


def _with_interval(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["score"] and row["score"]["low"] is not None]


@dataclass(frozen=True, slots=True)
class _Scale:
    least: float
    most: float

    @classmethod
    def of(cls, drawn: Sequence[Row], metric: Mapping[str, Any]) -> "_Scale":
        least = min(row["score"]["low"] for row in drawn)
        most = max(row["score"]["high"] for row in drawn)
        margin = (most - least) * 0.05 or 0.5
        least, most = least - margin, most + margin
        if metric["lower"] is not None:
            least = max(least, metric["lower"])
        if metric["upper"] is not None:
            most = min(most, metric["upper"])
        return cls(least, most)

    def x(self, value: float) -> int:
        span = self.most - self.least
        share = (value - self.least) / span if span > 0 else 0.5
        return round(_LABEL + share * (_WIDTH - _LABEL - _VALUE - 12))

    def ticks(self, metric: Mapping[str, Any]) -> list[tuple[int, str]]:
        return [
            (self.x(value), format_score_short(value, metric))
            for value in round_values(self.least, self.most)
        ]


def _draw_row(row: Row, index: int, scale: _Scale, metric: Mapping[str, Any]) -> str:
    """Draw a row: its label, its interval with a dot, and its value."""
    score = row["score"]
    y = _TOP + index * _ROW + _ROW // 2
    label = row["contender"]["label"]
    if row["contender"]["kind"] == "submitted":
        label = _("%(label)s (submitted)") % {"label": label}
    short = escape(label if len(label) <= 30 else label[:29] + "…")
    value = escape(format_score(score["value"], metric))
    low_end, high_end = (format_score_short(score[end], metric) for end in ("low", "high"))
    interval = f"{low_end} {_('to')} {high_end}"
    low = scale.x(score["low"])
    css = ' class="r"' if row["status"] == "reference" else ""
    return (
        f'<g{css} transform="translate(0 {y})"><title>{escape(label)}: {value} ({escape(interval)})'
        f'</title><text y="4">{short}</text><path d="M{low} 0h{scale.x(score["high"]) - low}"/>'
        f'<circle cx="{scale.x(score["value"])}" r="4.5"/>'
        f'<text class="v" x="{_WIDTH}" y="4" text-anchor="end">{value}</text></g>'
    )


@cache
def style_of(theme: Theme) -> str:
    """Return the site's colours; the page's stylesheet does not reach a drawing."""

    def paint(what: str, name: str) -> str:
        return _in_theme(what, token(f"color-{name}"), theme)

    scheme = "light dark" if theme == "system" else theme
    return (
        f":root{{color-scheme:{scheme}}}"
        f"text{{font:13px {token('font-text')};{paint('fill', 'ink')}}}"
        ".k,.v{font-variant-numeric:tabular-nums}"
        f".k{{font-size:12px;{paint('fill', 'muted')}}}"
        f".g{{stroke-width:1;{paint('stroke', 'border')}}}"
        f"g path{{stroke-width:3;{paint('stroke', 'mark-1')}}}"
        f"circle{{{paint('fill', 'mark-1')}}}"
        f".r text{{font-style:italic;{paint('fill', 'muted')}}}"
        f".r path{{stroke-dasharray:4 3;stroke-width:2;{paint('stroke', 'muted')}}}"
        f".r circle{{stroke-width:1.5;{paint('fill', 'page')};{paint('stroke', 'muted')}}}"
    )


def style_source(theme: Theme) -> str:
    """Return `style_of` as a source of a content security policy, so that only it applies."""
    digest = hashlib.sha256(style_of(theme).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _in_theme(what: str, colour: str, theme: Theme) -> str:
    """Return one declaration, or two: editors that do not know `light-dark()` use the light one."""
    if not colour.startswith("light-dark("):
        return f"{what}:{colour}"
    light, dark = (part.strip() for part in colour[len("light-dark(") : -1].split(","))
    if theme == "system":
        return f"{what}:{light};{what}:{colour}"
    return f"{what}:{dark if theme == 'dark' else light}"


def round_values(least: float, most: float) -> list[float]:
    """Return four to nine round values within a range: steps of 1, 2 or 5 times a power of ten."""
    rough = (most - least) / 6
    if rough <= 0:
        return [least]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(least / step)
    last = math.floor(most / step)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _describe_finding(rows: Sequence[Row], metric: Mapping[str, Any], arranged: Arrangement) -> str:
    scope = arranged.scope
    ranked = [row for row in rows if row["status"] == "ranked" and row["ranks"][scope]]
    if not ranked:
        return _("Reference lines only")
    # The rows may be sorted by anything: the best is sought by its rank, then by its score.
    sign = 1 if metric["direction"] == "lower" else -1
    first = min(ranked, key=lambda row: (row["ranks"][scope]["best"], sign * row["score"]["value"]))
    rank = first["ranks"][scope]
    label = first["contender"]["label"]
    value = format_score(first["score"]["value"], metric)
    values = {"label": label, "value": value}
    if arranged.is_filtered:
        return _("Of the rows shown, %(label)s has the best estimate, %(value)s") % values
    if rank and rank["sole_first"]:
        return _("%(label)s leads with %(value)s, significantly above every other row") % values
    return (
        _("%(label)s has the best estimate, %(value)s, but is not clearly ahead of the next")
        % values
    )
