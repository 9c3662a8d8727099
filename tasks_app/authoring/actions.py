"""Creating, drafting, building and publishing tasks."""

import hashlib
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import Max, ProtectedError

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.names import unseen_character
from plumbmark.common.outbox import tell
from plumbmark.common.row_files import (
    keep_files,
    let_go_of_files,
    remove_files,
    store_file,
)
from plumbmark.common.slugs import checked_tags, slug_for
from plumbmark.gateway.queries import callable_deployments
from plumbmark.gateway.storage import bulk
from plumbmark.manifests import content_hash
from tasks_app.authoring.versions import metric_columns, version_built_of
from tasks_app.code_tasks.actions import build_code_version
from tasks_app.datasets import Imported, Limits, import_data
from tasks_app.datasets.media import inspect_media
from tasks_app.datasets.media.storage import (
    files_of,
    keep,
    media_limits,
    use_in_version,
)
from tasks_app.definitions import Definition, SideHashes, parse_definition
from tasks_app.definitions.characters import SURROGATE
from tasks_app.definitions.parsing import placed_problem
from tasks_app.definitions.source_map import LONGEST_TEXT
from tasks_app.definitions.source_map import Path as KeyPath
from tasks_app.models import DataFile, Item, Task, TaskDraft, TaskVersion
from tasks_app.models.tasks import Visibility
from tasks_app.permissions import can_edit_task

