"""What a program came to, item by item, out of the files that it left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tasks_app.code_tasks.definition import CodeDefinition, CountedTask
from tasks_app.code_tasks.findings import Finding, error
from tasks_app.code_tasks.output.artifacts import (
    main_run,
    missing_runs,
    read_artifacts,
)
from tasks_app.code_tasks.output.records import (
    Artifacts,
    Assertion,
    Conversation,
    Message,
    Result,
    RunFile,
)
from tasks_app.code_tasks.output.result_file import (
    RESULT_FILE,
    ReadResult,
    ResultFile,
    is_mean,
    read_result,
)
from tasks_app.code_tasks.output.result_file import ResultSample as FileSample
from tasks_app.code_tasks.output.tracebacks import last_error
from tasks_app.code_tasks.source.inspection import Inspection, inspect_code

_MAX_CHECKS = 200
_MAX_SAMPLES = 1_000
_MAX_MESSAGES = 400
_MAX_MESSAGE = 20_000
_MAX_OUTPUT = 100_000
_MAX_ROW_ID = 200


@dataclass(frozen=True, slots=True)
class ItemResult:
    """One item's result. `value` None: it has no score, and `error` says why."""

    key: str
    value: float | None
    answer: str = ""
    """The result in words, such as “8 of 10”."""
    explanation: str = ""
    output: str = ""
    messages: Sequence[dict[str, Any]] = ()
    error: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProgramOutcome:
    """Everything that the files tell."""

    items: Sequence[ItemResult]
    findings: Sequence[Finding]

    @property
    def has_result(self) -> bool:
        """A score, or at least a table, which is kept though no number can be made of it."""
        return any(item.value is not None or "table" in item.details for item in self.items)


def read_outcome(
    folder: Path, definition: CodeDefinition, *, result_file: bytes | None, log: str
) -> ProgramOutcome:
    """Read a work folder; nothing that stands there can make this fail.

    `result_file` is the content of our own result file where there is one, `log` what the program
    wrote.
    """
    inspection = inspect_code(definition.script, chosen=None)
    if inspection.tasks or definition.uses_sdk:
        return _of_sdk(folder, definition, inspection, log)
    if result_file is None:
        message = f"The program ended without writing {RESULT_FILE} into its working folder."
        missing = error("no-value", message, "Write it with json.dump before the program ends.")
        return ProgramOutcome(
            (ItemResult(definition.counted[0].key, None, error=message),), (missing,)
        )
    return _of_result_file(definition, read_result(result_file))


# --- The SDK's files ----------------------------------------------------------------------------


def _of_sdk(
    folder: Path, definition: CodeDefinition, inspection: Inspection, log: str
) -> ProgramOutcome:
    artifacts = read_artifacts(folder, kinds=inspection.kinds())
    findings = [*artifacts.findings, *missing_runs(inspection, artifacts, log=log)]
    items = []
    for counted in definition.counted:
        found = main_run(artifacts, inspection, counted.task or _only_other(definition, artifacts))
        findings += found.findings
        item = _of_run(counted, found.run, findings, definition)
        if found.run is not None and item.value is not None:
            rows = _rows(found.run, artifacts, item.value)
            item = replace(item, details={**item.details, "scores": rows}) if rows else item
        items.append(item)
    return ProgramOutcome(tuple(items), tuple(dict.fromkeys(findings)))


def _only_other(definition: CodeDefinition, artifacts: Artifacts) -> str | None:
    """Return the task whose name is not in the code: the one that ran and is none of the others."""
    counted_tasks = {one.task for one in definition.counted}
    names = {run.task.name for run in artifacts.runs} - counted_tasks
    return names.pop() if len(names) == 1 else None


