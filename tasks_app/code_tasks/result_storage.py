"""From what a program left to rows: files, a report, samples with scores and calls."""

import hashlib
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.core.files import File
from django.db.models import F, Sum

from plumbmark.common.clock import now
from plumbmark.common.ids import new_public_id
from plumbmark.common.row_files import (
    register_files,
    release_files,
    remove_files,
    store_file,
)
from plumbmark.gateway.models import Call
from plumbmark.gateway.storage.records import lowered_output_limit
from plumbmark.sandbox import (
    Collected,
    Ending,
    ExecutionReport,
    GatewayRelay,
    Limits,
    collect,
    open_artifact,
)
from plumbmark.scoring.outcomes import Outcome as SampleOutcome
from plumbmark.strict_json.texts import make_storable, make_storable_json
from tasks_app.code_tasks.definition import CodeDefinition
from tasks_app.code_tasks.output.result_file import MAX_BYTES
from tasks_app.code_tasks.output.result_schema import RESULT_FILE
from tasks_app.code_tasks.output.results import (
    SCRIPT_NAME,
    ItemResult,
    ProgramOutcome,
    read_outcome,
)
from tasks_app.code_tasks.output.tracebacks import last_error
from tasks_app.code_tasks.source.notebook import finding_document
from tasks_app.models import (
    Item,
    ProgramReport,
    Run,
    RunArtifact,
    Sample,
    SampleCall,
    SampleScore,
    Scoring,
)
from tasks_app.runs.output_limit_notes import note_output_limit

_MAX_CALLS = 30_000
"""Linked with a sample: positions are small numbers."""
_ERROR = 1000
_TOLD_TO_AUTHORS = "Its data is private, so its log tells the task's authors alone why."
_FRAME = re.compile(r'File "(?:[^"\n]*/)?' + re.escape(SCRIPT_NAME) + r'", line (?P<line>\d+)')


@dataclass(slots=True)
class StoredArtifacts:
    """Artifacts whose bytes are kept and whose rows are still to be written."""

    run: Run
    rows: list[RunArtifact] = field(default_factory=list)
    _replaced: list[RunArtifact] = field(default_factory=list)

    def write_rows(self) -> None:
        """Write the rows, inside the caller's transaction."""
        self._replaced = list(RunArtifact.objects.filter(run=self.run))
        RunArtifact.objects.filter(run=self.run).delete()
        release_files([row.file for row in self._replaced])
        RunArtifact.objects.bulk_create(self.rows)
        register_files([row.file for row in self.rows])

    def forget(self) -> None:
        remove_files([row.file for row in self.rows])

    def forget_replaced(self) -> None:
        remove_files([row.file for row in self._replaced])


@dataclass(frozen=True, slots=True)
class ProgramOutput:
    """A work folder as it was found after the program's end."""

    work: Path
    definition: CodeDefinition
    collected: Collected
    outcome: ProgramOutcome

    def store_files(self, run: Run) -> StoredArtifacts:
        """Keep the bytes of every artifact; the rows follow with `write_rows`."""
        stored = StoredArtifacts(run)
        try:
            for artifact in self.collected:
                row = RunArtifact(run=run, path=make_storable(artifact.path))
                digest = hashlib.sha256()
                with open_artifact(self.work, artifact) as file:
                    while piece := file.read(1 << 20):
                        digest.update(piece)
                        row.size = (row.size or 0) + len(piece)
                    row.size = row.size or 0
                    row.sha256 = digest.hexdigest()
                    file.seek(0)
                    # The program's names stay in the rows alone.
                    store_file(row.file, f"{run.pk}-{new_public_id()}.data", File(file))
                stored.rows.append(row)
        except BaseException:
            stored.forget()
            raise
        return stored

    def write_report(
        self, run: Run, report: ExecutionReport, *, relay: GatewayRelay | None
    ) -> None:
        """Write the report; `relay` knows the results of the program's requests."""
        statuses = {} if relay is None else relay.statuses
        script = self.definition.as_script
        ProgramReport.objects.update_or_create(
            run=run,
            defaults={
                "ending": report.ending.value,
                "exit_code": report.exit_code,
                "detail": make_storable(report.detail),
                "wall_seconds": report.wall_seconds,
                "cpu_seconds": report.cpu_seconds,
                "peak_memory_bytes": report.peak_memory_bytes,
                "requests": relay.requests if relay else 0,
                "statuses": {str(status): statuses[status] for status in sorted(statuses)},
                "lost": relay.lost if relay else 0,
                "findings": [finding_document(one, script) for one in self.outcome.findings[:200]],
                "left_out": [
                    {"path": one.path, "reason": one.reason} for one in self.collected.left_out
                ],
                "created_at": now(),
            },
        )


def read_output(
    work: Path, limits: Limits, definition: CodeDefinition, *, log: str
) -> ProgramOutput:
    """Collect the files of an ended program and read its result."""
    collected = collect(work, limits)
    result_file = None
    for artifact in collected:
        if artifact.path == RESULT_FILE:
            with open_artifact(work, artifact) as file:
                result_file = file.read(MAX_BYTES + 1)
    outcome = read_outcome(work, definition, result_file=result_file, log=log)
    return ProgramOutput(work, definition, collected, outcome)


# --- Why it failed ------------------------------------------------------------------------------


