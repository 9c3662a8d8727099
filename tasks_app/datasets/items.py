"""Data files: validated whole into a spool of items, before anything is written to a table."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.scoring.scorers import ScorerContext, build_scorer
from plumbmark.scoring.scorers.multiple_choice import MultipleChoice
from plumbmark.scoring.scorers.patterns import compile_pattern
from plumbmark.scoring.templates import unknown_column_message
from tasks_app.datasets.item_files import AttachedFiles, FileResolver, KnownFile
from tasks_app.datasets.options import Options, read_options, replace_labels
from tasks_app.datasets.prompt_columns import PromptColumns
from tasks_app.datasets.row_problems import AnswerMarks, RowProblems
from tasks_app.datasets.rows import (
    ColumnWarning,
    DataLimits,
    DataRow,
    RowProblem,
    find_row,
    guess_format,
    read_rows,
)
from tasks_app.definitions.characters import name_problem, normalise_name
from tasks_app.definitions.document import Definition, TargetSpec
from tasks_app.definitions.rendering import (
    columns_used,
    scorer_columns,
    text_of,
)
from tasks_app.definitions.warnings import definition_warnings

_MAX_COLUMNS_NAMED = 20
_MAX_SPLITS = 1000


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
    scorer_input: Mapping[str, Any] = field(default_factory=dict)
    """The columns that the scorers' programs use, by name."""
    attachments: Sequence[Mapping[str, Any]] = field(default_factory=list)
    """Its images and audio: `{"name", "sha256", "media_type", "bytes"}`."""

    def as_row(self) -> dict[str, Any]:
        """Return the fields by name; `dataclasses.asdict` would copy all of their values."""
        return {name: getattr(self, name) for name in self.__slots__}


class ImportResult:
    """The validated items, spooled on disk; a context manager that removes the spool."""

    def __init__(
        self,
        spool: IO[bytes],
        count: int,
        private: int,
        warnings: list[str],
        resolver: FileResolver,
        definition: Definition,
    ) -> None:
        self._spool = spool
        self.definition = definition
        """As given, with what the data showed about its columns."""
        self._resolver = resolver
        self.count = count
        self.private_count = private
        self.warnings = warnings

    def __enter__(self) -> "ImportResult":
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()
        self._resolver.close()

    @property
    def files(self) -> Mapping[str, KnownFile]:
        """The images and audio that items hold, by the names that rows have for them."""
        return self._resolver.used

    @property
    def inline_files(self) -> Mapping[str, Path]:
        """Of those that stood in the data file itself, where their bytes lie, by SHA-256."""
        return self._resolver.inline

    def __iter__(self) -> Iterator[ImportedItem]:
        self._spool.seek(0)
        for line in self._spool:
            yield ImportedItem(**json.loads(line))


def import_data(
    path: Path,
    *,
    name: str,
    definition: Definition,
    limits: DataLimits | None = None,
    first: int | None = None,
    shown: range = range(0),
    attached: AttachedFiles | None = None,
) -> ImportResult:
    """Validate a data file against a definition.

    `name` tells the format where the definition does not; `attached` are the files beside it. With
    `first`, only that many rows are read, and those in `shown` beyond them: the author's preview,
    which passes over what lies between. Raises `InvalidInput` with up to `limits.problems` kinds
    of problems, each with its first lines; nothing is left behind.
    """
    limits = limits or DataLimits()
    warned = ColumnWarning()
    resolver = FileResolver(definition, attached or AttachedFiles())
    reader = _ItemReader(definition, warned, resolver)
    problems = RowProblems(limits.problems)
    count = private = 0
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - handed over to `ImportResult`, which closes it
    try:
        format = guess_format(name, definition.data.format)
        rows = read_rows(path, format=format, name=name, limits=limits, warned=warned)
        for number, row in enumerate(rows, 1):
            if isinstance(row, RowProblem):
                problems.add(row.problem)
            elif count >= limits.rows:
                problems.add(
                    Problem(f"the file has more than {limits.rows:,} items", line=row.line)
                )
                break
            else:
                try:
                    item = reader.item(row, count)
                except RowProblem as problem:
                    problems.add(problem.problem)
                except _WrongColumns as error:
                    raise InvalidInput([*problems.merge(), *error.problems]) from error
                else:
                    spool.write(json.dumps(item.as_row()).encode() + b"\n")
                    private += item.split == "private"
                    count += 1
            if problems.is_full or (first is not None and number >= first):
                break
        else:
            shown = range(0)  # The file ended before.
            if not problems and (at_the_end := reader.problems_at_the_end(count)):
                raise InvalidInput(at_the_end)
        beyond = range(0) if first is None else range(max(shown.start, first), shown.stop)
        if beyond and not problems.is_full:
            rest = read_rows(
                path, format=format, name=name, limits=limits, warned=warned, start=beyond.start
            )
            for position, row in zip(beyond, rest, strict=False):
                try:
                    if isinstance(row, RowProblem):
                        raise row
                    item = reader.item(row, position)
                except RowProblem as problem:
                    problems.add(problem.problem)
                else:
                    spool.write(json.dumps(item.as_row()).encode() + b"\n")
        if problems:
            raise InvalidInput([*reader.advice(), *problems.merge()])
    except BaseException:
        spool.close()
        resolver.close()
        raise
    warnings = [*reader.warnings, *warned.messages()]
    if first is None or count < first:
        warnings += resolver.warnings()
    read = replace(
        definition,
        prompt=replace(definition.prompt, message_columns=reader.prompt_columns.with_messages),
    )
    return ImportResult(spool, count, private, warnings, resolver, read)


