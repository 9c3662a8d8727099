"""Data files: validated whole into a spool of items, before anything is written to a table."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.scoring.scorers import ScorerContext, build_scorer
from plumbmark.scoring.scorers.patterns import compiled
from plumbmark.scoring.shuffling import LETTERS
from tasks_app.definitions.document import Definition, TargetSpec
from tasks_app.definitions.render import columns_used, text_of
from tasks_app.definitions.templates import unknown_column_message
from tasks_app.importers.rows import (
    Limits,
    Row,
    RowProblem,
    Warned,
    guess_format,
    name_problem,
    read_rows,
)


@dataclass(frozen=True, slots=True)
class ImportedItem:
    """One item as the definition reads it from its row."""

    position: int
    key: str
    input: Mapping[str, Any]
    target: Any
    choices: Sequence[str] | None = None
    cluster: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)
    split: str = "public"


class Imported:
    """The validated items, spooled on disk; a context manager that removes the spool."""

    def __init__(self, spool: IO[bytes], count: int, private: int, warnings: list[str]) -> None:
        self._spool = spool
        self.count = count
        self.private_count = private
        self.warnings = warnings

    def __enter__(self) -> "Imported":
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def __iter__(self) -> Iterator[ImportedItem]:
        self._spool.seek(0)
        for line in self._spool:
            yield ImportedItem(**json.loads(line))


def import_data(
    path: Path,
    *,
    name: str,
    definition: Definition,
    limits: Limits | None = None,
    first: int | None = None,
) -> Imported:
    """Validate a data file against a definition.

    `name` tells the format where the definition does not. With `first`, only that many rows are
    read (the author's preview). Raises `InvalidInput` with up to `limits.problems` problems, each
    with its line; nothing is left behind.
    """
    limits = limits or Limits()
    reader = _ItemReader(definition)
    warned = Warned()
    problems: list[Problem] = []
    count = private = 0
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - handed over to `Imported`, which closes it
    try:
        format = guess_format(name, definition.data.format)
        for row in read_rows(path, format=format, name=name, limits=limits, warned=warned):
            if isinstance(row, RowProblem):
                problems.append(row.problem)
            elif count >= limits.rows:
                problems.append(
                    Problem(f"the file has more than {limits.rows:,} items", line=row.line)
                )
                break
            else:
                try:
                    item = reader.item(row, count)
                except RowProblem as problem:
                    problems.append(problem.problem)
                else:
                    spool.write(json.dumps(asdict(item)).encode() + b"\n")
                    private += item.split == "private"
                    count += 1
            if len(problems) >= limits.problems or (first is not None and count >= first):
                break
        if not problems and count == 0:
            problems.append(Problem("the file has no rows"))
        if problems:
            raise InvalidInput(problems)
    except BaseException:
        spool.close()
        raise
    return Imported(spool, count, private, warned.messages())


class _ItemReader:
    """Turns rows into items as the definition says, and remembers the ids."""

    def __init__(self, definition: Definition) -> None:
        self._data = definition.data
        self._used = sorted(columns_used(definition))
        self._needs = self._needed_columns()
        self._pattern = (
            compiled(self._data.target.pattern)
            if self._data.target and self._data.target.pattern
            else None
        )
        self._scorers = [build_scorer(scorer.as_spec()) for scorer in definition.scorers]
        self._seed = definition.prompt.shuffle_seed
        self._id_lines: dict[str, int] = {}
        self._is_first = True

    def _needed_columns(self) -> dict[str, str]:
        """Each column that must exist, with the part of the definition that names it."""
        data = self._data
        needs = dict.fromkeys(self._used, "prompt")
        if data.id:
            needs[data.id] = "data.id"
        if data.target:
            needs.update(dict.fromkeys(data.target.columns, "data.target"))
        if data.cluster:
            needs[data.cluster] = "data.cluster"
        needs.update(dict.fromkeys(data.slices, "data.slices"))
        if data.split:
            needs[data.split.column] = "data.split"
        if data.choices:
            needs.update(dict.fromkeys(data.choices.columns, "data.choices"))
        return needs

    def item(self, row: Row, position: int) -> ImportedItem:
        self._check_columns(row)
        data = self._data
        values = row.values
        key = self._key(row, position)
        choices = self._choices(row)
        target = self._target(row, data.target) if data.target else None
        self._check_target(row, key, target, choices)
        return ImportedItem(
            position=position,
            key=key,
            input={column: values[column] for column in self._used},
            target=target,
            choices=choices,
            cluster=self._word(row, data.cluster) if data.cluster else "",
            slices={column: self._word(row, column) for column in data.slices},
            split="private"
            if data.split and self._word(row, data.split.column) in data.split.private
            else "public",
        )

    def _check_columns(self, row: Row) -> None:
        missing = [name for name in self._needs if name not in row.values]
        if not missing:
            self._is_first = False
            return
        name = missing[0]
        where = self._needs[name]
        if self._is_first:
            # Of the first row it is the definition or the file as a whole that is wrong.
            raise InvalidInput(
                [
                    Problem(
                        unknown_column_message(column, row.values), self._needs[column], row.line
                    )
                    for column in missing
                ]
            )
        raise RowProblem(
            Problem(f"the column {name!r}, named in {where}, is missing", "", row.line)
        )

    def _key(self, row: Row, position: int) -> str:
        if self._data.id is None:
            return str(position + 1)
        value = row.values[self._data.id]
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise RowProblem(
                Problem("an id must be text or a whole number", self._data.id, row.line)
            )
        key = str(value)
        problem = name_problem(key)
        if problem:
            raise RowProblem(Problem(f"the id {problem}", self._data.id, row.line))
        if key in self._id_lines:
            raise RowProblem(
                Problem(
                    f"the id {key!r} stands in line {self._id_lines[key]} already",
                    self._data.id,
                    row.line,
                )
            )
        self._id_lines[key] = row.line
        return key

    def _choices(self, row: Row) -> list[str] | None:
        spec = self._data.choices
        if spec is None:
            return None
        if spec.is_list:
            value = row.values[spec.columns[0]]
            if not isinstance(value, list):
                raise RowProblem(Problem("must be a list of options", spec.columns[0], row.line))
            options = [text_of(option) for option in value]
        else:
            options = [text_of(row.values[column]) for column in spec.columns]
            options = [option for option in options if option.strip()]
        if not 2 <= len(options) <= len(LETTERS):
            raise RowProblem(
                Problem(
                    f"has {len(options)} options; 2 to {len(LETTERS)} are taken",
                    ", ".join(spec.columns)[:80],
                    row.line,
                )
            )
        return options

    def _target(self, row: Row, spec: TargetSpec) -> Any:
        found = [
            target for column in spec.columns for target in self._targets_in(row, column, spec)
        ]
        if not found:
            raise RowProblem(
                Problem("holds no right answer", ", ".join(spec.columns)[:80], row.line)
            )
        return found[0] if len(found) == 1 else found

    def _check_target(self, row: Row, key: str, target: Any, choices: Sequence[str] | None) -> None:
        """A target that no answer could ever meet is a fault of the data."""
        context = ScorerContext(key, choices or (), self._seed)
        for scorer in self._scorers:
            problem = scorer.target_problem(target, context)
            if problem:
                columns = self._data.target.columns if self._data.target else ()
                raise RowProblem(Problem(problem, ", ".join(columns)[:80], row.line))

    def _targets_in(self, row: Row, column: str, spec: TargetSpec) -> list[Any]:
        value = row.values[column]
        if value is None:
            return []
        values = value if isinstance(value, list) else [value]
        targets = []
        for one in values:
            if isinstance(one, dict | list):
                raise RowProblem(
                    Problem("an answer must be text, a number or a list of them", column, row.line)
                )
            text = text_of(one)
            if spec.after:
                _, mark, text = text.rpartition(spec.after)
                if not mark:
                    raise RowProblem(
                        Problem(f"the mark {spec.after!r} does not occur", column, row.line)
                    )
            if self._pattern is not None:
                match = self._pattern.search(text)
                if match is None:
                    raise RowProblem(
                        Problem("the target's pattern does not match", column, row.line)
                    )
                text = match.group(1 if self._pattern.groups else 0) or ""
            if spec.strip:
                text = text.strip()
            if text:
                targets.append(text)
        return targets

    def _word(self, row: Row, column: str) -> str:
        word = text_of(row.values[column]).strip()
        if len(word) > 200:
            raise RowProblem(
                Problem(f"has {len(word):,} characters; at most 200 fit here", column, row.line)
            )
        return word
