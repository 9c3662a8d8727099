"""One run file: every trap of its format."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.compat.kaggle.sdk_files import (
    decode_text,
    read_run,
    read_task,
)
from tasks_app.code_tasks.findings import Finding
from tasks_app.code_tasks.output.records import (
    CallUsage,
    MessageMedia,
    Result,
    RunFile,
    ToolOutcome,
)
from tasks_app.code_tasks.output.shapes import MAX_NOTED, Report, Shape
from tasks_app.code_tasks.source.result_kinds import ResultKind
from tests.tasks.code_tasks.files import content, run, task


def read(document: dict[str, Any], **options: Any) -> tuple[RunFile, list[Finding]]:
    report = Report("x.run.json")
    options.setdefault("kinds", {})
    return read_run(Shape(document, "$", report), **options), report.findings


def outcome(result: dict[str, Any], returns: str, **more: Any) -> tuple[Result | None, list[str]]:
    found, findings = read(run(result, returns=returns, **more))
    return found.result, [one.code for one in findings]


def number(**given: Any) -> dict[str, Any]:
    return {"numericResult": given}


# --- Results ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returns", "stored", "result"),
    [
        ("", {"booleanResult": True}, Result("boolean", 1.0)),
        ("bool", {"booleanResult": False}, Result("boolean", 0.0)),
        ("int", number(value=7.0), Result("number", 7.0)),
        ("float", number(value=0.25), Result("number", 0.25)),
        ("float", number(), Result("number", 0.0)),
        ("int", number(), Result("number", 0.0)),
        ("margin", number(value=0.85, confidenceInterval=0.05), Result("number", 0.85, 0.05)),
        ("margin", number(confidenceInterval=0.05), Result("number", 0.0, 0.05)),
        ("margin", number(value=0.85), Result("number", 0.85, 0.0)),
        ("margin", number(), Result("number", 0.0, 0.0)),
        ("count", number(value=8.0, confidenceInterval=10.0), Result("count", 0.8, None, 8, 10)),
        ("count", number(confidenceInterval=10.0), Result("count", 0.0, None, 0, 10)),
        ("count", number(value=8, confidenceInterval=8), Result("count", 1.0, None, 8, 8)),
        ("dict", {"dictResult": {"a": 1.0}}, Result("table", None, table={"a": 1.0})),
        ("dict", {"dictResult": {}}, Result("table", None, table={})),
        ("own", number(value=3.5), Result("number", 3.5)),
        ("none", {"booleanResult": True}, Result("boolean", 1.0)),
        ("none", number(value=0.5, confidenceInterval=0.1), Result("number", 0.5, 0.1)),
        ("none", number(value=50.0, confidenceInterval=0.5), Result("number", 50.0, 0.5)),
        ("float", {"numeric_result": {"value": 0.5}}, Result("number", 0.5)),
    ],
)
def test_results_are_what_the_task_returned(
    returns: str, stored: dict[str, Any], result: Result
) -> None:
    assert outcome(stored, returns) == (result, [])


@pytest.mark.parametrize(
    ("returns", "stored", "result", "code"),
    [
        # A failed `assert` in a task that returns a number leaves this.
        ("float", {"booleanResult": False}, Result("boolean", 0.0), "result-type-differs"),
        ("count", {"booleanResult": False}, Result("boolean", 0.0), "result-type-differs"),
        ("", number(value=1.0), Result("number", 1.0), "result-type-differs"),
        ("bool", number(value=1.0), Result("number", 1.0), "result-type-differs"),
        ("dict", number(value=1.0), Result("number", 1.0), "result-type-differs"),
        ("float", {"dictResult": {"a": 1}}, Result("table", None, table={"a": 1}),
         "result-type-differs"),
        ("float", number(value=0.5, confidenceInterval=0.1), Result("number", 0.5, 0.1),
         "result-type-differs"),
        ("count", number(value=0.5, confidenceInterval=0.1), Result("number", 0.5, 0.1),
         "result-type-differs"),
        ("own", number(value=8.0, confidenceInterval=10.0), Result("number", 8.0, 10.0),
         "count-or-interval"),
        ("none", number(confidenceInterval=10.0), Result("number", 0.0, 10.0),
         "count-or-interval"),
        ("margin", number(value=0.5, confidenceInterval=-0.1), Result("number", 0.5),
         "out-of-range"),
        ("count", number(value=11.0, confidenceInterval=10.0), None, "bad-count"),
        ("count", number(value=-1.0, confidenceInterval=10.0), None, "bad-count"),
        ("count", number(value=3.0), None, "bad-count"),
        ("count", number(), None, "bad-count"),
        ("float", number(value="NaN"), None, "not-a-number"),
        ("float", number(value="Infinity"), None, "not-a-number"),
        ("float", number(value=float("nan")), None, "not-a-number"),
        ("float", number(value="0.5"), None, "wrong-type"),
        ("float", number(value=True), None, "wrong-type"),
        ("float", number(value=[]), None, "wrong-type"),
        ("margin", number(value=0.5, confidenceInterval="NaN"), Result("number", 0.5, 0.0),
         "not-a-number"),
        ("bool", {"booleanResult": "true"}, None, "wrong-type"),
        ("float", {"numericResult": 0.5}, None, "wrong-type"),
        ("float", {"dictResult": [1]}, None, "wrong-type"),
    ],
)  # fmt: skip
def test_results_that_are_not_right_are_told(
    returns: str, stored: dict[str, Any], result: Result | None, code: str
) -> None:
    found, codes = outcome(stored, returns)

    assert found == result
    assert codes[0] == code
    assert codes[1:] == ([] if result else ["no-value"])


def test_the_kind_found_in_the_code_helps_where_the_definition_does_not() -> None:
    document = run(number(value=8.0, confidenceInterval=10.0), returns="own")

    found, findings = read(document, kinds={"Main": ResultKind.COUNT})

    assert found.result == Result("count", 0.8, None, 8, 10)
    assert findings == []
    contrary, _ = read(run(number(value=0.5)), kinds={"Main": ResultKind.COUNT})
    assert contrary.task.returns is ResultKind.NUMBER


def test_several_results_have_scopes_and_one_is_the_overall_one() -> None:
    document = run()
    document["results"] = [
        {"type": "PUBLIC", **number(value=0.4)},
        {"type": "AGGREGATED", **number(value=0.5)},
        {"type": "PRIVATE", **number(value=0.6)},
        {"type": "AGGREGATED", **number(value=0.7)},
        {"type": "ODD", **number(value=0.8)},
        "nothing",
    ]

    found, findings = read(document)

    assert [(one.scope, one.value) for one in found.results] == [
        ("public", 0.4), ("aggregated", 0.5), ("private", 0.6),
    ]  # fmt: skip
    assert found.result is found.results[1]
    assert [(one.code, one.path) for one in findings] == [
        ("several-results", "$.results[3]"),
        ("unknown-value", "$.results[4].type"),
        ("several-results", "$.results[4]"),
        ("wrong-type", "$.results[5]"),
    ]


def test_a_type_that_is_left_out_is_the_overall_one() -> None:
    document = run()
    document["results"] = [number(value=0.5)]

    assert read(document)[0].result == Result("number", 0.5)


@pytest.mark.parametrize("results", [None, [], [{"type": "AGGREGATED"}], {}, "x"])
def test_a_completed_run_without_a_result_is_an_error(results: Any) -> None:
    found, findings = read(run(results=results))

    assert found.result is None
    assert findings[-1].code == "no-value"


# --- States -----------------------------------------------------------------------------------

TRACE = """Traceback (most recent call last):
  File "/opt/venv/lib/python3.12/site-packages/kaggle_benchmarks/tasks.py", line 171, in run
    run.result = self.func(*args, **kwargs)
  File "/srv/boxes/17/work/task.py", line 46, in fails
    llm.prompt("boom")
  File "/usr/lib/python3.12/json/decoder.py", line 355, in raw_decode
  File "/kaggle/working/lib/helper.py", line 2, in go
  File "C:\\\\Users\\\\ada\\\\x.py", line 1, in y
  File "<string>", line 1, in <module>