def _of_run(
    counted: CountedTask, run: RunFile | None, findings: list[Finding], definition: CodeDefinition
) -> ItemResult:
    if run is None:
        why = next((str(one) for one in findings if one.code == "run-without-file"), "")
        return ItemResult(
            counted.key, None, error=why or f"There is no run of the task {counted.key!r}."
        )
    messages = _messages(run.conversations)
    output = next((one["content"] for one in reversed(messages) if one["role"] == "assistant"), "")
    details: dict[str, Any] = {"checks": [_check(one) for one in run.assertions[:_MAX_CHECKS]]}
    if run.model:
        details["model"] = run.model
    common: dict[str, Any] = {"output": output[:_MAX_OUTPUT], "messages": messages}
    if run.state == "errored" or run.error:
        traceback = definition.as_script.place_traceback(run.error, script=SCRIPT_NAME)
        details["traceback"] = traceback[-4000:]
        why = f"The task failed: {last_error(traceback) or 'no reason is given'}"
        return ItemResult(counted.key, None, error=why, details=details, **common)
    if run.result is None or run.result.value is None:
        why = "The task returned no number."
        if run.result is not None and run.result.kind == "table":
            why = "The task returned a table, which is no score. Return a number."
            details["table"] = run.result.table
        return ItemResult(counted.key, None, error=why, details=details, **common)
    return _item_result(
        counted.key,
        run.result.value,
        _format_result(run.result),
        _result_document(run.result),
        details,
        definition,
        explanation=_describe_checks(run.assertions),
        **common,
    )


def _rows(run: RunFile, artifacts: Artifacts, score: float) -> list[list[Any]]:
    """Return the rows of a data set whose mean the score is: `[id, value or None]` each.

    Return nothing if ids are missing or duplicate, or if the score is not their mean: a guess would
    invent items. A row that failed has no value, unless the author counts it as 0.
    """
    found: dict[str, float | None] = {}
    for part in run.subruns:
        row = artifacts.rows.get(part.key)
        if row is None:
            return []
        key = f"{part.task.name}/{row}"[:_MAX_ROW_ID]
        value = part.result.value if part.result is not None and not part.error else None
        if value is not None and found.get(key) is not None:
            return []
        found[key] = found.get(key) if value is None else value
    known = [value for value in found.values() if value is not None]
    if is_mean(known, score):
        return [[key, value] for key, value in found.items()]
    zeros = [value or 0.0 for value in found.values()]
    return [[key, value or 0.0] for key, value in found.items()] if is_mean(zeros, score) else []


def _format_result(result: Result) -> str:
    if result.kind == "count":
        return f"{result.passed} of {result.of}"
    if result.kind == "boolean":
        return "passed" if result.value else "not passed"
    if result.radius is not None:
        return f"{result.value:g} ± {result.radius:g}"
    return f"{result.value:g}"


