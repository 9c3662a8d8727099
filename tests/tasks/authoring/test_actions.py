"""Drafts, versions and submitted outputs through the actions: a refused input leaves nothing."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from tasks_app.authoring import actions as authoring
from tasks_app.authoring import declarative_draft, drafts, publication
from tasks_app.authoring.preview import preview_of
from tasks_app.models import (
    Contender,
    DataFile,
    Item,
    Run,
    Sample,
    Scoring,
    TaskVersion,
)
from tasks_app.runs.submissions import submit_outputs

pytestmark = pytest.mark.django_db

DEFINITION = """\
plumbmark: 1
data:
  id: id
  target: answer
prompt:
  messages:
    - role: user
      content: "{question}"
scorers:
  - type: exact
"""
GOOD = {"id": "x", "question": "q", "answer": "a"}
ROWS = [GOOD, {"id": "y", "question": "r", "answer": "b"}]


def jsonl(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def upload(content: bytes, name: str = "items.jsonl") -> "SimpleUploadedFile":
    return SimpleUploadedFile(name, content)


def files() -> set[Path]:
    return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def rows_of_all() -> dict[str, int]:
    models = (TaskVersion, Item, Run, Sample, Scoring, DataFile, Contender)
    return {model.__name__: model._default_manager.count() for model in models}


@pytest.fixture(autouse=True)
def _celery() -> None:
    """Celery's own default application would look for a broker on this machine."""
    from plumbmark.config.celery import app

    app.set_default()


@pytest.fixture(autouse=True)
def _no_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def task(ada: Any) -> Any:
    return authoring.create_task(
        namespace=ada.namespace, facts=authoring.TaskFacts(title="Words"), by=ada
    )


@pytest.fixture
def published(task: Any, ada: Any) -> Callable[..., TaskVersion]:
    def publish(definition: str = DEFINITION, rows: list[dict[str, Any]] = ROWS) -> TaskVersion:
        drafts.save_draft(
            task=task, definition_text=definition, upload=upload(jsonl(*rows)), by=ada
        )
        return publication.publish_task(task=task, visibility="public", by=ada)

    return publish


def refusal(call: Callable[..., object], **given: Any) -> list[Problem]:
    """Return the problems of a call that changes no row and no file."""
    before = rows_of_all(), files()
    with pytest.raises(InvalidInput) as raised:
        call(**given)
    assert (rows_of_all(), files()) == before
    return raised.value.problems


# --- Drafts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: \x00", "null character"),
        ("a: \ud800", "surrogate"),
        ("a: " + "x" * 10_000_000, "larger than 128 KiB; items belong in the data file"),
    ],
)
def test_a_definition_that_cannot_be_kept_is_refused(
    task: Any, ada: Any, text: str, message: str
) -> None:
    (problem,) = refusal(drafts.save_draft, task=task, definition_text=text, by=ada)

    assert problem.path == "definition"
    assert message in problem.message
    task.draft.refresh_from_db()
    assert task.draft.definition_text == ""


def test_a_file_that_is_too_large_or_oddly_named_is_refused(
    task: Any, ada: Any, settings: Any
) -> None:
    settings.MAX_DATA_FILE_BYTES = 10
    (large,) = refusal(drafts.save_draft, task=task, upload=upload(b"x" * 11), by=ada)
    (name,) = refusal(drafts.save_draft, task=task, upload=upload(b"x", "a\u202elnosj.csv"), by=ada)

    assert str(large) == "data_file: the file has 11 bytes; at most 10 are taken"
    assert "printable name" in name.message


def test_a_replaced_file_stays_as_long_as_one_can_go_back_to_it(task: Any, ada: Any) -> None:
    before = files()
    drafts.save_draft(task=task, definition_text=DEFINITION, upload=upload(jsonl(GOOD)), by=ada)
    drafts.save_draft(task=task, upload=upload(jsonl(*ROWS)), by=ada)
    assert len(files() - before) == DataFile.objects.count() == 2

    publication.build_version(task=task, by=ada)
    drafts.save_draft(task=task, upload=upload(jsonl({**GOOD, "id": "z"})), by=ada)

    assert len(files() - before) == DataFile.objects.count() == 3


def test_the_same_file_again_is_kept_once(task: Any, ada: Any) -> None:
    for _ in range(2):
        drafts.save_draft(task=task, definition_text=DEFINITION, upload=upload(jsonl(GOOD)), by=ada)

    assert DataFile.objects.count() == 1
    assert publication.build_version(task=task, by=ada) == publication.build_version(
        task=task, by=ada
    )


