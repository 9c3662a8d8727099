"""From a file's bytes to rows: JSONL or CSV, checked as they stream, memory flat.

A row is a mapping of column to value with the number of its (first) line.
"""

import codecs
import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.common.file_types import detect_file_type
from plumbmark.common.progress import is_watched, report_progress
from plumbmark.strict_json import JsonError, JsonReader, has_surrogate
from plumbmark.strict_json.numbers import EXACT
from tasks_app.definitions.characters import (
    INVISIBLE,
    name_of,
    name_problem,
    normalise_name,
)

_LINE_READER = JsonReader(numbers=EXACT, duplicate_keys="refuse")
_DEEPEST = 20
_MAX_WARNINGS = 50
_REPORT_ROWS = 200
_SNIFF = 64 * 1024

ADVICE = {
    "application/gzip": "is gzip-compressed; unpack it first",
    "application/x-bzip2": "is bzip2-compressed; unpack it first",
    "application/x-xz": "is xz-compressed; unpack it first",
    "application/zstd": "is zstd-compressed; unpack it first",
    "application/x-7z-compressed": "is a 7-zip archive; unpack it first",
    "application/zip": "is a zip archive or a spreadsheet; export it as CSV or JSONL",
    "application/vnd.apache.parquet": "is a Parquet file; export it as CSV or JSONL",
    "application/pdf": "is a PDF; export its rows as CSV or JSONL",
    "application/vnd.ms-excel": "is an old spreadsheet; export it as CSV",
    "application/vnd.sqlite3": "is an SQLite database; export its rows as CSV or JSONL",
    "application/vnd.apache.arrow.file": "is an Arrow file; export it as CSV or JSONL",
}
"""By media type. Others are not looked for: a CSV file may begin with BM."""


@dataclass(frozen=True, slots=True)
class DataLimits:
    """The limits of a data file."""

    file_bytes: int = 100 * 1024 * 1024
    line_bytes: int = 4 * 1024 * 1024
    field_characters: int = 1024 * 1024
    columns: int = 1000
    rows: int = 100_000
    problems: int = 20


@dataclass(slots=True)
class ColumnWarning:
    """Things that are taken but that the author should know of; each with its first line."""

    first_lines: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, line: int) -> None:
        if what not in self.first_lines and len(self.first_lines) >= _MAX_WARNINGS:
            return
        self.first_lines.setdefault(what, line)
        self.counts[what] = self.counts.get(what, 0) + 1

    def messages(self) -> list[str]:
        return [
            f"{what} ({self.counts[what]}x, first in line {line})"
            for what, line in self.first_lines.items()
        ]


@dataclass(frozen=True, slots=True)
class DataRow:
    line: int
    values: dict[str, Any]
    head_line: int | None = None
    """Where a CSV file names its columns; a row of JSONL names its own."""


class RowProblem(Exception):
    """One row that cannot be taken; reading goes on with the next."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem

    @property
    def line(self) -> int:
        return self.problem.line or 0


def guess_format(name: str, declared: str | None) -> str:
    """Return `jsonl` or `csv`, as declared or by the file's name."""
    if declared is not None:
        return declared
    ending = name.lower().rpartition(".")[2]
    if ending in {"jsonl", "ndjson", "json"}:
        return "jsonl"
    if ending in {"csv", "tsv"}:
        return "csv"
    raise InvalidInput(
        [Problem(f"{name!r} ends neither in .jsonl nor in .csv; say data.format in the definition")]
    )


