"""Files of submitted outputs: one row per item (and repeat), for models that no API reaches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.shapes.names import suggest_name
from plumbmark.strict_json import has_surrogate
from tasks_app.datasets.row_problems import RowProblems
from tasks_app.datasets.rows import (
    ColumnWarning,
    DataLimits,
    DataRow,
    RowProblem,
    guess_format,
    read_rows,
)
from tasks_app.definitions.characters import normalise_name

_COLUMNS = ("id", "output", "repeat")


@dataclass(frozen=True, slots=True)
class SubmittedOutput:
    """`ordinal` = item position x repeats + repeat."""

    ordinal: int
    output: str


def read_outputs(
    path: Path,
    *,
    name: str,
    positions: Mapping[str, int],
    repeats: int,
    limits: DataLimits | None = None,
) -> list[SubmittedOutput]:
    """Read outputs with the columns `id`, `output` and, with repeats, `repeat` (from 1).

    `positions` gives every item's position by its key. Unknown, missing and duplicate ids are
    refused, each with its line; all outputs must be there.
    """
    limits = limits or DataLimits()
    collector = OutputCollector(positions, repeats, limits)
    format = guess_format(name, None)
    warned = ColumnWarning()
    for row in read_rows(path, format=format, name=name, limits=limits, warned=warned):
        if isinstance(row, RowProblem):
            collector.problems.add(row.problem)
        else:
            collector.add(row)
        if collector.problems.is_full:
            break
    return collector.outputs()


def outputs_from(
    rows: Iterator[object],
    *,
    positions: Mapping[str, int],
    repeats: int,
    limits: DataLimits | None = None,
) -> list[SubmittedOutput]:
    """Read the same from rows that a program sent; `line` is the row's number, from 1."""
    limits = limits or DataLimits()
    collector = OutputCollector(positions, repeats, limits)
    for number, values in enumerate(rows, start=1):
        if isinstance(values, Mapping):
            collector.add(DataRow(number, dict(values)))
        else:
            collector.problems.add(Problem("must be an object with id and output", line=number))
        if collector.problems.is_full:
            break
    return collector.outputs()


class OutputCollector:
    """Collects rows, checks them against the items, and knows what is missing at the end."""

    def __init__(self, positions: Mapping[str, int], repeats: int, limits: DataLimits) -> None:
        self.problems = RowProblems(limits.problems)
        self._positions = {normalise_name(key): at for key, at in positions.items()}
        self._repeats = repeats
        self._limits = limits
        self._lines: dict[int, int] = {}
        self._outputs: dict[int, str] = {}

    def add(self, row: DataRow) -> None:
        ordinal = self._ordinal(row)
        if ordinal is None:
            return
        if ordinal in self._lines:
            self._problem(
                f"this id{' and repeat' if self._repeats > 1 else ''} is in line "
                f"{self._lines[ordinal]} already",
                "id",
                row,
            )
            return
        output = row.values.get("output")
        if not isinstance(output, str):
            self._problem("must be text; an empty answer is an empty text", "output", row)
            return
        if len(output) > self._limits.field_characters:
            self._problem(
                f"has {len(output):,} characters; at most {self._limits.field_characters:,} fit",
                "output",
                row,
            )
            return
        if "\x00" in output:
            self._problem("holds a null character; remove it", "output", row)
            return
        if has_surrogate(output):
            self._problem("holds half of a surrogate pair, which is no character", "output", row)
            return
        self._lines[ordinal] = row.line
        self._outputs[ordinal] = output

    def outputs(self) -> list[SubmittedOutput]:
        """Return all outputs in order; raise `InvalidInput` if something was wrong or is
        missing.
        """
        if not self.problems:
            self._find_missing()
        if self.problems:
            raise InvalidInput(self.problems.merge())
        return [
            SubmittedOutput(ordinal, output) for ordinal, output in sorted(self._outputs.items())
        ]

    def _ordinal(self, row: DataRow) -> int | None:
        unknown = next((name for name in row.values if name not in _COLUMNS), None)
        missing = next((name for name in ("id", "output") if name not in row.values), None)
        if unknown is not None:
            self._problem(
                f"the column {str(unknown)[:80]!r} is not known"
                f"{suggest_name(str(unknown), _COLUMNS)}; there are id, output and repeat",
                "",
                row,
            )
            return None
        if missing is not None:
            self._problem(f"the column {missing!r} is missing", "", row)
            return None
        key = row.values.get("id")
        if isinstance(key, bool) or not isinstance(key, str | int):
            self._problem("must be the id of an item", "id", row)
            return None
        position = self._positions.get(normalise_name(str(key)))
        if position is None:
            self._problem(f"no item has the id {str(key)[:80]!r}", "id", row)
            return None
        repeat = self._repeat(row)
        return None if repeat is None else position * self._repeats + repeat

    def _repeat(self, row: DataRow) -> int | None:
        raw = row.values.get("repeat", "")
        repeat: int | None = None
        if raw in ("", None):
            if self._repeats > 1:
                self._problem(f"say which repeat this is, from 1 to {self._repeats}", "repeat", row)
                return None
            repeat = 1
        elif isinstance(raw, int) and not isinstance(raw, bool):
            repeat = raw
        elif isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 10:
            repeat = int(raw)
        if repeat is None or not 1 <= repeat <= self._repeats:
            self._problem(
                f"must be a whole number from 1 to {self._repeats}, not {str(raw)[:40]!r}",
                "repeat",
                row,
            )
            return None
        return repeat - 1

    def _find_missing(self) -> None:
        if not self._outputs:
            self.problems.add(Problem("the file has no rows"))
            return
        wanted = len(self._positions) * self._repeats
        if len(self._outputs) == wanted:
            return
        missing = []
        for key, position in self._positions.items():
            for repeat in range(self._repeats):
                if position * self._repeats + repeat not in self._outputs:
                    missing.append(f"{key} (repeat {repeat + 1})" if self._repeats > 1 else key)
                    if len(missing) == 10:
                        break
            if len(missing) == 10:
                break
        rest = wanted - len(self._outputs) - len(missing)
        more = f" and {rest:,} more" if rest > 0 else ""
        self.problems.add(
            Problem(
                f"{wanted - len(self._outputs):,} of {wanted:,} outputs are missing: "
                f"{', '.join(missing)}{more}. An empty output is a row with an empty text",
                "id",
            )
        )

    def _problem(self, message: str, column: str, row: DataRow) -> None:
        self.problems.add(Problem(message, column, row.line))