def failure_of(
    report: ExecutionReport, outcome: ProgramOutcome, definition: CodeDefinition, *, log: str
) -> str:
    """Return why a run has no score and how to correct it; empty if it has one."""
    minutes = definition.timeout_minutes
    match report.ending:
        case Ending.TIMED_OUT | Ending.CPU:
            return (
                f"The program was ended at its time limit of {minutes} minutes. Raise "
                "timeout_minutes in the settings, or ask less."
            )
        case Ending.MEMORY:
            return f"The program needed more memory than it may use. {report.detail}"
        case Ending.OUTPUT:
            return f"The program printed more than is kept; print less. {report.detail}"
        case Ending.DISK:
            return f"The program wrote more files than it may. {report.detail}"
        case Ending.EXITED if report.exit_code == 0:
            pass
        case Ending.EXITED:
            if definition.is_private:
                return f"The program ended with exit code {report.exit_code}. {_TOLD_TO_AUTHORS}"
            last_line = _last_error(log, definition)
            return f"The program ended with exit code {report.exit_code}{last_line}"
        case _:
            return f"The program was ended from outside. {report.detail}"
    if outcome.has_result:
        return ""
    if definition.is_private:
        return f"The program gave no score. {_TOLD_TO_AUTHORS}"
    return " ".join(dict.fromkeys(item.error for item in outcome.items if item.error))


def candidate_problem(run: Run, *, since: datetime) -> str:
    """Return why the score cannot be the measured model's; empty if the program called that
    model.
    """
    callers = set(
        Call.objects.filter(grant=run.grant_id, started_at__gte=since).values_list(
            "deployment__slug", flat=True
        )
    )
    own = run.deployment_facts["slug"]
    if not callers or own in callers:
        return ""
    return (
        f"The program asked only {', '.join(sorted(callers))} and never {own}, so its "
        "result says nothing about the model being measured. Ask kbench.llm, or the "
        "model that "
        "LLM_DEFAULT names."
    )


def _last_error(log: str, definition: CodeDefinition) -> str:
    """Return the last traceback's own words, and the author's line that raised it."""
    begin = log.rfind("Traceback (most recent call last)")
    error = last_error(log[begin:] if begin >= 0 else log)
    frames = list(_FRAME.finditer(log[max(begin, 0) :]))
    place = definition.as_script.place_of(int(frames[-1]["line"])) if frames else None
    if place is not None:
        return f", at {place}: {error}"
    return f": {error}" if error else ". It printed nothing."


# --- Samples ------------------------------------------------------------------------------------


def store_results(run: Run, results: Sequence[ItemResult], *, since: datetime) -> None:
    """Write samples, scores and links to calls. Runs in the caller's transaction.

    Which call belongs to which task cannot be told, so all belong to the first sample; calls of
    tries that began before `since`, which cost money too, bear a role of their own.
    """
    items = {item.key: item for item in Item.objects.filter(version=run.task_version_id)}
    scoring = Scoring.objects.get(run=run, is_inline=True, revision=run.revision)
    calls = list(
        Call.objects.filter(grant=run.grant_id)
        .order_by("started_at", "id")
        .values_list("id", "started_at", "latency_ms", "upstream_model", "deployment__slug")
    )
    sums = Call.objects.filter(grant=run.grant_id).aggregate(
        charged=Sum("charged"),
        provider_cost=Sum("provider_cost"),
        input_tokens=Sum("input_tokens"),
        output_tokens=Sum("output_tokens"),
    )
    costs = {name: value or 0 for name, value in sums.items()}
    own_slug = run.deployment_facts["slug"]
    own = [call for call in calls if call[-1] == own_slug]
    latencies = [latency for _, _, latency, *_ in own if latency]
    unscored = 0
    for position, result in enumerate(results):
        is_first = position == 0
        is_scored = result.value is not None
        unscored += not is_scored
        outcome = SampleOutcome.ANSWERED if is_scored else SampleOutcome.TASK_ERROR
        sample = Sample.objects.create(
            run=run,
            item=items[result.key],
            ordinal=items[result.key].position,
            revision=run.revision,
            outcome=outcome.value,
            is_scored=is_scored,
            output=make_storable(result.output),
            messages=make_storable_json(list(result.messages)) or None,
            error=make_storable(result.error)[:_ERROR],
            latency_ms=round(statistics.median(latencies)) if is_first and latencies else None,
            finished_at=now(),
            **(costs if is_first else {}),
        )
        if is_scored:
            SampleScore.objects.create(
                scoring=scoring,
                sample=sample,
                value=result.value,
                answer=make_storable(result.answer),
                explanation=make_storable(result.explanation),
                details=make_storable_json(result.details),
            )
        if is_first:
            SampleCall.objects.bulk_create(
                SampleCall(
                    sample=sample,
                    call_id=call_id,
                    role=_role_of(run, slug) if at >= since else SampleCall.EARLIER_TRY,
                    position=number,
                )
                for number, (call_id, at, _, _, slug) in enumerate(calls[-_MAX_CALLS:])
            )
    Scoring.objects.filter(pk=scoring.pk).update(
        samples_done=len(results), samples_unscored=unscored, heartbeat_at=now()
    )
    Run.objects.filter(pk=run.pk).update(
        samples_done=F("samples_done") + len(results),
        samples_unscored=F("samples_unscored") + unscored,
        upstream_models=sorted({model for *_, model, _ in own if model}),
        heartbeat_at=now(),
        **costs,
    )


def note_lowered_limits(run: Run, *, since: datetime) -> None:
    """Note on the run if the model gave less output than a call of this try of the program asked
    for. Runs in the caller's transaction.
    """
    own = Call.objects.filter(
        grant=run.grant_id, deployment__slug=run.deployment_facts["slug"], started_at__gte=since
    )
    limits = map(lowered_output_limit, own.values_list("attempts", flat=True).iterator())
    smallest = min((limit for limit in limits if limit is not None), default=None)
    if smallest is not None:
        note_output_limit(run.pk, smallest, requested="what the program asked for")


def _role_of(run: Run, slug: str) -> str:
    """Return the role of the model that the program called."""
    if slug == run.deployment_facts["slug"]:
        return "candidate"
    return "judge" if slug == run.parameters.get("judge") else "other model"
