"""Tables as files: one shape of rows, written as CSV, JSON or Parquet.

Rows are taken one by one, so a file of any length needs little memory. Each file has the canary of
the data that it comes from: as a column in CSV and Parquet, where no other place survives a reader,
and among the facts of JSON and Parquet.
"""

import csv
import importlib
import importlib.util
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

import orjson

from plumbmark.common.errors import DomainError

Cell = str | int | float | bool | None
Kind = Literal["text", "integer", "number", "boolean"]
CANARY = "canary"
_BATCH_ROWS = 2_000
_BATCH_CHARACTERS = 4_000_000
"""Rows are written in batches that end with the first of both."""
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_BOM = "\ufeff"


class FormatUnavailable(DomainError):
    """A format that this server cannot write."""

    status = 501
    code = "format-unavailable"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name in the file, and the type of its cells, each of which may be
    None.
    """

    name: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class TableFile:
    """Rows with the facts that a reader needs to know where they are from."""

    name: str
    """The name of the file without its ending."""
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    canary: str
    facts: Mapping[str, Any]
    """Plain data: title, address, hash and the like."""


def can_write_parquet() -> bool:
    """Return whether the optional package that writes Parquet is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def formats() -> dict[str, str]:
    """Return the endings of the files that this server can write, with the names of the formats."""
    return {"csv": "CSV", "json": "JSON", **({"parquet": "Parquet"} if can_write_parquet() else {})}


def disarm(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: with an apostrophe before it where it
    could be one. Numbers are none.
    """
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def write_csv(table: TableFile, target: IO[bytes], *, with_bom: bool = False) -> None:
    """Write UTF-8 with a line of names; a byte order mark only if a program needs it."""
    text = io.TextIOWrapper(target, encoding="utf-8", errors="replace", newline="")
    if with_bom:
        text.write(_BOM)
    # Its line ends are CR LF, as RFC 4180 has them: then a CR or LF in a text is quoted too.
    lines = csv.writer(text)
    lines.writerow([*(disarm(column.name) for column in table.columns), CANARY])
    for row in table.rows:
        lines.writerow([*map(_csv_cell, row), table.canary])
    text.flush()
    text.detach()


def _csv_cell(value: Cell) -> Cell:
    if isinstance(value, str):
        return disarm(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def write_json(table: TableFile, target: IO[bytes]) -> None:
    """Write one object with the facts and, under `rows`, an object for each row."""
    facts = {CANARY: table.canary, **table.facts}
    target.write(json.dumps(facts, ensure_ascii=False, indent=1)[:-2].encode("utf-8", "replace"))
    target.write(b',\n "rows": [')
    names = [column.name for column in table.columns]
    separator = b"\n  "
    for row in table.rows:
        target.write(separator + _dump(dict(zip(names, row, strict=True))))
        separator = b",\n  "
    target.write(b"\n ]\n}\n")


def _dump(row: Mapping[str, Cell]) -> bytes:
    try:
        return orjson.dumps(row)
    except TypeError:
        # A lone surrogate, which no UTF-8 can have.
        return json.dumps(row).encode("ascii")


def write_parquet(table: TableFile, target: IO[bytes]) -> None:
    """Write Parquet with the facts as JSON in the metadata of its schema."""
    if not can_write_parquet():
        raise FormatUnavailable(
            "This server writes no Parquet, because pyarrow is not installed. Take CSV or JSON, or "
            "ask the operator to install plumbmark[parquet]."
        )
    # Not at the top: it is optional, and each web process would keep 40 MB for it.
    arrow = importlib.import_module("pyarrow")
    parquet = importlib.import_module("pyarrow.parquet")
    types = {
        "text": arrow.string(),
        "integer": arrow.int64(),
        "number": arrow.float64(),
        "boolean": arrow.bool_(),
    }
    fields = [(column.name, types[column.kind]) for column in table.columns]
    schema = arrow.schema(
        [*fields, (CANARY, arrow.string())],
        metadata={"plumbmark": json.dumps({CANARY: table.canary, **table.facts})},
    )
    kinds = [column.kind for column in table.columns]
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in _batches(table.rows):
            columns = [
                [_parquet_cell(row[place], kind) for row in batch]
                for place, kind in enumerate(kinds)
            ]
            columns.append([table.canary] * len(batch))
            arrays = [
                arrow.array(cells, field.type) for cells, field in zip(columns, schema, strict=True)
            ]
            writer.write_batch(arrow.record_batch(arrays, schema=schema))


def _parquet_cell(value: Cell, kind: Kind) -> Cell:
    if kind == "number" and value is not None:
        return float(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value


def _batches(rows: Iterable[Sequence[Cell]]) -> Iterator[list[Sequence[Cell]]]:
    batch: list[Sequence[Cell]] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += sum(len(cell) for cell in row if isinstance(cell, str))
        if len(batch) == _BATCH_ROWS or characters > _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


WRITERS: Mapping[str, Callable[[TableFile, IO[bytes]], None]] = {
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
}
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
