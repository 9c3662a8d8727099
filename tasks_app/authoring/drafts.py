"""Drafts of declarative tasks: saved as they are, and checked whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.common import audit
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.gateway.queries import callable_deployments
from plumbmark.strict_json import Path as KeyPath
from plumbmark.strict_json import has_surrogate
from tasks_app.datasets import ImportResult, find_item, import_data
from tasks_app.datasets.media.storage import files_of
from tasks_app.datasets.uploads import (
    data_limits,
    forget_upload,
    local_copy,
    upload_problems,
)
from tasks_app.definitions import Definition, parse_definition
from tasks_app.definitions.parsing import place_problem
from tasks_app.definitions.source_map import MAX_TEXT
from tasks_app.draft_saves.states import kept_save, make_room, yielding_bytes
from tasks_app.models import DataFile, Task, TaskDraft
from tasks_app.permissions import check_edit
from tasks_app.tables.conversion import store_table

FIRST_ITEMS = 3
"""Items that a preview shows."""
MAX_PREVIEWED = 10_000
"""Rows within which an item is looked for."""
FIRST_ROWS = 200
"""Rows of the data file that are checked at once, as the author types and where a file comes in
place of another; the rest when they ask."""


def save_draft(
    *,
    task: Task,
    definition_text: str | None = None,
    definition_format: str | None = None,
    upload: "UploadedFile[bytes] | None" = None,
    replaces_fitting_file: bool = False,
    by: User,
) -> TaskDraft:
    """Keep what the author has, finished or not. Faults are told by `check_draft`.

    Only a file that does not fit the definition replaces no file that does: it is refused with its
    problems, and everything stays as it was, unless `replaces_fitting_file`.
    """
    check_edit(task, by=by)
    check_storable(
        definition_text=definition_text, definition_format=definition_format, upload=upload
    )
    data_file = None
    if upload is not None:
        data_file = store_table(
            namespace=task.namespace,
            upload=upload,
            keeps_unreadable=True,
            frees=yielding_bytes(task),
            by=by,
        )
    if data_file is not None and not replaces_fitting_file:
        try:
            _check_replacement(task, data_file, definition_text)
        except InvalidInput:
            forget_upload(data_file)
            raise
    with transaction.atomic():
        TaskDraft.objects.get_or_create(task=task, defaults={"updated_by": by})
        draft = TaskDraft.objects.select_for_update().get(task=task)
        with kept_save(draft, by=by):
            if definition_text is not None:
                # Browsers send line ends as CRLF; lines are counted by LF.
                draft.definition_text = definition_text.replace("\r\n", "\n")
            if definition_format is not None:
                draft.definition_format = definition_format
            if data_file is not None:
                draft.data_file = data_file
            draft.updated_by = by
            draft.save()
        task.save(update_fields=["updated_at"])
        audit.record("save-draft", f"task:{task.public_id}", by=by)
    if data_file is not None:
        make_room(draft)
    return draft


def _check_replacement(task: Task, data_file: DataFile, definition_text: str | None) -> None:
    """Refuse a file whose first rows do not fit the definition, where those of the draft's do."""
    draft = TaskDraft.objects.select_related("data_file", "task__namespace").get(task=task)
    if draft.data_file is None or draft.data_file == data_file:
        return
    problems = _problems_of_file(draft, data_file, definition_text)
    if problems and not _problems_of_file(draft, draft.data_file, definition_text):
        raise InvalidInput(
            [
                Problem(
                    f"{data_file.name!r} does not fit the definition, and {draft.data_file.name!r} "
                    "does, so that one was kept and nothing was saved. Correct the file, or the "
                    "definition, or say that it shall be replaced anyway",
                    "data_file",
                ),
                *problems,
            ]
        )


def _problems_of_file(
    draft: TaskDraft, data_file: DataFile, definition_text: str | None
) -> list[Problem]:
    """Return the problems of a file's first rows; none where the definition itself has some."""
    try:
        with check_draft(
            draft, first=FIRST_ROWS, definition_text=definition_text, data_file=data_file
        ):
            return []
    except InvalidInput as error:
        return [one for one in error.problems if one.path.startswith("data_file")]


