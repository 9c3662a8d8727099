"""Going back to an earlier state of a draft. Nothing is lost: what one leaves is a save too."""

from django.db import transaction

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.errors import Conflict
from tasks_app.draft_saves.states import is_state_of, kept_save, use_state
from tasks_app.models import DraftSave, Task, TaskDraft
from tasks_app.permissions import check_edit


def undo_save(*, task: Task, seen: str = "", by: User) -> DraftSave:
    """Go back to the state before the draft's; returns the save that was undone.

    Undoing again goes further back. The undone save stays among the saves. `seen` is the id of the
    save that the person saw as the newest: `Conflict` if somebody has saved since.
    """
    check_edit(task, by=by)
    with transaction.atomic():
        draft = _lock_draft(task, seen)
        undone = draft.current_save
        if undone is None or undone.previous is None or not is_state_of(draft, undone):
            raise Conflict("There is no save to undo.", code="nothing-to-undo")
        _check_files(undone.previous)
        use_state(draft, undone.previous)
        draft.current_save = undone.previous
        draft.updated_by = by
        draft.save()
        task.save(update_fields=["updated_at"])
        audit.record("undo-save", f"task:{task.public_id}", by=by, save=undone.public_id)
    return undone


def restore_save(*, task: Task, save: DraftSave, seen: str = "", by: User) -> TaskDraft:
    """Save an earlier state again. That is a save like others, which can be undone."""
    check_edit(task, by=by)
    with transaction.atomic():
        draft = _lock_draft(task, seen)
        if is_state_of(draft, save):
            raise Conflict("The draft is as this save has it already.")
        _check_files(save)
        with kept_save(draft, kind=DraftSave.Kind.RESTORED, by=by):
            use_state(draft, save)
            draft.updated_by = by
            draft.save()
        task.save(update_fields=["updated_at"])
        audit.record("restore-save", f"task:{task.public_id}", by=by, save=save.public_id)
    return draft


def _lock_draft(task: Task, seen: str) -> TaskDraft:
    draft = TaskDraft.objects.select_for_update().get(task=task)
    current = draft.current_save
    if seen and (current is None or current.public_id != seen):
        raise Conflict(
            "The draft was saved by somebody else, or in another tab, since you saw it. Nothing "
            "was changed; look at it again.",
            code="draft-changed",
        )
    return draft


def _check_files(save: DraftSave) -> None:
    for data_file in (save.data_file, save.code_file):
        if data_file is not None and data_file.is_withheld:
            raise Conflict(f"The file {data_file.name!r} of this save is gone.")
