"""Files of any usual format, read as rows.

The format is found from the content; the name only decides where the content leaves it open. What
had to be decided or mended on the way is a note, so that the author can see it.
"""

import codecs
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.common.file_types import SIGNATURE_BYTES, detect_file_type
from plumbmark.strict_json import JsonError, JsonReader
from plumbmark.strict_json.numbers import EXACT
from tasks_app.datasets.rows import ADVICE, DataLimits
from tasks_app.tables.column_names import ColumnNames
from tasks_app.tables.encodings import LABELS, Encoding, detect_encoding
from tasks_app.tables.json_arrays import read_array
from tasks_app.tables.markup import html_rows, markdown_rows
from tasks_app.tables.parquet import read_parquet
from tasks_app.tables.separators import SEPARATORS, guess_separator
from tasks_app.tables.text_rows import separated_rows
from tasks_app.tables.workbooks import read_workbook

_READER = JsonReader(numbers=EXACT, duplicate_keys="refuse")
_HEAD = 256 * 1024
_ZIP = "application/zip"
_PARQUET = "application/vnd.apache.parquet"
_READ = {_ZIP, _PARQUET}
"""Formats that the import refuses and that are read here."""


@dataclass(frozen=True, slots=True)
class TableOptions:
    """The author's decisions about a file where the guess was wrong; empty ones are guessed."""

    encoding: str = ""
    """One of `encodings.LABELS`."""
    separator: str = ""
    """One of `separators.SEPARATORS`."""
    sheet: str = ""
    """Of a workbook."""
    has_head: bool = True
    """The first row of a text or a sheet has the columns' names."""

    def __post_init__(self) -> None:
        problems = []
        if self.encoding and self.encoding not in LABELS:
            problems.append(Problem(f"must be one of {', '.join(LABELS)}", "encoding"))
        if self.separator and self.separator not in SEPARATORS:
            signs = ", ".join(map(repr, SEPARATORS))
            problems.append(Problem(f"must be one of {signs}", "separator"))
        if problems:
            raise InvalidInput(problems)


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row and where it stands: a line of a text, or the number of the row from 1."""

    place: int
    values: Mapping[str, Any]
    text: str | None = None
    """The JSON that the file has for the row, if it is JSON."""


@dataclass(slots=True)
class SourceTable:
    """A table whose rows are read as they are asked for; `notes` is whole after the last one."""

    format: str
    """`CSV`, `JSONL`, `JSON`, `XLSX`, `Parquet`, `HTML` or `Markdown`."""
    rows: Iterator[TableRow]
    notes: list[str] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)
    """Of a workbook: those that can be chosen."""
    encoding: str = ""
    """Of a text, as in `encodings.LABELS`."""
    separator: str = ""


def read_table(
    path: Path, *, name: str, limits: DataLimits, options: TableOptions | None = None
) -> SourceTable:
    """Return the table in a file. Raises `InvalidInput` for what is none, and while its rows are
    read.
    """
    options = options or TableOptions()
    size = path.stat().st_size
    if size == 0:
        raise InvalidInput([Problem("the file is empty")])
    if size > limits.file_bytes:
        raise InvalidInput(
            [Problem(f"the file has {size:,} bytes; at most {limits.file_bytes:,} are taken")]
        )
    with path.open("rb") as file:
        kind = detect_file_type(file.read(SIGNATURE_BYTES))
    if kind in ADVICE and kind not in _READ:
        raise InvalidInput([Problem(f"the file {ADVICE[kind]}")])
    if kind == _ZIP:
        return _of_workbook(path, limits, options)
    if kind == _PARQUET:
        notes: list[str] = []
        rows = _numbered(read_parquet(path, limits))
        return SourceTable("Parquet", rows, notes)
    return _of_text(path, name, limits, options)


def _of_workbook(path: Path, limits: DataLimits, options: TableOptions) -> SourceTable:
    workbook = read_workbook(path, limits, sheet=options.sheet)
    table = SourceTable("XLSX", iter(()), workbook.notes, sheets=workbook.sheets)
    names = ColumnNames(table.notes)
    table.rows = _named(workbook.rows, names, limits, has_head=options.has_head)
    return table


def _of_text(path: Path, name: str, limits: DataLimits, options: TableOptions) -> SourceTable:
    encoding = (
        Encoding(options.encoding, is_guess=False) if options.encoding else detect_encoding(path)
    )
    head = _decode_head(path, encoding)
    notes = []
    if encoding.is_guess:
        notes.append(f"read as {encoding.label}, because it is not UTF-8")
    elif encoding.name.removesuffix("-sig") != "utf-8":
        notes.append(f"read as {encoding.label}")
    table = SourceTable("CSV", iter(()), notes, encoding=encoding.name.removesuffix("-sig"))
    start = head.lstrip("\ufeff \t\r\n")
    if start.startswith("["):
        table.format = "JSON"
        elements = enumerate(read_array(path, encoding.name, limits), 1)
        table.rows = _objects(elements, "element")
    elif start.startswith("{") and (_is_lines(start) or name.lower().endswith(".jsonl")):
        table.format = "JSONL"
        table.rows = _objects(_lines(path, encoding.name), "line")
    elif start.startswith("{"):
        table.format = "JSON"
        table.rows = _objects(_document(path, encoding.name, notes), "element")
    elif "<table" in start[:20_000].lower():
        table.format = "HTML"
        table.rows = _named(html_rows(path, encoding.name), ColumnNames(notes), limits)
    elif start.startswith("|"):
        table.format = "Markdown"
        table.rows = _named(markdown_rows(path, encoding.name), ColumnNames(notes), limits)
    else:
        separator = options.separator or guess_separator(head)
        table.separator = separator
        if separator != ("\t" if name.lower().endswith(".tsv") else ","):
            notes.append(f"the columns are separated by {SEPARATORS[separator]}")
        found = separated_rows(path, encoding.name, separator, limits)
        table.rows = _named(found, ColumnNames(notes), limits, has_head=options.has_head)
    return table


def _decode_head(path: Path, encoding: Encoding) -> str:
    with path.open("rb") as file:
        raw = file.read(_HEAD)
    decoder = codecs.getincrementaldecoder(encoding.name)(errors="replace")
    return decoder.decode(raw)


def _is_lines(start: str) -> bool:
    """Return whether the first line is a whole object, so that the file has one on each."""
    first, _, rest = start.partition("\n")
    return first.rstrip().endswith("}") if rest else _is_one_row(first)


def _is_one_row(text: str) -> bool:
    """Return whether a file of a single line is a row, and no document with a list of them."""
    try:
        value = json.loads(text)
    except ValueError:
        return True
    return not any(
        isinstance(one, list) and one and isinstance(one[0], dict) for one in value.values()
    )


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    with path.open(encoding=encoding, newline="\n") as source:
        for number, line in enumerate(source, 1):
            text = (line.lstrip("\ufeff") if number == 1 else line).strip()
            if text:
                yield number, text


def _document(path: Path, encoding: str, notes: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the objects of the one list that a JSON document has."""
    text = path.read_text(encoding=encoding)
    try:
        document = _READER.read(text.lstrip("\ufeff"))
    except JsonError as error:
        raise InvalidInput([Problem(f"the file is not JSON: {error}")]) from None
    lists = {
        key: value
        for key, value in document.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
    }
    if len(lists) != 1:
        known = ", ".join(map(repr, lists)) or "none"
        raise InvalidInput(
            [
                Problem(
                    "the file is one JSON object; it needs exactly one list of objects to take "
                    f"rows from (found: {known})"
                )
            ]
        )
    ((key, rows),) = lists.items()
    notes.append(f"the rows are those of the list {key!r}")
    for number, row in enumerate(rows, 1):
        yield number, json.dumps(row, ensure_ascii=False)


