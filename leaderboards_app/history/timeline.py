"""The figures of a board over time: scores, and ranks, of the models that lead it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards_app.board.rows import format_rank
from leaderboards_app.figures.drawing import (
    document,
    label_ticks,
    round_values,
    shorten_label,
    xml_text,
)
from plumbmark.web.numbers import format_score, format_score_short
from plumbmark.web.theme import Theme

MAX_LINES = 8
MAX_SNAPSHOTS = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """A snapshot as far as a timeline needs it."""

    public_id: str
    number: int
    at: datetime
    points: Sequence[Sequence[Any]]
    """As in `changes.summarise`: best row first."""


@dataclass(frozen=True, slots=True)
class Leader:
    """The row with the best estimate from a snapshot on."""

    moment: Moment
    label: str
    score: str
    rank: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Moments in their order, with the rows that had the best estimate."""

    moments: Sequence[Moment]
    leaders: Sequence[Leader]
    """Oldest first; one for each change of the leader."""
    finding: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Canvas:
    width: int
    height: int
    left: int
    right: int
    label: int
    """Characters of a label at the end of its line."""


_TOP, _BOTTOM = 14, 34
_WIDE, _NARROW = _Canvas(760, 340, 54, 190, 26), _Canvas(344, 300, 40, 104, 14)


def timeline_of(moments: Sequence[Moment], metric: Mapping[str, Any]) -> Timeline | None:
    """Return the timeline of snapshots, oldest first; None for fewer than two with a ranked row."""
    ranked = [moment for moment in moments if moment.points]
    if len(ranked) < 2:
        return None
    leaders: list[Leader] = []
    for moment in ranked:
        _key, label, value, best, worst = moment.points[0]
        if not leaders or leaders[-1].label != label:
            score, rank = format_score(value, metric), format_rank(best, worst)
            leaders.append(Leader(moment, label, score, rank))
    last = leaders[-1]
    values = {"label": last.label, "date": last.moment.at.date().isoformat()}
    changes = len(leaders) - 1
    if changes:
        finding = ngettext(
            "%(label)s has had the best estimate since %(date)s, after one change of the leader",
            "%(label)s has had the best estimate since %(date)s, after %(n)d changes of the leader",
            changes,
        ) % {**values, "n": changes}
    else:
        finding = (
            _("%(label)s has had the best estimate since the first snapshot, %(date)s") % values
        )
    return Timeline(ranked, leaders, finding, _WIDE.width, _WIDE.height)


def draw_timeline(
    timeline: Timeline,
    metric: Mapping[str, Any],
    theme: Theme,
    *,
    of_ranks: bool = False,
    is_narrow: bool = False,
) -> str:
    """Draw the SVG document of the scores, or of the best rank that the tests allow."""
    size = _NARROW if is_narrow else _WIDE
    shown = [point[0] for point in timeline.moments[-1].points[:MAX_LINES]]
    lines = {key: _line_of(timeline, key, of_ranks) for key in shown}
    plane = _plane(timeline, lines, metric, of_ranks, size)
    body = _draw_grid(plane, timeline, metric, of_ranks) + _draw_lines(plane, lines, timeline)
    return document(size.width, size.height, timeline.finding, theme, body)


Line = Sequence[tuple[datetime, float]]


def _line_of(timeline: Timeline, key: str, of_ranks: bool) -> Line:
    place = 3 if of_ranks else 2
    return [
        (moment.at, point[place])
        for moment in timeline.moments
        for point in moment.points
        if point[0] == key
    ]


@dataclass(frozen=True, slots=True)
class _Plane:
    size: _Canvas
    since: float
    until: float
    bottom: float
    """The value at the lower edge."""
    top: float

    def x(self, at: datetime) -> float:
        span = self.until - self.since
        share = (at.timestamp() - self.since) / span if span > 0 else 0.0
        size = self.size
        return round(size.left + share * (size.width - size.left - size.right), 1)

    def y(self, value: float) -> float:
        span = self.top - self.bottom
        share = (value - self.bottom) / span if span else 0.5
        height = self.size.height
        return round(height - _BOTTOM - share * (height - _BOTTOM - _TOP), 1)


def _plane(
    timeline: Timeline,
    lines: Mapping[str, Line],
    metric: Mapping[str, Any],
    of_ranks: bool,
    size: _Canvas,
) -> _Plane:
    values = [value for line in lines.values() for _at, value in line]
    least, most = min(values), max(values)
    room = (most - least) * 0.08 or 0.5
    bottom, top = least - room, most + room
    if of_ranks:
        bottom, top = top, max(0.5, bottom)
    elif metric["direction"] == "lower":
        bottom, top = top, bottom
    since, until = (timeline.moments[end].at.timestamp() for end in (0, -1))
    return _Plane(size, since, until, bottom, top)


def _draw_grid(plane: _Plane, timeline: Timeline, metric: Mapping[str, Any], of_ranks: bool) -> str:
    size = plane.size
    right = size.width - size.right
    values = round_values(min(plane.bottom, plane.top), max(plane.bottom, plane.top))
    if of_ranks:
        whole = sorted({float(round(value)) for value in values if value >= 1})
        ticks = [(value, f"{value:.0f}") for value in whole]
    else:
        ticks = label_ticks(values, partial(format_score_short, metric=metric))
    parts = [
        f'<path class="g" d="M{size.left} {plane.y(value)}H{right}"/>'
        f'<text class="k" x="{size.left - 6}" y="{plane.y(value) + 4}" text-anchor="end">'
        f"{xml_text(label)}</text>"
        for value, label in ticks
    ]
    moments = timeline.moments
    for moment, anchor in ((moments[0], "start"), (moments[-1], "end")):
        parts.append(
            f'<text class="k" x="{plane.x(moment.at)}" y="{size.height - 10}" '
            f'text-anchor="{anchor}">{moment.at.date().isoformat()}</text>'
        )
    return "".join(parts)


def _draw_lines(plane: _Plane, lines: Mapping[str, Line], timeline: Timeline) -> str:
    size = plane.size
    labels = {point[0]: point[1] for point in timeline.moments[-1].points}
    end = size.width - size.right
    parts, taken = [], -1e9
    ends = sorted((plane.y(line[-1][1]), key) for key, line in lines.items())
    for y, key in ends:
        line = lines[key]
        steps = f"M{plane.x(line[0][0])} {plane.y(line[0][1])}" + "".join(
            f"H{plane.x(at)}V{plane.y(value)}" for at, value in line[1:]
        )
        taken = max(y + 4, taken + 15)
        label = labels[key]
        label_text = shorten_label(label, size.label)
        is_first = key == timeline.moments[-1].points[0][0]
        parts.append(
            f'<g class="{"p b" if is_first else "p"}"><title>{xml_text(label)}</title>'
            f'<path fill="none" d="{steps}H{end}"/><circle cx="{end}" cy="{y}" r="3.5"/>'
            f'<text x="{end + 10}" y="{taken:.1f}">{xml_text(label_text)}</text></g>'
        )
    return "".join(parts)
