"""Named reads of slices, as pages and the API show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from leaderboards_app.models import SliceResults, Standings
from leaderboards_app.slices.computation import SPLIT
from plumbmark.web.numbers import format_interval, format_score_short, writers_of

MIN_ITEMS = 30
"""A slice of fewer items is marked: its intervals are wide, and differences mean little."""
_SHADES = 8


@dataclass(frozen=True, slots=True)
class SliceValue:
    """One slice: the items with this value."""

    place: int
    """From 1; part of its address."""
    name: str
    items: int

    @property
    def is_small(self) -> bool:
        return self.items < MIN_ITEMS


@dataclass(frozen=True, slots=True)
class SliceCell:
    text: str
    interval: str
    shade: int
    """From 0 for the lowest estimate of the table to 7 for the highest; -1 where there is none."""
    scored: int
    estimate: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SliceRow:
    contender: str
    label: str
    cells: Sequence[SliceCell]


@dataclass(frozen=True, slots=True)
class SliceTable:
    """One task by one slice column."""

    task_number: int
    task: str
    place: int
    """Of the column within its task, from 1; part of its address."""
    column: str
    values: Sequence[SliceValue]
    left_out: int
    rows: Sequence[SliceRow]
    rows_left_out: int
    finding: str

    @property
    def key(self) -> str:
        return f"{self.task_number}-{self.place}"


@dataclass(frozen=True, slots=True)
class SliceCounts:
    """The numbers of items that the slices of one column have."""

    task: str
    column: str
    values: Sequence[tuple[str, int]]
    left_out: int


def read_counts(document: Sequence[Mapping[str, Any]]) -> list[SliceCounts]:
    """Return the counts of `computation.count_items` with the names that pages show."""
    return [
        SliceCounts(
            one["task"],
            _column_name(one["column"]),
            [(_value_name(one["column"], name), items) for name, items in one["values"]],
            one["left_out"],
        )
        for one in document
    ]


def slice_document(standings: Standings) -> Mapping[str, Any] | None:
    """Return the stored slices of a snapshot; None if its tasks have none. One query."""
    found = SliceResults.objects.filter(standings=standings).values_list("content", flat=True)
    return found.first()


def slice_tables(document: Mapping[str, Any]) -> list[SliceTable]:
    """Return the tables of a document of `slice_document`."""
    return [
        _table(task, column, place)
        for task in document["tasks"]
        for place, column in enumerate(task["columns"], start=1)
    ]


def _table(task: Mapping[str, Any], column: Mapping[str, Any], place: int) -> SliceTable:
    metric = task["metric"]
    estimates = [
        cell["value"]
        for row in column["rows"]
        for cell in row["cells"]
        if cell["value"] is not None
    ]
    least, most = min(estimates, default=0.0), max(estimates, default=1.0)
    values = [
        SliceValue(number, _value_name(column["name"], one["name"]), one["items"])
        for number, one in enumerate(column["values"], start=1)
    ]
    rows = [
        SliceRow(
            row["contender"],
            row["label"],
            [_cell(cell, metric, least, most) for cell in row["cells"]],
        )
        for row in column["rows"]
    ]
    return SliceTable(
        task_number=task["number"],
        task=task["title"],
        place=place,
        column=_column_name(column["name"]),
        values=values,
        left_out=column["left_out"],
        rows=rows,
        rows_left_out=column["rows_left_out"],
        finding=_describe_finding(column, values, metric),
    )


def _column_name(name: str) -> str:
    return _("public and private items") if name == SPLIT else name


def _value_name(column: str, name: str) -> str:
    if column != SPLIT:
        return name or _("(empty)")
    return _("public") if name == "public" else _("private")


def _cell(
    cell: Mapping[str, Any], metric: Mapping[str, Any], least: float, most: float
) -> SliceCell:
    value, low, high = cell["value"], cell["low"], cell["high"]
    if value is None:
        return SliceCell("", "", -1, cell["scored"], cell)
    share = (value - least) / (most - least) if most > least else 0.5
    return SliceCell(
        text=format_score_short(value, metric),
        interval=format_interval(low, high, writers_of(metric)[1]),
        shade=min(_SHADES - 1, int(share * _SHADES)),
        scored=cell["scored"],
        estimate=cell,
    )


def _describe_finding(
    column: Mapping[str, Any], values: Sequence[SliceValue], metric: Mapping[str, Any]
) -> str:
    """Return which slice is hardest and easiest, by the mean of the rows' estimates."""
    means = []
    for number, value in enumerate(values):
        found = [row["cells"][number]["value"] for row in column["rows"]]
        known = [one for one in found if one is not None]
        if known:
            means.append((sum(known) / len(known), value.name))
    if len(means) < 2:
        return _("No slice can be compared yet")
    ordered = sorted(means, reverse=metric["direction"] == "lower")
    (hardest_mean, hardest), (easiest_mean, easiest) = ordered[0], ordered[-1]
    return _("Hardest on average: %(hardest)s (%(low)s). Easiest: %(easiest)s (%(high)s)") % {
        "hardest": hardest,
        "low": format_score_short(hardest_mean, metric),
        "easiest": easiest,
        "high": format_score_short(easiest_mean, metric),
    }
