"""Rows of Parquet files; needs the optional package `pyarrow`."""

import base64
import datetime
import decimal
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.common.file_types import detect_file_type
from tasks_app.datasets.rows import DataLimits

_AT_ONCE = 256
_MAX_GROUP_BYTES = 1 << 29
"""Unpacked size of what has to be in memory together."""


def read_parquet(path: Path, limits: DataLimits) -> Iterator[Mapping[str, Any]]:
    """Return the rows of a file. Raises `InvalidInput` for damaged, packed or too large ones."""
    try:
        arrow, parquet = (importlib.import_module(name) for name in ("pyarrow", "pyarrow.parquet"))
    except ImportError:
        raise InvalidInput(
            [
                Problem(
                    "the file is a Parquet file, and this installation cannot read them: ask its "
                    "operator to install plumbmark[parquet], or export the rows as CSV or JSONL"
                )
            ]
        ) from None
    try:
        file = parquet.ParquetFile(path)
        facts = file.metadata
        sizes = [facts.row_group(n).total_byte_size for n in range(facts.num_row_groups)]
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise InvalidInput([Problem(f"the Parquet file cannot be read: {error}")]) from None
    if max(sizes, default=0) > _MAX_GROUP_BYTES:
        raise InvalidInput(
            [
                Problem(
                    f"a row group of the Parquet file has {max(sizes):,} bytes when unpacked; at "
                    f"most {_MAX_GROUP_BYTES:,} are read. Write it with smaller row groups"
                )
            ]
        )
    if facts.num_rows > limits.rows:
        raise InvalidInput(
            [Problem(f"the file has {facts.num_rows:,} rows; at most {limits.rows:,} are taken")]
        )
    return _rows(file, arrow)


def _rows(file: Any, arrow: Any) -> Iterator[Mapping[str, Any]]:
    try:
        for batch in file.iter_batches(batch_size=_AT_ONCE):
            for row in batch.to_pylist():
                yield {str(name): _plain(value) for name, value in row.items()}
    except (arrow.ArrowException, OSError) as error:
        raise InvalidInput([Problem(f"the Parquet file is damaged: {error}")]) from None


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; images, as Hugging Face stores them, become `data:` URLs."""
    if isinstance(value, dict):
        if set(value) == {"bytes", "path"}:
            packed = value["bytes"]
            return _plain(packed) if isinstance(packed, bytes) else (value["path"] or "")
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        kind = detect_file_type(value) or "application/octet-stream"
        return f"data:{kind};base64,{base64.b64encode(value).decode('ascii')}"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    if isinstance(value, float) and value != value:
        return None
    return value