def number_in(item: str) -> int | None:
    """Return the number of an item, from 1, where the text is one."""
    digits = item.removeprefix("#")
    is_number = digits.isascii() and digits.isdecimal() and len(digits) < 10
    return max(1, int(digits)) if is_number else None


def find_item(
    path: Path, *, name: str, definition: Definition, item: str, limits: DataLimits, most: int
) -> int | None:
    """Return the number, from 0, of the row of an item among the first `most`: the one with this
    id, or of this number; `#3` is a number in any case. None where it is not there.
    """
    number = number_in(item)
    column = definition.data.id
    if not item.startswith("#") and column is not None:
        found = find_row(
            path,
            format=guess_format(name, definition.data.format),
            name=name,
            limits=limits,
            column=column,
            text=normalise_name(item),
            most=most,
        )
        if found is not None:
            return found
    return number - 1 if number is not None and number <= most else None


class _WrongColumns(Exception):
    """Definition and file do not fit each other, so every row would be a fault."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems


class _ItemReader:
    """Turns rows into items as the definition says, and remembers the ids."""

    def __init__(
        self, definition: Definition, warned: ColumnWarning, resolver: FileResolver
    ) -> None:
        self._data = definition.data
        self._resolver = resolver
        self._warned = warned
        self._prompt_columns = columns_used(definition)
        self._used = sorted(self._prompt_columns)
        self._scorer_columns = scorer_columns(definition)
        self._needs = self._needed_columns()
        self._pattern = (
            compile_pattern(self._data.target.pattern)
            if self._data.target and self._data.target.pattern
            else None
        )
        self._scorers = [build_scorer(scorer.as_spec()) for scorer in definition.scorers]
        self._seed = definition.prompt.shuffle_seed
        self._id_lines: dict[str, int] = {}
        self.prompt_columns = PromptColumns(definition, warned)
        # Whoever says that a target is a position or a text does not mean a label.
        self._takes_labels = any(
            isinstance(one, MultipleChoice) and one.target_is in {"auto", "letter"}
            for one in self._scorers
        )
        self._is_first = True
        self._marks = AnswerMarks()
        self._splits: set[str] = set()
        self._private: set[str] = set()
        self.warnings = definition_warnings(definition)

    def advice(self) -> list[Problem]:
        """Return what would mend nearly all of the wrong rows, where that is seen from them."""
        target = self._data.target
        if target is None or len(target.columns) != 1 or target.after or target.pattern:
            return []
        words = self._marks.advise(target.columns[0])
        return [Problem(words, target.columns[0])] if words else []

    def problems_at_the_end(self, count: int) -> list[Problem]:
        """Return the problems that only the last row can reveal."""
        if count == 0:
            return [Problem("the file has no rows")]
        split = self._data.split
        if split is None:
            return []
        unmet = [value for value in split.private if value not in self._private]
        if len(unmet) == len(split.private):
            # A slip in the word would publish what was meant to stay private.
            return [
                Problem(
                    f"no row has {' or '.join(map(repr, unmet[:5]))} here, so no item would be "
                    f"private; the column holds {_some(self._splits)}",
                    split.column,
                )
            ]
        self.warnings += [f"no row has {value!r} in column {split.column!r}" for value in unmet]
        return []

    def _needed_columns(self) -> dict[str, str]:
        """Return each column that must exist, with the part of the definition that names it."""
        data = self._data
        needs = {**self._scorer_columns, **self._prompt_columns}
        named = [("data.id", data.id), ("data.cluster", data.cluster)]
        if data.split:
            named.append(("data.split.column", data.split.column))
        lists = [("data.slices", data.slices)]
        if data.target:
            lists.append(("data.target", data.target.columns))
        if data.choices:
            lists.append(("data.choices", data.choices.columns))
        for place, columns in lists:
            named += [(place, column) for column in columns]
        for place, column in named:
            if column is not None:
                needs.setdefault(column, place)
        return needs

    def item(self, row: DataRow, position: int) -> ImportedItem:
        self._check_columns(row)
        data = self._data
        values = row.values
        key = self._key(row, position)
        options = self._choices(row)
        choices = None if options is None else list(options.texts)
        target = self._target(row, data.target) if data.target else None
        if options is not None and options.labels and self._takes_labels:
            place = ", ".join(data.target.columns)[:80] if data.target else ""
            target = replace_labels(target, options, place, row.line)
        self._check_target(row, key, target, choices)
        self.prompt_columns.check(row)
        used_values = {column: values[column] for column in self._used}
        attachments = self._resolver.take(row, used_values) if self._resolver.is_needed else []
        return ImportedItem(
            position=position,
            key=key,
            input=used_values,
            target=target,
            choices=choices,
            cluster=self._word(row, data.cluster) if data.cluster else "",
            slices={column: self._word(row, column) for column in data.slices},
            split=self._split(row),
            scorer_input={column: values[column] for column in self._scorer_columns},
            attachments=attachments,
        )

    def _split(self, row: DataRow) -> str:
        split = self._data.split
        if split is None:
            return "public"
        word = self._word(row, split.column)
        if not word:
            # Taking it as public would publish by accident what was meant to stay private.
            raise RowProblem(
                Problem("is empty; every row must say which split it is of", split.column, row.line)
            )
        if word in split.private:
            self._private.add(word)
            return "private"
        if len(self._splits) < _MAX_SPLITS:
            self._splits.add(word)
        return "public"

    def _check_columns(self, row: DataRow) -> None:
        missing = [name for name in self._needs if name not in row.values]
        if not missing:
            self._is_first = False
            return
        name = missing[0]
        where = self._needs[name]
        if self._is_first:
            # Of the first row it is the definition or the file as a whole that is wrong.
            raise _WrongColumns(
                [
                    Problem(
                        unknown_column_message(column, row.values),
                        self._needs[column],
                        row.head_line or row.line,
                    )
                    for column in missing[:_MAX_COLUMNS_NAMED]
                ]
            )
        raise RowProblem(
            Problem(f"the column {name!r}, named in {where}, is missing", "", row.line)
        )

    def _key(self, row: DataRow, position: int) -> str:
        if self._data.id is None:
            return str(position + 1)
        value = row.values[self._data.id]
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise RowProblem(
                Problem("an id must be text or a whole number", self._data.id, row.line)
            )
        key = normalise_name(str(value))
        problem = name_problem(key)
        if problem:
            raise RowProblem(Problem(f"the id {problem}", self._data.id, row.line))
        if key in self._id_lines:
            raise RowProblem(
                Problem(
                    f"the id {key!r} is in line {self._id_lines[key]} already",
                    self._data.id,
                    row.line,
                )
            )
        self._id_lines[key] = row.line
        return key

    def _choices(self, row: DataRow) -> Options | None:
        spec = self._data.choices
        if spec is None:
            return None
        options = read_options(row, spec)
        if len(set(options.texts)) != len(options.texts):
            place = ", ".join(spec.columns)[:80]
            self._warned.add(f"two options of an item are the same in {place!r}", row.line)
        return options

    def _target(self, row: DataRow, spec: TargetSpec) -> Any:
        found = [
            target for column in spec.columns for target in self._targets_in(row, column, spec)
        ]
        if not found:
            raise RowProblem(
                Problem("holds no right answer", ", ".join(spec.columns)[:80], row.line)
            )
        return found[0] if len(found) == 1 else found

    def _check_target(
        self, row: DataRow, key: str, target: Any, choices: Sequence[str] | None
    ) -> None:
        """Check that some answer could match the target; otherwise the data are at fault."""
        context = ScorerContext(key, choices or (), self._seed)
        for scorer in self._scorers:
            problem = scorer.target_problem(target, context)
            if problem:
                if len(self._scorers) > 1:
                    problem += f" (for the scorer {scorer.name})"
                columns = self._data.target.columns if self._data.target else ()
                if isinstance(target, str):
                    self._marks.add(target)
                raise RowProblem(Problem(problem, ", ".join(columns)[:80], row.line))
            if warning := scorer.target_warning(target, context):
                self._warned.add(warning, row.line)

    def _targets_in(self, row: DataRow, column: str, spec: TargetSpec) -> list[Any]:
        value = row.values[column]
        if value is None:
            return []
        values = value if isinstance(value, list) else [value]
        targets: list[Any] = []
        for one in values:
            if isinstance(one, dict | list):
                raise RowProblem(
                    Problem("an answer must be text, a number or a list of them", column, row.line)
                )
            is_number = isinstance(one, int | float) and not isinstance(one, bool)
            if is_number and not (spec.after or spec.pattern):
                # As text a number would be read by the scorer's signs: 1.125 with a decimal comma
                # is 1125.
                targets.append(one)
                continue
            text = text_of(one)
            if spec.after:
                _, marker, text = text.rpartition(spec.after)
                if not marker:
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

    def _word(self, row: DataRow, column: str) -> str:
        word = text_of(row.values[column]).strip()
        problem = name_problem(word) if word else None
        if problem:
            raise RowProblem(Problem(problem, column, row.line))
        return word


def _some(words: set[str]) -> str:
    examples = ", ".join(map(repr, sorted(words)[:5]))
    return f"{examples} and {len(words) - 5:,} more" if len(words) > 5 else examples
