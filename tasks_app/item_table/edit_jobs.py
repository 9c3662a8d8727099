"""Edits of the rows of a large file: jobs of a worker, one after the other.

Small files are written at once, in the request. Which of the two it is, `is_heavy` says, and pages
and endpoints follow it.
"""

import json

from django.urls import reverse

from plumbmark.accounts.models import User
from plumbmark.background.actions import start_job
from plumbmark.background.kinds import JobResult, record_result
from plumbmark.background.models import LIVE_STATES, Job
from plumbmark.common.errors import Conflict
from plumbmark.common.ids import new_public_id
from tasks_app.authoring.draft_jobs import subject_of
from tasks_app.datasets.rows import guess_format
from tasks_app.draft_saves.actions import undo_save
from tasks_app.item_table import serializers
from tasks_app.item_table.actions import RowEdit, declared_format, edit_rows, latest_edit
from tasks_app.models import DataFile, DraftSave, Task, TaskDraft
from tasks_app.permissions import check_edit

EDIT = "edit-rows"
MAX_BYTES_AT_ONCE = {"csv": 2**20, "jsonl": 16 * 2**20}
"""What is written anew in a request. CSV takes half a second of a processor for each MiB of short
rows, JSONL a sixtieth of one."""


def is_heavy(draft: TaskDraft) -> bool:
    """Return whether its file is too large to be written in a request."""
    data_file = draft.data_file
    if data_file is None:
        return False
    written_as = guess_format(data_file.name, declared_format(draft))
    return data_file.size >= MAX_BYTES_AT_ONCE.get(written_as, MAX_BYTES_AT_ONCE["csv"])


def start_edit(*, task: Task, edit: RowEdit, by: User) -> Job:
    """Queue an edit. Edits of a file are made in the order in which they came."""
    check_edit(task, by=by)
    arguments = {
        "task": task.public_id,
        # As text, which keeps characters that a database's JSON has not.
        "edit": json.dumps(edit.as_document()),
        # Adding a row twice is two edits; all else that is the same is one that was asked twice.
        "id": new_public_id() if edit.added else "",
    }
    job = start_job(
        kind=EDIT,
        title=f"{task.title}: {edit.summary}",
        namespace=task.namespace,
        subject=subject_of(task),
        arguments=arguments,
        by=by,
    )
    # The page that shows what was written, should it be refused.
    job.return_url = f"{_table_url(task)}?job={job.public_id}"
    job.save(update_fields=["return_url"])
    return job


def edit_in_job(job: Job) -> JobResult:
    task = Task.objects.select_related("namespace").filter(public_id=job.arguments["task"]).first()
    if task is None:
        raise Conflict("The task no longer exists.")
    edit = _edit_of(job)
    made: list[JobResult] = []

    def record(data_file: DataFile) -> None:
        result = JobResult(
            value=dict(serializers.TableChange(data_file).data),
            message=f"Done: {edit.summary}.",
            url=_table_url(task),
        )
        made.append(result)
        record_result(job, result)

    edit_rows(task=task, edit=edit, within=record, by=job.created_by)
    return made[-1]


def edit_of_job(job: Job) -> RowEdit | None:
    """Return the edit that a job makes; None for a job that does something else."""
    return _edit_of(job) if job.kind == EDIT else None


def _edit_of(job: Job) -> RowEdit:
    return RowEdit.from_document(json.loads(job.arguments["edit"]))


def undo_edit(*, task: Task, by: User) -> DraftSave:
    """Undo the newest save, if it changed rows; `Conflict` where there is no such change, or while
    one is under way.
    """
    check_edit(task, by=by)
    if Job.objects.filter(subject=subject_of(task), kind=EDIT, state__in=LIVE_STATES).exists():
        raise Conflict("A change of the rows is under way. Wait until it is made, or cancel it.")
    edit = latest_edit(TaskDraft.objects.get(task=task))
    if edit is None:
        raise Conflict("There is no change of the table to undo.")
    return undo_save(task=task, seen=edit.public_id, by=by)


def _table_url(task: Task) -> str:
    return reverse("tasks:item-table", args=[task.namespace.handle, task.slug])
