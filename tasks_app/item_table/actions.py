"""Changing rows: each change writes the file anew and keeps the old one, so that it can be undone.

A change names the row by its number and by the digest of what the person saw. If two people change
different rows, both changes are kept; if they change the same one, the second is told.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from tasks_app.datasets.rows import guess_format
from tasks_app.datasets.uploads import data_limits, forget_upload, local_copy, store_upload
from tasks_app.definitions.source_map import read_json, read_yaml
from tasks_app.draft_saves.states import kept_save, make_room, yielding_bytes
from tasks_app.item_table.files import RowFile
from tasks_app.models import DataFile, DraftSave, Task, TaskDraft
from tasks_app.permissions import check_edit

MAX_DELETED = 1000
"""Rows that go at once."""
_ATTEMPTS = 3

SeenRow = tuple[int, str]
"""A row's number, and the digest of what was seen of it."""


@dataclass(frozen=True, slots=True)
class RowEdit:
    """A change of rows that is made as a whole, or not at all."""

    summary: str
    changed: Mapping[SeenRow, Mapping[str, Any] | None] = field(default_factory=dict)
    """The new values of rows; None: the row goes."""
    added: Sequence[Mapping[str, Any]] = ()

    def as_document(self) -> dict[str, Any]:
        """Return it as plain data, which `from_document` reads back."""
        changed = [[number, digest, values] for (number, digest), values in self.changed.items()]
        return {"summary": self.summary, "changed": changed, "added": list(self.added)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "RowEdit":
        changed = {(number, digest): values for number, digest, values in document["changed"]}
        return cls(document["summary"], changed, document["added"])


def change_of_row(row: SeenRow, values: Mapping[str, Any]) -> RowEdit:
    """Return the edit that replaces the values of a row."""
    number, _digest = row
    return RowEdit(f"row {number + 1} changed", changed={row: values})


def addition_of_row(values: Mapping[str, Any]) -> RowEdit:
    """Return the edit that adds a row at the end."""
    if not any(value not in (None, "") for value in values.values()):
        raise InvalidInput([Problem("write something into at least one column", "values")])
    return RowEdit("a row added", added=[values])


def deletion_of_rows(rows: Sequence[SeenRow]) -> RowEdit:
    """Return the edit that deletes rows."""
    if not 1 <= len(rows) <= MAX_DELETED:
        raise InvalidInput([Problem(f"choose one to {MAX_DELETED:,} rows", "rows")])
    summary = f"row {rows[0][0] + 1} deleted" if len(rows) == 1 else f"{len(rows):,} rows deleted"
    return RowEdit(summary, changed=dict.fromkeys(rows))


def edit_rows(
    *,
    task: Task,
    edit: RowEdit,
    within: Callable[[DataFile], None] | None = None,
    by: User,
) -> TaskDraft:
    """Write the draft's file with an edit, and use it in place of the one before.

    `Conflict`, and nothing is changed, if somebody else has changed one of the rows meanwhile.
    `within` is called with the new file in the transaction in which it is used.
    """
    check_edit(task, by=by)
    for _ in range(_ATTEMPTS):
        draft = TaskDraft.objects.select_related("data_file", "task__namespace").get(task=task)
        before = draft.data_file
        if before is None:
            raise Conflict("The draft has no data file. Upload one first.")
        after = _write_file(draft, before, edit, by)
        if after == before:
            if within is not None:
                within(before)
            return draft
        if _use(draft, before, after, edit.summary, within, by):
            return draft
        # Somebody else's change came in between: the same again, over theirs.
        forget_upload(after)
    raise Conflict("The table is being changed by others all the time. Try again.")


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


def _write_file(draft: TaskDraft, before: DataFile, edit: RowEdit, by: User) -> DataFile:
    with open_rows(draft, before) as rows, tempfile.TemporaryFile() as file:
        numbers = {_place(rows, seen): values for seen, values in edit.changed.items()}

        def change(number: int, _digest: str) -> Mapping[str, Any] | bool:
            if number not in numbers:
                return True
            values = numbers[number]
            return False if values is None else values

        if len(numbers) == rows.count() and not any(numbers.values()) and not edit.added:
            raise Conflict("A table keeps at least one row. Upload another file instead.")
        rows.write_changed(file, change, edit.added)
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


def _use(
    draft: TaskDraft,
    before: DataFile,
    after: DataFile,
    summary: str,
    within: Callable[[DataFile], None] | None,
    by: User,
) -> bool:
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
        if within is not None:
            within(after)
    make_room(locked)
    draft.data_file = after
    return True
