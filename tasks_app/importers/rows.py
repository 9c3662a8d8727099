"""From a file's bytes to rows: JSONL or CSV, checked as they stream, memory flat.

A row is a mapping of column to value with the number of its (first) line.
"""

import codecs
import csv
import json
import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from plumbmark.common.errors import InvalidInput, Problem

EXACT_INTEGER = 2**53
_DEEPEST = 20
_SNIFF = 64 * 1024

_MAGIC = (
    (b"\x1f\x8b", "is gzip-compressed; unpack it first"),
    (b"PK\x03\x04", "is a zip archive or a spreadsheet; export it as CSV or JSONL"),
    (b"PAR1", "is a Parquet file; export it as CSV or JSONL"),
    (b"%PDF", "is a PDF; export its rows as CSV or JSONL"),
    (b"\xd0\xcf\x11\xe0", "is an old spreadsheet; export it as CSV"),
    (b"SQLite format 3", "is an SQLite database; export its rows as CSV or JSONL"),
)

# Characters that change how text reads without showing: fine in a text that is asked, never in a
# name or an id, where two that look the same would differ.
_INVISIBLE = {
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2065),
    *range(0x2066, 0x206A),
    0x00AD,
    0x061C,
    0x180E,
    0xFEFF,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a data file may hold at most."""

    file_bytes: int = 100 * 1024 * 1024
    line_bytes: int = 4 * 1024 * 1024
    field_characters: int = 1024 * 1024
    columns: int = 1000
    rows: int = 100_000
    problems: int = 20


@dataclass(slots=True)
class Warned:
    """Things that are taken but that the author should know of; each with its first line."""

    first_lines: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, line: int) -> None:
        self.first_lines.setdefault(what, line)
        self.counts[what] = self.counts.get(what, 0) + 1

    def messages(self) -> list[str]:
        return [
            f"{what} ({self.counts[what]}x, first in line {line})"
            for what, line in self.first_lines.items()
        ]


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    values: dict[str, Any]


class RowProblem(Exception):
    """One row that cannot be taken; reading goes on with the next."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def guess_format(name: str, declared: str | None) -> str:
    """`jsonl` or `csv`, as declared or by the file's name."""
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


def check_file(path: Path, limits: Limits) -> None:
    """What can be told before reading: size, emptiness, kind, encoding marks."""
    size = path.stat().st_size
    if size == 0:
        raise InvalidInput([Problem("the file is empty")])
    if size > limits.file_bytes:
        raise InvalidInput(
            [Problem(f"the file has {size:,} bytes; at most {limits.file_bytes:,} are taken")]
        )
    with path.open("rb") as file:
        head = file.read(_SNIFF)
    for magic, message in _MAGIC:
        if head.startswith(magic):
            raise InvalidInput([Problem(f"the file {message}")])
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InvalidInput([Problem("the file is UTF-16; save it as UTF-8")])
    if b"\x00" in head[:2000] and head[:2000].count(b"\x00") > len(head[:2000]) // 4:
        raise InvalidInput([Problem("the file is binary or UTF-16; save it as UTF-8 text")])


def read_rows(
    path: Path, *, format: str, name: str, limits: Limits, warned: Warned
) -> Iterator[Row | RowProblem]:
    """Rows in order; a row that cannot be taken comes as a `RowProblem`.

    Faults after which nothing can be trusted (encoding, a bad head) raise `InvalidInput`.
    """
    check_file(path, limits)
    if format == "jsonl":
        yield from _jsonl_rows(path, limits, warned)
    else:
        yield from _csv_rows(path, name, limits, warned)


# --- JSONL ------------------------------------------------------------------------------------


def _lines(file: IO[bytes], limits: Limits) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(limits.line_bytes + 1):
        number += 1
        if len(line) > limits.line_bytes:
            raise InvalidInput(
                [Problem(f"the line is longer than {limits.line_bytes:,} bytes", line=number)]
            )
        yield number, line


def _jsonl_rows(path: Path, limits: Limits, warned: Warned) -> Iterator[Row | RowProblem]:
    with path.open("rb") as file:
        for number, raw in _lines(file, limits):
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
                if raw.lstrip()[:1] == b"[":
                    raise InvalidInput(
                        [
                            Problem(
                                "the file is one JSON array; JSONL has one object per line, "
                                "without brackets and commas around them",
                                line=1,
                            )
                        ]
                    )
            text = _decoded(raw, number)
            if not text.strip():
                continue
            try:
                yield Row(number, _checked_object(_loaded(text, number), number, limits, warned))
            except RowProblem as problem:
                yield problem


def _decoded(raw: bytes, line: int) -> str:
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


def _loaded(text: str, line: int) -> Any:
    try:
        return json.loads(
            text, parse_constant=_no_constant, parse_int=_exact, object_pairs_hook=_once
        )
    except json.JSONDecodeError as error:
        raise RowProblem(
            Problem(f"is not JSON: {error.msg}", line=line, column=error.colno)
        ) from error
    except RecursionError as error:
        raise RowProblem(Problem("is nested too deeply", line=line)) from error
    except _Refused as error:
        raise RowProblem(Problem(str(error), line=line)) from error


