"""Every reader and writer of JSON, over the same edges: one table that says what each does."""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from rest_framework.exceptions import APIException

from plumbmark.common.errors import InvalidInput
from plumbmark.common.fields import WrittenJSONField
from plumbmark.compat.kaggle.sdk_files import decode_text
from plumbmark.engine.ports import ToolCall
from plumbmark.engine.tools import Toolbox, ToolContext, build_tool
from plumbmark.engine.tools.function import text_of_answer
from plumbmark.gateway.http.chat_request import document_of
from plumbmark.gateway.http.errors import HttpError
from plumbmark.manifests import content_hash
from plumbmark.manifests.hashes import bytes_hash, is_content_hash
from plumbmark.manifests.verification import matches
from plumbmark.rest.parsers import StrictJSONParser
from plumbmark.scoring.scorers import ScorerContext, build_scorer
from plumbmark.scoring.templates import text_of
from plumbmark.scoring.tool_calls import calls_made
from plumbmark.strict_json import JsonError, wire
from plumbmark.strict_json.canonical import canonical_json
from tasks_app.code_tasks.output.shapes import FILE_READER
from tasks_app.datasets import ColumnWarning, DataLimits
from tasks_app.datasets.rows import DataRow, read_rows
from tasks_app.definitions.source_map import read_json as read_located
from tasks_app.definitions.source_map import read_yaml
from tests.golden.corpora.json_texts import TEXTS, VALUES
from tests.golden.golden import check

LONGEST = 160


