"""One task file or one run file of `kaggle-benchmarks`, read tolerantly.

The files are protobuf messages as JSON: values that are zero, empty or false are left out, whole
numbers of 64 bits are texts. What the format does not tell (k of n, a score of zero) is taken from
the annotation of the task's function.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast, get_args

from plumbmark.strict_json import JsonError
from tasks_app.code_tasks.findings import error, note, warning
from tasks_app.code_tasks.output.records import (
    Assertion,
    CallUsage,
    Conversation,
    Message,
    MessageMedia,
    Reply,
    Result,
    Role,
    RunFile,
    Scope,
    State,
    TaskFile,
    ToolOutcome,
)
from tasks_app.code_tasks.output.run_files import Kinds
from tasks_app.code_tasks.output.shapes import FILE_READER, Shape
from tasks_app.code_tasks.output.tracebacks import shorten_traceback
from tasks_app.code_tasks.source.result_kinds import (
    ResultKind,
    kind_of_definition,
)

_MAX_DECODED = 5_000_000
_ROLES: Mapping[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
    "context": "tool",
}
_STATES = {"queued", "running", "completed", "errored"}
_STATUSES = {"passed", "failed", "errored"}


def read_task(shape: Shape, *, kinds: Kinds, file: str = "") -> TaskFile:
    name = shape.text("name")
    definition = shape.text("definition")
    kind = kind_of_definition(definition) if definition else ResultKind.UNKNOWN
    if kind is ResultKind.UNKNOWN:
        kind = kinds.get(name, ResultKind.UNKNOWN)
    return TaskFile(
        name=name,
        version=shape.whole("versionNumber") or 1,
        description=shape.text("description"),
        definition=definition,
        returns=kind,
        subtask_files=tuple(shape.texts("subtaskFileNames")),
        file=file,
    )


def read_run(
    shape: Shape, *, kinds: Kinds, roots: Sequence[str] = (), file: str = "", is_sub: bool = False
) -> RunFile:
    """Read a run with its subruns; `roots` are folders of the host that tracebacks need not
    show.
    """
    task_version = shape.object("taskVersion") or Shape({}, shape.at("taskVersion"), shape.report)
    task = read_task(task_version, kinds=kinds)
    state = cast(
        State,
        shape.word("state", _STATES, prefix="BENCHMARK_TASK_RUN_STATE_") or "unknown",
    )
    model = shape.object("modelVersion")
    failure = shorten_traceback(shape.text("errorMessage"), roots)
    subruns = tuple(
        read_run(one, kinds=kinds, roots=roots, is_sub=True) for one in shape.objects("subruns")
    )
    results = _results(shape, task.returns, state)
    if not is_sub:
        _tell_state(shape, task, state, failure, results, subruns)
    return RunFile(
        task=task,
        run_id=_run_id(shape),
        model=model.text("slug") if model else "",
        state=state,
        started_at=shape.moment("startTime"),
        ended_at=shape.moment("endTime"),
        conversations=tuple(
            found
            for one in shape.objects("conversations")
            if (found := _conversation(one)).messages
        ),
        results=results,
        assertions=tuple(_assertion(one) for one in shape.objects("assertions")),
        subruns=subruns,
        error=failure,
        file=file,
    )


def _run_id(shape: Shape) -> str:
    if shape.has("pyRunId"):
        return shape.text("pyRunId")
    number = shape.whole("id") if shape.has("id") else None
    return "" if number is None else str(number)


def _tell_state(
    shape: Shape,
    task: TaskFile,
    state: State,
    failure: str,
    results: Sequence[Result],
    subruns: Sequence[RunFile],
) -> None:
    report = shape.report
    if state == "errored":
        last = failure.strip().rpartition("\n")[2].strip(" .")[:300] or "it does not say which"
        report.add(
            error(
                "run-failed",
                f"The run of {task.name!r} ended with an error: {last}.",
                "See its traceback.",
                path="$.errorMessage",
            )
        )
    elif state in {"queued", "running", "unknown"}:
        report.add(
            warning(
                "run-unfinished",
                f"The run of {task.name!r} was not complete when its file was written.",
                path="$.state",
            )
        )
    elif not results:
        report.add(
            error(
                "no-value",
                f"The run of {task.name!r} was completed without a result.",
                "Return a value, or make assertions.",
                path="$.results",
            )
        )
    failed = sum(one.state == "errored" for one in subruns)
    if failed:
        report.add(
            warning(
                "run-failed",
                f"{failed} of {len(subruns)} runs within {task.name!r} ended with an error.",
                "See their tracebacks: what they would have scored is missing.",
                path="$.subruns",
            )
        )


# --- Results ------------------------------------------------------------------------------------


def _results(shape: Shape, kind: ResultKind, state: State) -> tuple[Result, ...]:
    found: list[Result] = []
    for one in shape.objects("results"):
        if state == "errored":
            # A false beside an error is what the SDK always writes, and says nothing.
            if one.has("numericResult") or one.has("dictResult"):
                message = "A run that failed has a result; it does not count."
                shape.report.add(note("result-of-error", message, path=one.path))
            continue
        scope = cast(Scope, one.word("type", get_args(Scope)) or "aggregated")
        result = _result(one, kind, scope)
        if result is None:
            continue
        if scope == "aggregated" and any(other.scope == scope for other in found):
            message = "There is more than one overall result; the first one counts."
            shape.report.add(warning("several-results", message, path=one.path))
            continue
        found.append(result)
    return tuple(found)


def _result(one: Shape, kind: ResultKind, scope: Scope) -> Result | None:
    if (numeric := one.object("numericResult")) is not None:
        return _numeric(numeric, kind, scope)
    if one.has("booleanResult"):
        passed = one.flag("booleanResult")
        if passed is None:
            return None
        if kind not in {ResultKind.BOOLEAN, ResultKind.PASSED, ResultKind.UNKNOWN}:
            _tell_difference(one, kind, "true or false")
        return Result("boolean", float(passed), scope=scope)
    if (table := one.object("dictResult")) is not None:
        if kind not in {ResultKind.TABLE, ResultKind.UNKNOWN}:
            _tell_difference(one, kind, "a table")
        return Result("table", None, table=table.value, scope=scope)
    return None


def _numeric(numeric: Shape, kind: ResultKind, scope: Scope) -> Result | None:
    # Zero is left out; so an empty object is the number 0, and (0, 10) has the margin alone.
    value = numeric.number("value") if numeric.has("value") else 0.0
    second = numeric.number("confidenceInterval") if numeric.has("confidenceInterval") else None
    if value is None:
        return None
    if kind is ResultKind.COUNT:
        if value == value // 1 and (second or 0.0) == (second or 0.0) // 1:
            return _count(numeric, int(value), int(second or 0), scope)
        _tell_difference(numeric, kind, "numbers with a fraction")
    elif second is not None:
        if kind is ResultKind.UNKNOWN and _could_be_count(value, second):
            numeric.report.add(
                warning(
                    "count-or-interval",
                    f"{value:g} and {second:g} are read as {value:g} ± {second:g}.",
                    "If they mean k of n, annotate the function with tuple[int, int].",
                    path=numeric.path,
                )
            )
        elif kind not in {ResultKind.MARGIN, ResultKind.UNKNOWN}:
            _tell_difference(numeric, kind, "a number with its margin")
    elif kind is ResultKind.MARGIN:
        second = 0.0
    elif kind not in {ResultKind.NUMBER, ResultKind.WHOLE, ResultKind.UNKNOWN}:
        _tell_difference(numeric, kind, "a number")
    if second is not None and second < 0:
        numeric.report.add(
            warning("out-of-range", f"A margin of {second:g} is negative.", path=numeric.path)
        )
        second = None
    return Result("number", value, radius=second, scope=scope)


def _count(numeric: Shape, passed: int, of: int, scope: Scope) -> Result | None:
    if not 0 <= passed <= of or of == 0:
        numeric.report.add(
            error(
                "bad-count",
                f"{passed} of {of} is no count.",
                "Return (k, n) with k from 0 to n, and n at least 1.",
                path=numeric.path,
            )
        )
        return None
    return Result("count", passed / of, passed=passed, of=of, scope=scope)


def _could_be_count(value: float, second: float) -> bool:
    return value == value // 1 and second == second // 1 and second >= 1 and 0 <= value <= second


_ANNOUNCED = {
    ResultKind.PASSED: "nothing",
    ResultKind.BOOLEAN: "true or false",
    ResultKind.WHOLE: "a whole number",
    ResultKind.NUMBER: "a number",
    ResultKind.MARGIN: "a number with its margin",
    ResultKind.COUNT: "a count",
    ResultKind.TABLE: "a table",
}


def _tell_difference(shape: Shape, kind: ResultKind, found: str) -> None:
    shape.report.add(
        warning(
            "result-type-differs",
            f"The task announces {_ANNOUNCED[kind]} and returned {found}.",
            "Let the annotation say what the function returns.",
            path=shape.path,
        )
    )


# --- Conversations ------------------------------------------------------------------------------


def _conversation(shape: Shape) -> Conversation:
    messages: list[Message] = []
    replies: list[Reply] = []
    for request in shape.objects("requests"):
        added = [_message(one) for one in request.objects("contents")]
        messages += added
        if added and added[-1].role == "assistant":
            replies.append(
                Reply(
                    request=request.text("id"),
                    position=len(messages) - 1,
                    usage=_usage(request),
                    reasoning=tuple(_reasoning(request)),
                )
            )
    return Conversation(shape.text("id"), tuple(messages), tuple(replies), _usage(shape))


def _reasoning(request: Shape) -> list[str]:
    traces = request.value.get("reasoningTraces")
    if isinstance(traces, str):
        return [traces]
    if not isinstance(traces, list):
        return []
    found = [one.get("text") if isinstance(one, dict) else one for one in traces]
    return [one for one in found if isinstance(one, str) and one]


def _message(shape: Shape) -> Message:
    texts: list[str] = []
    media: list[MessageMedia] = []
    for part in shape.objects("parts"):
        if (inline := part.object("inlineData")) is not None:
            media.append(MessageMedia(inline.text("mimeType"), data=inline.text("data")))
        elif (link := part.object("fileData")) is not None:
            media.append(MessageMedia(link.text("mimeType"), uri=link.text("fileUri")))
        else:
            texts.append(decode_text(part.text("text")))
    role = _ROLES.get(shape.word("role", _ROLES, prefix="CONTENT_ROLE_"), "unknown")
    text = "\n".join(text for text in texts if text)
    tool = _tool(text) if role == "tool" else None
    return Message(role, shape.text("senderName"), text, tuple(media), tool)


def decode_text(text: str) -> str:
    """Decode structured answers and results of tools, which are JSON within a JSON text.

    A text in quotes that contains no object or list is an answer that the model put in quotes.
    """
    if not (text.startswith(('"{', '"[')) and text.endswith('"')) or len(text) > _MAX_DECODED:
        return text
    try:
        inner = json.loads(text)
        FILE_READER.read(inner)
    except ValueError:
        return text
    return str(inner)


def _tool(text: str) -> ToolOutcome | None:
    try:
        message = FILE_READER.read(text) if len(text) <= _MAX_DECODED else None
    except JsonError:
        return None
    if not isinstance(message, dict) or not isinstance(message.get("name"), str):
        return None
    failure: Any = message.get("error")
    return ToolOutcome(
        name=message["name"],
        arguments=message.get("arguments"),
        output=message.get("output"),
        error="" if failure is None else str(failure),
    )


def _usage(shape: Shape) -> CallUsage:
    metrics = shape.object("metrics")
    if metrics is None or not metrics.value:
        return CallUsage()
    return CallUsage(
        # Of a call that was measured, no tokens are zero tokens.
        input_tokens=metrics.whole("inputTokens") or 0,
        output_tokens=metrics.whole("outputTokens") or 0,
        thinking_tokens=metrics.whole("thinkingTokens"),
        input_cost=metrics.whole("inputTokensCostNanodollars"),
        output_cost=metrics.whole("outputTokensCostNanodollars"),
        latency_ms=metrics.whole("totalBackendLatencyMs"),
    )


def _assertion(shape: Shape) -> Assertion:
    status = shape.word("status", _STATUSES, prefix="BENCHMARK_TASK_RUN_ASSERTION_STATUS_")
    return Assertion(
        expectation=shape.text("expectation"),
        status=cast(Literal["passed", "failed", "errored", "unknown"], status or "unknown"),
        line=shape.whole("lineNumber"),
        definition=shape.text("definition"),
        requests=tuple(
            (one.text("conversationId"), one.text("requestId"))
            for one in shape.objects("conversationRequestIds")
        ),
    )
