"""Everything that a program with `kaggle-benchmarks` left in its working folder."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plumbmark.strict_json import JsonError
from plumbmark.strict_json.texts import make_storable
from tasks_app.code_tasks.findings import Finding, error, note, warning
from tasks_app.code_tasks.output.records import Artifacts, RunFile, TaskFile
from tasks_app.code_tasks.output.run_files import Kinds, run_file_reader
from tasks_app.code_tasks.output.shapes import FILE_READER, Report, Shape
from tasks_app.code_tasks.source.functions import file_name_of
from tasks_app.code_tasks.source.inspection import Inspection

_TASK_ENDING = ".task.json"
_RUN_ENDING = ".run.json"
_ROW = re.compile(r"-run_param_id_(?P<row>.+)\.run\.json$", re.DOTALL)
"""The SDK tells the row of a data set in the file's name alone."""
_NOT_STORED = re.compile(r"Failed to store run (?P<run>[^:\n]+): (?P<reason>[^\n]+)")


@dataclass(frozen=True, slots=True)
class ArtifactLimits:
    """The limits of what is read. Sizes in bytes."""

    file_bytes: int = 64 * 1024 * 1024
    """Pictures and sounds stand in the files."""
    all_bytes: int = 512 * 1024 * 1024
    files: int = 20_000


# --- Reading ------------------------------------------------------------------------------------


def read_artifacts(
    folder: Path,
    *,
    kinds: Kinds | None = None,
    roots: Sequence[str] = (),
    limits: ArtifactLimits | None = None,
) -> Artifacts:
    """Read a folder that an untrusted program has written; nothing there can make this fail.

    `kinds` is what a look at the code found (`Inspection.kinds`), `roots` are folders of the host
    that tracebacks need not show. Runs that are part of others are not told twice.
    """
    findings: list[Finding] = []
    tasks: list[TaskFile] = []
    runs: list[RunFile] = []
    reader = run_file_reader()
    for name, data in _files(folder, limits or ArtifactLimits(), findings):
        report = Report(name)
        shape = _document(data, report)
        if shape is not None and name.endswith(_TASK_ENDING):
            tasks.append(reader.read_task(shape, kinds=kinds or {}, file=name))
        elif shape is not None:
            runs.append(reader.read_run(shape, kinds=kinds or {}, roots=roots, file=name))
        findings += report.findings
    whole, twice = _without_parts(runs)
    return Artifacts(
        tasks=tuple(tasks),
        runs=whole,
        findings=(*_findings_of_kept(findings, runs, whole), *twice, *_missing_tasks(tasks, whole)),
        rows={run.key: row for run in runs if (row := _row_of(run))},
    )


def _row_of(run: RunFile) -> str:
    """Return the id of the row that a run was about; empty if its file's name has none."""
    found = _ROW.search(run.file)
    if found is None:
        return ""
    # The model stands last, written as the SDK writes names of files.
    model = file_name_of(run.model)
    return found["row"].removesuffix(f"_{model}") if model else found["row"]


def _document(data: bytes, report: Report) -> Shape | None:
    try:
        read = FILE_READER.read_document(data)
    except JsonError as problem:
        report.add(
            error(
                "unreadable-file",
                f"The file cannot be read: {problem}.",
                "Its run counts as not stored.",
                line=problem.line,
            )
        )
        return None
    if not isinstance(read.value, dict):
        report.add(error("unreadable-file", "The file cannot be read: it is no JSON object."))
        return None
    for key in dict.fromkeys(read.duplicate_keys):
        message = f"The key {key!r} appears twice in one object; the last value counts."
        report.add(warning("duplicate-key", message))
    if read.replaced:
        message = f"{read.replaced} characters that cannot be stored were replaced by U+FFFD."
        report.add(note("unstorable-characters", message))
    return Shape(read.value, "$", report)


def _files(
    folder: Path, limits: ArtifactLimits, findings: list[Finding]
) -> Iterator[tuple[str, bytes]]:
    """Yield names, made printable, and contents."""
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name for entry in entries if entry.name.endswith((_TASK_ENDING, _RUN_ENDING))
        )
    if len(names) > limits.files:
        findings.append(
            error(
                "too-many-files",
                f"The program left {len(names):,} files; {limits.files:,} are read.",
                "Use store_run=False for tasks that are only part of another.",
            )
        )
        names = names[: limits.files]
    left = limits.all_bytes
    for name in names:
        shown = make_storable(os.fsencode(name).decode("utf-8", "replace"))
        most = min(limits.file_bytes, left)
        data = _content(folder / name, shown, most, findings)
        if data is not None:
            left -= len(data)
            yield shown, data


