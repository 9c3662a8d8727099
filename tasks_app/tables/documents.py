"""Profiles and roles as plain data: stored with a data file, shown on pages and by the API."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from plumbmark.scoring.templates import text_of
from plumbmark.strict_json import make_storable_json
from tasks_app.tables.profiles import ColumnProfile, Profile, oddities_of
from tasks_app.tables.roles import Roles

_MAX_CELL = 300
_MAX_COLUMNS_SHOWN = 30
"""Of the first rows."""


def profile_document(profile: Profile, roles: Roles) -> dict[str, Any]:
    """Return a profile with its guess as JSON has it."""
    shown = [column.name for column in profile.columns[:_MAX_COLUMNS_SHOWN]]
    document = {
        "rows": profile.rows,
        "columns": [_column_document(column) for column in profile.columns],
        "columns_left_out": profile.left_out,
        "repeated_rows": profile.repeated_rows,
        "oddities": oddities_of(profile),
        "first": [[_cell(row.get(name)) for name in shown] for row in profile.first],
        "roles": roles_document(roles),
    }
    storable: dict[str, Any] = make_storable_json(document)
    return storable


def _column_document(column: ColumnProfile) -> dict[str, Any]:
    mark = column.marks.common()
    return {
        "name": column.name,
        "kind": column.kind,
        "filled": column.filled,
        "blank": column.blank,
        "distinct": column.distinct,
        "is_unique": column.is_unique,
        "longest": column.longest,
        "mean_length": round(column.mean_length, 1),
        "examples": column.examples,
        # All of them, or nothing: a part would look like the whole.
        "values": dict(column.values.most_common())
        if column.distinct == len(column.values)
        else None,
        "mark": None if mark is None else {"text": mark[0], "count": mark[1]},
    }


def _cell(value: Any) -> dict[str, Any]:
    """Return what a page shows of a cell: its text, cut off, and whether it is more."""
    if value is None:
        return {"text": "", "is_cut": False, "kind": "blank"}
    text = value if isinstance(value, str) else text_of(value)
    if text.startswith("data:"):
        kind = text[5:].partition("/")[0]
        return {"text": "", "is_cut": True, "kind": kind}
    return {"text": text[:_MAX_CELL], "is_cut": len(text) > _MAX_CELL, "kind": "text"}


def roles_document(roles: Roles) -> dict[str, Any]:
    """Return roles as JSON has them."""
    return {key: list(one) if isinstance(one, tuple) else one for key, one in asdict(roles).items()}


def roles_from(document: Mapping[str, Any]) -> Roles:
    """Return the roles of a document of `roles_document`; what it leaves out is empty."""
    values: dict[str, Any] = {}
    for field in fields(Roles):
        if field.name in document:
            value = document[field.name]
            values[field.name] = tuple(value) if isinstance(value, list) else value
    return Roles(**values)
