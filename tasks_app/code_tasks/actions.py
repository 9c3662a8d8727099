"""Drafts and versions of code tasks: a file or notebook, settings, and attached data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db import transaction

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.code_tasks.auxiliary_models import findings_of_models
from tasks_app.code_tasks.definition import (
    AttachedFileSpec,
    BuildResult,
    CodeDefinition,
    build_definition,
    environment_of,
)
from tasks_app.code_tasks.findings import Finding, Severity
from tasks_app.code_tasks.settings import BARE, CodeSettings, parse_settings
from tasks_app.code_tasks.source.inspection import Inspection, inspect_code
from tasks_app.code_tasks.source.notebook import (
    MAX_BYTES,
    Script,
    digest_source,
    script_of,
)
from tasks_app.datasets.uploads import forget_upload, store_upload
from tasks_app.definitions.source_map import MAX_TEXT
from tasks_app.draft_saves.states import kept_save, make_room, yielding_bytes
from tasks_app.models import (
    AttachedFile,
    DataFile,
    Task,
    TaskDraft,
)
from tasks_app.permissions import check_edit

MAX_ATTACHED_FILES = 20


@dataclass(frozen=True, slots=True)
class CheckedCode:
    """A draft of code, looked at without running it. `definition` is None where it has errors."""

    file_name: str
    source_digest: str
    """Of what the file says, not of its bytes."""
    script: Script
    inspection: Inspection
    settings: CodeSettings
    definition: CodeDefinition | None
    findings: Sequence[Finding]

    @property
    def errors(self) -> list[Finding]:
        return [one for one in self.findings if one.severity is Severity.ERROR]


# --- Keeping a draft ----------------------------------------------------------------------------


def save_code_draft(
    *,
    task: Task,
    upload: "UploadedFile[bytes] | None" = None,
    code: str | None = None,
    code_name: str = "",
    settings_text: str | None = None,
    attach: "Sequence[UploadedFile[bytes]]" = (),
    detach: Collection[str] = (),
    by: User,
) -> TaskDraft:
    """Keep code as a file or as text, its settings, and attached files; what is left out stays.

    A file attached under a name that is taken replaces that one; `detach` names files to let go.
    """
    check_edit(task, by=by)
    if code is not None and upload is None:
        upload = _as_upload(code, code_name)
    if settings_text is not None and len(settings_text) > MAX_TEXT:
        raise InvalidInput([Problem("the settings are too long", "settings")])
    if settings_text is not None and "\x00" in settings_text:
        raise InvalidInput([Problem("holds a null character; remove it", "settings")])
    if upload is not None:
        _check_code_name(upload)
    stored = None if upload is None else _store(task, upload, by, frees=yielding_bytes(task))
    attached = [_store(task, one, by) for one in attach]
    with transaction.atomic():
        draft = _lock_draft(task, by)
        with kept_save(draft, by=by):
            if stored is not None:
                draft.code_file = stored
            if settings_text is not None:
                draft.code_settings = settings_text.replace("\r\n", "\n")
            draft.updated_by = by
            draft.save()
        replaced = _change_attached(draft, attached, {*detach, *(one.name for one in attached)})
        task.save(update_fields=["updated_at"])
        audit.record("save-draft", f"task:{task.public_id}", by=by)
    _forget(replaced)
    if stored is not None:
        make_room(draft)
    return draft


def drop_code(*, task: Task, by: User) -> TaskDraft:
    """Make the draft one of a definition and a data file again."""
    check_edit(task, by=by)
    with transaction.atomic():
        draft = _lock_draft(task, by)
        with kept_save(draft, by=by):
            draft.code_file = None
            draft.updated_by = by
            draft.save()
        names = draft.attached_files.values_list("data_file__name", flat=True)
        replaced = _change_attached(draft, [], set(names))
        audit.record("save-draft", f"task:{task.public_id}", by=by)
    _forget(replaced)
    return draft


def _lock_draft(task: Task, by: User) -> TaskDraft:
    TaskDraft.objects.get_or_create(task=task, defaults={"updated_by": by})
    return TaskDraft.objects.select_for_update().get(task=task)


def _change_attached(
    draft: TaskDraft, attached: Sequence[DataFile], removed: Collection[str]
) -> list[DataFile]:
    """Attach and detach; returns what nothing may need any more."""
    rows = list(
        draft.attached_files.select_related("data_file").filter(data_file__name__in=removed)
    )
    AttachedFile.objects.filter(pk__in=[row.pk for row in rows]).delete()
    AttachedFile.objects.bulk_create(
        AttachedFile(draft=draft, data_file=data_file)
        for data_file in {one.name: one for one in attached}.values()
    )
    if draft.attached_files.count() > MAX_ATTACHED_FILES:
        raise InvalidInput(
            [Problem(f"at most {MAX_ATTACHED_FILES} files can be attached", "attach")]
        )
    present = {one.pk for one in attached}
    return [row.data_file for row in rows if row.data_file_id not in present]


def _forget(files: Sequence[DataFile]) -> None:
    for one in files:
        forget_upload(one)


def _store(task: Task, upload: "UploadedFile[bytes]", by: User, *, frees: int = 0) -> DataFile:
    return store_upload(namespace=task.namespace, upload=upload, frees=frees, by=by)


def _as_upload(code: str, name: str) -> "UploadedFile[bytes]":
    text = code.replace("\r\n", "\n")
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            [Problem("holds half of a surrogate pair, which is no character", "code")]
        ) from error
    if not name:
        name = "task.ipynb" if text.lstrip("\ufeff \t\r\n").startswith("{") else "task.py"
    return SimpleUploadedFile(name, data)


def _check_code_name(upload: "UploadedFile[bytes]") -> None:
    if Path(upload.name or "").suffix.lower() not in {".py", ".ipynb"}:
        raise InvalidInput(
            [Problem("must be a Python file (.py) or a notebook (.ipynb)", "code_file")]
        )
    if upload.size is None or upload.size > MAX_BYTES:
        raise InvalidInput(
            [
                Problem(
                    f"has {upload.size or 0:,} bytes; at most {MAX_BYTES:,} are taken", "code_file"
                )
            ]
        )


# --- Looking at it ------------------------------------------------------------------------------


def code_of(data_file: DataFile) -> bytes:
    with data_file.file.open("rb") as file:
        data: bytes = file.read()
    return data


def check_code(draft: TaskDraft) -> CheckedCode:
    """Look at the draft's code without running it; findings are told, not raised.

    `InvalidInput` where the file cannot be read as code at all, or the settings are wrong.
    """
    assert draft.code_file is not None
    data = code_of(draft.code_file)
    script = script_of(draft.code_file.name, data)
    chosen = parse_settings(draft.code_settings)
    looked_at = inspect_code(script.code, chosen=script.chosen)
    environment = environment_of(looked_at, chosen)
    available = packages_of(environment)
    if available is not None:
        looked_at = inspect_code(script.code, available=available, chosen=script.chosen)
    built: BuildResult = build_definition(
        file_name=draft.code_file.name,
        script=script,
        inspection=looked_at,
        settings=chosen,
        files=[
            AttachedFileSpec(name, sha256)
            for name, sha256 in draft.attached_files.order_by("data_file__name").values_list(
                "data_file__name", "data_file__sha256"
            )
        ],
    )
    found = [*script.findings, *looked_at.findings, *built.findings]
    if built.definition is not None:
        found += findings_of_models(built.definition, looked_at, payer=draft.task.namespace)
    findings = tuple(dict.fromkeys(found))
    has_errors = any(one.severity is Severity.ERROR for one in findings)
    return CheckedCode(
        file_name=draft.code_file.name,
        source_digest=digest_source(draft.code_file.name, data),
        script=script,
        inspection=looked_at,
        settings=chosen,
        definition=None if has_errors else built.definition,
        findings=findings,
    )


def packages_of(environment: str) -> frozenset[str] | None:
    """Return top-level names that can be imported there; None if the environment is not
    installed.
    """
    if environment == BARE:
        return frozenset()
    folders = sorted(Path(settings.SANDBOX_ENV_DIR).glob("lib/python3*/site-packages"))
    if not folders:
        return None
    return frozenset(path.name.split(".")[0] for folder in folders for path in folder.iterdir())


def problems_of(checked: CheckedCode) -> list[Problem]:
    """Return the errors of the code as problems of an input."""
    problems = []
    for finding in checked.errors:
        place = checked.script.place_of(finding.line) if finding.line is not None else None
        of_cell = f" ({place})" if place is not None and place.cell is not None else ""
        message = f"{finding.message} {finding.remedy}".strip()
        problems.append(Problem(f"{message}{of_cell}", "code", place.line if place else None))
    return problems