def check_file(path: Path, limits: DataLimits) -> None:
    """Check a file before it is read: size, emptiness, kind, encoding marks."""
    size = path.stat().st_size
    if size == 0:
        raise InvalidInput([Problem("the file is empty")])
    if size > limits.file_bytes:
        raise InvalidInput(
            [Problem(f"the file has {size:,} bytes; at most {limits.file_bytes:,} are taken")]
        )
    with path.open("rb") as file:
        head = file.read(_SNIFF)
    advice = ADVICE.get(detect_file_type(head))
    if advice is not None:
        raise InvalidInput([Problem(f"the file {advice}")])
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InvalidInput([Problem("the file is UTF-16 or UTF-32; save it as UTF-8")])
    if b"\x00" in head[:2000] and head[:2000].count(b"\x00") > len(head[:2000]) // 4:
        raise InvalidInput([Problem("the file is binary or UTF-16; save it as UTF-8 text")])


def read_rows(
    path: Path,
    *,
    format: str,
    name: str,
    limits: DataLimits,
    warned: ColumnWarning,
    start: int = 0,
) -> Iterator[DataRow | RowProblem]:
    """Yield rows in order; a row that cannot be accepted is a `RowProblem`.

    Faults after which nothing can be trusted (encoding, a bad head) raise `InvalidInput`. With
    `start`, the rows before are passed over unchecked: of JSONL they are not even read as JSON.
    """
    check_file(path, limits)
    if format == "jsonl":
        rows = _jsonl_rows(path, limits, warned, start)
    else:
        rows = islice(_csv_rows(path, name, limits, warned), start, None)
    if not is_watched():
        yield from rows
        return
    lines = _count_lines(path)
    for number, row in enumerate(rows):
        yield row
        if number % _REPORT_ROWS == 0:
            report_progress("Reading lines", row.line, lines)


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) + 1


# --- JSONL ------------------------------------------------------------------------------------


def _lines(file: IO[bytes], limits: DataLimits) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(limits.line_bytes + 1):
        number += 1
        if len(line) > limits.line_bytes:
            raise InvalidInput(
                [Problem(f"the line is longer than {limits.line_bytes:,} bytes", line=number)]
            )
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if b"\x00" in line:
            raise InvalidInput(
                [
                    Problem(
                        "holds a null character; remove it (a file in UTF-16 has many: save it as "
                        "UTF-8)",
                        line=number,
                    )
                ]
            )
        yield number, line


def find_row(
    path: Path, *, format: str, name: str, limits: DataLimits, column: str, text: str, most: int
) -> int | None:
    """Return the number, from 0, of the row with this text in a column, among the first `most`;
    None where there is none. Rows are not checked.
    """
    if format != "jsonl":
        rows = islice(_csv_rows(path, name, limits, ColumnWarning()), most)
        for number, row in enumerate(rows):
            if isinstance(row, DataRow) and normalise_name(str(row.values.get(column))) == text:
                return number
        return None
    # Most lines are ruled out by their bytes; those with an escape may say it in another way.
    mark = text.encode() if text.isascii() else b""
    with path.open("rb") as file:
        lines = (raw for _number, raw in _lines(file, limits) if raw.strip())
        for number, raw in enumerate(islice(lines, most)):
            if mark not in raw and b"\\" not in raw:
                continue
            try:
                values = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            if isinstance(values, dict) and normalise_name(str(values.get(column))) == text:
                return number
    return None


def _jsonl_rows(
    path: Path, limits: DataLimits, warned: ColumnWarning, start: int = 0
) -> Iterator[DataRow | RowProblem]:
    is_first = True
    passed = 0
    with path.open("rb") as file:
        for number, raw in _lines(file, limits):
            if passed < start:
                passed += bool(raw.strip())
                continue
            # Without its end: a fault there would be told with a column of the line after it.
            text = _decode(raw, number).rstrip("\r\n")
            if not text.strip():
                continue
            if is_first:
                _check_is_lines(text.strip(), number)
                is_first = False
            try:
                yield DataRow(
                    number, _check_object(_parse_line(text, number), number, limits, warned)
                )
            except RowProblem as problem:
                yield problem


