"""Turning a draft's file into a definition: the author chooses what the columns are for."""

from collections.abc import Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.authoring.actions import TaskFacts, create_task
from tasks_app.authoring.drafts import save_draft
from tasks_app.datasets.uploads import forget_upload
from tasks_app.models import Task, TaskDraft
from tasks_app.permissions import check_edit
from tasks_app.tables.conversion import profile_of, store_table
from tasks_app.tables.roles import Roles, check_roles
from tasks_app.tables.starts import change_columns, write_definition

MAX_JUDGES = 5


def create_task_from_table(
    *, namespace: Namespace, facts: TaskFacts, upload: "UploadedFile[bytes]", by: User
) -> Task:
    """Create a task whose draft has a file. Without the one there is not the other."""
    data_file = store_table(namespace=namespace, upload=upload, by=by)
    try:
        with transaction.atomic():
            task = create_task(namespace=namespace, facts=facts, by=by)
            TaskDraft.objects.filter(task=task).update(data_file=data_file)
    except BaseException:
        forget_upload(data_file)
        raise
    return task


def choose_columns(
    *,
    task: Task,
    roles: Roles,
    judges: Sequence[str] = (),
    keeps_definition: bool = False,
    by: User,
) -> TaskDraft:
    """Write the draft's definition from the roles of its file's columns.

    With `keeps_definition` only the part about the data changes; comments, the prompt and the
    scorers stay. Raises `InvalidInput` for roles that make no task; then nothing is changed.
    """
    check_edit(task, by=by)
    draft = TaskDraft.objects.select_related("data_file").get(task=task)
    if draft.data_file is None:
        raise InvalidInput([Problem("upload a data file first", "data_file")])
    content = profile_of(draft.data_file).content
    check_roles(roles, [column["name"] for column in content["columns"]])
    if roles.kind == "judge" and not judges and not keeps_definition:
        raise InvalidInput([Problem("choose a model that judges the answers", "judges")])
    if keeps_definition:
        try:
            text = change_columns(draft.definition_text, roles)
        except ValueError as error:
            raise InvalidInput(
                [Problem(f"the definition has to be mended first: {error}", "keeps_definition")]
            ) from None
    else:
        classes = _values_of(content, roles.answer)
        text = write_definition(roles, classes=classes, judges=judges[:MAX_JUDGES])
    return save_draft(task=task, definition_text=text, definition_format="yaml", by=by)


def _values_of(content: dict[str, Any], column: str) -> list[str]:
    found = next((one for one in content["columns"] if one["name"] == column), None)
    return list(found["values"] or ()) if found else []