ValueError: cannot open /srv/boxes/17/work/data.csv, see /etc/hosts
"""


def test_a_run_that_failed_has_no_result_whatever_stands_there() -> None:
    found, findings = read(
        run({"booleanResult": False}, state="ERRORED", errorMessage=TRACE), roots=["/srv/boxes/17"]
    )

    assert found.state == "errored"
    assert found.results == ()
    assert [one.code for one in findings] == ["run-failed"]
    assert "ValueError: cannot open work/data.csv, see /etc/hosts." in findings[0].message
    odd, told = read(run(number(value=0.5), state="ERRORED"))
    assert odd.result is None
    assert [one.code for one in told] == ["result-of-error", "run-failed"]
    assert "it does not say which" in told[1].message


def test_tracebacks_are_told_without_the_host() -> None:
    found, _ = read(
        run(state="ERRORED", errorMessage=TRACE), roots=["/srv/boxes/17/work/", "/srv/boxes", ""]
    )

    frames = [line.split('"')[1] for line in found.error.split("\n") if line.startswith("  File")]
    assert frames == [
        "kaggle_benchmarks/tasks.py",
        "task.py",
        "json/decoder.py",
        "lib/helper.py",
        "x.py",
        "<string>",
    ]
    assert "cannot open data.csv, see /etc/hosts" in found.error
    assert "/srv" not in found.error
    like = read(run(errorMessage="/srv/boxes-2/x /srv/boxes/x /srv/boxes"), roots=["/srv/boxes"])
    assert like[0].error == "/srv/boxes-2/x x "


@pytest.mark.parametrize(
    ("state", "read_as"),
    [("QUEUED", "queued"), ("RUNNING", "running"), ("UNSPECIFIED", "unknown")],
)
def test_runs_that_are_not_complete_are_told(state: str, read_as: str) -> None:
    found, findings = read(run(number(value=1.0), state=state))

    assert found.state == read_as
    assert [one.code for one in findings] == ["run-unfinished"]


def test_states_that_nobody_knows_are_told() -> None:
    _, findings = read(run(number(value=1.0), state="PAUSED"))

    assert [one.code for one in findings] == ["unknown-value", "run-unfinished"]
    assert "completed" in findings[0].message


# --- Conversations ----------------------------------------------------------------------------


def request(name: str, *contents: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": name, "contents": list(contents), **more}


def test_conversations_are_put_together_from_what_each_reply_added() -> None:
    metrics = {
        "inputTokens": 7,
        "outputTokens": 3,
        "inputTokensCostNanodollars": "150",
        "outputTokensCostNanodollars": "9000000000000",
        "totalBackendLatencyMs": "12",
    }
    document = run(
        number(value=1.0),
        conversations=[
            {"id": "empty", "metrics": {}, "modelVersionSlug": "deprecated"},
            {
                "id": "main",
                "requests": [
                    request(
                        "r1",
                        content("SYSTEM", "Be brief.", "System"),
                        content("USER", "One?"),
                        content("ASSISTANT", "1", "m"),
                        metrics=metrics,
                        reasoningTraces=["because", {"text": "of this"}, 3],
                    ),
                    request("r2", content("USER", "Two?"), content("ASSISTANT", "2", "m")),
                    request("r3", content("USER", "Afterthought")),
                ],
                "metrics": {"inputTokens": 7},
            },
        ],
    )

    found, findings = read(document)

    assert findings == []
    (conversation,) = found.conversations
    assert [(one.role, one.text) for one in conversation.messages] == [
        ("system", "Be brief."),
        ("user", "One?"),
        ("assistant", "1"),
        ("user", "Two?"),
        ("assistant", "2"),
        ("user", "Afterthought"),
    ]
    first, second = conversation.replies
    assert (first.request, first.position, first.reasoning) == ("r1", 2, ("because", "of this"))
    assert first.usage == CallUsage(7, 3, None, 150, 9_000_000_000_000, 12)
    assert second.usage == CallUsage()
    assert [one.text for one in conversation.messages[: second.position]] == [
        "Be brief.", "One?", "1", "Two?",
    ]  # fmt: skip
    assert conversation.usage.output_tokens == 0


def test_pictures_sounds_and_links_are_kept_beside_the_text() -> None:
    parts = [
        {"text": "Look:"},
        {"inlineData": {"data": "aGk=", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://example.org/v", "mimeType": "video/mp4"}},
        {"text": "What is it?"},
        {},
    ]
    one = request("r", {"parts": parts, "role": "CONTENT_ROLE_USER"}, content("ASSISTANT", "hi"))

    found, findings = read(run(number(value=1.0), conversations=[{"requests": [one]}]))

    (message, _) = found.conversations[0].messages
    assert message.text == "Look:\nWhat is it?"
    assert message.media == (
        MessageMedia("image/png", data="aGk="),
        MessageMedia("video/mp4", uri="https://example.org/v"),
    )
    assert findings == []


def test_what_tools_return_is_decoded() -> None:
    told = {"name": "add", "arguments": {"a": 2}, "call_id": "c", "output": 5, "error": None}
    failed = {"name": "add", "arguments": {}, "output": None, "error": "no"}
    messages = [
        content("ASSISTANT", ""),
        content("CONTEXT", json.dumps(json.dumps(told)), "add"),
        content("CONTEXT", json.dumps(failed), "add"),
        content("CONTEXT", "plain text", "add"),
        content("CONTEXT", json.dumps(json.dumps([1])), "add"),
        content("ASSISTANT", "done"),
    ]
    document = run(number(value=1.0), conversations=[{"requests": [request("r", *messages)]}])

    found, _ = read(document)

    read_back = found.conversations[0].messages
    assert [one.role for one in read_back] == [
        "assistant", "tool", "tool", "tool", "tool", "assistant",
    ]  # fmt: skip
    assert read_back[1].tool == ToolOutcome("add", {"a": 2}, 5)
    assert json.loads(read_back[1].text) == told
    assert read_back[2].tool == ToolOutcome("add", {}, None, "no")
    assert read_back[3].tool is None
    assert read_back[4].tool is None


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (json.dumps('{"a": "ü \\"q\\""}'), '{"a": "ü \\"q\\""}'),
        (json.dumps("[1, 2]"), "[1, 2]"),
        ('{"a": 1}', '{"a": 1}'),
        ('"quoted"', '"quoted"'),
        ('"4"', '"4"'),
        ('"{not json"', '"{not json"'),
        ('"{"', '"{"'),
        ('"{}" and "{}"', '"{}" and "{}"'),
        ("", ""),
        ('"', '"'),
        ('"' + "[" * 1000 + '"', '"' + "[" * 1000 + '"'),
    ],
)
def test_one_layer_of_json_is_removed_and_no_more(stored: str, text: str) -> None:
    assert decode_text(stored) == text


def test_roles_that_nobody_knows_are_told() -> None:
    one = request("r", content("PARROT", "hi"), content("ASSISTANT", "ho"))

    found, findings = read(run(number(value=1.0), conversations=[{"requests": [one]}]))

    assert found.conversations[0].messages[0].role == "unknown"
    assert [one.path for one in findings] == ["$.conversations[0].requests[0].contents[0].role"]


# --- The rest ---------------------------------------------------------------------------------


def test_the_facts_of_a_run_are_read() -> None:
    found, _ = read(run(number(value=1.0)), file="a.run.json")

    assert found.run_id == "Main-Run #1"
    assert found.model == "maker/model@v1"
    assert found.started_at == datetime(2026, 11, 20, 22, 58, 1, 17581, tzinfo=UTC)
    assert found.ended_at is not None
    assert found.file == "a.run.json"
    assert read(run(pyRunId=None, id=17))[0].run_id == "17"
    assert read(run(pyRunId=None))[0].run_id == ""
    assert read(run(modelVersion=None))[0].model == ""
    assert read(run(number(), startTime="yesterday"))[1][0].code == "wrong-type"
    assert read(run(startTime="2026-11-20T22:58:52"))[0].started_at == datetime(
        2026, 11, 20, 22, 58, 52, tzinfo=UTC
    )


def test_assertions_lead_to_their_replies() -> None:
    prefix = "BENCHMARK_TASK_RUN_ASSERTION_STATUS_"
    document = run(
        {"booleanResult": False},
        returns="",
        assertions=[
            {
                "expectation": "says four",
                "status": f"{prefix}FAILED",
                "lineNumber": 30,
                "definition": "assert_in(…)",
                "conversationRequestIds": [{"conversationId": "c", "requestId": "r"}, {}],
            },
            {"status": f"{prefix}PASSED"},
            {"status": f"{prefix}ODD", "lineNumber": "31"},
        ],
    )

    found, findings = read(document)

    first, second, third = found.assertions
    assert (first.expectation, first.status, first.line) == ("says four", "failed", 30)
    assert first.requests == (("c", "r"), ("", ""))
    assert (second.status, second.line, second.requests) == ("passed", None, ())
    assert (third.status, third.line) == ("unknown", 31)
    assert [one.path for one in findings] == ["$.assertions[2].status"]


def test_runs_within_a_run_are_read_and_their_failures_counted() -> None:
    rows = [
        run({"booleanResult": True}, name="Row", returns="bool"),
        run(name="Row", returns="bool", number=2, state="ERRORED", errorMessage="no"),
    ]
    found, findings = read(run(number(value=0.5), subruns=rows))

    assert [one.state for one in found.subruns] == ["completed", "errored"]
    assert [(one.code, one.severity) for one in findings] == [("run-failed", "warning")]
    assert "1 of 2" in findings[0].message


def test_task_files_are_read() -> None:
    document = task(returns="count", id=3, description="d", subtaskFileNames=["a.task.json", 3])
    report = Report()

    found = read_task(Shape(document, "$", report), kinds={}, file="x")

    assert (found.name, found.version, found.description) == ("Main", 1, "d")
    assert found.returns is ResultKind.COUNT
    assert found.subtask_files == ("a.task.json",)
    assert [one.path for one in report.findings] == ["$.subtaskFileNames[1]"]
    bare = read_task(Shape({}, "$", report), kinds={})
    assert (bare.name, bare.version, bare.returns) == ("", 1, ResultKind.UNKNOWN)


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (7, 7), ("7", 7), ("-7", -7), (7.0, 7), (None, None), ("7.5", None), (7.5, None),
        (True, None), ("", None), ("9" * 30, None), (10**30, None), (float("nan"), None),
    ],
)  # fmt: skip
def test_whole_numbers_may_be_texts(value: Any, whole: int | None) -> None:
    report = Report()

    assert Shape({"inputTokens": value}, "$", report).whole("inputTokens") == whole
    assert bool(report.findings) == (whole is None and value is not None)


def test_a_file_full_of_faults_is_told_briefly() -> None:
    document = run(number(value=1.0), assertions=["x"] * 1000)

    _, findings = read(document)

    assert len(findings) == MAX_NOTED + 1
    assert findings[-1].code == "too-many-findings"


KEYS = [
    "taskVersion", "name", "definition", "state", "results", "type", "numericResult", "value",
    "confidenceInterval", "booleanResult", "dictResult", "conversations", "requests", "contents",
    "parts", "text", "role", "metrics", "inputTokens", "assertions", "status", "subruns",
    "conversationRequestIds", "inlineData", "modelVersion", "startTime", "errorMessage", "pyRunId",
]  # fmt: skip
WORDS = ["BENCHMARK_TASK_RUN_STATE_COMPLETED", "CONTENT_ROLE_CONTEXT", "AGGREGATED", "NaN", '"{}"']


@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
            ),
            max_leaves=20,
        ),
    )
)
def test_no_document_breaks_the_reading(document: dict[str, Any]) -> None:
    found, findings = read(document)

    assert found.result is None or found.state != "errored"
    assert all(str(one) for one in findings)
