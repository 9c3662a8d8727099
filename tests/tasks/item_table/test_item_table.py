"""The rows of a draft as a table: found, changed, undone, by two people at once."""

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from plumbmark.common.errors import Conflict, InvalidInput
from tasks_app.authoring import drafts
from tasks_app.datasets.uploads import store_upload
from tasks_app.item_table.edit_jobs import undo_edit
from tasks_app.item_table.files import RowSelection
from tasks_app.item_table.queries import TablePage, table_page
from tasks_app.models import DraftSave, TaskDraft
from tests.tasks.row_edits import add_row, change_row, delete_rows
from tests.tasks.words import ROWS

pytestmark = pytest.mark.django_db

LINES = 'id,question,answer\r\nq1,Say it.,it\r\nq2,"Two\nlines, here",two\r\nq3,Three?,three\r\n'


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def task(ada: Any, make_task: Callable[..., Any]) -> Any:
    return make_task(ada, publish="")


def draft_of(task: Any) -> TaskDraft:
    draft = TaskDraft.objects.select_related("data_file").get(task=task)
    draft.task = task
    return draft


def show(task: Any, page: int = 1, **given: Any) -> TablePage:
    return table_page(draft_of(task), RowSelection(**given), page=page)


def ids(found: TablePage) -> list[Any]:
    return [one.row.values["id"] for one in found.rows if one.row.values]


def seen(task: Any, number: int) -> tuple[int, str]:
    return number, show(task).rows[number].row.digest


