"""One file with the outputs for all tasks: a ZIP of files, or rows with a column that names the
task.

Everything is read before anything is stored, so that one list says all that is wrong.
"""

import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.shapes.names import suggest_name
from tasks_app.datasets.media.archives import ArchiveEntry, BadArchive, entries_of, open_archive
from tasks_app.datasets.rows import (
    ColumnWarning,
    DataLimits,
    DataRow,
    RowProblem,
    guess_format,
    read_rows,
)
from tasks_app.runs.output_files import (
    OutputCollector,
    SubmittedOutput,
    outputs_from,
    read_outputs,
)

_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
_CHUNK = 1 << 20
_SHOWN_NAMES = 10


@dataclass(frozen=True, slots=True)
class AnsweredTask:
    """A task that outputs are for, and the names that a file may call it by."""

    number: int
    """Its place in the benchmark, from 1."""
    slug: str
    names: Sequence[str]
    """The slug where it is the only one, `owner/slug`, the number, the ids."""
    positions: Mapping[str, int]
    repeats: int


Outputs = Mapping[int, list[SubmittedOutput]]
"""The outputs by the number of their task."""
RowsByTask = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of id, output[, repeat] by what a program calls their task."""


def read_submission(
    path: Path, *, name: str, tasks: Sequence[AnsweredTask], limits: DataLimits
) -> Outputs:
    """Return the outputs of every task; `InvalidInput` with what is wrong in each, by task and
    line.
    """
    with path.open("rb") as file:
        is_zip = file.read(4) in _ZIP_MARKS or name.lower().endswith(".zip")
    found, problems = (_read_zip if is_zip else _read_table)(path, name, tasks, limits)
    if problems:
        raise InvalidInput(problems)
    return found


def read_rows_by_task(
    sent: RowsByTask, *, tasks: Sequence[AnsweredTask], limits: DataLimits
) -> Outputs:
    """Return the same from rows that a program sent, by what it calls each task; the line of a
    problem is the number of its row, from 1.
    """
    names = _by_name(tasks)
    called: dict[int, str] = {}
    problems: list[Problem] = []
    found: dict[int, list[SubmittedOutput]] = {}
    for name, rows in sent.items():
        task = names.get(name.strip())
        if task is None:
            problems.append(Problem(_unknown(name, tasks), "outputs"))
        elif task.number in called:
            both = f"{called[task.number]!r} and {name[:80]!r} are both for it"
            problems.append(Problem(both, task.slug))
        else:
            called[task.number] = name[:80]
            try:
                found[task.number] = outputs_from(
                    iter(rows), positions=task.positions, repeats=task.repeats, limits=limits
                )
            except InvalidInput as error:
                problems += [_of_task(task, _named(one)) for one in error.problems]
    problems += [
        Problem("no row is for this task", task.slug) for task in tasks if task.number not in called
    ]
    if problems:
        raise InvalidInput(problems[: limits.problems])
    return found


def _by_name(tasks: Sequence[AnsweredTask]) -> dict[str, AnsweredTask]:
    return {name: task for task in tasks for name in task.names}


def _unknown(name: str, tasks: Sequence[AnsweredTask]) -> str:
    slugs = [task.slug for task in tasks]
    listed = ", ".join(slugs[:_SHOWN_NAMES])
    more = f" and {len(slugs) - _SHOWN_NAMES} more" if len(slugs) > _SHOWN_NAMES else ""
    return (
        f"{name[:80]!r} names no task of this benchmark; there are {listed}{more}, or their "
        f"numbers from 1 to {len(tasks)}{suggest_name(name, slugs)}"
    )


def _of_task(task: AnsweredTask, problem: Problem) -> Problem:
    return replace(problem, path=f"{task.slug}.{problem.path}" if problem.path else task.slug)


# --- One table ----------------------------------------------------------------------------------


def _read_table(
    path: Path, name: str, tasks: Sequence[AnsweredTask], limits: DataLimits
) -> tuple[Outputs, list[Problem]]:
    collectors = {
        task.number: OutputCollector(task.positions, task.repeats, limits) for task in tasks
    }
    names = _by_name(tasks)
    problems: list[Problem] = []
    rows = read_rows(
        path,
        format=guess_format(name, None),
        name=name,
        limits=replace(limits, rows=limits.rows * max(1, len(tasks))),
        warned=ColumnWarning(),
    )
    for row in rows:
        if isinstance(row, RowProblem):
            problems.append(row.problem)
        else:
            problem = _collect(row, names, tasks, collectors)
            if problem is not None:
                problems.append(problem)
        if len(problems) >= limits.problems:
            break
    return _finish(tasks, collectors, problems)


def _collect(
    row: DataRow,
    names: Mapping[str, AnsweredTask],
    tasks: Sequence[AnsweredTask],
    collectors: Mapping[int, OutputCollector],
) -> Problem | None:
    values = dict(row.values)
    if "task" not in values:
        return Problem("the column 'task' is missing: which task is this row for?", "", row.line)
    wanted = values.pop("task")
    if isinstance(wanted, bool) or not isinstance(wanted, str | int):
        return Problem("must be the name or number of a task", "task", row.line)
    task = names.get(str(wanted).strip())
    if task is None:
        return Problem(_unknown(str(wanted), tasks), "task", row.line)
    collectors[task.number].add(DataRow(row.line, values))
    return None


def _finish(
    tasks: Sequence[AnsweredTask],
    collectors: Mapping[int, OutputCollector],
    problems: list[Problem],
) -> tuple[Outputs, list[Problem]]:
    found: dict[int, list[SubmittedOutput]] = {}
    for task in tasks:
        try:
            found[task.number] = collectors[task.number].outputs()
        except InvalidInput as error:
            problems += [_of_task(task, _named(problem)) for problem in error.problems]
    return found, problems


def _named(problem: Problem) -> Problem:
    if problem.message == "the file has no rows":
        return Problem("no row is for this task")
    return problem


# --- A ZIP --------------------------------------------------------------------------------------


def _read_zip(
    path: Path, name: str, tasks: Sequence[AnsweredTask], limits: DataLimits
) -> tuple[Outputs, list[Problem]]:
    found: dict[int, list[SubmittedOutput]] = {}
    problems: list[Problem] = []
    seen: dict[int, str] = {}
    room = limits.file_bytes
    with path.open("rb") as file:
        try:
            with open_archive(file) as archive:
                for entry, task in _files_of(archive, tasks, seen, problems):
                    with _unpacked(archive, entry, most=room) as (unpacked, size):
                        room -= size
                        _read_file(unpacked, entry.name, task, limits, found, problems)
        except BadArchive as error:
            raise InvalidInput([*problems, Problem(f"{name!r} {error}")]) from error
    problems += [
        Problem("the ZIP has no file for this task", task.slug)
        for task in tasks
        if task.number not in seen
    ]
    return found, problems


def _files_of(
    archive: ZipFile,
    tasks: Sequence[AnsweredTask],
    seen: dict[int, str],
    problems: list[Problem],
) -> Iterator[tuple[ArchiveEntry, AnsweredTask]]:
    """Yield the files that belong to a task; note what is wrong with the others."""
    names = _by_name(tasks)
    for entry in entries_of(archive, most=len(tasks)):
        if isinstance(entry, str):
            problems.append(Problem(entry))
            continue
        plain = PurePosixPath(entry.name)
        task = names.get(plain.stem) or names.get(f"{plain.parent.name}/{plain.stem}")
        if task is None:
            problems.append(Problem(f"{entry.name!r}: {_unknown(plain.stem, tasks)}"))
        elif task.number in seen:
            problems.append(
                Problem(f"{entry.name!r} and {seen[task.number]!r} are both for it", task.slug)
            )
        else:
            seen[task.number] = entry.name
            yield entry, task


def _read_file(
    path: Path,
    name: str,
    task: AnsweredTask,
    limits: DataLimits,
    found: dict[int, list[SubmittedOutput]],
    problems: list[Problem],
) -> None:
    try:
        found[task.number] = read_outputs(
            path, name=name, positions=task.positions, repeats=task.repeats, limits=limits
        )
    except InvalidInput as error:
        problems += [_of_task(task, problem) for problem in error.problems]


@contextmanager
def _unpacked(archive: ZipFile, entry: ArchiveEntry, *, most: int) -> Iterator[tuple[Path, int]]:
    """Unpack one file under a name of ours; what it really holds counts, not what it declares."""
    size = 0
    with tempfile.NamedTemporaryFile() as target:
        try:
            with archive.open(entry.info) as source:
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    if size > most:
                        raise BadArchive(
                            "holds more than may be unpacked; at most as much as a data file may "
                            "have is taken, in all files together"
                        )
                    target.write(chunk)
        except (BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
            message = f"has {entry.name!r}, which cannot be unpacked: {str(error)[:120]}"
            raise BadArchive(message) from error
        target.flush()
        yield Path(target.name), size
