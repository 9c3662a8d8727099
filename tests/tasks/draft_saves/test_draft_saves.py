"""Saves of a draft: undone, gone back to, and never lost by either."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from plumbmark.common.clock import shift_clock
from plumbmark.common.errors import Conflict, NotAllowed
from plumbmark.common.retention import purge_policy
from tasks_app.authoring.drafts import save_draft
from tasks_app.authoring.life import delete_task
from tasks_app.code_tasks.actions import drop_code, save_code_draft
from tasks_app.datasets.retention import UNUSED_FILES
from tasks_app.draft_saves.actions import restore_save, undo_save
from tasks_app.draft_saves.queries import describe_save, saves_of
from tasks_app.draft_saves.states import MAX_SAVES
from tasks_app.item_table.edit_jobs import undo_edit
from tasks_app.models import DataFile, DraftSave, TaskDraft
from tests.tasks.row_edits import add_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def task(ada: Any, make_task: Callable[..., Any]) -> Any:
    return make_task(ada, publish="")


def draft_of(task: Any) -> TaskDraft:
    return TaskDraft.objects.select_related("data_file", "code_file").get(task=task)


def rows(*answers: str) -> SimpleUploadedFile:
    found = [{"id": f"q{n}", "question": "?", "answer": one} for n, one in enumerate(answers)]
    return SimpleUploadedFile("items.jsonl", "\n".join(map(json.dumps, found)).encode())


def bytes_of(data_file: DataFile | None) -> bytes:
    assert data_file is not None
    with data_file.file.open("rb") as file:
        return bytes(file.read())


def described(task: Any) -> list[str]:
    return [describe_save(one) for one in saves_of(draft_of(task)).saves]


def test_a_definition_and_an_upload_are_undone_one_after_the_other(ada: Any, task: Any) -> None:
    before = draft_of(task)
    save_draft(task=task, definition_text="plumbmark: 1\n", by=ada)
    save_draft(task=task, upload=rows("wrong"), replaces_fitting_file=True, by=ada)
    assert described(task)[:2] == ["data file", "definition"]

    undo_save(task=task, by=ada)

    assert draft_of(task).data_file == before.data_file
    assert draft_of(task).definition_text == "plumbmark: 1\n"
    undo_save(task=task, by=ada)
    assert draft_of(task).definition_text == before.definition_text
    assert bytes_of(draft_of(task).data_file) == bytes_of(before.data_file)


def test_what_was_undone_can_be_had_again_and_that_can_be_undone_too(ada: Any, task: Any) -> None:
    save_draft(task=task, definition_text="one", upload=rows("1"), by=ada)
    one = draft_of(task)
    save_draft(task=task, definition_text="two", by=ada)
    undone = undo_save(task=task, by=ada)

    restore_save(task=task, save=undone, by=ada)

    assert draft_of(task).definition_text == "two"
    assert described(task)[0] == "went back: definition"
    undo_save(task=task, by=ada)
    assert draft_of(task).fingerprint == one.fingerprint
    with pytest.raises(Conflict, match="has it already"):
        restore_save(task=task, save=draft_of(task).current_save, by=ada)  # type: ignore[arg-type]


def test_saving_the_same_again_is_no_save(ada: Any, task: Any) -> None:
    count = DraftSave.objects.count()
    draft = draft_of(task)

    save_draft(task=task, definition_text=draft.definition_text, by=ada)

    assert DraftSave.objects.count() == count


def test_a_draft_from_before_saves_were_kept_can_be_gone_back_to(ada: Any, task: Any) -> None:
    DraftSave.objects.all().delete()
    before = draft_of(task)
    save_draft(task=task, definition_text="new", by=ada)

    undo_save(task=task, by=ada)

    assert draft_of(task).definition_text == before.definition_text
    with pytest.raises(Conflict, match="no save to undo"):
        undo_save(task=task, by=ada)


def test_changes_of_rows_are_saves_like_others(ada: Any, task: Any) -> None:
    first = draft_of(task).data_file
    add_row(task=task, values={"id": "q9", "answer": "x"}, by=ada)
    save_draft(task=task, definition_text="new", by=ada)

    assert described(task)[:2] == ["definition", "a row added"]
    with pytest.raises(Conflict, match="no change of the table"):
        undo_edit(task=task, by=ada)
    undo_save(task=task, by=ada)
    assert undo_edit(task=task, by=ada).summary == "a row added"
    assert draft_of(task).data_file == first


def test_code_and_its_settings_are_undone(ada: Any, task: Any) -> None:
    save_code_draft(task=task, code="a = 1\n", settings_text="private: true\n", by=ada)
    save_code_draft(task=task, code="a = 2\n", by=ada)
    undo_save(task=task, by=ada)
    assert bytes_of(draft_of(task).code_file) == b"a = 1\n"
    drop_code(task=task, by=ada)
    assert draft_of(task).kind == "declarative"

    undo_save(task=task, by=ada)

    assert draft_of(task).kind == "code"
    assert draft_of(task).code_settings == "private: true\n"


def test_an_undo_of_what_was_not_seen_changes_nothing(ada: Any, task: Any) -> None:
    save_draft(task=task, definition_text="one", by=ada)
    seen = draft_of(task).current_save
    assert seen is not None
    save_draft(task=task, definition_text="two", by=ada)

    with pytest.raises(Conflict, match="since you saw it"):
        undo_save(task=task, seen=seen.public_id, by=ada)
    with pytest.raises(Conflict, match="since you saw it"):
        restore_save(task=task, save=seen, seen=seen.public_id, by=ada)

    assert draft_of(task).definition_text == "two"


def test_old_saves_go_with_their_files(
    ada: Any, task: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for number in range(MAX_SAVES + 3):
            save_draft(task=task, upload=rows(str(number)), replaces_fitting_file=True, by=ada)

    assert DraftSave.objects.count() == MAX_SAVES + 1
    assert DataFile.objects.count() == MAX_SAVES + 1
    for _ in range(MAX_SAVES):
        undo_save(task=task, by=ada)
    assert bytes_of(draft_of(task).data_file) == rows("2").read()


def test_retention_leaves_the_files_of_saves(ada: Any, task: Any) -> None:
    first = draft_of(task).data_file
    save_draft(task=task, upload=rows("1"), replaces_fitting_file=True, by=ada)

    with shift_clock(timedelta(days=400)):
        purge_policy(UNUSED_FILES)

    undo_save(task=task, by=ada)
    assert bytes_of(draft_of(task).data_file) == bytes_of(first)


def test_a_deleted_task_leaves_no_file_of_its_saves(ada: Any, task: Any) -> None:
    save_draft(task=task, upload=rows("1"), replaces_fitting_file=True, by=ada)

    delete_task(task=task, by=ada)

    assert not DataFile.objects.exists()


def test_strangers_undo_nothing(ada: Any, task: Any, open_account: Callable[..., Any]) -> None:
    bob = open_account("bob")
    save = draft_of(task).current_save
    assert save is not None
    with pytest.raises(NotAllowed):
        undo_save(task=task, by=bob)
    with pytest.raises(NotAllowed):
        restore_save(task=task, save=save, by=bob)
    api = APIClient()
    api.force_authenticate(bob)
    assert api.get(f"/api/v1/tasks/{task.public_id}/draft/saves").status_code == 404
    client = Client()
    client.force_login(bob)
    assert client.post(reverse("tasks:save-undo", args=["ada", task.slug])).status_code == 404


def test_the_editor_undoes_and_tells_another_editor(
    ada: Any, task: Any, client: Client, django_assert_max_num_queries: Any
) -> None:
    client.force_login(ada)
    editor = reverse("tasks:edit", args=["ada", task.slug])
    text = draft_of(task).definition_text
    save_draft(task=task, definition_text=text + "# more\n", by=ada)
    open_elsewhere = draft_of(task).fingerprint
    for number in range(10):
        save_draft(task=task, definition_text=text + f"# {number}\n", by=ada)
    client.get(editor)
    # The editor's own, and one for all saves.
    with django_assert_max_num_queries(17):
        page = client.get(editor).content.decode()
    assert page.count("Go back to this") == 11
    seen = draft_of(task).current_save
    assert seen is not None

    told = client.post(
        reverse("tasks:save-undo", args=["ada", task.slug]), {"seen": seen.public_id}, follow=True
    )
    assert "Undone: definition." in told.content.decode()
    assert draft_of(task).definition_text == text + "# 8\n"
    late = client.post(
        reverse("tasks:save-undo", args=["ada", task.slug]), {"seen": seen.public_id}, follow=True
    )
    assert "since you saw it" in late.content.decode()
    answer = client.post(
        editor, {"definition": "mine", "view": "text", "fingerprint": open_elsewhere}
    )
    assert answer.status_code == 409
    oldest = saves_of(draft_of(task)).saves[-1]
    client.post(reverse("tasks:save-restore", args=["ada", task.slug, oldest.public_id]))
    assert draft_of(task).definition_text == oldest.definition_text


def test_the_api_lists_undoes_and_restores(ada: Any, task: Any) -> None:
    api = APIClient()
    api.force_authenticate(ada)
    address = f"/api/v1/tasks/{task.public_id}/draft"
    save_draft(task=task, definition_text="new", by=ada)

    listed = api.get(f"{address}/saves").json()
    assert [one["is_current"] for one in listed[:2]] == [True, False]
    assert listed[0] | {"id": "", "created_at": ""} == {
        "id": "",
        "is_current": True,
        "kind": "saved",
        "changes": ["definition"],
        "summary": "definition",
        "data_file": "items.jsonl",
        "code_file": None,
        "saved_by": "ada",
        "created_at": "",
    }
    undone = api.post(f"{address}/undo", {"seen": listed[0]["id"]}, format="json")
    assert undone.status_code == 200
    assert undone.json()["definition"] != "new"
    assert api.post(f"{address}/undo", {"seen": listed[0]["id"]}, format="json").status_code == 409
    again = api.post(f"{address}/saves/{listed[0]['id']}/restore", {}, format="json")
    assert again.json()["definition"] == "new"
    assert api.post(f"{address}/saves/nowhere/restore", {}, format="json").status_code == 404
