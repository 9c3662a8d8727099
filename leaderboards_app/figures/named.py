"""Figures by their names in addresses: drawn as SVG, and their numbers as rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboards_app.board.arrangement import Arrangement
from leaderboards_app.figures.dot_plot import MAX_ROWS, draw_figure, figure_of
from leaderboards_app.figures.scatter import AXES, draw_scatter, scatter_of
from plumbmark.common.table_files import Cell, Column
from plumbmark.web.theme import Theme

SCORES = "scores"
NAMES = (SCORES, *AXES)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure as an SVG document. Its title is the finding."""

    title: str
    svg: str
    width: int
    height: int


def draw_named(
    name: str,
    arranged: Arrangement,
    content: Mapping[str, Any],
    theme: Theme,
    *,
    is_narrow: bool = False,
) -> Drawing | None:
    """Draw a figure; None if there is none of that name, or too few rows have its values."""
    if name == SCORES:
        figure = figure_of(arranged, content)
        svg = draw_figure(arranged, content, theme, is_narrow=is_narrow)
        if figure is None or svg is None:
            return None
        return Drawing(figure.finding, svg, figure.width, figure.height)
    scatter = scatter_of(name, arranged, content)
    if scatter is None:
        return None
    svg = draw_scatter(scatter, content["metric"], theme, is_narrow=is_narrow)
    return Drawing(scatter.title, svg, scatter.width, scatter.height)


def numbers_of(
    name: str, arranged: Arrangement, content: Mapping[str, Any]
) -> tuple[str, list[Column], list[Sequence[Cell]]] | None:
    """Return the finding of a figure, and the columns and rows of what it draws; None as above."""
    if name == SCORES:
        figure = figure_of(arranged, content)
        return None if figure is None else (figure.finding, *_score_numbers(arranged))
    scatter = scatter_of(name, arranged, content)
    if scatter is None:
        return None
    unit, convert = _UNITS[name]
    columns = [
        Column("contender"),
        unit,
        Column("score", "number"),
        Column("score_low", "number"),
        Column("score_high", "number"),
        Column("on_front", "boolean"),
    ]
    rows: list[Sequence[Cell]] = [
        (point.label, convert(point.x), point.value, point.low, point.high, point.is_on_front)
        for point in scatter.points
    ]
    return scatter.title, columns, rows


def _score_numbers(arranged: Arrangement) -> tuple[list[Column], list[Sequence[Cell]]]:
    columns = [
        Column("contender"),
        Column("status"),
        Column("rank_best", "integer"),
        Column("rank_worst", "integer"),
        Column("score", "number"),
        Column("score_low", "number"),
        Column("score_high", "number"),
    ]
    shown = [row for row in arranged.main if row["score"] and row["score"]["low"] is not None]
    rows: list[Sequence[Cell]] = []
    for row in shown[:MAX_ROWS]:
        rank, score = row["ranks"][arranged.scope] or {}, row["score"]
        rows.append(
            (
                row["contender"]["label"],
                row["status"],
                rank.get("best"),
                rank.get("worst"),
                score["value"],
                score["low"],
                score["high"],
            )
        )
    return columns, rows


def _dollars(nanodollars: float) -> Cell:
    return nanodollars / 1e9


def _as_it_is(value: float) -> Cell:
    return value


def _date(ordinal: float) -> Cell:
    return AXES["released"].write(ordinal)


_UNITS: Mapping[str, tuple[Column, Callable[[float], Cell]]] = {
    "cost": (Column("cost_per_item_usd", "number"), _dollars),
    "latency": (Column("median_latency_ms", "number"), _as_it_is),
    "released": (Column("released_on"), _date),
}