def shown(value: Any) -> str:
    """Return a value with its types: 1, 1.0 and Decimal('1') are three."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:60]}… {len(text)} characters"


def describe(problem: Any) -> str:
    return f"{problem.line}:{problem.column} {problem.path} | {problem.message}"


def outcome(read: Callable[[], Any]) -> str:
    """Return what came of it: a value, or the error as the caller would see it."""
    try:
        return shown(read())
    except InvalidInput as error:
        return f"InvalidInput: {'; '.join(map(describe, error.problems))}"
    except HttpError as error:
        return f"HttpError {error.status} {error.code} {error.param}: {error.message}"
    except JsonError as error:
        return f"JsonError {error.line}:{error.column}: {error}"
    except APIException as error:
        return f"APIException {error.status_code}: {error.detail}"
    except RecursionError:
        return "RecursionError"
    except ValueError as error:
        return f"ValueError: {_short(str(error))}"
    except TypeError as error:
        return f"TypeError: {_short(str(error))}"
    except Exception:
        return "an error of its own"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def as_text(data: bytes) -> str:
    """Read for readers of text: what is no UTF-8 is replaced, as their callers do."""
    return data.decode("utf-8", "replace")


def with_findings(data: bytes) -> Any:
    document = FILE_READER.read_document(data)
    return document.value, document.duplicate_keys, document.replaced


def from_rest(data: bytes) -> Any:
    return StrictJSONParser().parse(io.BytesIO(data), "application/json", {"encoding": "utf-8"})


def of_scorer(data: bytes) -> Any:
    scorer = build_scorer({"type": "json", "field": "a"})
    verdict = scorer.score(as_text(data), ["1", "x"], ScorerContext())
    return verdict.value, verdict.answer, verdict.explanation


def of_call(data: bytes) -> Any:
    function = {"name": "f", "arguments": as_text(data)}
    (made,) = calls_made([{"role": "assistant", "tool_calls": [{"function": function}]}])
    return made.arguments


def of_tool(data: bytes) -> Any:
    answers = [{"when": {"a": 1}, "return": "one"}, {"when": {"a": "x"}, "return": "x"}]
    tool = build_tool(
        {"type": "function", "name": "f", "description": "d", "answers": answers, "otherwise": "?"}
    )
    toolbox = Toolbox([tool], max_result_bytes=1000)
    answered = asyncio.run(toolbox.answer(ToolCall("1", "f", as_text(data)), ToolContext()))
    return answered.result.text, answered.result.is_error, answered.call.arguments


def file_name(name: str) -> str:
    return "".join(one if one.isalnum() else "-" for one in name.lower().replace("'", ""))


READERS: dict[str, Callable[[bytes], Any]] = {
    "a provider's answer": lambda data: wire.dump_in_order(wire.read(data)),
    "a chat request": lambda data: wire.dump_in_order(document_of(data)),
    "a REST body": from_rest,
    "a definition": lambda data: read_located(as_text(data)).value,
    "a definition as YAML": lambda data: read_yaml(as_text(data)).value,
    "a program's file": with_findings,
    "a text within a run's file": lambda data: decode_text(json.dumps(as_text(data))),
    "an answer that is scored": of_scorer,
    "arguments of a tool": of_tool,
    "arguments of a recorded call": of_call,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_stays_as_strict_as_it_is(reader: str) -> None:
    read = READERS[reader]

    found = {name: outcome(lambda data=data: read(data)) for name, data in TEXTS.items()}

    check(f"json/read-{file_name(reader)}.json", found)


def test_rows_of_data_files_stay_as_strict_as_they_are(tmp_path: Path) -> None:
    def read(data: bytes) -> Any:
        path = tmp_path / "rows"
        path.write_bytes(data)
        warned = ColumnWarning()
        rows = [
            row.values if isinstance(row, DataRow) else describe(row.problem)
            for row in read_rows(
                path, format="jsonl", name="rows.jsonl", limits=DataLimits(), warned=warned
            )
        ]
        return rows, warned.messages()

    found = {name: outcome(lambda data=data: read(data)) for name, data in TEXTS.items()}

    check("json/read-rows-of-a-data-file.json", found)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("rest", "/api/v1/tasks"),
        ("rpc", "/v1/security.OAuthService/IntrospectToken"),
    ],
)
def test_bodies_that_are_sent_are_answered_as_they_are(
    name: str, path: str, client: Client
) -> None:
    found = {}
    for text, data in TEXTS.items():
        answer = client.post(path, data, content_type="application/json")
        found[text] = [answer.status_code, answer.headers["Content-Type"], answer.json()]

    check(f"json/sent-to-{name}.json", found)


WRITERS: dict[str, Callable[[Any], Any]] = {
    "canonical": canonical_json,
    "hash": content_hash,
    "salted hash": lambda value: content_hash(value, salt="salt"),
    "hash salted by bytes": lambda value: content_hash(value, salt=b"\xff\x00"),
    "on the wire, sorted": lambda value: wire.canonical(wire.to_canonical_types(value)),
    "on the wire": lambda value: wire.dump_in_order(wire.to_canonical_types(value)),
    "on the wire as it is": wire.dump_in_order,
    "kept": wire.dump_record,
    "in a prompt": text_of,
    "as a tool's answer": text_of_answer,
    "in a column": lambda value: WrittenJSONField().get_db_prep_value(value, None, prepared=True),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_writer_writes_what_it_wrote(writer: str) -> None:
    write = WRITERS[writer]

    found = {name: outcome(lambda value=value: write(value)) for name, value in VALUES.items()}

    check(f"json/write-{file_name(writer)}.json", found)


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_provider_says_is_written_as_canonical_json_writes_it(name: str) -> None:
    try:
        value = wire.read(TEXTS[name])
    except ValueError:
        return
    text = wire.canonical(value)

    assert wire.canonical(wire.read(text)) == text


def test_hashes_of_files_and_lists_stay_as_they_are() -> None:
    check(
        "json/hashes.json",
        {
            "no bytes": bytes_hash(b""),
            "bytes": bytes_hash(b"x"),
            "salted bytes": bytes_hash(b"x", salt="salt"),
            "an empty list": content_hash([]),
            "a list": content_hash([content_hash(number) for number in range(3)]),
            "of that form": [
                is_content_hash(text)
                for text in ("h1:" + "0" * 64, "h1:" + "A" * 64, "h1:" + "0" * 63, "h2:" + "0" * 64)
            ],
            "matches": [
                matches({"a": 1}, content_hash({"a": 1})),
                matches({"a": 1.0}, content_hash({"a": 1})),
                matches({"a": 2}, content_hash({"a": 1})),
                matches(float("nan"), content_hash(1)),
                matches("x", content_hash("x", salt="s"), salt="s"),
            ],
            "refused": [
                outcome(lambda: bytes_hash(b"x", salt="")),
                outcome(lambda: matches(1, "md5:0")),
            ],
        },
    )