class _Refused(ValueError):
    pass


def _no_constant(word: str) -> Any:
    raise _Refused(f"{word} is not a number that JSON has; write null or leave it out")


def _exact(digits: str) -> int:
    # The length is looked at first: turning a million digits into an int is quadratic.
    if len(digits) > 17 or abs(int(digits)) > EXACT_INTEGER:
        shown = digits if len(digits) <= 24 else digits[:20] + "…"
        raise _Refused(f"{shown} is beyond 2^53, where JSON numbers lose digits; quote it")
    return int(digits)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused(f"the key {key[:80]!r} stands twice")
            seen.add(key)
    return found


def _checked_object(value: Any, line: int, limits: Limits, warned: Warned) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RowProblem(Problem("must be an object: {…}", line=line))
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


def _check_value(
    value: Any, column: str, line: int, limits: Limits, warned: Warned, depth: int
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


def _check_text(text: str, column: str, line: int, limits: Limits, warned: Warned) -> None:
    if len(text) > limits.field_characters:
        raise RowProblem(
            Problem(
                f"has {len(text):,} characters; at most {limits.field_characters:,} fit in a field",
                column,
                line,
            )
        )
    if text.isascii():
        if "\x00" in text:
            raise RowProblem(Problem("holds a null character; remove it", column, line))
        return
    for character in text:
        code = ord(character)
        if code == 0:
            raise RowProblem(Problem("holds a null character; remove it", column, line))
        if 0xD800 <= code < 0xE000:
            raise RowProblem(Problem("holds half of a surrogate pair", column, line))
        if code in _INVISIBLE and code != 0x200D:
            kind = unicodedata.name(character, f"U+{code:04X}").lower()
            warned.add(f"column {column!r} holds the invisible character {kind}", line)


def name_problem(name: str) -> str | None:
    """What is wrong with a column's name or an id; None: nothing."""
    if not name.strip():
        return "is empty"
    if len(name) > 200:
        return f"has {len(name):,} characters; at most 200 fit"
    if name != name.strip():
        return f"{name!r} begins or ends with white space"
    for character in name:
        code = ord(character)
        if code < 32 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:
            return f"{name!r} holds the control character U+{code:04X}"
        if code in _INVISIBLE:
            return f"{name!r} holds the invisible character U+{code:04X}"
    return None


# --- CSV --------------------------------------------------------------------------------------


def _csv_rows(path: Path, name: str, limits: Limits, warned: Warned) -> Iterator[Row | RowProblem]:
    delimiter = "\t" if name.lower().endswith(".tsv") else ","
    before = csv.field_size_limit(limits.line_bytes)
    try:
        with path.open("rb") as file:
            reader = csv.reader(_csv_lines(file, limits), delimiter=delimiter, strict=True)
            yield from _csv_body(reader, limits, warned)
    finally:
        csv.field_size_limit(before)


def _csv_lines(file: IO[bytes], limits: Limits) -> Iterator[str]:
    for number, raw in _lines(file, limits):
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if b"\x00" in raw:
            raise InvalidInput([Problem("holds a null character; remove it", line=number)])
        yield _decoded(raw, number)


def _csv_body(reader: Any, limits: Limits, warned: Warned) -> Iterator[Row | RowProblem]:
    line = 1
    try:
        header = next(reader, None)
        if header is None:
            raise InvalidInput([Problem("the file is empty")])
        _check_header(header, limits)
        while True:
            line = reader.line_num + 1
            fields = next(reader, None)
            if fields is None:
                return
            if not fields:
                continue
            if len(fields) != len(header):
                yield RowProblem(
                    Problem(
                        f"has {len(fields)} fields where the head has {len(header)}; quote fields "
                        "that hold the separator or a line break",
                        line=line,
                    )
                )
                continue
            try:
                for column, text in zip(header, fields, strict=True):
                    _check_text(text, column, line, limits, warned)
            except RowProblem as problem:
                yield problem
                continue
            yield Row(line, dict(zip(header, fields, strict=True)))
    except csv.Error as error:
        raise InvalidInput([Problem(f"is not CSV: {error}", line=line)]) from error


def _check_header(header: list[str], limits: Limits) -> None:
    if len(header) > limits.columns:
        raise InvalidInput(
            [Problem(f"has {len(header):,} columns; at most {limits.columns:,} fit", line=1)]
        )
    problems = []
    seen: dict[str, int] = {}
    for index, name in enumerate(header, start=1):
        problem = name_problem(name)
        if problem:
            problems.append(Problem(f"the name of column {index} {problem}", line=1))
        elif name in seen:
            problems.append(
                Problem(f"the name {name!r} stands over columns {seen[name]} and {index}", line=1)
            )
        seen.setdefault(name, index)
    if problems:
        raise InvalidInput(problems[: limits.problems])
