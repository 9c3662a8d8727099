"""One table in three formats."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from plumbmark.common import table_files
from plumbmark.common.table_files import (
    Column,
    TableFile,
    disarm,
    write_csv,
    write_json,
    write_parquet,
)

HOSTILE = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    '"a",b\nc',
    "é<b>",
]


def table(texts: list[str]) -> TableFile:
    return TableFile(
        name="t",
        columns=[
            Column("name"),
            Column("n", "integer"),
            Column("x", "number"),
            Column("b", "boolean"),
        ],
        rows=[[text, number, -0.5, None] for number, text in enumerate(texts)],
        canary="c4n4ry",
        facts={"title": "A “title”", "nested": {"a": [1]}},
    )


def written(writer: Any, of: TableFile, **options: Any) -> bytes:
    target = io.BytesIO()
    writer(of, target, **options)
    return target.getvalue()


def test_cells_that_a_spreadsheet_would_run_are_disarmed_and_numbers_stay_numbers() -> None:
    rows = list(
        csv.DictReader(io.StringIO(written(write_csv, table(HOSTILE)).decode(), newline=""))
    )

    assert [row["name"] for row in rows] == [
        *(f"'{text}" for text in HOSTILE[:7]),
        *HOSTILE[7:],
    ]
    assert {(row["x"], row["b"], row["canary"]) for row in rows} == {("-0.5", "", "c4n4ry")}
    assert disarm("-5") == "-5"
    assert disarm("+1.5e3") == "+1.5e3"
    assert disarm("-5+1") == "'-5+1"


def test_a_byte_order_mark_is_written_only_on_demand() -> None:
    assert written(write_csv, table([])).decode() == "name,n,x,b,canary\r\n"
    assert written(write_csv, table([]), with_bom=True).startswith(b"\xef\xbb\xbfname")


@pytest.mark.parametrize("texts", [[], ["a"], HOSTILE, ["\ud800 lone"]])
def test_json_has_facts_canary_and_rows(texts: list[str]) -> None:
    document = json.loads(written(write_json, table(texts)))

    assert document["canary"] == "c4n4ry"
    assert document["nested"] == {"a": [1]}
    assert document["rows"] == [
        {"name": text, "n": number, "x": -0.5, "b": None} for number, text in enumerate(texts)
    ]


def test_parquet_has_types_facts_and_canary() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    found = parquet.read_table(io.BytesIO(written(write_parquet, table(HOSTILE))))

    assert [str(field.type) for field in found.schema] == [
        "string",
        "int64",
        "double",
        "bool",
        "string",
    ]
    assert found.column("name").to_pylist() == HOSTILE
    assert set(found.column("canary").to_pylist()) == {"c4n4ry"}
    assert json.loads(found.schema.metadata[b"plumbmark"])["canary"] == "c4n4ry"
    empty = parquet.read_table(io.BytesIO(written(write_parquet, table([]))))
    assert empty.num_rows == 0
    assert json.loads(empty.schema.metadata[b"plumbmark"])["canary"] == "c4n4ry"


def test_a_server_without_pyarrow_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_files.importlib.util, "find_spec", lambda name: None)

    assert list(table_files.formats()) == ["csv", "json"]
    with pytest.raises(table_files.FormatUnavailable, match=r"plumbmark\[parquet\]"):
        written(write_parquet, table(["a"]))


@pytest.mark.parametrize("writer", [write_csv, write_json, write_parquet])
def test_long_tables_of_long_texts_need_little_memory(writer: Any) -> None:
    import tracemalloc

    if writer is write_parquet:
        pytest.importorskip("pyarrow")

    def rows() -> Iterator[list[Any]]:
        for number in range(60):
            yield [f"{number}" * 1_000_000, number, 1.0, True]

    class Sink(io.RawIOBase):
        size = 0

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.size += len(data)
            return len(data)

    long = TableFile("t", table([]).columns, rows(), "c", {"title": "t"})
    sink = Sink()
    tracemalloc.start()
    writer(long, sink)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 40_000_000
    if writer is not write_parquet:
        assert sink.size > 110_000_000
