"""Changing rows: each change writes the file anew and keeps the old one, so that it can be undone.

A change names the row by its number and by the digest of what the person saw. If two people change
different rows, both changes are kept; if they change the same one, the second is told.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from plumbmark.common.heavy_work import HEAVY_BYTES, heavy_work
from tasks_app.datasets.rows import guess_format
from tasks_app.datasets.uploads import data_limits, forget_upload, local_copy, store_upload
from tasks_app.definitions.source_map import read_json, read_yaml
from tasks_app.draft_saves.actions import undo_save
from tasks_app.draft_saves.states import kept_save, make_room, yielding_bytes
from tasks_app.item_table.files import RowFile
from tasks_app.models import DataFile, DraftSave, Task, TaskDraft
from tasks_app.permissions import check_edit

MAX_DELETED = 1000
"""Rows that go at once."""
_ATTEMPTS = 3

SeenRow = tuple[int, str]
"""A row's number, and the digest of what was seen of it."""


def change_row(*, task: Task, row: SeenRow, values: Mapping[str, Any], by: User) -> TaskDraft:
    """Replace the values of a row; `Conflict` if somebody else has changed it meanwhile."""
    number, _digest = row
    return _rewrite(
        task, changed={row: values}, added=(), summary=f"row {number + 1} changed", by=by
    )


def add_row(*, task: Task, values: Mapping[str, Any], by: User) -> TaskDraft:
    """Add a row at the end."""
    if not any(value not in (None, "") for value in values.values()):
        raise InvalidInput([Problem("write something into at least one column", "values")])
    return _rewrite(task, changed={}, added=[values], summary="a row added", by=by)


def delete_rows(*, task: Task, rows: Sequence[SeenRow], by: User) -> TaskDraft:
    """Delete rows; `Conflict`, and nothing is deleted, if one of them was changed meanwhile."""
    if not 1 <= len(rows) <= MAX_DELETED:
        raise InvalidInput([Problem(f"choose one to {MAX_DELETED:,} rows", "rows")])
    summary = f"row {rows[0][0] + 1} deleted" if len(rows) == 1 else f"{len(rows):,} rows deleted"
    return _rewrite(task, changed=dict.fromkeys(rows), added=(), summary=summary, by=by)


def undo_edit(*, task: Task, by: User) -> DraftSave:
    """Undo the newest save, if it changed rows; `Conflict` where there is no such change."""
    check_edit(task, by=by)
    edit = latest_edit(TaskDraft.objects.get(task=task))
    if edit is None:
        raise Conflict("There is no change of the table to undo.")
    return undo_save(task=task, seen=edit.public_id, by=by)


def latest_edit(draft: TaskDraft) -> DraftSave | None:
    """Return the newest save, if it is one that changed rows and can be undone."""
    save = draft.current_save
    if save is None or save.kind != DraftSave.Kind.ROWS or save.previous_id is None:
        return None
    return save


@contextmanager
def open_rows(draft: TaskDraft, data_file: DataFile) -> Iterator[RowFile]:
    """Open a draft's file for reading its rows."""
    with local_copy(data_file) as path:
        yield RowFile(
            path,
            name=data_file.name,
            format=guess_format(data_file.name, declared_format(draft)),
            sha256=data_file.sha256,
            limits=data_limits(),
        )


def declared_format(draft: TaskDraft) -> str | None:
    """Return `data.format` of a definition that may have other faults."""
    try:
        read = read_json if draft.definition_format == "json" else read_yaml
        found = read(draft.definition_text).value["data"]["format"]
    except (InvalidInput, KeyError, TypeError, ValueError):
        return None
    return found if found in {"jsonl", "csv"} else None


def _rewrite(
    task: Task,
    *,
    changed: Mapping[SeenRow, Mapping[str, Any] | None],
    added: Sequence[Mapping[str, Any]],
    summary: str,
    by: User,
) -> TaskDraft:
    """Write the draft's file with these rows changed (None: deleted), and use it in its place."""
    check_edit(task, by=by)
    for _ in range(_ATTEMPTS):
        draft = TaskDraft.objects.select_related("data_file", "task__namespace").get(task=task)
        before = draft.data_file
        if before is None:
            raise Conflict("The draft has no data file. Upload one first.")
        after = _write_file(draft, before, changed, added, by)
        if after == before:
            return draft
        if _use(draft, before, after, summary, by):
            return draft
        # Somebody else's change came in between: the same again, over theirs.
        forget_upload(after)
    raise Conflict("The table is being changed by others all the time. Try again.")


def _write_file(
    draft: TaskDraft,
    before: DataFile,
    changed: Mapping[SeenRow, Mapping[str, Any] | None],
    added: Sequence[Mapping[str, Any]],
    by: User,
) -> DataFile:
    is_heavy = before.size > HEAVY_BYTES
    with (
        open_rows(draft, before) as rows,
        heavy_work(owner=draft.task.namespace_id, is_heavy=is_heavy),
        tempfile.TemporaryFile() as file,
    ):
        numbers = {_place(rows, seen): values for seen, values in changed.items()}

        def change(number: int, _digest: str) -> Mapping[str, Any] | bool:
            if number not in numbers:
                return True
            values = numbers[number]
            return False if values is None else values

        if len(numbers) == rows.count() and not any(numbers.values()) and not added:
            raise Conflict("A table keeps at least one row. Upload another file instead.")
        rows.write_changed(file, change, added)
        size = file.tell()
        file.seek(0)
        upload = UploadedFile(file, before.name, size=size)
        frees = yielding_bytes(draft.task)
        return store_upload(namespace=before.namespace, upload=upload, frees=frees, by=by)


def _place(rows: RowFile, seen: SeenRow) -> int:
    """Return where a row is now: others may have moved it by deleting rows before it."""
    number, digest = seen
    found = rows.rows_at([number])
    if found and found[0].digest == digest:
        return number
    places = rows.find(digest)
    if len(places) == 1:
        return places[0]
    raise Conflict(
        f"Row {number + 1} was changed or deleted by somebody else since you saw it. Nothing was "
        "saved.",
        code="row-changed",
    )


def _use(draft: TaskDraft, before: DataFile, after: DataFile, summary: str, by: User) -> bool:
    """Use the new file in place of the old one; False if that is not the draft's any more."""
    with transaction.atomic():
        locked = TaskDraft.objects.select_for_update().get(pk=draft.pk)
        if locked.data_file_id != before.pk:
            return False
        with kept_save(locked, kind=DraftSave.Kind.ROWS, summary=summary, by=by):
            locked.data_file = after
            locked.updated_by = by
            locked.save(update_fields=["data_file", "updated_by", "updated_at"])
        audit.record("edit-table", f"task:{draft.task.public_id}", by=by, summary=summary)
    make_room(locked)
    draft.data_file = after
    return True