def _check_is_lines(first: str, number: int) -> None:
    """Refuse JSON that is one document, where every line would be a fault of its own."""
    if first.startswith("["):
        raise InvalidInput(
            [
                Problem(
                    "the file is one JSON array; JSONL has one object per line, without brackets "
                    "and commas around them",
                    line=number,
                )
            ]
        )
    if first == "{":
        raise InvalidInput(
            [
                Problem(
                    "the file is one JSON document over many lines; JSONL has each object whole "
                    "on a line of its own",
                    line=number,
                )
            ]
        )


def _decode(raw: bytes, line: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            [
                Problem(
                    f"byte {raw[error.start]:#04x} is not UTF-8; save the file as UTF-8",
                    line=line,
                    column=error.start + 1,
                )
            ]
        ) from error


def _parse_line(text: str, line: int) -> Any:
    try:
        return _LINE_READER.read(text)
    except JsonError as error:
        message = str(error) if error.column is None else f"is not JSON: {error}"
        raise RowProblem(Problem(message, line=line, column=error.column)) from None


def _check_object(
    value: Any, line: int, limits: DataLimits, warned: ColumnWarning
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RowProblem(
            Problem(f'must be an object, as {{"column": "value"}}, not {_kind(value)}', line=line)
        )
    if len(value) > limits.columns:
        raise RowProblem(
            Problem(f"has {len(value):,} columns; at most {limits.columns:,} fit", line=line)
        )
    for name, inner in value.items():
        problem = name_problem(name)
        if problem:
            raise RowProblem(Problem(f"a column's name {problem}", line=line))
        _check_value(inner, name, line, limits, warned, 1)
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "a number"


def _check_value(
    value: Any, column: str, line: int, limits: DataLimits, warned: ColumnWarning, depth: int
) -> None:
    if depth > _DEEPEST:
        raise RowProblem(Problem(f"is nested deeper than {_DEEPEST} levels", column, line))
    if isinstance(value, str):
        _check_text(value, column, line, limits, warned)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise RowProblem(Problem("is too large for a number; quote it", column, line))
    elif isinstance(value, list):
        for inner in value:
            _check_value(inner, column, line, limits, warned, depth + 1)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key, column, line, limits, warned)
            _check_value(inner, column, line, limits, warned, depth + 1)


def _check_text(
    text: str, column: str, line: int, limits: DataLimits, warned: ColumnWarning
) -> None:
    if len(text) > limits.field_characters:
        raise RowProblem(
            Problem(
                f"has {len(text):,} characters; at most {limits.field_characters:,} fit in a field",
                column,
                line,
            )
        )
    if "\x00" in text:
        raise RowProblem(Problem("holds a null character; remove it", column, line))
    if text.isascii():
        return
    if has_surrogate(text):
        raise RowProblem(
            Problem("holds half of a surrogate pair, which is no character", column, line)
        )
    for character in sorted(set(INVISIBLE.findall(text))):
        warned.add(f"column {column!r} holds the invisible character {name_of(character)}", line)


# --- CSV --------------------------------------------------------------------------------------


def _csv_rows(
    path: Path, name: str, limits: DataLimits, warned: ColumnWarning
) -> Iterator[DataRow | RowProblem]:
    delimiter = "\t" if name.lower().endswith(".tsv") else ","
    allow_long_fields(limits)
    with path.open("rb") as file:
        yield from _CsvBody(file, delimiter, limits).rows(warned)


def allow_long_fields(limits: DataLimits) -> None:
    """Let fields be as long as a line. The limit is the process's, and other threads read too, so
    it is only ever raised.
    """
    if csv.field_size_limit() < limits.line_bytes:
        csv.field_size_limit(limits.line_bytes)


