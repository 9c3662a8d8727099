"""One model's outputs to all tasks at once: all of them are taken, or none."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from benchmarks_app.models import Entry
from benchmarks_app.submissions.actions import submit_to_all
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from tasks_app.models import Contender, DataFile, Run, Sample
from tasks_app.runs.submissions import NamedModel
from tests.factories import publish_benchmark, publish_task, settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    from plumbmark.gateway.calls import runtime

    runtime.shutdown()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def board(ada: Any) -> Any:
    tasks = [publish_task(ada, "Sums", items=2), publish_task(ada, "Words", items=2)]
    return publish_benchmark(ada, tasks)


def lines(*rows: Mapping[str, Any]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def answers(*given: str) -> bytes:
    return lines(*({"id": f"i{n}", "output": text} for n, text in enumerate(given)))


def packed(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def rows_of(task: str, *given: str) -> list[dict[str, Any]]:
    return [{"task": task, "id": f"i{n}", "output": text} for n, text in enumerate(given)]


def submit(user: Any, board: Any, content: bytes, name: str = "outputs.zip") -> Any:
    return submit_to_all(
        version=board,
        model=NamedModel("larch-3"),
        namespace=user.namespace,
        upload=SimpleUploadedFile(name, content),
        by=user,
    )


def refusal(user: Any, board: Any, content: bytes, name: str = "outputs.zip") -> set[str]:
    """Return the problems, after checking that nothing is left behind."""
    with pytest.raises(InvalidInput) as error:
        submit(user, board, content, name)
    assert not Run.objects.exists()
    assert not Sample.objects.exists()
    assert not Entry.objects.exists()
    assert not Contender.objects.filter(kind="submitted").exists()
    assert not DataFile.objects.filter(name=name).exists()
    return {f"{one.path} {one.line or ''}: {one.message}" for one in error.value.problems}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("o.zip", packed({"sums.jsonl": answers("0", "1"), "__MACOSX/x": b"", "2.csv":
                          b"id,output\ni0,0\ni1,no\n"})),
        ("o.zip", packed({"any/ada/sums.jsonl": answers("0", "1"),
                          "any/ada/words.jsonl": answers("0", "no")})),
        ("o.jsonl", lines(*rows_of("words", "0", "no"), *rows_of("1", "0", "1"))),
        ("o.csv", b"task,id,output\nsums,i0,0\nwords,i1,no\nsums,i1,1\nada/words,i0,0\n"),
    ],
)  # fmt: skip
def test_all_ways_of_one_file_give_each_task_its_run_and_the_board_its_row(
    ada: Any, board: Any, name: str, content: bytes
) -> None:
    from leaderboards_app.models import Standings

    done = submit(ada, board, content, name)
    settle()

    assert [run.task_version.task.title for run in done.runs] == ["Sums", "Words"]
    assert done.entry.entry_runs.count() == 2
    assert [run.scorings.get().value for run in done.runs] == [1.0, 0.5]
    [row] = Standings.objects.filter(version=board).latest("id").content["rows"]
    assert row["contender"]["label"] == "larch-3"


def test_one_bad_file_among_good_ones_leaves_nothing_and_every_problem_is_told(
    ada: Any, board: Any
) -> None:
    bad = lines(
        {"id": "i0", "output": "0"}, {"id": "i0", "output": "again"}, {"id": "zz", "output": "1"}
    )
    problems = refusal(ada, board, packed({"sums.jsonl": answers("0"), "words.jsonl": bad}))
    assert any(one.startswith("sums.id : 1 of 2 outputs are missing: i1") for one in problems)
    assert "words.id 2: this id is in line 1 already" in problems
    assert "words.id 3: no item has the id 'zz'" in problems


def test_files_and_rows_that_name_no_task_are_refused_with_those_that_there_are(
    ada: Any, board: Any
) -> None:
    problems = refusal(ada, board, packed({"sums.jsonl": answers("0", "1"), "wrds.jsonl": b""}))
    assert " : 'wrds.jsonl': 'wrds' names no task of this benchmark" in " ".join(problems)
    assert "words : the ZIP has no file for this task" in problems

    rows = [*rows_of("sums", "0", "1"), {"id": "i0", "output": "0"}, *rows_of("3", "0")]
    problems = refusal(ada, board, lines(*rows), "outputs.jsonl")
    assert " 3: the column 'task' is missing: which task is this row for?" in problems
    assert any(one.startswith("task 4: '3' names no task") for one in problems)
    assert "words : no row is for this task" in problems


def test_two_files_for_one_task_and_tricks_with_paths_are_refused(ada: Any, board: Any) -> None:
    good = {"sums.jsonl": answers("0", "1"), "words.jsonl": answers("0", "1")}
    twice = refusal(ada, board, packed({**good, "1.jsonl": answers("0", "1")}))
    assert "sums : '1.jsonl' and 'sums.jsonl' are both for it" in twice
    for path in ("../../sums.jsonl", "/etc/sums.jsonl", "C:/sums.jsonl"):
        assert refusal(ada, board, packed({"words.jsonl": answers("0", "1"), path: b"{}"}))


def test_a_zip_bomb_is_stopped_by_what_it_unpacks_to(ada: Any, board: Any, settings: Any) -> None:
    settings.MAX_DATA_FILE_BYTES = 100_000
    bomb = packed({"sums.jsonl": b" " * 60_000, "words.jsonl": b" " * 60_000})
    assert len(bomb) < 1000
    assert "holds more than may be unpacked" in " ".join(refusal(ada, board, bomb))
    broken = bytearray(packed({"sums.jsonl": answers("0", "1") * 50}))
    broken[40:60] = b"\xff" * 20
    assert refusal(ada, board, bytes(broken))
    assert refusal(ada, board, b"PK\x03\x04 no zip at all")
    assert refusal(ada, board, b"", "outputs.jsonl")


def test_who_may_not_enter_may_not_submit_and_private_items_stay_private(
    ada: Any, board: Any, open_account: Callable[..., Any]
) -> None:
    with pytest.raises(NotAllowed):
        submit(open_account(handle="eve"), board, b"")
    member = board.tasks.last().task_version
    member.private_item_count = 1
    member.save()
    with pytest.raises(Conflict, match="Words: This task has private items"):
        submit(ada, board, b"")


def test_the_page_and_the_api_take_one_request(ada: Any, board: Any, client: Client) -> None:
    client.force_login(ada)
    page = "/benchmarks/ada/world/submit/"
    assert "<code>sums</code>" in client.get(page).content.decode()
    bad = SimpleUploadedFile("o.jsonl", lines(*rows_of("sums", "0", "1")))
    refused = client.post(page, {"model_name": "larch-3", "file": bad})
    assert refused.status_code == 422
    assert "no row is for this task" in refused.content.decode()

    content = lines(*rows_of("sums", "0", "1"), *rows_of("words", "0", "1"))
    address = f"/api/v1/benchmark-versions/{board.public_id}/submissions"
    sent = {"model_name": "larch-3", "file": SimpleUploadedFile("o.jsonl", content)}
    answer = client.post(address, sent)
    assert answer.status_code == 201
    assert len(answer.json()["runs"]) == 2

    sent["file"] = SimpleUploadedFile("o.jsonl", content)
    assert client.post(page, sent).status_code == 302
    assert Run.objects.count() == 4
    assert Entry.objects.count() == 1


def test_a_large_file_becomes_a_job_with_the_same_result(
    ada: Any, board: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks_app.runs.submission_jobs.JOB_BYTES", 10)
    client.force_login(ada)
    address = f"/api/v1/benchmark-versions/{board.public_id}/submissions"
    content = lines(*rows_of("sums", "0", "1"), *rows_of("words", "0", "1"))
    sent = {"model_name": "larch-3", "file": SimpleUploadedFile("o.jsonl", content)}
    answer = client.post(address, sent)
    assert answer.status_code == 202

    from plumbmark.background import jobs as background_jobs
    from plumbmark.background.models import Job

    background_jobs.work()
    job = Job.objects.get()
    assert job.state == "completed"
    assert len(job.result["value"]["runs"]) == 2


def test_a_program_sends_rows_by_task_as_json_and_nothing_is_half_taken(
    ada: Any, board: Any, client: Client
) -> None:
    client.force_login(ada)
    address = f"/api/v1/benchmark-versions/{board.public_id}/submissions"

    def send(outputs: Any) -> Any:
        body = {"model_name": "larch-3", "outputs": outputs}
        return client.post(address, body, content_type="application/json")

    right = [{"id": "i0", "output": "0"}, {"id": "i1", "output": "1"}]
    refused = send({"sums": [*right[:1], {"id": "zz", "output": "1"}], "1": right, "other": right})
    assert refused.status_code == 422
    places = {(one["path"], one["line"]): one["message"] for one in refused.json()["problems"]}
    assert places["sums.id", 2] == "no item has the id 'zz'"
    assert places["sums", None] == "'sums' and '1' are both for it"
    assert places["words", None] == "no row is for this task"
    assert "'other' names no task of this benchmark" in places["outputs", None]
    assert send([]).status_code == 422
    assert send({"sums": ["text"]}).status_code == 422
    assert not Run.objects.exists()
    assert not Contender.objects.filter(kind="submitted").exists()

    answer = send({"sums": right, "ada/words": [right[0], {"id": "i1", "output": "no"}]})
    assert answer.status_code == 201
    assert len(answer.json()["runs"]) == 2
    settle()
    assert sorted(run.scorings.get().value for run in Run.objects.all()) == [0.5, 1.0]


def test_many_rows_by_task_become_a_job(
    ada: Any, board: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plumbmark.background import jobs as background_jobs

    monkeypatch.setattr("tasks_app.runs.submission_jobs.HEAVY_ITEMS", 1)
    client.force_login(ada)
    rows = [{"id": "i0", "output": "0"}, {"id": "i1", "output": "1"}]
    body = {"model_name": "larch-3", "outputs": {"sums": rows, "2": rows}}
    address = f"/api/v1/benchmark-versions/{board.public_id}/submissions"

    assert client.post(address, body, content_type="application/json").status_code == 202
    background_jobs.work()

    assert Run.objects.count() == 2
