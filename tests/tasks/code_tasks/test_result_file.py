"""Our own result file."""

import json
import math
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tasks_app.code_tasks.findings import Severity
from tasks_app.code_tasks.output.records import Assertion, Message
from tasks_app.code_tasks.output.result_file import (
    ReadResult,
    ResultInterval,
    ResultSample,
    Score,
    read_result,
)
from tasks_app.code_tasks.output.result_schema import RESULT_SCHEMA

SCHEMA = Draft202012Validator(RESULT_SCHEMA)


def read(**document: Any) -> ReadResult:
    return read_result(json.dumps({"plumbmark": 1, **document}).encode())


def describe(result: ReadResult) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in result.findings]


def sample(name: str = "q1", score: Any = 1, **more: Any) -> dict[str, Any]:
    return {"id": name, "score": score, **more}


# --- What is right ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "score"),
    [
        (0.83, Score(0.83)),
        (0, Score(0.0)),
        (-3, Score(-3.0)),
        (1e30, Score(1e30)),
        (True, Score(1.0, is_boolean=True)),
        (False, Score(0.0, is_boolean=True)),
        ({"passed": 8, "of": 10}, Score(0.8, passed=8, of=10)),
        ({"passed": 0, "of": 3.0}, Score(0.0, passed=0, of=3)),
    ],
)
def test_a_score_is_a_number_right_or_wrong_or_a_count(written: Any, score: Score) -> None:
    found = read(score=written)

    assert found.result is not None
    assert found.result.score == score
    assert found.findings == ()


def test_everything_that_can_be_told_is_read() -> None:
    found = read(
        score=0.5,
        metric="accuracy",
        interval={"low": 0.2, "high": 0.8},
        samples=[
            sample(
                "q1",
                True,
                output="Paris",
                messages=[
                    {"role": "user", "content": "Capital of France?"},
                    {"role": "assistant", "content": "Paris"},
                ],
                assertions=[
                    {"name": "one word", "passed": True},
                    {"name": "no dot", "passed": False, "message": "it ends with a dot"},
                ],
            ),
            sample("q2", 0),
            sample("q3", None, error="no answer in time"),
        ],
    )

    result = found.result
    assert found.findings == ()
    assert result is not None
    assert result.metric == "accuracy"
    assert result.interval == ResultInterval(0.2, 0.8)
    assert result.samples[0] == ResultSample(
        "q1",
        Score(1.0, is_boolean=True),
        "Paris",
        (Message("user", "", "Capital of France?"), Message("assistant", "", "Paris")),
        (
            Assertion("one word", "passed"),
            Assertion("no dot", "failed", message="it ends with a dot"),
        ),
    )
    assert result.samples[2] == ResultSample("q3", None, error="no answer in time")


def test_samples_alone_are_enough() -> None:
    found = read(samples=[sample()])

    assert found.result is not None
    assert found.result.score is None
    assert found.findings == ()


def test_a_margin_is_an_interval() -> None:
    found = read(score=0.5, interval={"radius": 0.1})

    assert found.result is not None
    assert found.result.interval == ResultInterval(0.4, 0.6)


# --- What is not ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "unreadable-file"),
        (b"{", "unreadable-file"),
        (b"\xff", "unreadable-file"),
        (b"[" * 10_000, "unreadable-file"),
        (b"0.5", "unreadable-file"),
        (b"[1]", "unreadable-file"),
        (b"null", "unreadable-file"),
        (b'{"score": 1}', "missing-key"),
        (b'{"plumbmark": 2, "score": 1}', "unknown-value"),
        (b'{"plumbmark": "1", "score": 1}', "unknown-value"),
        (b'{"plumbmark": true, "score": 1}', "unknown-value"),
        (b'{"plumbmark": 1}', "missing-key"),
        (b'{"plumbmark": 1, "samples": []}', "missing-key"),
        (b'{"plumbmark": 1, "score": null}', "wrong-type"),
        (b'{"plumbmark": 1, "score": "0.5"}', "wrong-type"),
        (b'{"plumbmark": 1, "score": [1]}', "wrong-type"),
        (b'{"plumbmark": 1, "score": NaN}', "not-a-number"),
        (b'{"plumbmark": 1, "score": -Infinity}', "not-a-number"),
        (b'{"plumbmark": 1, "score": 1e999}', "not-a-number"),
        (b'{"plumbmark": 1, "score": 1e155}', "not-a-number"),
        (b'{"plumbmark": 1, "score": -1e200}', "not-a-number"),
        (b'{"plumbmark": 1, "score": {}}', "missing-key"),
        (b'{"plumbmark": 1, "score": {"passed": 3}}', "missing-key"),
        (b'{"plumbmark": 1, "score": {"passed": 3, "of": "4"}}', "wrong-type"),
        (b'{"plumbmark": 1, "score": {"passed": 2.5, "of": 4}}', "wrong-type"),
        (b'{"plumbmark": 1, "score": {"passed": true, "of": 4}}', "wrong-type"),
        (b'{"plumbmark": 1, "score": {"passed": NaN, "of": 4}}', "wrong-type"),
        (b'{"plumbmark": 1, "score": {"passed": 5, "of": 4}}', "bad-count"),
        (b'{"plumbmark": 1, "score": {"passed": -1, "of": 4}}', "bad-count"),
        (b'{"plumbmark": 1, "score": {"passed": 0, "of": 0}}', "bad-count"),
        # A broken score is not replaced by what the samples would make.
        (b'{"plumbmark": 1, "score": NaN, "samples": [{"id": "a", "score": 1}]}', "not-a-number"),
    ],
)
def test_without_a_usable_score_the_file_is_worth_nothing(data: bytes, code: str) -> None:
    found = read_result(data)

    assert found.result is None
    (finding,) = found.findings
    assert (finding.code, finding.severity) == (code, Severity.ERROR)
    assert finding.file == "plumbmark.result.json"