def _content(path: Path, shown: str, most: int, findings: list[Finding]) -> bytes | None:
    try:
        # A link could lead anywhere, and opening a pipe would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        code = "not-a-file" if problem.errno == errno.ELOOP else "unreadable-file"
        why = "is a link" if code == "not-a-file" else f"cannot be opened ({problem.strerror})"
        findings.append(error(code, f"It {why}; it was not read.", file=shown))
        return None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        findings.append(error("not-a-file", "It is no plain file; it was not read.", file=shown))
        return None
    with os.fdopen(handle, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        findings.append(
            error(
                "file-too-large",
                f"It has {max(facts.st_size, len(data)):,} bytes; {most:,} can still be read.",
                "Keep pictures and sounds small, or split the task up.",
                file=shown,
            )
        )
        return None
    return data


# --- One run, one place -------------------------------------------------------------------------


def _parts_of(runs: Iterable[RunFile]) -> Iterator[RunFile]:
    waiting = list(runs)
    while waiting:
        run = waiting.pop()
        yield from run.subruns
        waiting += run.subruns


def _without_parts(runs: Sequence[RunFile]) -> tuple[tuple[RunFile, ...], list[Finding]]:
    """Return the runs without those contained in another, and without second copies."""
    inner = {part.key for part in _parts_of(runs)}
    newest: dict[tuple[str, str, str, str], RunFile] = {}
    findings = []
    for run in runs:
        if run.key in inner:
            continue
        first = newest.setdefault(run.key, run)
        if first is not run:
            message = f"It tells of the same run as {first.file}, which counts."
            findings.append(note("file-twice", message, file=run.file))
    return tuple(newest.values()), findings


def _findings_of_kept(
    findings: list[Finding], runs: Sequence[RunFile], kept: Sequence[RunFile]
) -> list[Finding]:
    """Return the findings without those of parts: the run that contains them reports their
    failure.
    """
    parts = {run.file for run in runs} - {run.file for run in kept}
    reported_codes = {"run-failed", "run-unfinished", "no-value"}
    return [one for one in findings if one.file not in parts or one.code not in reported_codes]


def _missing_tasks(tasks: Sequence[TaskFile], runs: Sequence[RunFile]) -> Iterator[Finding]:
    known = {task.name for task in tasks}
    for run in runs:
        if run.task.name not in known and known:
            message = f"There is no task file of {run.task.name!r}."
            yield note("task-without-file", message, file=run.file)


# --- What should be there -----------------------------------------------------------------------


def missing_runs(
    inspection: Inspection, artifacts: Artifacts, *, log: str = ""
) -> Iterator[Finding]:
    """Return findings for tasks that the code runs and that left no run file.

    A result that the SDK cannot store, such as NaN, leaves only a warning in the program's output;
    `log` is that output.
    """
    stored = {run.task.name for run in artifacts.runs}
    stored |= {part.task.name for part in _parts_of(artifacts.runs)}
    by_variable = {task.variable: task for task in inspection.tasks}
    wanted: dict[str, int] = {}
    for call in inspection.runs:
        task = by_variable[call.task]
        if call.is_reached and call.function is None and task.stores_run and task.name is not None:
            wanted.setdefault(task.name, call.line)
    missing = {name: line for name, line in wanted.items() if name not in stored}
    reasons = [match["reason"].strip(" .") for match in _NOT_STORED.finditer(log)]
    for position, (name, line) in enumerate(missing.items()):
        # The output names runs by number, not by task; so it tells only as many as are missing.
        reason = reasons[position] if len(reasons) == len(missing) else ""
        why = f": {make_storable(reason)[:300]}" if reason else ""
        yield error(
            "run-without-file",
            f"The task {name!r} left no run file{why}.",
            "Return a finite value of the annotated type; look into the output for a warning.",
            line=line,
        )


@dataclass(frozen=True, slots=True)
class MainRun:
    """The run that gives the score; None where it cannot be told, for the reasons given."""

    run: RunFile | None
    findings: Sequence[Finding] = ()


def main_run(artifacts: Artifacts, inspection: Inspection, chosen: str | None = None) -> MainRun:
    """Return the last run of the chosen task among several; without a choice, of the only task."""
    names = list(dict.fromkeys(run.task.name for run in artifacts.runs))
    if chosen is not None:
        task = inspection.task_named(chosen)
        name = task.name if task is not None and task.name is not None else chosen
        if name not in names:
            message = f"%choose names {chosen!r}, of which there is no run."
            remedy = f"There are runs of: {', '.join(map(repr, names))}." if names else ""
            return MainRun(None, (error("chosen-not-run", message, remedy),))
    elif not names:
        return MainRun(None)
    elif len(names) > 1:
        message = f"Several tasks ran: {', '.join(map(repr, names))}."
        remedy = "Name the main one with %choose (in a file: # %choose)."
        return MainRun(None, (error("no-main-task", message, remedy),))
    else:
        name = names[0]
    runs = sorted((run for run in artifacts.runs if run.task.name == name), key=_end_time)
    found: tuple[Finding, ...] = ()
    if len(runs) > 1:
        message = f"{name!r} ran {len(runs)} times; the last run counts."
        found = (note("several-runs", message, file=runs[-1].file),)
    return MainRun(runs[-1], found)


def _end_time(run: RunFile) -> Any:
    moment = run.ended_at or run.started_at
    return (moment is not None, moment.timestamp() if moment else 0.0, run.file)
