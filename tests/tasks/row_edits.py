"""Edits of a draft's rows, made at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks_app.item_table.actions import (
    SeenRow,
    addition_of_row,
    change_of_row,
    deletion_of_rows,
    edit_rows,
)
from tasks_app.models import Task, TaskDraft


def change_row(*, task: Task, row: SeenRow, values: Mapping[str, Any], by: Any) -> TaskDraft:
    return edit_rows(task=task, edit=change_of_row(row, values), by=by)


def add_row(*, task: Task, values: Mapping[str, Any], by: Any) -> TaskDraft:
    return edit_rows(task=task, edit=addition_of_row(values), by=by)


def delete_rows(*, task: Task, rows: Sequence[SeenRow], by: Any) -> TaskDraft:
    return edit_rows(task=task, edit=deletion_of_rows(rows), by=by)
