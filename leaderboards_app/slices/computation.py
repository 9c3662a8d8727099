"""Estimates of rows on slices of a task's items, made when the board is computed.

A slice is the items that have one value in a slice column. Where a task has public and private
items, these two are slices as well. Every estimate has the interval that a whole task would have.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plumbmark.scoring.estimates import estimate_rows
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.vectors import ItemList, ScoreVector
from tasks_app.models import Item
from tasks_app.scorings.estimates import round_stored

SPLIT = ""
"""The name of the column of public and private items, which no author's column can have."""
MAX_VALUES = 24
"""Values of a column that are shown: the most frequent ones."""
MAX_COLUMNS = 8
MAX_ROWS = 100
MAX_ESTIMATES = 40_000
"""Of a board: fewer rows are shown where there are many tasks, columns and values."""


@dataclass(frozen=True, slots=True)
class SlicedRow:
    """A row of the board with its scores on one task, best row first."""

    contender: str
    label: str
    scores: ScoreVector


@dataclass(frozen=True, slots=True)
class SlicedTask:
    number: int
    """Its place on the board, from 1."""
    title: str
    version_id: int
    metric: Metric
    metric_document: Mapping[str, Any]
    rows: Sequence[SlicedRow]


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    values: Mapping[str, frozenset[str]]
    """Keys of the items by value, most frequent first."""
    left_out: int


def compute_slices(tasks: Sequence[SlicedTask]) -> dict[str, Any] | None:
    """Return the document of a board's slices; None where no task has any. One query for all
    tasks.
    """
    columns = _columns_of({task.version_id for task in tasks})
    width = sum(len(column.values) for task in tasks for column in columns.get(task.version_id, ()))
    if not width:
        return None
    most = max(1, min(MAX_ROWS, MAX_ESTIMATES // width))
    found = [
        {
            "number": task.number,
            "title": task.title,
            "metric": task.metric_document,
            "columns": [
                _describe_column(column, task, most) for column in columns[task.version_id]
            ],
        }
        for task in tasks
        if columns.get(task.version_id)
    ]
    return {"format": 1, "tasks": found}


def _columns_of(versions: set[int]) -> dict[int, list[_Column]]:
    keys: dict[int, dict[str, dict[str, set[str]]]] = {}
    public: dict[int, dict[str, set[str]]] = {}
    rows = Item.objects.filter(version__in=versions).order_by("version_id", "position")
    for version, key, split, slices in rows.values_list("version_id", "key", "split", "slices"):
        columns = keys.setdefault(version, {SPLIT: {}})
        columns[SPLIT].setdefault(split, set()).add(key)
        for name, value in slices.items():
            columns.setdefault(name, {}).setdefault(str(value), set()).add(key)
            if split == Item.Split.PUBLIC:
                public.setdefault(version, {}).setdefault(name, set()).add(str(value))
    return {
        version: [
            column
            for name, values in list(columns.items())[: MAX_COLUMNS + 1]
            if (column := _cut(name, values, public.get(version, {}).get(name, set())))
        ]
        for version, columns in keys.items()
    }


def _cut(name: str, values: Mapping[str, set[str]], public: set[str]) -> _Column | None:
    """Return a column with the values to show; None if it divides nothing.

    A value that only private items have would tell something of them.
    """
    counts = Counter({value: len(keys) for value, keys in values.items()})
    if name != SPLIT:
        counts = Counter({value: n for value, n in counts.items() if value in public})
    if len(counts) < 2:
        return None
    shown = [value for value, _count in counts.most_common(MAX_VALUES)]
    return _Column(
        name, {value: frozenset(values[value]) for value in shown}, len(values) - len(shown)
    )


def count_items(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return how many items each slice of a document has: what a board's page shows of it."""
    return [
        {
            "task": task["title"],
            "column": column["name"],
            "values": [[one["name"], one["items"]] for one in column["values"]],
            "left_out": column["left_out"],
        }
        for task in document["tasks"]
        for column in task["columns"]
    ]


def _describe_column(column: _Column, task: SlicedTask, most: int) -> dict[str, Any]:
    rows = task.rows[:most]
    by_value = [_estimate_slice(rows, keys, task.metric) for keys in column.values.values()]
    return {
        "name": column.name,
        "left_out": column.left_out,
        "values": [{"name": name, "items": len(keys)} for name, keys in column.values.items()],
        "rows_left_out": len(task.rows) - len(rows),
        "rows": [
            {
                "contender": row.contender,
                "label": row.label,
                "cells": [estimates[number] for estimates in by_value],
            }
            for number, row in enumerate(rows)
        ],
    }


def _estimate_slice(
    rows: Sequence[SlicedRow], keys: frozenset[str], metric: Metric
) -> list[dict[str, Any]]:
    lists: dict[int, tuple[ItemList, np.ndarray[Any, Any]]] = {}
    parts = []
    for row in rows:
        items = row.scores.items
        if id(items) not in lists:
            places = np.array([n for n, key in enumerate(items.keys) if key in keys], np.int64)
            lists[id(items)] = (
                ItemList([items.keys[n] for n in places], [items.clusters[n] for n in places]),
                places,
            )
        part, places = lists[id(items)]
        scores = row.scores
        parts.append(
            ScoreVector(
                part,
                scores.totals[places],
                scores.counts[places],
                scores.unscored[places],
                scores.levels,
            )
        )
    return [
        {
            "value": round_stored(found.value),
            "low": round_stored(found.low),
            "high": round_stored(found.high),
            "scored": found.n_scored,
        }
        for found in estimate_rows(parts, metric)
    ]
