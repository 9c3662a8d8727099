"""Reads of what a run of code left: its log, its files, its report."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from django.db.models import QuerySet
from django.http import Http404

from plumbmark.accounts.permissions import Visitor
from plumbmark.sandbox import Ending
from tasks_app.code.definition import CodeDefinition
from tasks_app.code.inspecting import inspect_code
from tasks_app.models import LogChunk, ProgramReport, Run, RunArtifact
from tasks_app.permissions import can_view_program
from tasks_app.queries import run_at

_CHUNKS = 500
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
    """A run of code whose log and files the visitor may see; 404 otherwise."""
    run = run_at(run_id=run_id, to=to)
    if not run.task_version.is_code or not can_view_program(to, run):
        raise Http404
    return run


@dataclass(frozen=True, slots=True)
class LogPiece:
    text: str
    next: int
    """The position to ask on from."""
    is_over: bool
    """Nothing more comes."""


def log_of(run: Run, *, start: int = 0) -> LogPiece:
    """What the program wrote, from a position on."""
    # The state first: what is written before it changes is then in the answer.
    is_finished = Run.objects.only("state").get(pk=run.pk).is_finished
    chunks = list(
        LogChunk.objects.filter(run=run, position__gte=start)
        .order_by("position")
        .values_list("position", "text")[:_CHUNKS]
    )
    return LogPiece(
        text="".join(text for _, text in chunks),
        next=chunks[-1][0] + 1 if chunks else start,
        is_over=is_finished and len(chunks) < _CHUNKS,
    )


def artifacts_of(run: Run) -> QuerySet[RunArtifact]:
    return RunArtifact.objects.filter(run=run).order_by("path", "id")


def artifact_at(run: Run, artifact_id: int) -> RunArtifact:
    """One file of a run; 404 where it has none of that number."""
    artifact = RunArtifact.objects.filter(run=run, pk=artifact_id).first()
    if artifact is None:
        raise Http404
    return artifact


def write_zip(run: Run, target: IO[bytes]) -> None:
    """Every artifact with its original bytes. Names lead nowhere outside of the archive."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for artifact in artifacts_of(run):
            entry = zipfile.ZipInfo(artifact.path, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with artifact.file.open("rb") as source, archive.open(entry, "w") as file:
                while piece := source.read(1 << 20):
                    file.write(piece)


# --- The report ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
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
    """What was found in the code and in what it left, what is missing, and how to mend it."""

    tasks: Sequence[Found]
    environment: str
    timeout_minutes: int
    ending: str
    exit_code: int | None
    wall_seconds: float | None
    peak_memory_bytes: int | None
    requests: int | None
    statuses: Mapping[str, int]
    failed_requests: int
    failed_how: str
    """Of the failed ones: `5 × 429, 2 × 503`."""
    failure: str
    artifacts: Sequence[str]
    left_out: Sequence[dict[str, Any]]
    findings: Sequence[dict[str, Any]]
    created_at: datetime | None


def report_of(run: Run) -> RunReport:
    """The itemised report of a run of code, whether it is over or not."""
    definition = CodeDefinition.from_document(run.task_version.definition)
    row = ProgramReport.objects.filter(run=run).first()
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
        failed_how=row.failed_how if row else "",
        failure=run.failure,
        artifacts=tuple(artifacts_of(run).values_list("path", flat=True)),
        left_out=row.left_out if row else [],
        findings=[*_static_findings(definition), *(row.findings if row else [])],
        created_at=row.created_at if row else None,
    )


def _tasks(definition: CodeDefinition, scored: set[str] | None) -> Iterator[Found]:
    script = definition.as_script
    inspection = inspect_code(definition.script)
    counted = {one.key for one in definition.counted}
    for task in inspection.tasks:
        key = (task.name or task.variable)[:200]
        yield Found(
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
    from tasks_app.actions.coding import finding_document

    script = definition.as_script
    findings = inspect_code(definition.script, chosen=definition.chosen).findings
    return [finding_document(one, script) for one in findings]
