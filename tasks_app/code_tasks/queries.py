"""Reads of what a run of code left: its log, its files, its report."""

import re
import zipfile
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from django.db.models import F, Q, QuerySet, Sum, Window
from django.db.models.functions import Left, Length
from django.http import Http404

from plumbmark.accounts.permissions import Visitor
from plumbmark.sandbox import Ending
from tasks_app.code_tasks.definition import CodeDefinition
from tasks_app.code_tasks.source.inspection import inspect_code
from tasks_app.code_tasks.source.notebook import finding_document
from tasks_app.kinds import kind_of
from tasks_app.models import LogChunk, ProgramReport, Run, RunArtifact
from tasks_app.permissions import can_view_program
from tasks_app.runs.queries import run_at

_CHUNKS = 500
LOG_CHUNK = 16_384
"""Characters of one row at most, so that pieces can be cut between rows."""
_UNSAFE = re.compile(r'[\x00-\x1f\\:*?"<>|]')
_DEVICE = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)
"""Names that Windows takes for devices, whatever follows after a dot."""
_ENDINGS = {
    Ending.EXITED: "It ended by itself.",
    Ending.KILLED: "A signal ended it.",
    Ending.TIMED_OUT: "It was ended at its time limit.",
    Ending.CPU: "It was ended at its limit of processor time.",
    Ending.MEMORY: "It was ended at its limit of memory.",
    Ending.OUTPUT: "It was ended at its limit of output.",
    Ending.DISK: "It was ended at its limit of files.",
}


def program_run_at(*, run_id: int, to: Visitor) -> Run:
    """Return a run of code whose log and files the visitor may see; 404 otherwise."""
    run = run_at(run_id=run_id, to=to)
    if not kind_of(run.task_version).runs_program or not can_view_program(to, run):
        raise Http404
    return run


@dataclass(frozen=True, slots=True)
class LogPiece:
    text: str
    start: int
    """Its own position."""
    next: int
    """The position to ask on from."""
    is_over: bool
    """Nothing more comes."""
    has_more: bool
    """More is stored already."""


def log_of(run: Run, *, start: int = 0, most: int = 500_000) -> LogPiece:
    """Return the program's output from a position on: about `most` characters, never much more."""
    # The state first: what is written before it changes is then in the answer.
    is_finished = Run.objects.only("state").get(pk=run.pk).is_finished
    lengths = _lengths(LogChunk.objects.filter(run=run, position__gte=start).order_by("position"))
    chunks = _within(lengths, most)
    stop = chunks[-1] + 1 if chunks else start
    has_more = len(chunks) < len(lengths) or len(lengths) == _CHUNKS
    return LogPiece(
        text=_text_between(run, start, stop, most),
        start=start,
        next=stop,
        is_over=is_finished and not has_more,
        has_more=has_more,
    )


def earlier_start(run: Run, *, start: int, most: int) -> int | None:
    """Return where the piece before a position begins; None where that is the beginning."""
    rows = LogChunk.objects.filter(run=run, position__lt=start).order_by("-position")
    chunks = _within(_lengths(rows), most)
    return chunks[-1] if chunks else None


@dataclass(frozen=True, slots=True)
class LogEnds:
    """The beginning and the end of a log; `omitted` characters are between them, or none."""

    first: str
    last: str
    omitted: int
    next: int
    is_over: bool


