"""Reads of the table: a page of rows, with what is wrong with each."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from plumbmark.common.errors import InvalidInput
from plumbmark.common.heavy_work import HEAVY_BYTES, heavy_work
from tasks_app.datasets import import_data
from tasks_app.datasets.media.storage import files_of
from tasks_app.datasets.uploads import data_limits
from tasks_app.definitions import Definition
from tasks_app.definitions.parsing import parse_definition
from tasks_app.item_table.actions import open_rows
from tasks_app.item_table.files import FileRow, RowSelection
from tasks_app.models import TaskDraft

PAGE = 50
MAX_COLUMNS = 100
"""Columns that a table shows; files may have more."""


@dataclass(frozen=True, slots=True)
class CheckedRow:
    row: FileRow
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TablePage:
    """A page of a draft's rows. `selected` counts those that the search leaves."""

    columns: Sequence[str]
    rows: Sequence[CheckedRow]
    total: int
    selected: int
    page: int
    more_columns: int = 0
    notes: Sequence[str] = field(default_factory=list)
    """Problems of the definition, for which rows cannot be checked."""

    @property
    def has_next(self) -> bool:
        return self.page * PAGE < self.selected


def table_page(draft: TaskDraft, selection: RowSelection, *, page: int) -> TablePage:
    """Return a page of rows with their problems. The draft has a file; `InvalidInput` where it is
    no table.
    """
    data_file = draft.data_file
    assert data_file is not None
    is_heavy = data_file.size > HEAVY_BYTES and not selection.is_all
    with (
        open_rows(draft, data_file) as file,
        heavy_work(owner=draft.task.namespace_id, is_heavy=is_heavy),
    ):
        numbers = file.numbers(selection)
        total = file.count()
        columns = file.columns()
        start = (page - 1) * PAGE
        rows = file.rows_at(numbers[start : start + PAGE].tolist())
    problems, notes = _problems(draft, rows)
    return TablePage(
        columns=columns[:MAX_COLUMNS],
        rows=[CheckedRow(row, problems.get(row.number, [])) for row in rows],
        total=total,
        selected=len(numbers),
        page=page,
        more_columns=max(0, len(columns) - MAX_COLUMNS),
        notes=notes,
    )


def row_at(draft: TaskDraft, number: int) -> tuple[FileRow | None, list[str]]:
    """Return a row, None where there is none, and the columns of the table."""
    data_file = draft.data_file
    assert data_file is not None
    with open_rows(draft, data_file) as file:
        columns = file.columns()
        return next(iter(file.rows_at([number])), None), columns[:MAX_COLUMNS]


def _problems(draft: TaskDraft, rows: Sequence[FileRow]) -> tuple[dict[int, list[str]], list[str]]:
    """Check some rows by the definition, as the whole file is checked, but for ids that occur
    elsewhere.
    """
    found: dict[int, list[str]] = defaultdict(list)
    readable = []
    for row in rows:
        if row.values is None:
            found[row.number].append(row.problem)
        else:
            readable.append(row)
    if not readable:
        return found, []
    try:
        definition = parse_definition(draft.definition_text, format=draft.definition_format)
    except InvalidInput as error:
        return found, [str(one) for one in error.problems[:3]]
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        for row in readable:
            line = json.dumps(row.values, ensure_ascii=False)
            file.write(line.encode("utf-8", "surrogatepass") + b"\n")
        file.flush()
        try:
            with import_data(
                Path(file.name),
                name="rows.jsonl",
                definition=_as_lines(definition),
                limits=data_limits(),
                first=len(readable),
                attached=files_of(draft) if definition.prompt.media_parts else None,
            ):
                return found, []
        except InvalidInput as error:
            notes = []
            for problem in error.problems:
                text = f"{problem.path}: {problem.message}" if problem.path else problem.message
                if problem.line and 0 < problem.line <= len(readable):
                    found[readable[problem.line - 1].number].append(text)
                else:
                    notes.append(text)
            return found, notes


def _as_lines(definition: Definition) -> Definition:
    """Return the definition as if its file were JSONL, which the rows are written as."""
    return replace(definition, data=replace(definition.data, format=None))