# --- Versions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "line", "path", "message"),
    [
        (jsonl(GOOD) + b"{\n", "d.jsonl", 2, "data_file", "is not JSON"),
        (jsonl(GOOD, GOOD), "d.jsonl", 2, "data_file: id", "is in line 1 already"),
        (b"id,question,answer\nx,q\n", "d.csv", 2, "data_file", "2 fields"),
        (b"id,question,id,answer\n", "d.csv", 1, "data_file", "columns 1 and 3"),
        (b"PK\x03\x04", "d.csv", None, "data_file", "zip archive or a spreadsheet"),
        (b"", "d.csv", None, "data_file", "empty"),
        (
            jsonl({"id": "x", "qestion": "q", "answer": "a"}),
            "d.jsonl",
            1,
            "data_file: prompt.messages[0].content",
            "did you mean 'qestion'?",
        ),
        (
            jsonl(GOOD, {**GOOD, "id": "z", "answer": None}),
            "d.jsonl",
            2,
            "data_file: answer",
            "no right answer",
        ),
    ],
)
def test_a_file_with_faults_builds_no_version(
    task: Any, ada: Any, content: bytes, name: str, line: int | None, path: str, message: str
) -> None:
    drafts.save_draft(task=task, definition_text=DEFINITION, upload=upload(content, name), by=ada)

    for call in (publication.build_version, publication.publish_task):
        (problem,) = refusal(call, task=task, by=ada)
        assert (problem.line, problem.path) == (line, path)
        assert message in problem.message
    task.draft.refresh_from_db()
    (shown,) = preview_of(task.draft).problems
    assert (shown.line, shown.is_of_data) == (line, True)


def test_a_definition_with_faults_builds_no_version(task: Any, ada: Any) -> None:
    drafts.save_draft(
        task=task,
        definition_text=DEFINITION.replace("exact", "exakt").replace("\n", "\r\n"),
        upload=upload(jsonl(GOOD)),
        by=ada,
    )

    (problem,) = refusal(publication.build_version, task=task, by=ada)

    assert (problem.line, problem.path) == (10, "scorers[0].type")
    assert "did you mean 'exact'?" in problem.message


def test_without_a_file_and_with_too_many_items_nothing_is_built(
    task: Any, ada: Any, settings: Any
) -> None:
    drafts.save_draft(task=task, definition_text=DEFINITION, by=ada)
    (without,) = refusal(publication.build_version, task=task, by=ada)
    settings.MAX_ITEMS = 1
    drafts.save_draft(task=task, upload=upload(jsonl(*ROWS)), by=ada)
    (many,) = refusal(publication.build_version, task=task, by=ada)

    assert (without.path, without.message[:18]) == ("data_file", "upload a data file")
    assert (many.line, many.message) == (2, "the file has more than 1 items")


def test_a_failure_halfway_leaves_no_version_behind(
    task: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**GOOD, "id": str(number)} for number in range(5)]
    drafts.save_draft(task=task, definition_text=DEFINITION, upload=upload(jsonl(*rows)), by=ada)
    before = rows_of_all()
    monkeypatch.setattr(declarative_draft, "_CHUNK", 2)
    whole = declarative_draft.ImportResult.__iter__

    def breaks_off(imported: Any) -> Iterator[Any]:
        for item in whole(imported):
            if item.position == 3:
                raise OSError("the disk is gone")
            yield item

    monkeypatch.setattr(declarative_draft.ImportResult, "__iter__", breaks_off)

    with pytest.raises(OSError, match="the disk is gone"):
        publication.build_version(task=task, by=ada)

    assert rows_of_all() == before


def test_items_of_a_version_are_those_of_the_file(published: Callable[..., TaskVersion]) -> None:
    version = published()

    items = list(version.items.order_by("position"))
    assert [(item.key, item.input, item.target) for item in items] == [
        ("x", {"question": "q"}, "a"),
        ("y", {"question": "r"}, "b"),
    ]
    assert (version.number, version.item_count, version.private_item_count) == (1, 2, 0)


def test_a_change_of_the_marking_alone_keeps_the_question_hash(
    published: Callable[..., TaskVersion],
) -> None:
    first = published()
    second = published(DEFINITION.replace("exact", "includes"))

    assert (second.number, second.question_hash) == (2, first.question_hash)
    assert second.marking_hash != first.marking_hash


# --- Submitted outputs ------------------------------------------------------------------------

ANSWERS = [{"id": "x", "output": "a"}, {"id": "y", "output": ""}]