def _result_document(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": result.kind, "value": result.value}
    if result.kind == "count":
        document |= {"passed": result.passed, "of": result.of}
    elif result.radius is not None and result.value is not None:
        low, high = result.value - result.radius, result.value + result.radius
        if math.isfinite(low) and math.isfinite(high) and result.radius >= 0:
            document |= {"radius": result.radius, "low": low, "high": high}
    return document


# --- Our own file -------------------------------------------------------------------------------


def _of_result_file(definition: CodeDefinition, read: ReadResult) -> ProgramOutcome:
    counted = definition.counted[0]
    if read.result is None:
        why = next((str(one) for one in read.findings), f"{RESULT_FILE} holds no result.")
        return ProgramOutcome((ItemResult(counted.key, None, error=why),), read.findings)
    item = _of_file(counted, read.result, definition)
    return ProgramOutcome((item,), read.findings)


def _of_file(counted: CountedTask, result: ResultFile, definition: CodeDefinition) -> ItemResult:
    samples = result.samples
    details: dict[str, Any] = {
        "samples": [_sample_document(one) for one in samples[:_MAX_SAMPLES]],
        "samples_told": len(samples),
        **_every_score(samples),
        "checks": [
            {**_check(one), "sample": sample.id} for sample in samples for one in sample.assertions
        ][:_MAX_CHECKS],
    }
    checks = [one for sample in samples for one in sample.assertions]
    messages = [
        {"role": one.role, "content": one.text[:_MAX_MESSAGE], "conversation": sample.id}
        for sample in samples
        for one in sample.messages
    ][:_MAX_MESSAGES]
    output = samples[0].output[:_MAX_OUTPUT] if len(samples) == 1 else ""
    common: dict[str, Any] = {
        "output": output,
        "messages": messages,
        "explanation": _describe_checks(checks),
    }
    document: dict[str, Any]
    if result.score is not None:
        score = result.score
        value = score.value
        document = {"kind": "boolean" if score.is_boolean else "number", "value": value}
        message = f"{value:g}"
        if score.of is not None:
            document |= {"kind": "count", "passed": score.passed, "of": score.of}
            message = f"{score.passed} of {score.of}"
        if result.interval is not None:
            document |= {"low": result.interval.low, "high": result.interval.high}
            message += f" ({result.interval.low:g} to {result.interval.high:g})"
    else:
        scores = [one.score for one in samples if one.score is not None]
        if not scores:
            why = "No sample has a score."
            return ItemResult(counted.key, None, error=why, details=details, **common)
        value = math.fsum(one.value for one in scores) / len(scores)
        document = {"kind": "number", "value": value}
        message = f"{value:g}, the mean of {len(scores)} samples"
        if all(one.is_boolean for one in scores):
            passed = sum(one.value == 1 for one in scores)
            document |= {"kind": "count", "passed": passed, "of": len(scores)}
            message = f"{passed} of {len(scores)}"
    return _item_result(counted.key, value, message, document, details, definition, **common)


def _every_score(samples: Sequence[FileSample]) -> dict[str, Any]:
    """Return ids and scores of all samples, if not all of them are stored in full."""
    if len(samples) <= _MAX_SAMPLES:
        return {}
    scores = [[one.id, None if one.score is None else one.score.value] for one in samples]
    return {"scores": scores}


def _sample_document(sample: FileSample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "score": None if sample.score is None else sample.score.value,
        "output": sample.output[:500],
        "error": sample.error[:500],
    }


# --- Both ---------------------------------------------------------------------------------------

SCRIPT_NAME = "task.py"
"""The name under which a script runs."""


def _item_result(
    key: str,
    value: float,
    answer: str,
    document: dict[str, Any],
    details: dict[str, Any],
    definition: CodeDefinition,
    **common: Any,
) -> ItemResult:
    lower, upper = definition.metric.lower, definition.metric.upper
    if (lower is not None and value < lower) or (upper is not None and value > upper):
        why = f"The score {value:g} lies outside of the metric's bounds."
        return ItemResult(key, None, answer=answer, error=why, details=details, **common)
    return ItemResult(key, value, answer=answer, details={"result": document, **details}, **common)


def _describe_checks(checks: Sequence[Assertion]) -> str:
    if not checks:
        return ""
    passed = sum(one.status == "passed" for one in checks)
    return f"{passed} of {len(checks)} checks passed."


def _check(one: Assertion) -> dict[str, Any]:
    return {
        "name": one.expectation[:500],
        "status": one.status,
        "message": one.message[:500],
        "line": one.line,
    }


def _messages(conversations: Sequence[Conversation]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for conversation in conversations:
        for message in conversation.messages:
            if len(found) == _MAX_MESSAGES:
                return found
            found.append(
                {
                    "role": message.role,
                    "content": _text(message)[:_MAX_MESSAGE],
                    "conversation": conversation.id[:200],
                }
            )
    return found


def _text(message: Message) -> str:
    media = [
        f"[{one.mime_type or 'file'}{f' {one.uri}' if one.uri else ''}]" for one in message.media
    ]
    return "\n".join([*media, message.text] if message.text else media)
