"""Our own result file, for programs that do without the SDK.

It is read as far as it makes sense: what is wrong is told with its place in the file, and the rest
counts. Only a file without a usable score is worth nothing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plumbmark.scoring.metrics import find_score_problem
from plumbmark.strict_json import JsonError
from tasks_app.code_tasks.findings import Finding, error, note, warning
from tasks_app.code_tasks.output.records import Assertion, Message
from tasks_app.code_tasks.output.result_schema import (
    FORMAT,
    MAX_ASSERTIONS,
    MAX_MESSAGES,
    MAX_SAMPLES,
    MAX_TEXT,
    RESULT_FILE,
    RESULT_SCHEMA,
    ROLES,
)
from tasks_app.code_tasks.output.shapes import FILE_READER, Report, Shape, kind_of

__all__ = ["RESULT_FILE", "RESULT_SCHEMA", "ResultFile", "ResultInterval", "ResultSample", "Score"]

MAX_BYTES = 64 * 1024 * 1024
_READER = replace(FILE_READER, max_bytes=MAX_BYTES)
_DIFFERENCE = 1e-6
"""By which a score may differ from the mean of its samples: it may have been rounded."""


@dataclass(frozen=True, slots=True)
class Score:
    """A number; 1 or 0 for right or wrong; k/n for a count."""

    value: float
    is_boolean: bool = False
    passed: int | None = None
    of: int | None = None


@dataclass(frozen=True, slots=True)
class ResultInterval:
    """The author's own 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ResultSample:
    """One item; `score` is None where it has none, and `error` may say why."""

    id: str
    score: Score | None
    output: str = ""
    messages: tuple[Message, ...] = ()
    assertions: tuple[Assertion, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """`score` is None where only samples are told: then it is theirs to make."""

    score: Score | None
    interval: ResultInterval | None
    metric: str
    samples: Sequence[ResultSample]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """`result` is None where the file is worth nothing; the findings say why."""

    result: ResultFile | None
    findings: Sequence[Finding]


def read_result(data: bytes) -> ReadResult:
    """Read the content of `plumbmark.result.json`; never raises."""
    report = Report(RESULT_FILE)
    result = _read(data, report)
    return ReadResult(result, tuple(report.findings))


def _read(data: bytes, report: Report) -> ResultFile | None:
    try:
        read = _READER.read_document(data)
    except JsonError as problem:
        message = f"The file cannot be read: {problem}."
        report.add(error("unreadable-file", message, "Write it with json.dump.", line=problem.line))
        return None
    if not isinstance(read.value, dict):
        message = f"The file must hold an object, but holds {kind_of(read.value)}."
        report.add(error("unreadable-file", message, 'Write {"plumbmark": 1, "score": …}.'))
        return None
    shape = Shape(read.value, "$", report)
    for key in dict.fromkeys(read.duplicate_keys):
        report.add(warning("duplicate-key", f"The key {key!r} appears twice; the last one counts."))
    if read.replaced:
        message = f"{read.replaced} characters that cannot be stored were replaced by U+FFFD."
        report.add(note("unstorable-characters", message))
    if not _is_our_format(shape):
        return None
    _tell_unknown(shape, RESULT_SCHEMA)
    samples = tuple(_samples(shape))
    score = _score(shape, "score", allow_count=True) if "score" in shape.value else None
    if score is None and ("score" in shape.value or not samples):
        if "score" not in shape.value:
            message = "There is neither a score nor a sample."
            report.add(error("missing-key", message, 'Write "score".', path="$.score"))
        return None
    _compare(score, samples, report)
    return ResultFile(
        score=score,
        interval=_interval(shape, score),
        metric=_text(shape, "metric", 80),
        samples=samples,
    )


def _is_our_format(shape: Shape) -> bool:
    remedy = f'Write "plumbmark": {FORMAT}.'
    if "plumbmark" not in shape.value:
        message = "The key 'plumbmark' is missing, which tells the version of the format."
        shape.report.add(error("missing-key", message, remedy, path="$.plumbmark"))
        return False
    version = shape.value["plumbmark"]
    if isinstance(version, bool) or version != FORMAT:
        message = f"Only version {FORMAT} of the format is known, and not {kind_of(version)}."
        shape.report.add(error("unknown-value", message, remedy, path="$.plumbmark"))
        return False
    return True


def _tell_unknown(shape: Shape, schema: Any) -> None:
    known = schema["properties"]
    for key in shape.value:
        if key not in known:
            message = f"The key {key[:60]!r} is not known; it was ignored."
            remedy = f"Known keys: {', '.join(known)}."
            shape.report.add(warning("unknown-key", message, remedy, path=shape.at(key[:60])))


# --- Scores -------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and find_score_problem(value) is None
    )


def _score(shape: Shape, key: str, *, allow_count: bool) -> Score | None:
    value, path = shape.value[key], shape.at(key)
    if isinstance(value, bool):
        return Score(float(value), is_boolean=True)
    if _is_number(value):
        return Score(float(value))
    if allow_count and isinstance(value, dict):
        return _count(Shape(value, path, shape.report))
    if isinstance(value, int | float):
        message = f"The score {find_score_problem(value)}."
        remedy = "Write a finite number; leave out what could not be counted."
        shape.report.add(error("not-a-number", message, remedy, path=path))
        return None
    wanted = 'a number, true, false or {"passed": k, "of": n}' if allow_count else None
    message = f"must be {wanted or 'a number, true, false or null'}, but is {kind_of(value)}."
    shape.report.add(error("wrong-type", message, path=path))
    return None