def page_of(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_rows_are_searched_filtered_and_sorted(task: Any) -> None:
    assert ids(show(task)) == ["q1", "q2", "q3", "q4"]
    assert ids(show(task, words="SAY bold")) == ["q4"]
    assert ids(show(task, column="answer", value="T")) == ["q1", "q2", "q3", "q4"]
    assert ids(show(task, column="answer", value="tw")) == ["q3"]
    assert ids(show(task, sort="answer")) == ["q2", "q4", "q1", "q3"]
    assert ids(show(task, sort="answer", descending=True)) == ["q3", "q1", "q4", "q2"]
    assert show(task, words="nowhere").selected == 0


def test_a_change_keeps_all_other_rows_and_can_be_undone(ada: Any, task: Any) -> None:
    before = draft_of(task).data_file
    assert before is not None

    change_row(task=task, row=seen(task, 1), values={**ROWS[1], "answer": 8}, by=ada)
    add_row(task=task, values={"id": "q5", "question": "Ü?", "answer": "ü"}, by=ada)
    delete_rows(task=task, rows=[seen(task, 0), seen(task, 2)], by=ada)

    found = show(task)
    assert ids(found) == ["q2", "q4", "q5"]
    assert found.rows[0].row.values == {**ROWS[1], "answer": 8}
    assert [undo_edit(task=task, by=ada).summary for _ in range(3)] == [
        "2 rows deleted",
        "a row added",
        "row 2 changed",
    ]
    assert draft_of(task).data_file == before
    with pytest.raises(Conflict, match="no change"):
        undo_edit(task=task, by=ada)


def test_two_people_change_different_rows_and_both_stay(ada: Any, task: Any) -> None:
    first, third = seen(task, 0), seen(task, 2)
    delete_rows(task=task, rows=[first], by=ada)

    # The other one saw the row before it moved up.
    change_row(task=task, row=third, values={**ROWS[2], "answer": "12"}, by=ada)

    assert ids(show(task)) == ["q2", "q3", "q4"]
    assert show(task).rows[1].row.values == {**ROWS[2], "answer": "12"}
    with pytest.raises(Conflict, match="changed or deleted"):
        change_row(task=task, row=third, values=ROWS[2], by=ada)


def test_a_csv_file_stays_one_with_its_quoted_line_breaks(ada: Any, task: Any) -> None:
    drafts.save_draft(
        task=task,
        upload=SimpleUploadedFile("items.csv", LINES.encode()),
        replaces_fitting_file=True,
        by=ada,
    )
    assert ids(show(task)) == ["q1", "q2", "q3"]

    change_row(
        task=task,
        row=seen(task, 2),
        values={"id": "q3", "question": 'A "b"\nc', "answer": "3"},
        by=ada,
    )

    found = show(task)
    assert found.rows[1].row.values == {"id": "q2", "question": "Two\nlines, here", "answer": "two"}
    assert found.rows[2].row.values == {"id": "q3", "question": 'A "b"\nc', "answer": "3"}
    assert draft_of(task).data_file.name == "items.csv"  # type: ignore[union-attr]


def test_what_is_wrong_with_a_row_is_beside_it(ada: Any, task: Any) -> None:
    lines = [json.dumps(ROWS[0]), "{broken", json.dumps({**ROWS[1], "answer": None}), "[1]"]
    drafts.save_draft(
        task=task,
        upload=SimpleUploadedFile("items.jsonl", "\n".join(lines).encode()),
        replaces_fitting_file=True,
        by=ada,
    )

    found = show(task)

    assert [bool(one.problems) for one in found.rows] == [False, True, True, True]
    assert "holds no right answer" in found.rows[2].problems[0]
    delete_rows(task=task, rows=[seen(task, 1), seen(task, 3)], by=ada)
    assert ids(show(task)) == ["q1", "q2"]


def test_nothing_wrong_is_written(ada: Any, task: Any, open_account: Callable[..., Any]) -> None:
    with pytest.raises(InvalidInput):
        add_row(task=task, values={"id": "", "answer": None}, by=ada)
    with pytest.raises(Conflict, match="at least one row"):
        delete_rows(task=task, rows=[seen(task, n) for n in range(4)], by=ada)
    with pytest.raises(InvalidInput):
        delete_rows(task=task, rows=[], by=ada)
    assert not DraftSave.objects.filter(kind="rows").exists()
    address = reverse("tasks:item-table", args=["ada", task.slug])
    assert page_of(open_account("bob")).get(address).status_code == 404


def test_the_pages_change_rows_and_lose_nothing_that_was_typed(
    ada: Any, task: Any, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    page = page_of(ada)
    table = reverse("tasks:item-table", args=["ada", task.slug])
    row = reverse("tasks:row-edit", args=["ada", task.slug, 1])

    page.get(table, {"sort": "-answer"})
    with django_assert_max_num_queries(8):
        text = page.get(table, {"sort": "-answer"}).content.decode()
    assert 'aria-sort="descending"' in text
    assert "Say &lt;b&gt;bold&lt;/b&gt;." in text
    form = page.get(row).context["form"]
    values = {**form.initial, "column-2": "typed by me"}
    change_row(task=task, row=seen(task, 1), values={**ROWS[1], "answer": "theirs"}, by=ada)

    told = page.post(row, values)
    assert told.status_code == 409
    assert "typed by me" in told.content.decode()
    assert "theirs" in told.content.decode()
    again = page.post(row, {**values, "digest": told.context["form"].data["digest"]})
    assert again.status_code == 302
    assert show(task).rows[1].row.values == {**ROWS[1], "answer": "typed by me"}
    new = reverse("tasks:row-add", args=["ada", task.slug])
    assert page.post(new, {"column-0": "q9", "column-2": "nine"}).status_code == 302
    assert page.post(new, {}).status_code == 422
    digest = show(task).rows[4].row.digest
    page.post(reverse("tasks:rows-delete", args=["ada", task.slug]), {"row": [f"4:{digest}"]})
    assert ids(show(task)) == ["q1", "q2", "q3", "q4"]
    page.post(reverse("tasks:table-undo", args=["ada", task.slug]))
    assert ids(show(task)) == ["q1", "q2", "q3", "q4", "q9"]
    file = page.get(reverse("tasks:data-file", args=["ada", task.slug]))
    assert file.content.count(b"\n") == 5
    assert 'filename="items.jsonl"' in file.headers["Content-Disposition"]


def test_the_api_does_the_same(ada: Any, task: Any, open_account: Callable[..., Any]) -> None:
    api = APIClient()
    api.force_authenticate(ada)
    address = f"/api/v1/tasks/{task.public_id}/draft/rows"

    found = api.get(address, {"q": "dozen"}).json()
    assert (found["total"], found["selected"]) == (4, 1)
    (row,) = found["rows"]
    body = {"digest": row["digest"], "values": {**row["values"], "answer": "12"}}
    assert api.put(f"{address}/{row['number']}", body, format="json").status_code == 200
    assert api.put(f"{address}/{row['number']}", body, format="json").status_code == 409
    assert api.post(address, {"values": {"id": "q5"}}, format="json").status_code == 200
    rows = api.get(address).json()["rows"]
    gone = {"rows": [{"number": 4, "digest": rows[4]["digest"]}]}
    assert api.post(f"{address}/delete", gone, format="json").status_code == 200
    assert api.post(f"{address}/undo").status_code == 200
    assert api.get(address).json()["total"] == 5
    assert api.get(address, {"page": "0"}).status_code == 422
    assert api.get(f"/api/v1/tasks/{task.public_id}/draft/data-file").status_code == 200
    api.force_authenticate(open_account("bob"))
    assert api.get(address).status_code == 404


def test_100000_rows_are_quick_and_take_little_memory(ada: Any, task: Any) -> None:
    lines = "".join(
        json.dumps({"id": f"q{n}", "question": f"What is {n} + {n % 7}?", "answer": n + n % 7})
        + "\n"
        for n in range(100_000)
    )
    stored = store_upload(
        namespace=ada.namespace, upload=SimpleUploadedFile("items.jsonl", lines.encode()), by=ada
    )
    TaskDraft.objects.filter(task=task).update(data_file=stored)
    show(task)

    begin = time.perf_counter()
    last = show(task, page=2000)
    page_seconds = time.perf_counter() - begin
    tracemalloc.start()
    change_row(
        task=task,
        row=(99_999, last.rows[-1].row.digest),
        values={"id": "last", "question": "?", "answer": 1},
        by=ada,
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert ids(last)[-1] == "q99999"
    assert page_seconds < 1
    assert peak < 30_000_000
    assert ids(show(task, words="q99 last")) == []
    assert ids(show(task, column="id", value="last")) == ["last"]
