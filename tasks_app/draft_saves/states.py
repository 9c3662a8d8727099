"""Keeping the states of a draft. All that changes a draft's texts or files does so within
`kept_save`.

Files are stored by their content, so a state costs its text alone; a file stays as long as a state
names it. If a namespace's storage is full, old states make room for new files.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Sum

from plumbmark.accounts.models import User
from plumbmark.accounts.usage import storage_of
from plumbmark.common.clock import now
from tasks_app.datasets.uploads import forget_upload
from tasks_app.datasets.usage import files_of_draft_alone
from tasks_app.models import DataFile, DraftSave, Task, TaskDraft

MAX_SAVES = 20
"""So many saves can be undone; older states go, with files that nothing else names."""
PARTS = {
    "definition": ("definition_text", "definition_format"),
    "data-file": ("data_file_id",),
    "code": ("code_file_id",),
    "settings": ("code_settings",),
}
"""By the name of a part the fields of a draft that it consists of."""
_FIELDS = tuple(field for fields in PARTS.values() for field in fields)


@contextmanager
def kept_save(
    draft: TaskDraft,
    *,
    kind: str = DraftSave.Kind.SAVED,
    summary: str = "",
    by: User,
) -> Iterator[None]:
    """Keep the state of a draft before the block and the one after it, if they differ.

    It belongs into the transaction in which the draft is changed, with the draft's row locked.
    """
    before = _state_of(draft)
    first_by, first_at = draft.updated_by, draft.updated_at
    yield
    after = _state_of(draft)
    changes = [name for name, fields in PARTS.items() if any(before[f] != after[f] for f in fields)]
    if not changes:
        return
    previous = draft.current_save
    if previous is None and _says_something(before):
        # What was there before any state was kept, for example the draft of a copied task.
        previous = DraftSave.objects.create(
            draft=draft, **before, created_by=first_by, created_at=first_at
        )
    draft.current_save = DraftSave.objects.create(
        draft=draft,
        previous=previous,
        kind=kind,
        summary=summary[:100],
        changes=changes,
        **after,
        created_by=by,
        created_at=now(),
    )
    draft.save(update_fields=["current_save"])
    old = DraftSave.objects.filter(draft=draft).order_by("-id")[MAX_SAVES + 1 :]
    drop_saves(list(old.select_related("data_file", "code_file")))


def use_state(draft: TaskDraft, save: DraftSave) -> None:
    """Give the draft the texts and files of a save; it has to be stored afterwards."""
    for field in _FIELDS:
        setattr(draft, field, getattr(save, field))


def is_state_of(draft: TaskDraft, save: DraftSave) -> bool:
    return all(getattr(draft, field) == getattr(save, field) for field in _FIELDS)


def drop_saves(saves: Sequence[DraftSave]) -> None:
    """Delete states, and once that is committed the files that nothing else names."""
    DraftSave.objects.filter(pk__in=[save.pk for save in saves]).delete()
    for data_file in files_of_saves(saves):
        transaction.on_commit(partial(forget_upload, data_file), robust=True)


def files_of_saves(saves: Sequence[DraftSave]) -> list[DataFile]:
    """Return the files that states name, each once."""
    files = [file for save in saves for file in (save.data_file, save.code_file) if file]
    return list({file.pk: file for file in files}.values())


def yielding_bytes(task: Task) -> int:
    """Return the bytes of the draft's files and its earlier ones that nothing else names.

    They make room for a file that comes in place of the draft's.
    """
    return files_of_draft_alone(task).aggregate(total=Sum("size"))["total"] or 0


def make_room(draft: TaskDraft) -> None:
    """Drop the oldest states of a draft while its namespace stores more than it may."""
    namespace = draft.task.namespace
    kept = DraftSave.objects.filter(draft=draft).select_related("data_file", "code_file")
    saves = [one for one in kept.order_by("id") if one.pk != draft.current_save_id]
    usage = storage_of(namespace)
    while saves and usage.used > usage.limit:
        oldest = saves.pop(0)
        oldest.delete()
        for data_file in files_of_saves([oldest]):
            forget_upload(data_file)
        usage = storage_of(namespace)


def _state_of(draft: TaskDraft) -> dict[str, Any]:
    return {field: getattr(draft, field) for field in _FIELDS}


def _says_something(state: dict[str, Any]) -> bool:
    return any(value for field, value in state.items() if field != "definition_format")
