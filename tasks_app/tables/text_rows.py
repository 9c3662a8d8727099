"""Rows of tables in text, with the fields between separators."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.datasets.rows import DataLimits, allow_long_fields, csv_message


def separated_rows(
    path: Path, encoding: str, separator: str, limits: DataLimits
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with its first line. Raises `InvalidInput` where the text is no table."""
    allow_long_fields(limits)
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(_bounded(file, limits), delimiter=separator, strict=True)
        while True:
            start = reader.line_num + 1
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise InvalidInput([Problem(csv_message(str(error)), line=start)]) from None
            except UnicodeError:
                raise InvalidInput(
                    [Problem("has bytes that are not of this encoding; choose another", line=start)]
                ) from None
            if fields is None:
                return
            if start == 1 and fields:
                fields[0] = fields[0].removeprefix("\ufeff")
            if sum(map(len, fields)) > limits.line_bytes:
                raise InvalidInput(
                    [
                        Problem(
                            f"the row that begins here is longer than {limits.line_bytes:,} "
                            "characters; is a quotation mark not closed?",
                            line=start,
                        )
                    ]
                )
            if fields:
                yield start, fields


def _bounded(file: IO[str], limits: DataLimits) -> Iterator[str]:
    while line := file.readline(limits.line_bytes + 1):
        if len(line) > limits.line_bytes:
            raise InvalidInput([Problem(f"a line is longer than {limits.line_bytes:,} characters")])
        yield line
