"""The board's figure: every ranked row as a dot with its interval, drawn as SVG on the server."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from plumbmark.common.numbers import written, written_short

_WIDTH, _LABEL, _ROW, _TOP, _BOTTOM = 720, 230, 26, 12, 30
MOST_ROWS = 30


@dataclass(frozen=True, slots=True)
class Tick:
    x: int
    label: str


@dataclass(frozen=True, slots=True)
class Figure:
    width: int
    height: int
    plot_left: int
    plot_bottom: int
    label_y: int
    marks: SafeString
    """A `<g>` for each row: its label, its interval and its dot."""
    ticks: Sequence[Tick]
    finding: str
    """What the figure shows, in a sentence: its accessible name."""
    left_out: int


def figure_of(
    rows: Sequence[Mapping[str, Any]], content: Mapping[str, Any], scope: str
) -> Figure | None:
    """The figure of the rows that have an interval; None for fewer than two."""
    drawn = [row for row in rows if row["score"] and row["score"]["low"] is not None]
    if len(drawn) < 2:
        return None
    left_out = max(0, len(drawn) - MOST_ROWS)
    drawn = drawn[:MOST_ROWS]
    metric = content["metric"]
    least = min(row["score"]["low"] for row in drawn)
    most = max(row["score"]["high"] for row in drawn)
    margin = (most - least) * 0.05 or 0.5
    least, most = least - margin, most + margin
    if metric["lower"] is not None:
        least = max(least, metric["lower"])
    if metric["upper"] is not None:
        most = min(most, metric["upper"])

    def x(value: float) -> int:
        share = (value - least) / (most - least) if most > least else 0.5
        return round(_LABEL + share * (_WIDTH - _LABEL - 12))

    marks = []
    for index, row in enumerate(drawn):
        score = row["score"]
        y = _TOP + index * _ROW + _ROW / 2
        label = row["contender"]["label"]
        short = escape(label if len(label) <= 30 else label[:29] + "…")
        css = ' class="is-reference"' if row["status"] == "reference" else ""
        text = (
            f"{written(score['value'], metric)} ({written_short(score['low'], metric)} "
            f"to {written_short(score['high'], metric)})"
        )
        low = x(score["low"])
        # Moved as a group, so that the rows differ in few numbers: it is sent in fewer bytes.
        marks.append(
            f'<g{css} transform="translate(0 {y:g})"><title>{short}: {escape(text)}</title>'
            f'<text y="4">{short}</text><path d="M{low} 0h{x(score["high"]) - low}"/>'
            f'<circle cx="{x(score["value"])}" r="4.5"/></g>'
        )
    bottom = _TOP + len(drawn) * _ROW
    ticks = [Tick(x(value), written_short(value, metric)) for value in round_values(least, most)]
    return Figure(
        width=_WIDTH,
        height=bottom + _BOTTOM,
        plot_left=_LABEL,
        plot_bottom=bottom,
        label_y=bottom + 20,
        # Safe: the labels and texts were escaped, the rest are numbers.
        marks=mark_safe("".join(marks)),  # noqa: S308
        ticks=ticks,
        finding=_finding(drawn, metric, scope),
        left_out=left_out,
    )


def round_values(least: float, most: float) -> list[float]:
    """Four to nine round values within a range: steps of 1, 2 or 5 times a power of ten."""
    rough = (most - least) / 6
    if rough <= 0:
        return [least]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(least / step)
    last = math.floor(most / step)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _finding(rows: Sequence[Mapping[str, Any]], metric: Mapping[str, Any], scope: str) -> str:
    ranked = [row for row in rows if row["status"] == "ranked" and row["ranks"][scope]]
    if not ranked:
        return "Reference lines only"
    # The rows may be sorted by anything: the best is sought by its rank, then by its score.
    sign = 1 if metric["direction"] == "lower" else -1
    first = min(ranked, key=lambda row: (row["ranks"][scope]["best"], sign * row["score"]["value"]))
    rank = first["ranks"][scope]
    label = first["contender"]["label"]
    value = written(first["score"]["value"], metric)
    if rank and rank["sole_first"]:
        return f"{label} leads with {value}, significantly above every other row"
    return f"{label} has the highest estimate, {value}, but does not stand clear of the next rows"
