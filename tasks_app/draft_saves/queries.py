"""Reads of the saves of a draft."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from tasks_app.models import DraftSave, TaskDraft


@dataclass(frozen=True, slots=True)
class SaveList:
    """The saves of a draft, newest first, and which of them it is."""

    saves: list[DraftSave]
    current: DraftSave | None

    @property
    def can_undo(self) -> bool:
        """Return whether there is a state before the draft's."""
        return self.current is not None and self.current.previous_id is not None

    @property
    def has_others(self) -> bool:
        """Return whether there is a save that the draft is not."""
        return any(one is not self.current for one in self.saves)


def saves_of(draft: TaskDraft) -> SaveList:
    """Return the saves of a draft, without their texts. One query."""
    saves = list(
        DraftSave.objects.filter(draft=draft)
        .select_related("created_by__namespace", "data_file", "code_file")
        .defer("definition_text", "code_settings")
        .order_by("-id")
    )
    current = next((one for one in saves if one.pk == draft.current_save_id), None)
    return SaveList(saves, current)


def describe_save(save: DraftSave) -> str:
    """Return what a save changed, for people."""
    labels = {
        "definition": _("definition"),
        "data-file": _("data file"),
        "code": _("code"),
        "settings": _("settings"),
    }
    if save.summary:
        return save.summary
    parts = [labels[name] for name in save.changes]
    words = _(" and ").join(parts) if len(parts) <= 2 else ", ".join(parts)
    if save.kind == DraftSave.Kind.RESTORED:
        return _("went back: %(parts)s") % {"parts": words}
    return words or _("the draft before its first kept save")