def log_ends(run: Run, *, first: int, last: int) -> LogEnds:
    """Return the beginning and the end of the program's output: the reason of a failure is at the
    end. One query; the run was read before it, so that what was written before its state changed is
    in the answer.
    """
    chunks = _chunks_at_ends(run, first, last)
    beginning = [one for one in chunks if one.is_first(first)]
    ending = chunks[len(beginning) :]
    head = "".join(one.text for one in beginning)
    tail = "".join(one.text for one in ending)
    stop = chunks[-1].position + 1 if chunks else 0
    between = ending[0].before - beginning[-1].until if ending else 0
    if not between:
        return LogEnds(head + tail, "", 0, stop, run.is_finished)
    # Whole lines, where there are any.
    whole_head = head[: head.rfind("\n") + 1] or head
    whole_tail = tail[tail.find("\n") + 1 :] or tail
    between += len(head) - len(whole_head) + len(tail) - len(whole_tail)
    return LogEnds(whole_head, whole_tail, between, stop, run.is_finished)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A row of a log, and how many characters of the log there are before and up to its end."""

    position: int
    text: str
    before: int
    until: int

    def is_first(self, most: int) -> bool:
        """Return whether it is among the first `most` characters, or the very first chunk."""
        return self.until <= most or self.before == 0


def _chunks_at_ends(run: Run, first: int, last: int) -> list[_Chunk]:
    """Return the chunks with the first and the last so many characters; at least one of each."""
    length = Length("text")
    rows = (
        LogChunk.objects.filter(run=run)
        .annotate(until=Window(Sum(length), order_by="position"), whole=Window(Sum(length)))
        .annotate(before=F("until") - length)
        .filter(
            Q(until__lte=first)
            | Q(before=0)
            | Q(before__gte=F("whole") - last)
            | Q(until=F("whole"))
        )
        .order_by("position")
    )
    # Chunks are small now; older ones can be as long as the whole log.
    shown = Left("text", max(first, last, LOG_CHUNK))
    return [_Chunk(*row) for row in rows.values_list("position", shown, "before", "until")]


def whole_log(run: Run) -> str:
    """Return everything that the program wrote."""
    chunks = LogChunk.objects.filter(run=run).order_by("position")
    return "".join(chunks.values_list("text", flat=True))


def _lengths(rows: QuerySet[LogChunk]) -> list[tuple[int, int]]:
    return list(rows.values_list("position", Length("text"))[:_CHUNKS])


def _within(lengths: Sequence[tuple[int, int]], most: int) -> list[int]:
    """Return positions of the first chunks that together have at most `most` characters; at least
    one.
    """
    chunks: list[int] = []
    total = 0
    for position, length in lengths:
        total += length
        if chunks and total > most:
            break
        chunks.append(position)
    return chunks


def _text_between(run: Run, start: int, stop: int, most: int) -> str:
    rows = LogChunk.objects.filter(run=run, position__gte=start, position__lt=stop)
    # Chunks are small now; older ones can be as long as the whole log.
    longest = max(most, LOG_CHUNK)
    shown = rows.order_by("position").values_list(Left("text", longest), flat=True)
    return "".join(shown)


def artifacts_of(run: Run) -> QuerySet[RunArtifact]:
    return RunArtifact.objects.filter(run=run).order_by("path", "id")


def artifact_at(run: Run, artifact_id: int) -> RunArtifact:
    """Return one file of a run; 404 if it has none of that number."""
    artifact = RunArtifact.objects.filter(run=run, pk=artifact_id).first()
    if artifact is None:
        raise Http404
    return artifact


def entry_name(path: str, names: Container[str]) -> str:
    """Return a name for a file in a ZIP that leads out of no folder on any system.

    A backslash, a colon or a name such as `CON` is an ordinary name here, and a path or a device on
    Windows.
    """
    parts = []
    for part in path.split("/"):
        part = _UNSAFE.sub("_", part).rstrip(". ") or "_" * bool(part.strip("."))
        if part:
            parts.append(f"_{part}" if _DEVICE.fullmatch(part.partition(".")[0]) else part)
    name = "/".join(parts) or "_"
    number = 1
    unique = name
    while unique in names:
        number += 1
        unique = f"{name}-{number}"
    return unique


def write_zip(run: Run, target: IO[bytes]) -> None:
    """Write every artifact with its original bytes. Names cannot leave the archive."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for artifact in artifacts_of(run):
            name = entry_name(artifact.path, archive.NameToInfo)
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with artifact.file.open("rb") as source, archive.open(entry, "w") as file:
                while piece := source.read(1 << 20):
                    file.write(piece)


# --- The report ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundTask:
    """A task of the code: where it is, whether it runs, and what came of it."""

    task: str
    line: int
    place: str
    calls: Sequence[str]
    """`run, line 12`, as its author knows the lines."""
    counts: bool
    has_result: bool | None
    """None: not known yet."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """The findings in the code and in what it left, what is missing, and how to mend it."""

    tasks: Sequence[FoundTask]
    environment: str
    timeout_minutes: int
    ending: str
    exit_code: int | None
    wall_seconds: float | None
    peak_memory_bytes: int | None
    requests: int | None
    statuses: Mapping[str, int]
    failed_requests: int
    failure_summary: str
    """Of the failed ones: `5 × 429, 2 × 503`."""
    failure: str
    artifacts: Sequence[str]
    left_out: Sequence[dict[str, Any]]
    findings: Sequence[dict[str, Any]]
    created_at: datetime | None


def report_of(run: Run, artifacts: Iterable[RunArtifact]) -> RunReport:
    """Return the itemised report of a run of code, finished or not, with the files it left."""
    definition = kind_of(run.task_version).definition
    row: ProgramReport | None = getattr(run, "program_report", None)
    scored = set(run.samples.filter(is_scored=True).values_list("item__key", flat=True))
    return RunReport(
        tasks=tuple(_tasks(definition, scored if run.is_finished else None)),
        environment=definition.environment,
        timeout_minutes=definition.timeout_minutes,
        ending="" if row is None else _ENDINGS.get(Ending(row.ending), row.detail),
        exit_code=row.exit_code if row else None,
        wall_seconds=row.wall_seconds if row else None,
        peak_memory_bytes=row.peak_memory_bytes if row else None,
        requests=row.requests if row else None,
        statuses=row.statuses if row else {},
        failed_requests=row.failed_requests if row else 0,
        failure_summary=row.failure_summary if row else "",
        failure=run.failure,
        artifacts=tuple(one.path for one in artifacts),
        left_out=row.left_out if row else [],
        findings=[*_static_findings(definition), *(row.findings if row else [])],
        created_at=row.created_at if row else None,
    )


def _tasks(definition: CodeDefinition, scored: set[str] | None) -> Iterator[FoundTask]:
    script = definition.as_script
    inspection = inspect_code(definition.script)
    counted = {one.key for one in definition.counted}
    for task in inspection.tasks:
        key = (task.name or task.variable)[:200]
        yield FoundTask(
            task=key,
            line=task.line,
            place=str(script.place_of(task.line) or ""),
            calls=[
                f"{call.method}, {script.place_of(call.line) or ''}"
                for call in inspection.runs
                if call.task == task.variable
            ],
            counts=key in counted,
            has_result=None if scored is None or key not in counted else key in scored,
        )


def _static_findings(definition: CodeDefinition) -> list[dict[str, Any]]:
    script = definition.as_script
    findings = inspect_code(definition.script, chosen=definition.chosen).findings
    return [finding_document(one, script) for one in findings]