def _count(shape: Shape) -> Score | None:
    found: dict[str, int] = {}
    for key in ("passed", "of"):
        value: Any = shape.value.get(key)
        if not _is_number(value) or value != int(value):
            missing = key not in shape.value
            message = f"must be a whole number, but is {'missing' if missing else kind_of(value)}."
            code = "missing-key" if missing else "wrong-type"
            shape.report.add(error(code, message, path=shape.at(key)))
            return None
        found[key] = int(value)
    passed, of = found["passed"], found["of"]
    if of < 1 or not 0 <= passed <= of:
        message = f"{passed} of {of} is no count."
        remedy = "Let passed be from 0 to of, and of at least 1."
        shape.report.add(error("bad-count", message, remedy, path=shape.path))
        return None
    return Score(passed / of, passed=passed, of=of)


def _interval(shape: Shape, score: Score | None) -> ResultInterval | None:
    interval = shape.object("interval")
    if interval is None:
        return None
    if score is None:
        message = "An interval without a score says nothing; it was ignored."
        shape.report.add(warning("missing-key", message, path=shape.at("score")))
        return None
    if interval.has("radius"):
        radius = interval.number("radius")
        if radius is None:
            return None
        low, high = score.value - radius, score.value + radius
    else:
        ends = [interval.number(key) if interval.has(key) else None for key in ("low", "high")]
        if ends[0] is None or ends[1] is None:
            message = "An interval needs low and high, or radius; it was ignored."
            shape.report.add(warning("missing-key", message, path=interval.path))
            return None
        low, high = ends[0], ends[1]
    if not low <= score.value <= high:
        message = f"The score {score.value:g} is not between {low:g} and {high:g}."
        shape.report.add(
            warning("out-of-range", message, "The interval was ignored.", path=interval.path)
        )
        return None
    return ResultInterval(low, high)


def _compare(score: Score | None, samples: Sequence[ResultSample], report: Report) -> None:
    values = [sample.score.value for sample in samples if sample.score is not None]
    if score is None or not values:
        return
    if not is_mean(values, score.value):
        mean = math.fsum(values) / len(values)
        message = (
            f"The score is {score.value:g}, the mean of its {len(values)} samples is {mean:g}."
        )
        remedy = "That is right if the score is no mean; the score counts."
        report.add(note("score-differs", message, remedy, path="$.score"))


def is_mean(values: Sequence[float], score: float) -> bool:
    """Return whether a score is the mean of its samples' scores."""
    if not values:
        return False
    mean = math.fsum(values) / len(values)
    return abs(score - mean) <= _DIFFERENCE * max(1.0, abs(mean))


# --- Samples ------------------------------------------------------------------------------------


def _samples(shape: Shape) -> Iterator[ResultSample]:
    seen: set[str] = set()
    for position, entry in enumerate(shape.objects("samples")):
        if position >= MAX_SAMPLES:
            message = f"There are more than {MAX_SAMPLES:,} samples; the rest was left out."
            shape.report.add(error("too-many-samples", message, path=shape.at("samples")))
            return
        sample = _sample(entry)
        if sample is None:
            continue
        if sample.id in seen:
            message = f"The id {sample.id[:60]!r} was there before; this sample was left out."
            shape.report.add(error("same-id", message, path=entry.at("id")))
            continue
        seen.add(sample.id)
        yield sample


def _sample(shape: Shape) -> ResultSample | None:
    _tell_unknown(shape, RESULT_SCHEMA["properties"]["samples"]["items"])
    name = shape.value.get("id")
    if isinstance(name, int) and not isinstance(name, bool):
        # Numbers are what people have at hand; they are as good as texts.
        name = str(name)[:200]
    if not isinstance(name, str) or not name or len(name) > 200:
        code = "missing-key" if "id" not in shape.value else "wrong-type"
        message = "A sample needs an id: a text of 1 to 200 characters. It was left out."
        shape.report.add(error(code, message, path=shape.at("id")))
        return None
    failure = _text(shape, "error", 10_000)
    score = None
    if "score" not in shape.value:
        if not failure:
            message = "The sample has no score."
            remedy = 'Write "score": null where it has none, and "error" for the reason.'
            shape.report.add(warning("missing-key", message, remedy, path=shape.at("score")))
    elif shape.value["score"] is not None:
        score = _score(shape, "score", allow_count=False)
    return ResultSample(
        id=name,
        score=score,
        output=_text(shape, "output", MAX_TEXT),
        messages=tuple(_messages(shape)),
        assertions=tuple(_assertions(shape)),
        error=failure,
    )


def _messages(shape: Shape) -> Iterator[Message]:
    for position, one in enumerate(shape.objects("messages")):
        if position >= MAX_MESSAGES:
            return
        role = one.text("role")
        if role not in ROLES:
            message = f"{role[:60]!r} is none of {', '.join(ROLES)}."
            shape.report.add(warning("unknown-value", message, path=one.at("role")))
        text = _text(one, "content", MAX_TEXT)
        yield Message(role if role in ROLES else "unknown", "", text)  # type: ignore[arg-type]


def _assertions(shape: Shape) -> Iterator[Assertion]:
    for position, one in enumerate(shape.objects("assertions")):
        if position >= MAX_ASSERTIONS:
            return
        passed = one.flag("passed")
        if passed is None and not one.has("passed"):
            message = "The check does not say whether it passed."
            shape.report.add(warning("missing-key", message, path=one.at("passed")))
        status = "unknown" if passed is None else "passed" if passed else "failed"
        yield Assertion(
            expectation=_text(one, "name", 1000),
            status=status,  # type: ignore[arg-type]
            message=_text(one, "message", 10_000),
        )


def _text(shape: Shape, key: str, most: int) -> str:
    text = shape.text(key)
    if len(text) > most:
        message = f"The text has {len(text):,} characters; {most:,} were kept."
        shape.report.add(warning("out-of-range", message, path=shape.at(key)))
    return text[:most]