class _CsvBody:
    """Rows of CSV, of which one may take many lines but no more bytes than a line may."""

    def __init__(self, file: IO[bytes], delimiter: str, limits: DataLimits) -> None:
        self._limits = limits
        self._delimiter = delimiter
        self._reader = csv.reader(self._lines(file), delimiter=delimiter, strict=True)
        self._start = 1
        self._bytes = 0

    def _lines(self, file: IO[bytes]) -> Iterator[str]:
        for number, raw in _lines(file, self._limits):
            self._bytes += len(raw)
            if self._bytes > self._limits.line_bytes:
                raise InvalidInput(
                    [
                        Problem(
                            "the row that begins here is longer than "
                            f"{self._limits.line_bytes:,} bytes; is a quotation mark not closed?",
                            line=self._start,
                        )
                    ]
                )
            yield _decode(raw, number)

    def _next(self) -> list[str] | None:
        """Return the fields of the next row, which begins at `_start`; empty for a blank line."""
        self._start = self._reader.line_num + 1
        self._bytes = 0
        try:
            return next(self._reader, None)
        except csv.Error as error:
            raise InvalidInput([Problem(csv_message(str(error)), line=self._start)]) from error

    def rows(self, warned: ColumnWarning) -> Iterator[DataRow | RowProblem]:
        header: list[str] | None = []
        while not header:
            header = self._next()
            if header is None:
                raise InvalidInput([Problem("the file is empty: it has blank lines alone")])
        head_line = self._start
        _check_header(header, head_line, self._delimiter, self._limits)
        has_rows = False
        while (fields := self._next()) is not None:
            if not fields:
                continue
            has_rows = True
            yield self._row(header, head_line, fields, warned)
        if not has_rows:
            raise InvalidInput([Problem("the file has a head and no rows", line=head_line)])

    def _row(
        self, header: list[str], head_line: int, fields: list[str], warned: ColumnWarning
    ) -> DataRow | RowProblem:
        line = self._start
        if len(fields) != len(header):
            return RowProblem(
                Problem(
                    f"has {len(fields):,} fields where the head has {len(header):,}; quote fields "
                    "that hold the separator or a line break",
                    line=line,
                )
            )
        try:
            for column, text in zip(header, fields, strict=True):
                _check_text(text, column, line, self._limits, warned)
        except RowProblem as problem:
            return problem
        return DataRow(line, dict(zip(header, fields, strict=True)), head_line)


def csv_message(message: str) -> str:
    """Return the CSV reader's message in words that help."""
    if "unexpected end" in message:
        return "a quotation mark opens in this row and is not closed before the file ends"
    if "expected after" in message:
        return (
            "text follows after a closing quotation mark; within quoted text write the mark twice"
        )
    if "field limit" in message:
        return "a field is too long; is a quotation mark not closed?"
    if "new-line character" in message:
        return "lines end in CR alone; save the file with LF or CRLF line ends"
    return f"is not CSV: {message}"


def _check_header(header: list[str], line: int, delimiter: str, limits: DataLimits) -> None:
    if len(header) > limits.columns:
        raise InvalidInput(
            [Problem(f"has {len(header):,} columns; at most {limits.columns:,} fit", line=line)]
        )
    if len(header) == 1:
        for sign, signs in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
            if sign in header[0] and sign != delimiter:
                wanted = "commas (or name it .tsv)" if sign == "\t" else "commas"
                if delimiter == "\t":
                    wanted = "tabs (or name it .csv)"
                raise InvalidInput(
                    [
                        Problem(
                            f"the columns seem to be separated by {signs}; save the file with "
                            f"{wanted}",
                            line=line,
                        )
                    ]
                )
    problems = []
    seen: dict[str, int] = {}
    for index, name in enumerate(header, start=1):
        problem = name_problem(name)
        if problem:
            problems.append(Problem(f"the name of column {index} {problem}", line=line))
        elif name in seen:
            problems.append(
                Problem(
                    f"the name {name!r} is above columns {seen[name]} and {index}; "
                    "rename one of them",
                    line=line,
                )
            )
        seen.setdefault(name, index)
    if problems:
        raise InvalidInput(problems[: limits.problems])