_CHUNK = 500
_ITEM_FIELDS = (
    "version",
    "position",
    "key",
    "split",
    "input",
    "target",
    "scorer_input",
    "choices",
    "cluster",
    "slices",
    "attachments",
    "hash",
    "withheld_reason",
)


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What a task says of itself, beside its versions. None leaves a field as it is."""

    title: str | None = None
    summary: str | None = None
    licence: str | None = None
    tags: Sequence[str] | None = None
    citation: str | None = None


def create_task(*, namespace: Namespace, facts: TaskFacts, slug: str = "", by: User) -> Task:
    """A private task with an empty draft."""
    if not can_act_for(by, namespace):
        raise NotAllowed(f"You may not create tasks in the name of {namespace.handle}.")
    task = Task(namespace=namespace, created_by=by)
    _apply_facts(task, facts)
    task.slug = slug_for(slug or task.title)
    try:
        with transaction.atomic():
            task.save()
            TaskDraft.objects.create(task=task, updated_by=by)
            audit.record("create-task", f"task:{task.public_id}", by=by)
    except IntegrityError as error:
        raise Conflict(
            f"{namespace.handle} has a task at {task.slug} already; choose another title or slug."
        ) from error
    return task


def update_task(*, task: Task, facts: TaskFacts, by: User) -> Task:
    _check_edit(task, by)
    _apply_facts(task, facts)
    with transaction.atomic():
        task.save()
        audit.record("update-task", f"task:{task.public_id}", by=by)
        tell("task.updated", task_id=task.pk)
    return task


def set_task_visibility(*, task: Task, visibility: str, by: User) -> Task:
    """Change who may see a task. One that a published benchmark relies on cannot be hidden."""
    _check_edit(task, by)
    if visibility not in Visibility.values:
        raise InvalidInput(
            [Problem(f"must be one of {', '.join(Visibility.values)}", "visibility")]
        )
    if visibility == Visibility.PRIVATE and task.versions.filter(pinned_at__isnull=False).exists():
        raise Conflict(
            "A published benchmark relies on this task, so it can no longer become private."
        )
    with transaction.atomic():
        task.visibility = visibility
        task.save(update_fields=["visibility", "updated_at"])
        audit.record("set-visibility", f"task:{task.public_id}", by=by, visibility=visibility)
        tell("task.updated", task_id=task.pk)
    return task


def save_draft(
    *,
    task: Task,
    definition_text: str | None = None,
    definition_format: str | None = None,
    upload: "UploadedFile[bytes] | None" = None,
    by: User,
) -> TaskDraft:
    """Keep what the author has, finished or not. Faults are told by `checked_draft`."""
    _check_edit(task, by)
    check_keepable(
        definition_text=definition_text, definition_format=definition_format, upload=upload
    )
    data_file = (
        None if upload is None else store_upload(namespace=task.namespace, upload=upload, by=by)
    )
    with transaction.atomic():
        draft, _ = TaskDraft.objects.get_or_create(task=task, defaults={"updated_by": by})
        if definition_text is not None:
            # Browsers send line ends as CRLF; lines are counted by LF.
            draft.definition_text = definition_text.replace("\r\n", "\n")
        if definition_format is not None:
            draft.definition_format = definition_format
        replaced = None
        if data_file is not None and data_file != draft.data_file:
            replaced = draft.data_file
            draft.data_file = data_file
        draft.updated_by = by
        draft.save()
        task.save(update_fields=["updated_at"])
        audit.record("save-draft", f"task:{task.public_id}", by=by)
    if replaced is not None:
        forget_upload(replaced)
    return draft


def check_keepable(
    *,
    definition_text: str | None = None,
    definition_format: str | None = None,
    upload: "UploadedFile[bytes] | None" = None,
) -> None:
    """Refuse what `save_draft` could not keep, for who has to know before keeping other parts."""
    problems = []
    if definition_format is not None and definition_format not in {"yaml", "json"}:
        problems.append(Problem("must be yaml or json", "definition_format"))
    problems += _unstorable(definition_text or "")
    if upload is not None:
        problems += _unkeepable(upload)
    if problems:
        raise InvalidInput(problems)


def _unkeepable(upload: "UploadedFile[bytes]") -> list[Problem]:
    limit = settings.MAX_DATA_FILE_BYTES
    if upload.size is None or upload.size > limit:
        message = f"the file has {upload.size or 0:,} bytes; at most {limit:,} are taken"
        return [Problem(message, "data_file")]
    name = _name_of(upload)
    if not name or len(name) > 200 or not name.isprintable():
        message = "the file needs a printable name of at most 200 characters"
        return [Problem(message, "data_file")]
    return []


def _name_of(upload: "UploadedFile[bytes]") -> str:
    return Path((upload.name or "").replace("\\", "/")).name.strip()


def _unstorable(text: str) -> list[Problem]:
    """Why a definition cannot even be kept; all else is told when it is checked."""
    if "\x00" in text:
        return [Problem("holds a null character; remove it", "definition")]
    if SURROGATE.search(text):
        return [Problem("holds half of a surrogate pair, which is no character", "definition")]
    if len(text) > LONGEST_TEXT:
        return [
            Problem(
                f"is larger than {LONGEST_TEXT // 1024} KiB; items belong in the data file",
                "definition",
            )
        ]
    return []


def store_upload(*, namespace: Namespace, upload: "UploadedFile[bytes]", by: User) -> DataFile:
    """Keep an uploaded file as it came; the same bytes of one namespace are kept once."""
    check_keepable(upload=upload)
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    name = _name_of(upload)
    known = DataFile.objects.filter(
        namespace=namespace, sha256=digest.hexdigest(), name=name, withheld_at__isnull=True
    ).first()
    if known is not None:
        return known
    upload.seek(0)
    row = DataFile(
        namespace=namespace,
        name=name,
        size=upload.size or 0,
        sha256=digest.hexdigest(),
        created_by=by,
    )
    # The author's name stays in the row alone: on disk the opaque id serves.
    store_file(row.file, f"{row.public_id}.data", File(upload))
    try:
        with transaction.atomic():
            row.save()
            keep_files([row.file])
    except BaseException:
        remove_files([row.file])
        raise
    return row


def forget_upload(data_file: DataFile) -> None:
    """Leave nothing behind of a file that nothing refers to."""
    try:
        with transaction.atomic():
            let_go_of_files([data_file.file])
            data_file.delete()
    except ProtectedError:
        return
    remove_files([data_file.file])


@contextmanager
def checked_draft(
    draft: TaskDraft, *, first: int | None = None, definition_text: str | None = None
) -> Iterator[tuple[Definition, Imported]]:
    """The draft's definition and its validated items; `InvalidInput` with every problem.

    `definition_text` is looked at in the draft's place: what the author has not saved yet, in
    either format. Problems of the definition have paths into it; those of the file begin with
    `data_file`.
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
                placed_problem(
                    f"{name!r} is no deployment that you may call; take one of the list of models",
                    place,
                    text=text,
                    format=form,
                )
                for name, place in unknown.items()
            ]
        )
    if draft.data_file is None:
        raise InvalidInput(
            [Problem("upload a data file: JSONL or CSV, one row per item", "data_file")]
        )
    with local_copy(draft.data_file) as path:
        try:
            imported = import_data(
                path,
                name=draft.data_file.name,
                definition=definition,
                limits=data_limits(),
                first=first,
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
            yield definition, imported


def _unknown_models(definition: Definition, namespace: Namespace) -> dict[str, KeyPath]:
    """Judges and simulated users that the task's owner may not call, and where they are named."""
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


def data_limits() -> Limits:
    return Limits(file_bytes=settings.MAX_DATA_FILE_BYTES, rows=settings.MAX_ITEMS)


def build_version(*, task: Task, by: User) -> TaskVersion:
    """Make an unpublished version of the draft; an unchanged draft gives the same one again.

    Items are written in chunks into a version that nobody sees, which is then flipped to ready.
    """
    _check_edit(task, by)
    draft = TaskDraft.objects.select_related("data_file", "code_file").get(task=task)
    if draft.is_code:
        return build_code_version(task=task, draft=draft, by=by)
    with checked_draft(draft) as (definition, imported):
        assert draft.data_file is not None
        document = definition.as_document()
        source = {"definition": content_hash(document), "data": draft.data_file.sha256}
        if imported.files:
            source["files"] = content_hash(
                {name: file.sha256 for name, file in imported.files.items()}
            )
        if definition.prompt.output_schema is not None:
            # The order of its keys is asked too, and the canonical form has none.
            source["output_schema"] = json.dumps(definition.prompt.output_schema)
        digest = content_hash(source)
        known = version_built_of(task, digest)
        if known is not None:
            return known
        version = TaskVersion.objects.create(
            task=task,
            definition=document,
            definition_text=draft.definition_text,
            definition_format=draft.definition_format,
            data_file=draft.data_file,
            source_digest=digest,
            repeats=definition.repeats,
            **metric_columns(definition.metric),
            created_by=by,
        )
        try:
            _fill(version, definition, imported)
        except BaseException:
            version.items.all().delete()
            version.delete()
            raise
    return version


def _fill(version: TaskVersion, definition: Definition, imported: Imported) -> None:
    hashes = SideHashes(definition, salt=version.salt)
    items = iter(imported)
    while chunk := list(itertools.islice(items, _CHUNK)):
        bulk.insert(
            Item,
            _ITEM_FIELDS,
            [
                (
                    version.pk,
                    item.position,
                    item.key,
                    item.split,
                    item.input,
                    item.target,
                    item.scorer_input,
                    item.choices,
                    item.cluster,
                    item.slices,
                    item.attachments,
                    hashes.add(item),
                    "",
                )
                for item in chunk
            ],
        )
    for path in imported.inline_files.values():
        data = path.read_bytes()
        keep(inspect_media(data, media_limits()), data)
    use_in_version(version.pk, imported.files)
    version.question_hash = hashes.question
    version.marking_hash = hashes.marking
    version.item_count = imported.count
    version.private_item_count = imported.private_count
    version.state = TaskVersion.State.READY
    version.save()


def publish_task(
    *, task: Task, visibility: str | None = None, notes: str = "", by: User
) -> TaskVersion:
    """Build the draft and publish it as the next numbered version."""
    _check_edit(task, by)
    version = build_version(task=task, by=by)
    if version.state == TaskVersion.State.PUBLISHED:
        raise Conflict(f"Nothing changed since version {version.number}.")
    with transaction.atomic():
        locked = Task.objects.select_for_update().get(pk=task.pk)
        highest = task.versions.aggregate(highest=Max("number"))["highest"] or 0
        version.number = highest + 1
        version.state = TaskVersion.State.PUBLISHED
        version.published_at = now()
        version.notes = notes.strip()
        version.save()
        locked.latest_version = version
        if visibility is not None:
            if visibility not in Visibility.values:
                raise InvalidInput(
                    [Problem(f"must be one of {', '.join(Visibility.values)}", "visibility")]
                )
            locked.visibility = visibility
        locked.save()
        audit.record("publish-task", f"task:{task.public_id}", by=by, version=version.number)
        tell("task.published", task_id=task.pk, version_id=version.pk)
    task.refresh_from_db()
    return version


def _check_edit(task: Task, by: User) -> None:
    if not can_edit_task(by, task):
        raise NotAllowed("This task belongs to somebody else.")


def _apply_facts(task: Task, facts: TaskFacts) -> None:
    problems = []
    if facts.title is not None:
        task.title = facts.title.strip()
    if not 1 <= len(task.title) <= 120:
        problems.append(Problem("must have 1 to 120 characters", "title"))
    elif unseen := unseen_character(task.title):
        problems.append(Problem(unseen, "title"))
    for name, most in (("summary", 300), ("licence", 80), ("citation", 5000)):
        value = getattr(facts, name)
        if value is None:
            continue
        setattr(task, name, value.strip())
        if len(value.strip()) > most:
            problems.append(Problem(f"must have at most {most:,} characters", name))
    if problems:
        raise InvalidInput(problems)
    if facts.tags is not None:
        task.tags = checked_tags(facts.tags)


@contextmanager
def local_copy(data_file: DataFile) -> Iterator[Path]:
    """The stored file's path, or a temporary copy where the storage is no local disk."""
    try:
        yield Path(data_file.file.path)
        return
    except NotImplementedError:
        pass
    with tempfile.NamedTemporaryFile() as copy, data_file.file.open("rb") as stored:
        _copy(stored, copy)
        copy.flush()
        yield Path(copy.name)


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while chunk := source.read(1 << 20):
        target.write(chunk)