@pytest.mark.parametrize(
    ("content", "name", "line", "message"),
    [
        (jsonl(ANSWERS[0]), "o.jsonl", None, "1 of 2 outputs are missing: y"),
        (jsonl(*ANSWERS, ANSWERS[0]), "o.jsonl", 3, "is in line 1 already"),
        (jsonl(*ANSWERS, {"id": "z", "output": "a"}), "o.jsonl", 3, "no item has the id 'z'"),
        (jsonl({**ANSWERS[0], "score": 1}), "o.jsonl", 1, "'score' is not known"),
        (b"id,output\nx,a\ny\n", "o.csv", 3, "1 fields"),
        (b"PK\x03\x04", "o.csv", None, "spreadsheet"),
        (jsonl(*ANSWERS), "o.txt", None, "ends neither in .jsonl nor in .csv"),
    ],
)
def test_a_refused_file_of_outputs_leaves_nothing(
    published: Callable[..., TaskVersion],
    ada: Any,
    content: bytes,
    name: str,
    line: int | None,
    message: str,
) -> None:
    version = published()

    (problem,) = refusal(
        submit_outputs,
        version=version,
        model_name="Mine",
        namespace=ada.namespace,
        upload=upload(content, name),
        by=ada,
    )

    assert problem.line == line
    assert message in problem.message


def test_a_model_without_a_name_leaves_no_file_either(
    published: Callable[..., TaskVersion], ada: Any
) -> None:
    (problem,) = refusal(
        submit_outputs,
        version=published(),
        model_name=" ",
        namespace=ada.namespace,
        upload=upload(jsonl(*ANSWERS), "o.jsonl"),
        by=ada,
    )

    assert problem.path == "model_name"


def test_refused_rows_leave_nothing(published: Callable[..., TaskVersion], ada: Any) -> None:
    (problem,) = refusal(
        submit_outputs,
        version=published(),
        model_name="Mine",
        namespace=ada.namespace,
        rows=[*ANSWERS, {"id": "x", "output": "\ud800"}],
        by=ada,
    )

    assert (problem.line, problem.path) == (3, "id")


def test_a_refused_file_that_a_draft_uses_stays(
    published: Callable[..., TaskVersion], ada: Any
) -> None:
    version = published()
    content = jsonl(*ROWS)

    problems = refusal(
        submit_outputs,
        version=version,
        model_name="Mine",
        namespace=ada.namespace,
        upload=upload(content),
        by=ada,
    )

    assert "'question' is not known" in problems[0].message
    assert version.data_file is not None
    with version.data_file.file.open("rb") as stored:
        assert stored.read() == content


def test_rows_and_a_file_make_the_same_samples_and_empty_outputs_are_told_apart(
    published: Callable[..., TaskVersion], ada: Any
) -> None:
    version = published()
    given: dict[str, Any] = {"version": version, "namespace": ada.namespace, "by": ada}

    of_rows = submit_outputs(model_name="Rows", rows=ANSWERS, **given)
    of_file = submit_outputs(
        model_name="File", upload=upload(b"id,output\ny,\nx,a\n", "o.csv"), **given
    )

    for run in (of_rows, of_file):
        samples = run.samples.order_by("ordinal")
        assert [(one.output, one.outcome) for one in samples] == [("a", "answered"), ("", "empty")]


def test_a_version_with_private_items_takes_no_outputs(
    published: Callable[..., TaskVersion], ada: Any
) -> None:
    text = DEFINITION.replace(
        "target: answer", "target: answer\n  split: {column: part, private: [held]}"
    )
    version = published(text, [{**ROWS[0], "part": "open"}, {**ROWS[1], "part": "held"}])
    before = rows_of_all(), files()

    with pytest.raises(Conflict, match="private items"):
        submit_outputs(
            version=version, model_name="M", namespace=ada.namespace, rows=ANSWERS, by=ada
        )

    assert (rows_of_all(), files()) == before


def test_strangers_change_nothing(
    task: Any, open_account: Callable[..., Any], published: Callable[..., TaskVersion]
) -> None:
    version = published()
    eve = open_account(handle="eve")
    before = rows_of_all(), files()

    with pytest.raises(NotAllowed):
        drafts.save_draft(task=task, upload=upload(b"x"), by=eve)
    with pytest.raises(NotAllowed):
        submit_outputs(
            version=version,
            model_name="M",
            namespace=task.namespace,
            upload=upload(jsonl(*ANSWERS)),
            by=eve,
        )

    assert (rows_of_all(), files()) == before