@pytest.mark.parametrize(
    ("interval", "code", "path"),
    [
        ([0.1, 0.2], "wrong-type", "$.interval"),
        ({}, "missing-key", "$.interval"),
        ({"low": 0.1}, "missing-key", "$.interval"),
        ({"low": "a", "high": 1}, "wrong-type", "$.interval.low"),
        ({"low": 0.6, "high": 0.9}, "out-of-range", "$.interval"),
        ({"low": 0.9, "high": 0.1}, "out-of-range", "$.interval"),
        ({"radius": -0.1}, "out-of-range", "$.interval"),
        ({"radius": "0.1"}, "wrong-type", "$.interval.radius"),
        ({"radius": math.nan}, "not-a-number", "$.interval.radius"),
    ],
)
def test_a_bad_interval_is_told_and_left_out(interval: Any, code: str, path: str) -> None:
    found = read(score=0.5, interval=interval)

    assert found.result is not None
    assert found.result.interval is None
    assert (code, path) in describe(found)


def test_an_interval_without_a_score_says_nothing() -> None:
    found = read(samples=[sample()], interval={"radius": 0.1})

    assert found.result is not None
    assert found.result.interval is None
    assert describe(found) == [("missing-key", "$.score")]


def test_bad_samples_are_told_with_their_places_and_the_others_count() -> None:
    found = read(
        score=0.5,
        samples=[
            sample("a", 1),
            "b",
            {"score": 1},
            sample("", 1),
            sample("x" * 201, 1),
            sample("a", 0),
            sample("c", math.nan),
            sample("d", {"passed": 1, "of": 2}),
            sample("e", "1"),
            {"id": "f"},
            {"id": "g", "error": "timed out"},
            sample(7, 0),  # type: ignore[arg-type]
            sample("h", 1, outptu="x"),
        ],
    )

    assert found.result is not None
    assert [(one.id, one.score and one.score.value) for one in found.result.samples] == [
        ("a", 1.0), ("c", None), ("d", None), ("e", None), ("f", None), ("g", None), ("7", 0.0),
        ("h", 1.0),
    ]  # fmt: skip
    assert describe(found) == [
        ("wrong-type", "$.samples[1]"),
        ("missing-key", "$.samples[2].id"),
        ("wrong-type", "$.samples[3].id"),
        ("wrong-type", "$.samples[4].id"),
        ("same-id", "$.samples[5].id"),
        ("not-a-number", "$.samples[6].score"),
        ("wrong-type", "$.samples[7].score"),
        ("wrong-type", "$.samples[8].score"),
        ("missing-key", "$.samples[9].score"),
        ("unknown-key", "$.samples[12].outptu"),
        ("score-differs", "$.score"),
    ]


def test_bad_messages_and_checks_are_told() -> None:
    found = read(
        score=1,
        samples=[
            sample(
                messages=[{"role": "parrot", "content": "x"}, {"role": "user", "content": 3}, 4],
                assertions=[{"name": "a"}, {"name": "b", "passed": "yes"}, None],
            )
        ],
    )

    assert found.result is not None
    (only,) = found.result.samples
    assert [one.role for one in only.messages] == ["unknown", "user"]
    assert [one.status for one in only.assertions] == ["unknown", "unknown"]
    assert describe(found) == [
        ("unknown-value", "$.samples[0].messages[0].role"),
        ("wrong-type", "$.samples[0].messages[1].content"),
        ("wrong-type", "$.samples[0].messages[2]"),
        ("missing-key", "$.samples[0].assertions[0].passed"),
        ("wrong-type", "$.samples[0].assertions[1].passed"),
        ("wrong-type", "$.samples[0].assertions[2]"),
    ]


