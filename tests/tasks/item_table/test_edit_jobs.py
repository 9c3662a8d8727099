"""Edits of the rows of large files: made by a worker, in their order, and none is lost."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from plumbmark.background.models import Job
from plumbmark.background.work import work_on_next_job
from plumbmark.common.errors import Conflict
from tasks_app.authoring.drafts import save_draft
from tasks_app.item_table import edit_jobs
from tasks_app.item_table.actions import addition_of_row, change_of_row, deletion_of_rows
from tasks_app.item_table.edit_jobs import is_heavy, start_edit, undo_edit
from tasks_app.item_table.files import RowSelection
from tasks_app.item_table.queries import table_page
from tasks_app.models import DraftSave, TaskDraft
from tests.tasks.row_edits import change_row
from tests.tasks.words import ROWS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _every_file_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit_jobs, "MAX_BYTES_AT_ONCE", {"csv": 1, "jsonl": 1})


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def task(ada: Any, make_task: Callable[..., Any]) -> Any:
    return make_task(ada, publish="")


def rows_of(task: Any) -> Any:
    draft = TaskDraft.objects.select_related("data_file").get(task=task)
    draft.task = task
    return table_page(draft, RowSelection(), page=1).rows


def ids(task: Any) -> list[Any]:
    return [one.row.values["id"] for one in rows_of(task)]


def seen(task: Any, number: int) -> tuple[int, str]:
    return number, rows_of(task)[number].row.digest


def work_on_all() -> None:
    while work_on_next_job() is not None:
        pass


def test_edits_are_made_in_their_order_and_none_is_lost(ada: Any, task: Any) -> None:
    first, third = seen(task, 0), seen(task, 2)
    twice = [start_edit(task=task, edit=deletion_of_rows([first]), by=ada) for _ in range(2)]
    assert twice[0] == twice[1], "two clicks are one edit"
    start_edit(task=task, edit=change_of_row(third, {**ROWS[2], "answer": "12"}), by=ada)
    # Two people may add the same.
    for _ in range(2):
        start_edit(task=task, edit=addition_of_row({"id": "q9", "answer": "x"}), by=ada)
    assert ids(task) == ["q1", "q2", "q3", "q4"]

    work_on_all()

    assert ids(task) == ["q2", "q3", "q4", "q9", "q9"]
    assert rows_of(task)[1].row.values["answer"] == "12"
    assert set(Job.objects.values_list("state", flat=True)) == {"completed"}
    assert [one.summary for one in DraftSave.objects.order_by("-id")[:4]] == [
        "a row added",
        "a row added",
        "row 3 changed",
        "row 1 deleted",
    ]


def test_of_two_edits_of_one_row_the_second_is_told_with_what_it_was_to_write(
    ada: Any, task: Any
) -> None:
    row = seen(task, 1)
    start_edit(task=task, edit=change_of_row(row, {**ROWS[1], "answer": "mine"}), by=ada)
    late = start_edit(task=task, edit=change_of_row(row, {**ROWS[1], "answer": "<late>"}), by=ada)

    work_on_all()

    late.refresh_from_db()
    assert (late.state, late.error["code"]) == ("failed", "row-changed")
    assert rows_of(task)[1].row.values["answer"] == "mine"
    page = Client()
    page.force_login(ada)
    text = page.get(late.return_url).content.decode()
    assert "This was not written" in text
    assert "&lt;late&gt;" in text


def test_an_edit_is_made_once_although_its_worker_died(ada: Any, task: Any) -> None:
    job = start_edit(task=task, edit=addition_of_row({"id": "q9", "answer": "x"}), by=ada)
    work_on_all()
    Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED, finished_at=None)

    work_on_all()

    assert ids(task) == ["q1", "q2", "q3", "q4", "q9"]
    job.refresh_from_db()
    assert job.state == "completed"


def test_nothing_is_undone_while_an_edit_is_under_way(ada: Any, task: Any) -> None:
    change_row(task=task, row=seen(task, 1), values={**ROWS[1], "answer": "x"}, by=ada)
    job = start_edit(task=task, edit=addition_of_row({"id": "q9", "answer": "x"}), by=ada)

    with pytest.raises(Conflict, match="under way"):
        undo_edit(task=task, by=ada)

    work_on_all()
    assert undo_edit(task=task, by=ada).summary == "a row added"
    job.refresh_from_db()
    assert job.message == "Done: a row added."


def test_who_lost_access_meanwhile_changes_nothing(
    ada: Any, task: Any, open_account: Callable[..., Any]
) -> None:
    job = start_edit(task=task, edit=addition_of_row({"id": "q9", "answer": "x"}), by=ada)
    task.namespace = open_account("bob").namespace
    task.save()

    work_on_all()

    job.refresh_from_db()
    assert (job.state, job.error["status"]) == ("failed", 403)
    assert ids(task) == ["q1", "q2", "q3", "q4"]


def test_characters_that_databases_do_not_take_reach_the_file(ada: Any, task: Any) -> None:
    start_edit(task=task, edit=addition_of_row({"id": "q9", "answer": "a\x00b\ud800"}), by=ada)

    work_on_all()

    assert rows_of(task)[4].row.values["answer"] == "a\x00b\ud800"


def test_the_pages_say_that_the_edit_is_at_work_and_show_what_came_of_it(
    ada: Any, task: Any
) -> None:
    page = Client()
    page.force_login(ada)
    row = reverse("tasks:row-edit", args=["ada", task.slug, 1])
    form = page.get(row).context["form"]

    done = page.post(row, {**form.initial, "column-2": "new answer"})

    assert done.status_code == 302
    at_work = page.get(done.headers["Location"]).content.decode()
    assert "row 2 changed" in at_work
    assert "waiting for a worker" in at_work
    table = reverse("tasks:item-table", args=["ada", task.slug])
    assert "waiting for a worker" in page.get(table).content.decode()
    work_on_all()
    after = page.get(done.headers["Location"]).content.decode()
    assert "Done: row 2 changed." in after
    assert "new answer" in after
    assert "waiting for a worker" not in page.get(table).content.decode()
    page.post(reverse("tasks:row-add", args=["ada", task.slug]), {"column-0": "q9"})
    digest = seen(task, 0)[1]
    page.post(reverse("tasks:rows-delete", args=["ada", task.slug]), {"row": [f"0:{digest}"]})
    work_on_all()
    assert ids(task) == ["q2", "q3", "q4", "q9"]


def test_what_is_too_much_at_once_is_refused_and_stays_in_the_form(ada: Any, task: Any) -> None:
    for number in range(5):
        start_edit(task=task, edit=addition_of_row({"id": f"n{number}", "answer": "x"}), by=ada)
    page = Client()
    page.force_login(ada)
    row = reverse("tasks:row-edit", args=["ada", task.slug, 1])
    form = page.get(row).context["form"]

    refused = page.post(row, {**form.initial, "column-2": "typed by me"})

    assert refused.status_code == 503
    assert "typed by me" in refused.content.decode()
    work_on_all()
    assert len(ids(task)) == 9


def test_the_api_answers_with_the_job(ada: Any, task: Any) -> None:
    api = APIClient()
    api.force_authenticate(ada)
    address = f"/api/v1/tasks/{task.public_id}/draft/rows"

    queued = api.post(address, {"values": {"id": "q9", "answer": "x"}}, format="json")

    assert queued.status_code == 202
    assert api.post(f"{address}/undo").status_code == 409
    work_on_all()
    job = api.get(queued.headers["Location"]).json()
    assert job["state"] == "completed"
    stored = TaskDraft.objects.get(task=task).data_file
    assert stored is not None
    assert job["result"] == {"name": stored.name, "bytes": stored.size, "sha256": stored.sha256}
    number, digest = seen(task, 4)
    body = {"digest": digest, "values": {"id": "q9", "answer": "y"}}
    assert api.put(f"{address}/{number}", body, format="json").status_code == 202
    gone = {"rows": [{"number": number, "digest": digest}]}
    assert api.post(f"{address}/delete", gone, format="json").status_code == 202


@pytest.mark.parametrize(("name", "size", "heavy"), [("a.csv", 1, True), ("a.jsonl", 1, False)])
def test_small_files_and_quick_formats_are_written_at_once(
    ada: Any, task: Any, monkeypatch: pytest.MonkeyPatch, name: str, size: int, heavy: bool
) -> None:
    monkeypatch.undo()
    pad = "x" * (edit_jobs.MAX_BYTES_AT_ONCE["csv"] + size)
    rows = f"question,answer\n{pad},1\n" if name == "a.csv" else json.dumps({"question": pad})
    save_draft(
        task=task,
        upload=SimpleUploadedFile(name, rows.encode()),
        definition_text="",
        replaces_fitting_file=True,
        by=ada,
    )

    assert is_heavy(TaskDraft.objects.select_related("data_file").get(task=task)) is heavy
