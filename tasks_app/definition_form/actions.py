"""Changing a draft's definition place by place."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from plumbmark.accounts.models import User
from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.authoring.drafts import save_draft
from tasks_app.authoring.example import EXAMPLE_DEFINITION
from tasks_app.definition_form.fields import Path
from tasks_app.definition_form.places import delete_at, keep_main, set_at, value_at
from tasks_app.definition_form.yaml_edits import NotWritable, change_text, read_document
from tasks_app.models import Task, TaskDraft
from tasks_app.permissions import check_edit

MAX_CHANGES = 200
_PLACE = re.compile(r"[\w-]+(\[\d{1,4}\])*(\.[\w-]+(\[\d{1,4}\])*)*")
_STEP = re.compile(r"[\w-]+|(?<=\[)\d+(?=\])")


@dataclass(frozen=True, slots=True)
class Change:
    """A new value at a place such as `scorers[0].type`; None takes away what is there."""

    place: str
    value: Any


def change_draft_definition(*, task: Task, changes: Sequence[Change], by: User) -> TaskDraft:
    """Write values into the draft's text; comments and all else stay. All changes, or none.

    Another's change of other places in between is kept.
    """
    check_edit(task, by=by)
    with transaction.atomic():
        draft = TaskDraft.objects.select_for_update().get(task=task)
        text = draft.definition_text or EXAMPLE_DEFINITION
        document = read_document(text)
        if not isinstance(document, dict):
            raise InvalidInput([Problem("must be a document of keys and values", line=1)])
        changed = deepcopy(document)
        for number, change in enumerate(changes):
            _apply(changed, change, f"changes[{number}]")
        keep_main(changed, before=document)
        try:
            text = change_text(text, changed)
        except NotWritable as error:
            raise InvalidInput([Problem(str(error), "changes")]) from None
        return save_draft(task=task, definition_text=text, by=by)


def _apply(document: dict[str, Any], change: Change, where: str) -> None:
    path = _read_place(change.place, f"{where}.place")
    for length, step in enumerate(path):
        parent = value_at(document, path[:length])
        is_last = length == len(path) - 1
        if isinstance(step, int):
            # One behind the last adds an entry.
            room = len(parent) + (is_last and change.value is not None) if _is_list(parent) else 0
            if step >= room:
                raise InvalidInput([Problem(f"{change.place} is no entry", f"{where}.place")])
        elif parent is not None and not isinstance(parent, Mapping):
            raise InvalidInput([Problem(f"{change.place} is no key", f"{where}.place")])
    if change.value is None:
        delete_at(document, path)
        return
    parent = value_at(document, path[:-1])
    if _is_list(parent) and path[-1] == len(parent):
        parent.append(change.value)
    else:
        set_at(document, path, change.value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _read_place(place: str, where: str) -> Path:
    if not _PLACE.fullmatch(place):
        raise InvalidInput([Problem("must be a place such as prompt.messages[0].content", where)])
    return tuple(
        int(one.group()) if place[: one.start()].endswith("[") else one.group()
        for one in _STEP.finditer(place)
    )
