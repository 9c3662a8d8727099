"""Rows of XLSX workbooks: the values of one sheet, with the pictures that lie on its cells.

Formulas and macros never run: a formula counts with the value that was last computed.
"""

import datetime
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.datasets.rows import DataLimits
from tasks_app.tables.package_parts import Package
from tasks_app.tables.pictures import pictures_of_sheet
from tasks_app.tables.wording import count_words

_MAX_CELLS = 20_000_000
"""Of the rectangle around all cells, which the reader holds in memory."""
_CELL = re.compile(rb'<c\s[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
_FORMULA = re.compile(rb"<f[\s>/]")
_OVERLAP = 256
_ERRORS = frozenset(
    ["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"]
)


@dataclass(slots=True)
class Workbook:
    """One sheet of a workbook; `notes` is whole after the last row."""

    rows: Iterator[tuple[int, list[Any]]]
    sheets: list[str]
    """The sheets that can be chosen."""
    notes: list[str] = field(default_factory=list)


def read_workbook(path: Path, limits: DataLimits, *, sheet: str = "") -> Workbook:
    """Return the rows of a sheet, with their numbers; without a name, of the first one that can be
    seen. Raises `InvalidInput` for what is no workbook, locked, or unpacks to far more than it is.
    """
    package = Package(path)
    if not package.has("xl/workbook.xml"):
        raise InvalidInput(
            [
                Problem(
                    "the file is a zip archive and no XLSX workbook; upload the table in it, or "
                    "save a spreadsheet of another program as XLSX or CSV"
                )
            ]
        )
    parts = package.sheet_parts()
    formulas = {name: _check_extent(package, part, name) for name, part in parts.items()}
    try:
        book = CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise InvalidInput([Problem("the workbook has a password; save it without one")]) from None
    except (CalamineError, OSError, zipfile.BadZipFile) as error:
        raise InvalidInput([Problem(f"the workbook cannot be read: {error}")]) from None
    tables = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    visible = [one.name for one in tables if one.visible == SheetVisibleEnum.Visible]
    hidden = [one.name for one in tables if one.visible != SheetVisibleEnum.Visible]
    chosen = sheet or _first_with_rows(book, visible)
    if chosen not in visible:
        known = ", ".join(map(repr, visible)) or "none"
        raise InvalidInput([Problem(f"no sheet {chosen!r} can be seen; there are: {known}")])
    notes = []
    if len(visible) > 1:
        notes.append(f"the rows are those of the sheet {chosen!r}, one of {len(visible)}")
    if hidden:
        shown = ", ".join(map(repr, hidden[:5]))
        notes.append(f"hidden sheets are left out: {shown}")
    if package.has("xl/vbaProject.bin"):
        notes.append("the workbook has macros; they are neither run nor kept")
    if count := formulas.get(chosen, 0):
        cells = count_words(count, "cell is a formula", "cells are formulas")
        notes.append(f"{cells}: the value that was last computed is taken")
    try:
        found = book.get_sheet_by_name(chosen)
    except CalamineError as error:
        raise InvalidInput([Problem(f"the sheet {chosen!r} cannot be read: {error}")]) from None
    pictures = pictures_of_sheet(package, parts.get(chosen, ""))
    workbook = Workbook(iter(()), visible, notes)
    workbook.rows = _rows(found, pictures, limits, notes)
    return workbook


def _first_with_rows(book: CalamineWorkbook, names: list[str]) -> str:
    for name in names:
        if book.get_sheet_by_name(name).height > 1:
            return name
    if not names:
        raise InvalidInput([Problem("the workbook has no sheet that can be seen")])
    return names[0]


def _check_extent(package: Package, part: str, name: str) -> int:
    """Refuse a sheet whose cells lie so far apart that reading it fills the memory; return how many
    formulas it has.
    """
    row = column = formulas = 0
    left = b""
    for chunk in package.chunks(part):
        text = left + chunk
        for letters, number in _CELL.findall(text):
            row = max(row, int(number))
            column = max(column, _column_number(letters))
        formulas += len(_FORMULA.findall(chunk))
        left = text[-_OVERLAP:]
    if row * column > _MAX_CELLS:
        raise InvalidInput(
            [
                Problem(
                    f"the sheet {name!r} reaches to row {row:,} and column {column:,}; delete what "
                    "lies far from the table, or save the table as CSV"
                )
            ]
        )
    return formulas


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _rows(
    sheet: CalamineSheet,
    pictures: Mapping[tuple[int, int], str],
    limits: DataLimits,
    notes: list[str],
) -> Iterator[tuple[int, list[Any]]]:
    fills = _merged_cells(sheet)
    if fills:
        merged = count_words(len(fills), "merged cell has", "merged cells have")
        notes.append(f"{merged} the value of the first one")
    used: set[tuple[int, int]] = set()
    errors = 0
    values: dict[tuple[int, int], Any] = {}
    sources = set(fills.values())
    columns_with_pictures: dict[int, list[int]] = {}
    for row_index, column in pictures:
        columns_with_pictures.setdefault(row_index, []).append(column)
    for index, cells in enumerate(sheet.to_python(skip_empty_area=False)):
        row = [_plain(value) for value in cells]
        for column in range(len(row)):
            place = (index, column)
            if place in sources:
                values[place] = row[column]
            elif place in fills:
                row[column] = values.get(fills[place], "")
            errors += row[column] in _ERRORS if isinstance(row[column], str) else 0
        for column in columns_with_pictures.get(index, ()):
            row += [""] * (column + 1 - len(row))
            if row[column] == "" or row[column] in _ERRORS:
                row[column] = pictures[index, column]
                used.add((index, column))
        if len(row) > limits.columns * 2:
            raise InvalidInput(
                [Problem(f"has {len(row):,} columns; at most {limits.columns:,} fit")]
            )
        yield index + 1, row
    if errors:
        wrong = count_words(errors, "cell has", "cells have")
        notes.append(f"{wrong} an error of the spreadsheet in place of a value")
    if used:
        pictured = count_words(len(used), "cell has a picture on it", "cells have pictures on them")
        notes.append(f"{pictured}, which is the value there")
    if left := len(pictures) - len(used):
        pictured = count_words(left, "picture is", "pictures are")
        notes.append(f"{pictured} left out: the cell below has a value")


def _merged_cells(sheet: CalamineSheet) -> dict[tuple[int, int], tuple[int, int]]:
    """Return where the value of each cell comes from that another one covers."""
    fills: dict[tuple[int, int], tuple[int, int]] = {}
    for start, end in sheet.merged_cell_ranges or ():
        if (end[0] - start[0] + 1) * (end[1] - start[1] + 1) > _MAX_CELLS // 20:
            continue
        for row in range(start[0], end[0] + 1):
            for column in range(start[1], end[1] + 1):
                if (row, column) != start:
                    fills[row, column] = start
    return fills


def _plain(value: Any) -> Any:
    """Return a cell's value as JSON has it: whole numbers without a fraction, dates as ISO 8601."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time.min
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return value
