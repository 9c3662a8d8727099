"""Rows of a data file by their numbers, and the same file with some of them changed.

Nothing here holds more of a file than a row and two numbers for each row: a JSONL file of 100,000
rows is read by byte offsets, which are found in one pass and kept by the file's hash. A CSV file is
read from its beginning, since a quoted field may have line breaks.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from django.core.cache import caches
from numpy.typing import NDArray

from plumbmark.common.progress import count_progress
from tasks_app.datasets import DataLimits
from tasks_app.datasets.rows import ColumnWarning, RowProblem, read_rows
from tasks_app.definitions.rendering import text_of

_KEPT_SECONDS = 24 * 3600
_WRITING = "Writing rows"
_MIN_KEPT_BYTES = 1 << 18
"""Of a smaller file the rows are found anew: that is as quick as asking the cache."""
_BOM = b"\xef\xbb\xbf"

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row. `values` is None where it cannot be read, as `problem` says."""

    number: int
    """From 0, in the order of the file."""
    digest: str
    """A short hash of it: who edits a row says which one they saw."""
    values: Mapping[str, Any] | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RowSelection:
    """The rows that are listed, in what order. `column` and `value` filter, `words` search."""

    words: str = ""
    column: str = ""
    value: str = ""
    sort: str = ""
    descending: bool = False

    @property
    def is_all(self) -> bool:
        return not (self.words or (self.column and self.value) or self.sort)