def check_storable(
    *,
    definition_text: str | None = None,
    definition_format: str | None = None,
    upload: "UploadedFile[bytes] | None" = None,
) -> None:
    """Refuse what `save_draft` could not keep, for who has to know before keeping other parts."""
    problems = []
    if definition_format is not None and definition_format not in {"yaml", "json"}:
        problems.append(Problem("must be yaml or json", "definition_format"))
    problems += _storage_problems(definition_text or "")
    if upload is not None:
        problems += upload_problems(upload)
    if problems:
        raise InvalidInput(problems)


def _storage_problems(text: str) -> list[Problem]:
    """Return why a definition cannot even be stored; all other problems are found when it is
    checked.
    """
    if "\x00" in text:
        return [Problem("holds a null character; remove it", "definition")]
    if has_surrogate(text):
        return [Problem("holds half of a surrogate pair, which is no character", "definition")]
    if len(text) > MAX_TEXT:
        return [
            Problem(
                f"is larger than {MAX_TEXT // 1024} KiB; items belong in the data file",
                "definition",
            )
        ]
    return []


@contextmanager
def check_draft(
    draft: TaskDraft,
    *,
    first: int | None = None,
    item: str = "",
    definition_text: str | None = None,
    data_file: DataFile | None = None,
) -> Iterator[tuple[Definition, ImportResult]]:
    """Return the draft's definition and its validated items; raise `InvalidInput` with every
    problem.

    `definition_text` is used instead of the draft's: an author's unsaved text, in either format.
    `data_file` is used instead of the draft's, too. With `first`, only that many rows are read, and
    the few from `item` on, an id or a number as `find_item` takes it.
    Problems of the definition have paths into it; those of the file begin with `data_file`.
    """
    if definition_text is None:
        text, form = draft.definition_text, draft.definition_format
    else:
        text, form = definition_text.replace("\r\n", "\n"), None
    definition = parse_definition(text, format=form)
    unknown = _unknown_models(definition, draft.task.namespace)
    if unknown:
        raise InvalidInput(
            [
                place_problem(
                    f"{name!r} is not a deployment that you may call; choose one from "
                    "the list of models",
                    place,
                    text=text,
                    format=form,
                )
                for name, place in unknown.items()
            ]
        )
    data_file = data_file or draft.data_file
    if data_file is None:
        raise InvalidInput(
            [Problem("upload a data file: JSONL or CSV, one row per item", "data_file")]
        )
    with local_copy(data_file) as path:
        try:
            imported = import_data(
                path,
                name=data_file.name,
                definition=definition,
                limits=data_limits(),
                first=first,
                shown=_shown_rows(path, data_file.name, definition, item) if item else range(0),
                attached=files_of(draft) if definition.prompt.media_parts else None,
            )
        except InvalidInput as error:
            raise InvalidInput(
                [
                    Problem(
                        problem.message,
                        f"data_file: {problem.path}" if problem.path else "data_file",
                        problem.line,
                        problem.column,
                    )
                    for problem in error.problems
                ]
            ) from error
        with imported:
            yield imported.definition, imported


def _shown_rows(path: Path, name: str, definition: Definition, item: str) -> range:
    """Return the rows of the items that are shown, from one on; none where it is not found."""
    found = find_item(
        path, name=name, definition=definition, item=item, limits=data_limits(), most=MAX_PREVIEWED
    )
    return range(0) if found is None else range(found, min(found + FIRST_ITEMS, MAX_PREVIEWED))


def _unknown_models(definition: Definition, namespace: Namespace) -> dict[str, KeyPath]:
    """Return judges and simulated users that the task's owner may not call, and where they are
    named.
    """
    named: dict[str, KeyPath] = {
        judge: ("scorers", index, "judges", number)
        for index, spec in enumerate(definition.scorers)
        if spec.type == "model_judge"
        for number, judge in enumerate(spec.options["judges"])
    }
    if (user := definition.prompt.simulated_user) is not None:
        named[user.model] = ("prompt", "simulated_user", "model")
    if not named:
        return {}
    known = set(
        callable_deployments(to=namespace).filter(slug__in=named).values_list("slug", flat=True)
    )
    return {name: place for name, place in named.items() if name not in known}