def _objects(texts: Iterator[tuple[int, str]], kind: str) -> Iterator[TableRow]:
    """Yield rows from the texts of JSON objects; `kind` is what their places count."""
    for place, text in texts:
        try:
            value = _READER.read(text)
        except JsonError as error:
            raise InvalidInput([Problem(f"{kind} {place:,} is not JSON: {error}")]) from None
        if not isinstance(value, dict):
            raise InvalidInput(
                [Problem(f'{kind} {place:,} must be an object, as {{"column": "value"}}')]
            )
        yield TableRow(place, value, text)


def _numbered(rows: Iterator[Mapping[str, Any]]) -> Iterator[TableRow]:
    for number, row in enumerate(rows, 1):
        yield TableRow(number, row)


def _named(
    rows: Iterator[tuple[int, list[Any]]],
    names: ColumnNames,
    limits: DataLimits,
    *,
    has_head: bool = True,
) -> Iterator[TableRow]:
    """Yield rows of fields as mappings: the first one names the columns."""
    rows = ((place, fields) for place, fields in rows if any(_has_value(one) for one in fields))
    if has_head:
        first = next(rows, None)
        if first is None:
            raise InvalidInput([Problem("the file has no rows")])
        names.set_head(first[1])
    for place, fields in rows:
        yield TableRow(place, names.name(place, fields))
        if names.width > limits.columns:
            raise InvalidInput(
                [Problem(f"has {names.width:,} columns; at most {limits.columns:,} fit")]
            )
    names.finish()


def _has_value(value: Any) -> bool:
    return value is not None and value != "" and not (isinstance(value, str) and not value.strip())
