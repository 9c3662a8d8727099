"""The migration of changes of rows that an older installation kept."""

from typing import Any

import pytest

from plumbmark.common.clock import now
from tests.migrating import migrations

BEFORE = ("tasks", "0013_trials_and_provenance")
AFTER = ("tasks", "0014_task_life")


@pytest.mark.django_db(transaction=True)
def test_changes_of_rows_become_saves_that_can_be_undone() -> None:
    with migrations() as migrate:
        apps = migrate(BEFORE)

        def make(name: str, /, **fields: Any) -> Any:
            return apps.get_model(name).objects.create(**fields)

        user = make("accounts.User", email="ada@example.org")
        owner = make("accounts.Namespace", handle="ada", user=user)
        files = [
            make("tasks.DataFile", namespace=owner, name=name, size=1, sha256=name, created_by=user)
            for name in "abc"
        ]
        task = make("tasks.Task", slug="sums", namespace=owner, created_by=user)
        draft = make(
            "tasks.TaskDraft",
            task=task,
            definition_text="text",
            data_file=files[2],
            updated_by=user,
            updated_at=now(),
        )
        for number in (0, 1):
            make(
                "tasks.TableEdit",
                draft=draft,
                before_file=files[number],
                after_file=files[number + 1],
                summary=f"edit {number}",
                created_by=user,
            )

        saves = migrate(AFTER).get_model("tasks", "TaskDraft").objects.get().current_save

        found = []
        while saves is not None:
            found.append((saves.data_file.name, saves.kind, saves.summary, saves.definition_text))
            saves = saves.previous
        assert found == [
            ("c", "rows", "edit 1", "text"),
            ("b", "rows", "edit 0", "text"),
            ("a", "saved", "", "text"),
        ]