class RowFile:
    """A data file that is open for reading rows. `sha256` names its content."""

    def __init__(
        self, path: Path, *, name: str, format: str, sha256: str, limits: DataLimits
    ) -> None:
        self._path = path
        self._name = name
        self._is_jsonl = format == "jsonl"
        self._format = format
        self._sha256 = sha256
        self._limits = limits
        self._known: dict[str, Numbers] = {}

    def count(self) -> int:
        return len(self.numbers(RowSelection()))

    def numbers(self, selection: RowSelection) -> Numbers:
        """Return the numbers of the rows that are selected, in their order."""
        if selection.is_all:
            return np.arange(self._kept("all", self._offsets).size, dtype=np.int64)
        key = hashlib.sha256(repr(selection).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._kept(key, lambda: _select(self._light_rows(), selection))

    def rows_at(self, numbers: Sequence[int]) -> list[FileRow]:
        """Return the rows with these numbers, in the order given."""
        wanted = set(numbers)
        found: dict[int, FileRow] = {}
        if self._is_jsonl:
            offsets = self._kept("all", self._offsets)
            with self._path.open("rb") as file:
                for number in wanted:
                    if 0 <= number < offsets.size:
                        file.seek(int(offsets[number]))
                        found[number] = _row_of_line(number, file.readline())
        else:
            for row in self._csv_rows():
                if row.number in wanted:
                    found[row.number] = row
                    if len(found) == len(wanted):
                        break
        return [found[number] for number in numbers if number in found]

    def find(self, digest: str) -> list[int]:
        """Return the numbers of the rows that are exactly this."""
        if self._is_jsonl:
            return [number for number, raw in self._lines() if _digest(raw) == digest]
        return [row.number for row in self._csv_rows() if row.digest == digest]

    def columns(self, first: int = 200) -> list[str]:
        """Return the columns of the first rows, in their order."""
        names: dict[str, None] = {}
        for row in self.rows_at(range(min(first, self.count()))):
            names.update(dict.fromkeys(row.values or ()))
        return list(names)

    def write_changed(
        self,
        target: IO[bytes],
        change: Callable[[int, str], Mapping[str, Any] | bool],
        added: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Write the file anew in one pass. `change` gets number and digest of each row and returns
        True for one that stays, False for one that goes, or its new values.
        """
        if self._is_jsonl:
            for number, raw in count_progress(_WRITING, self._lines(), self.count()):
                changed = change(number, _digest(raw))
                if changed is True:
                    target.write(raw.rstrip(b"\r\n") + b"\n")
                elif changed is not False:
                    target.write(_line(changed))
            for values in added:
                target.write(_line(values))
            return
        text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
        delimiter = "\t" if self._name.lower().endswith(".tsv") else ","
        writer = csv.DictWriter(text, self.columns(1), delimiter=delimiter, restval="")
        writer.writeheader()
        for row in count_progress(_WRITING, self._csv_rows(), self.count()):
            changed = change(row.number, row.digest)
            if changed is True:
                writer.writerow(row.values or {})
            elif changed is not False:
                writer.writerow(changed)
        for values in added:
            writer.writerow(values)
        text.flush()
        text.detach()

    # --- reading ----------------------------------------------------------------------------

    def _kept(self, key: str, make: Callable[[], Numbers]) -> Numbers:
        if key in self._known:
            return self._known[key]
        if self._path.stat().st_size < _MIN_KEPT_BYTES:
            found = self._known[key] = make()
            return found
        cache, name = caches["default"], f"item-table:1:{self._format}:{self._sha256}:{key}"
        stored = cache.get(name)
        if isinstance(stored, bytes):
            found = np.frombuffer(stored, np.int64)
        else:
            found = make()
            cache.set(name, found.tobytes(), _KEPT_SECONDS)
        self._known[key] = found
        return found

    def _offsets(self) -> Numbers:
        if not self._is_jsonl:
            return np.arange(sum(1 for _ in self._csv_rows()), dtype=np.int64)
        found: list[int] = []
        with self._path.open("rb") as file:
            place = 0
            for raw in file:
                if raw.strip() and raw.strip() != _BOM:
                    found.append(place)
                place += len(raw)
        return np.array(found, np.int64)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        with self._path.open("rb") as file:
            for raw in file:
                if raw.strip() and raw.strip() != _BOM:
                    yield number, raw
                    number += 1

    def _csv_rows(self) -> Iterator[FileRow]:
        rows = read_rows(
            self._path,
            format="csv",
            name=self._name,
            limits=self._limits,
            warned=ColumnWarning(),
        )
        for number, row in enumerate(rows):
            if isinstance(row, RowProblem):
                yield FileRow(number, f"problem-{row.line}", None, row.problem.message)
            else:
                yield FileRow(number, _digest(_line(row.values)), row.values)

    def _light_rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield the rows that can be read, without checking them."""
        if not self._is_jsonl:
            yield from ((row.number, row.values) for row in self._csv_rows() if row.values)
            return
        for number, raw in self._lines():
            row = _row_of_line(number, raw)
            if row.values is not None:
                yield number, row.values


def _row_of_line(number: int, raw: bytes) -> FileRow:
    digest = _digest(raw)
    try:
        values = json.loads(raw.removeprefix(_BOM))
    except (ValueError, RecursionError):
        return FileRow(number, digest, None, "is no JSON")
    if not isinstance(values, dict):
        return FileRow(number, digest, None, "is no JSON object")
    return FileRow(number, digest, values)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw.strip()).hexdigest()[:16]


def _line(values: Mapping[str, Any]) -> bytes:
    text = json.dumps(values, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _select(rows: Iterator[tuple[int, Mapping[str, Any]]], selection: RowSelection) -> Numbers:
    words = selection.words.casefold().split()
    wanted = selection.value.casefold()
    keys: list[tuple[int, float, str, int]] = []
    for number, values in rows:
        column = selection.column
        if column and wanted and wanted not in text_of(values.get(column)).casefold():
            continue
        if words:
            text = "\n".join(text_of(value) for value in values.values()).casefold()
            if not all(word in text for word in words):
                continue
        keys.append((*_sort_key(values, selection.sort), number))
    if selection.sort:
        keys.sort(key=lambda key: key[:3], reverse=selection.descending)
    return np.array([key[3] for key in keys], np.int64)


def _sort_key(values: Mapping[str, Any], column: str) -> tuple[int, float, str]:
    """Return a key by which numbers come before texts, and rows without a value last."""
    value = values.get(column) if column else None
    if value is None:
        return 2, 0.0, ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 0, float(value), ""
    return 1, 0.0, text_of(value).casefold()[:200]
