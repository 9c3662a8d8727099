"""Scores against what they cost, how long an answer takes, and when the model came out.

Models on the front are those that no other model beats on both axes: cheaper and better, quicker
and better; for release dates, those that had the best estimate when they came out. It is a
statement about estimates: the intervals are drawn and listed with them.
"""

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from leaderboards_app.board.arrangement import Arrangement
from leaderboards_app.board.rows import Row, facts_of
from leaderboards_app.figures.drawing import (
    TickWriter,
    document,
    label_ticks,
    round_powers,
    round_values,
    shorten_label,
    xml_text,
)
from plumbmark.web.numbers import (
    format_dollars_short,
    format_interval,
    format_score_short,
    format_seconds_short,
    writers_of,
)
from plumbmark.web.theme import Theme

MAX_POINTS = 200
"""Only the first rows of a view are drawn: marks of more of them would cover each other."""
MAX_LISTED = 10
_NAMED = 3
"""Models of a front that the title names."""
_LOG_RATIO = 8
"""Values whose largest is so many times the smallest are drawn on a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class _Axis:
    title: Promise
    value: Callable[[Row], float | None]
    write: TickWriter
    may_be_log: bool
    finding: Callable[[Sequence["PointTexts"]], str]
    """Gets the front, best first."""


@dataclass(frozen=True, slots=True)
class Point:
    """A row in a figure: `x` in the units of its axis, the score with its interval."""

    label: str
    x: float
    value: float
    low: float | None
    high: float | None
    is_on_front: bool


@dataclass(frozen=True, slots=True)
class PointTexts:
    """A point as a table shows it."""

    label: str
    x: str
    score: str
    interval: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """A scatter plot as a page shows it, with its table."""

    name: str
    title: str
    """The finding, in a sentence."""
    axis: str
    points: Sequence[Point]
    """On the front first, then by score."""
    front: Sequence[PointTexts]
    """At most `MAX_LISTED` of those on the front, best first."""
    left_out: int
    """Ranked rows without the value of the axis, or after the first `MAX_POINTS`."""
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Size:
    width: int
    height: int
    left: int = 54
    right: int = 16
    top: int = 14
    bottom: int = 46


_WIDE, _NARROW = _Size(760, 380), _Size(344, 320, left=44, right=10)


def scatter_of(name: str, arranged: Arrangement, content: Mapping[str, Any]) -> Scatter | None:
    """Return a figure by its name, a key of `AXES`; None if it is unknown or fewer than two rows
    have both values.
    """
    axis = AXES.get(name)
    if axis is None:
        return None
    rows = [row for row in arranged.main[:MAX_POINTS] if row["status"] == "ranked" and row["score"]]
    placed = [row for row in rows if axis.value(row) is not None]
    if len(placed) < 2 or len({axis.value(row) for row in placed}) < 2:
        return None
    points = _points(placed, axis, content["metric"])
    front = [point for point in points if point.is_on_front]
    write = _PointWriter(axis, content["metric"])
    return Scatter(
        name=name,
        title=axis.finding([write(point) for point in front]),
        axis=str(axis.title),
        points=points,
        front=[write(point) for point in front[:MAX_LISTED]],
        left_out=arranged.ranked - len(placed),
        width=_WIDE.width,
        height=_WIDE.height,
    )


def scatters_of(arranged: Arrangement, content: Mapping[str, Any]) -> list[Scatter]:
    """Return the figures for which the rows have values."""
    found = (scatter_of(name, arranged, content) for name in AXES)
    return [one for one in found if one is not None]


def _points(rows: Sequence[Row], axis: _Axis, metric: Mapping[str, Any]) -> list[Point]:
    sign = -1 if metric["direction"] == "lower" else 1
    by_x = sorted(rows, key=lambda row: (axis.value(row), -sign * row["score"]["value"]))
    points, best = [], -math.inf
    for row in by_x:
        score = row["score"]
        is_on_front = sign * score["value"] > best
        best = max(best, sign * score["value"])
        x = axis.value(row)
        assert x is not None
        points.append(
            Point(
                label=row["contender"]["label"],
                x=x,
                value=score["value"],
                low=score["low"],
                high=score["high"],
                is_on_front=is_on_front,
            )
        )
    return sorted(points, key=lambda point: (not point.is_on_front, -sign * point.value))


class _PointWriter:
    """Writes points as texts: only those that are shown, because a board may have many."""

    def __init__(self, axis: _Axis, metric: Mapping[str, Any]) -> None:
        self._axis = axis
        self._written, self._written_short = writers_of(metric)

    def __call__(self, point: Point) -> PointTexts:
        interval = format_interval(point.low, point.high, self._written_short)
        return PointTexts(
            point.label, self._axis.write(point.x), self._written(point.value), interval
        )


def _cost(row: Row) -> float | None:
    cost: int | None = row["cost_per_item"]
    return cost


def _latency(row: Row) -> float | None:
    latency: int | None = row["median_latency_ms"]
    return latency


def _released(row: Row) -> float | None:
    date = facts_of(row).get("released_on")
    return datetime.date.fromisoformat(date).toordinal() if date else None


def _names(points: Sequence[PointTexts]) -> str:
    labels = [point.label for point in points[:_NAMED]]
    if len(points) > _NAMED:
        more = len(points) - _NAMED
        labels.append(ngettext("%(n)d more", "%(n)d more", more) % {"n": more})
    if len(labels) == 1:
        return labels[0]
    return _("%(first)s and %(last)s") % {"first": ", ".join(labels[:-1]), "last": labels[-1]}


def _describe_cost(front: Sequence[PointTexts]) -> str:
    if len(front) == 1:
        return _("%(label)s has the best estimate and the lowest cost") % {"label": front[0].label}
    return _("The best estimates for their cost: %(names)s") % {"names": _names(front)}


def _describe_latency(front: Sequence[PointTexts]) -> str:
    if len(front) == 1:
        return _("%(label)s has the best estimate and answers fastest") % {"label": front[0].label}
    return _("The best estimates for their latency: %(names)s") % {"names": _names(front)}


def _describe_release(front: Sequence[PointTexts]) -> str:
    last, first = front[0], front[-1]
    if len(front) == 1:
        return _("No later model has a better estimate than %(label)s of %(date)s") % {
            "label": first.label,
            "date": first.x,
        }
    return _("The best estimate went from %(first)s (%(since)s) to %(last)s (%(until)s)") % {
        "first": first.score,
        "since": first.x,
        "last": last.score,
        "until": last.x,
    }


def _write_cost(value: float, *, extra: int = 0) -> str:
    return format_dollars_short(round(value), extra=extra)


def _write_latency(value: float, *, extra: int = 0) -> str:
    # A latency is a whole number of milliseconds; a place on its axis need not be.
    return format_seconds_short(value if extra else round(value), extra=extra)


def _write_date(value: float, *, extra: int = 0) -> str:
    return datetime.date.fromordinal(int(value)).isoformat()


AXES: Mapping[str, _Axis] = {
    "cost": _Axis(
        gettext_lazy("Cost per item"),
        _cost,
        _write_cost,
        True,
        _describe_cost,
    ),
    "latency": _Axis(
        gettext_lazy("Median latency"),
        _latency,
        _write_latency,
        True,
        _describe_latency,
    ),
    "released": _Axis(
        gettext_lazy("Release date"), _released, _write_date, False, _describe_release
    ),
}
"""Figures by name: a name is part of an address and stays."""


# --- Drawing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scale:
    """A linear or logarithmic scale onto pixels."""

    least: float
    most: float
    start: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        least, most = self.least, self.most
        if self.is_log:
            value, least, most = (math.log(one) for one in (value, least, most))
        share = (value - least) / (most - least) if most > least else 0.5
        return round(self.start + share * (self.end - self.start), 1)


def draw_scatter(
    figure: Scatter, metric: Mapping[str, Any], theme: Theme, *, is_narrow: bool = False
) -> str:
    """Draw the SVG document."""
    size = _NARROW if is_narrow else _WIDE
    axis = AXES[figure.name]
    across, up = _scales(figure, axis, metric, size)
    labels = _Labels(size, [_box_of_mark(point, across, up) for point in figure.points])
    ground = _draw_grid(axis, metric, across, up, size) + _draw_front(figure, across, up)
    write = _PointWriter(axis, metric)
    marks = "".join(_draw_point(point, write(point), across, up, labels) for point in figure.points)
    return document(size.width, size.height, figure.title, theme, ground + marks)


def _scales(
    figure: Scatter, axis: _Axis, metric: Mapping[str, Any], size: _Size
) -> tuple[_Scale, _Scale]:
    xs = [point.x for point in figure.points]
    least, most = min(xs), max(xs)
    is_log = axis.may_be_log and least > 0 and most / least >= _LOG_RATIO
    if is_log:
        room = (most / least) ** 0.06
        least, most = least / room, most * room
    else:
        room = (most - least) * 0.06
        floor = 0.0 if axis.may_be_log else least - room
        least, most = max(floor, least - room), most + room
    ends = [
        end
        for point in figure.points
        for end in (point.low, point.value, point.high)
        if end is not None
    ]
    low, high = min(ends), max(ends)
    room = (high - low) * 0.05 or 0.5
    low, high = low - room, high + room
    if metric["lower"] is not None:
        low = max(low, metric["lower"])
    if metric["upper"] is not None:
        high = min(high, metric["upper"])
    return (
        _Scale(least, most, size.left, size.width - size.right, is_log),
        _Scale(low, high, size.height - size.bottom, size.top),
    )


def _draw_grid(
    axis: _Axis, metric: Mapping[str, Any], across: _Scale, up: _Scale, size: _Size
) -> str:
    bottom, right = size.height - size.bottom, size.width - size.right
    most = 4 if size is _NARROW else 9
    choose = round_powers if across.is_log else round_values
    values = choose(across.least, across.most)
    values = values[:: math.ceil(len(values) / most)]
    parts = [
        f'<path class="g" d="M{across.place(value)} {size.top}V{bottom}"/>'
        f'<text class="k" x="{across.place(value)}" y="{bottom + 18}" text-anchor="middle">'
        f"{xml_text(label)}</text>"
        for value, label in label_ticks(values, axis.write)
    ]
    parts += [
        f'<path class="g" d="M{size.left} {up.place(value)}H{right}"/>'
        f'<text class="k" x="{size.left - 6}" y="{up.place(value) + 4}" text-anchor="end">'
        f"{xml_text(label)}</text>"
        for value, label in label_ticks(
            round_values(up.least, up.most), partial(format_score_short, metric=metric)
        )
    ]
    parts.append(
        f'<text class="k" x="{right}" y="{bottom + 38}" text-anchor="end">{xml_text(axis.title)}'
        f"{xml_text(_(', logarithmic')) if across.is_log else ''} →</text>"
    )
    return "".join(parts)


def _draw_front(figure: Scatter, across: _Scale, up: _Scale) -> str:
    """Draw the front as steps: up to the next model, the best so far is the best there is."""
    front = sorted(
        (point for point in figure.points if point.is_on_front), key=lambda point: point.x
    )
    steps = [f"M{across.place(front[0].x)} {up.place(front[0].value)}"]
    steps += [f"H{across.place(point.x)}V{up.place(point.value)}" for point in front[1:]]
    return f'<path class="f" d="{"".join(steps)}H{across.end}"/>'


def _draw_point(
    point: Point, texts: PointTexts, across: _Scale, up: _Scale, labels: "_Labels"
) -> str:
    x, y = across.place(point.x), up.place(point.value)
    css = "p b" if point.is_on_front else "p"
    line = ""
    if point.low is not None and point.high is not None:
        line = f'<path d="M{x} {up.place(point.low)}V{up.place(point.high)}"/>'
    title = f"{texts.label}: {texts.score}"
    if texts.interval:
        title += f" ({texts.interval})"
    return (
        f'<g class="{css}"><title>{xml_text(title)}, {xml_text(texts.x)}</title>{line}'
        f'<circle cx="{x}" cy="{y}" r="4.5"/>{labels.write(point, x, y)}</g>'
    )


_Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def _box_of_mark(point: Point, across: _Scale, up: _Scale) -> _Box:
    """Return where a point and its interval are drawn."""
    x = across.place(point.x)
    ends = [up.place(one) for one in (point.low, point.value, point.high) if one is not None]
    return (x - 3, min(ends), x + 3, max(ends))


class _Labels:
    """Names beside points, as long as no two of them touch: clear of other points' marks where
    there is room. The table has them all.
    """

    _HEIGHT, _CHARACTER = 15, 6.9

    def __init__(self, size: _Size, marks: Sequence[_Box]) -> None:
        self._size = size
        self._marks = marks
        self._boxes: list[_Box] = []

    def write(self, point: Point, x: float, y: float) -> str:
        text = shorten_label(point.label, 24)
        width = len(text) * self._CHARACTER
        places = [
            (left, y + above, anchor)
            for left, anchor in ((x + 9, "start"), (x - 9 - width, "end"))
            for above in (-6, 14)
        ]
        for taken in ([*self._boxes, *self._marks], self._boxes):
            for left, bottom, anchor in places:
                box = (left, bottom - self._HEIGHT, left + width, bottom)
                if self._is_free(box, taken):
                    self._boxes.append(box)
                    at = left if anchor == "start" else left + width
                    return (
                        f'<text x="{at:.1f}" y="{bottom - 3:.1f}" text-anchor="{anchor}">'
                        f"{xml_text(text)}</text>"
                    )
        return ""

    def _is_free(self, box: _Box, taken: Sequence[_Box]) -> bool:
        left, top, right, bottom = box
        size = self._size
        if left < size.left or right > size.width or top < 0 or bottom > size.height - size.bottom:
            return False
        return all(
            right < other[0] or left > other[2] or bottom < other[1] or top > other[3]
            for other in taken
        )