def test_unknown_keys_and_long_texts_are_told() -> None:
    found = read(score=1, scroe=2, metric="m" * 100)

    assert found.result is not None
    assert found.result.metric == "m" * 80
    assert describe(found) == [("unknown-key", "$.scroe"), ("out-of-range", "$.metric")]
    assert "Known keys: plumbmark, score" in found.findings[0].remedy


def test_a_key_that_stands_twice_is_told() -> None:
    found = read_result(b'{"plumbmark": 1, "score": 0.1, "score": 0.2}')

    assert found.result is not None
    assert found.result.score == Score(0.2)
    assert [one.code for one in found.findings] == ["duplicate-key"]


def test_characters_that_cannot_be_stored_are_replaced() -> None:
    found = read(score=1, samples=[sample(output="a\x00b\ud800")])

    assert found.result is not None
    assert found.result.samples[0].output == "a\ufffdb\ufffd"
    assert [one.code for one in found.findings] == ["unstorable-characters"]


@pytest.mark.parametrize(
    ("score", "scores", "differs"),
    [
        (0.5, [1, 0], False),
        (0.333333, [1, 0, 0], False),
        (0.4, [1, 0], True),
        ({"passed": 1, "of": 2}, [True, False], False),
        ({"passed": 1, "of": 3}, [True, False], True),
        (0.7, [], False),
        (0.7, [None], False),
        (1e9 + 1, [1e9], False),
    ],
)
def test_a_score_that_is_not_the_mean_is_noted(
    score: Any, scores: list[Any], differs: bool
) -> None:
    found = read(score=score, samples=[sample(str(at), one) for at, one in enumerate(scores)])

    assert [one.code for one in found.findings] == (["score-differs"] if differs else [])


def test_too_many_samples_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks_app.code_tasks.output import result_file

    monkeypatch.setattr(result_file, "MAX_SAMPLES", 2)

    found = read(score=1, samples=[sample(name) for name in "abc"])

    assert found.result is not None
    assert len(found.result.samples) == 2
    assert describe(found) == [("too-many-samples", "$.samples")]


# --- The schema -------------------------------------------------------------------------------


def test_the_schema_is_published() -> None:
    answer = Client().get("/schemas/code-result.json")

    assert answer.json() == RESULT_SCHEMA
    assert answer.headers["Content-Type"] == "application/schema+json"
    Draft202012Validator.check_schema(RESULT_SCHEMA)


_scores = st.booleans() | st.integers(-5, 5) | st.floats(-1, 1, allow_nan=False)
_messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "parrot"]), "content": st.text(max_size=3)}
)
_samples = st.fixed_dictionaries(
    {"id": st.text(max_size=2), "score": _scores | st.none() | st.just("x")},
    optional={
        "output": st.text(max_size=3) | st.integers(),
        "messages": st.lists(_messages, max_size=2),
        "assertions": st.lists(
            st.fixed_dictionaries({"name": st.just("n")}, optional={"passed": st.booleans()}),
            max_size=2,
        ),
    },
)
_documents = st.fixed_dictionaries(
    {"plumbmark": st.sampled_from([1, 2, "1"])},
    optional={
        "score": _scores
        | st.fixed_dictionaries({"passed": st.integers(-1, 3), "of": st.integers(-1, 3)})
        | st.none(),
        "metric": st.text(min_size=1, max_size=3) | st.integers(),
        "samples": st.lists(_samples, max_size=3, unique_by=lambda one: str(one["id"])),
    },
)


@given(_documents)
def test_what_the_schema_takes_is_read_without_a_complaint_and_the_other_way_round(
    document: dict[str, Any],
) -> None:
    found = read_result(json.dumps(document).encode())
    # What JSON Schema cannot say, or what is only odd.
    beyond = {"bad-count", "score-differs", "unstorable-characters"}
    complaints = [one for one in found.findings if one.code not in beyond]
    is_empty = document.get("samples") == [] and "score" not in document

    if SCHEMA.is_valid(document) and not is_empty:
        assert complaints == []
    elif not complaints:
        assert any(one.code == "bad-count" for one in found.findings)


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    assert read_result(data).findings
