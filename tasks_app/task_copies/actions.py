"""Copying a published version into a task of one's own, with where it came from."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.common import audit
from plumbmark.common.errors import Conflict, NotAllowed
from plumbmark.common.heavy_work import HEAVY_BYTES, heavy_work
from tasks_app.authoring.actions import TaskFacts, create_task
from tasks_app.authoring.queries import items_of
from tasks_app.datasets import DataLimits
from tasks_app.datasets.rows import ColumnWarning, DataRow, guess_format, read_rows
from tasks_app.datasets.uploads import data_limits, forget_upload, local_copy, store_upload
from tasks_app.definitions import Definition
from tasks_app.kinds import kind_of
from tasks_app.models import (
    AttachedFile,
    AttachmentUse,
    DataFile,
    ItemReport,
    Task,
    TaskDraft,
    TaskVersion,
)
from tasks_app.permissions import can_view_private_items, can_view_version, check_content
from tasks_app.tables.starts import without_split


def copy_task(
    *, version: TaskVersion, namespace: Namespace, title: str = "", slug: str = "", by: User
) -> Task:
    """Create a private task whose draft is what the person may see of a published version.

    Private items are left out for whoever may not see them, with their images and audio. Keys that
    reports corrected are in the copy. Of a code task it is the code, its settings and its attached
    files. The new task says which version it was copied from.
    """
    if not can_view_version(by, version) or version.state != TaskVersion.State.PUBLISHED:
        raise NotAllowed("You may not copy this version.")
    check_content(version)
    source = version.task
    copied = _copy_files(version, namespace, by)
    try:
        with transaction.atomic():
            task = create_task(
                namespace=namespace,
                facts=TaskFacts(
                    title=title or source.title,
                    summary=source.summary,
                    licence=source.licence,
                    tags=source.tags,
                    citation=source.citation,
                    source_url=source.source_url,
                    source_authors=source.source_authors,
                    source_licence=source.source_licence,
                ),
                slug=slug,
                by=by,
            )
            task.copied_from = version
            task.save(update_fields=["copied_from"])
            draft = TaskDraft.objects.get(task=task)
            if copied.code_file is None:
                draft.definition_text = _definition_text(version, by)
                draft.definition_format = version.definition_format
            else:
                draft.code_settings = version.definition_text
            draft.data_file, draft.code_file = copied.data_file, copied.code_file
            draft.save()
            _copy_media(version, draft, by)
            AttachedFile.objects.bulk_create(
                AttachedFile(draft=draft, data_file=one) for one in copied.attached
            )
            audit.record("copy-task", f"task:{task.public_id}", by=by, source=version.public_id)
    except BaseException:
        copied.forget()
        raise
    return task


@dataclass(slots=True)
class _CopiedFiles:
    """The files of a copy, in its owner's storage."""

    data_file: DataFile | None = None
    code_file: DataFile | None = None
    attached: list[DataFile] = field(default_factory=list)

    def forget(self) -> None:
        """Remove what nothing refers to."""
        for one in (self.data_file, self.code_file, *self.attached):
            if one is not None:
                forget_upload(one)


def _copy_files(version: TaskVersion, namespace: Namespace, by: User) -> _CopiedFiles:
    kind = kind_of(version)
    if not kind.runs_program:
        return _CopiedFiles(data_file=_copy_data(version, kind.definition, namespace, by))
    if kind.definition.is_private and not can_view_private_items(by, version.task):
        raise NotAllowed("The code of this task is private to its authors, so you may not copy it.")
    if version.code_file is None:
        raise Conflict("The code of this version is gone, so it cannot be copied.")
    copied = _CopiedFiles()
    try:
        copied.code_file = _copy_file(version.code_file, namespace, by)
        for row in version.attached_files.select_related("data_file").order_by("pk"):
            copied.attached.append(_copy_file(row.data_file, namespace, by))
    except BaseException:
        copied.forget()
        raise
    return copied


def _copy_file(stored: DataFile, namespace: Namespace, by: User) -> DataFile:
    if stored.is_withheld:
        raise Conflict(f"The file {stored.name!r} of this version is gone, so it cannot be copied.")
    is_heavy = stored.size > HEAVY_BYTES
    with heavy_work(owner=namespace.pk, is_heavy=is_heavy), stored.file.open("rb") as file:
        upload = UploadedFile(file, stored.name, size=stored.size)
        return store_upload(namespace=namespace, upload=upload, by=by)


def _definition_text(version: TaskVersion, by: User) -> str:
    """Return the definition; without private items nothing is left that it could call private."""
    text = version.definition_text
    if not version.private_item_count or can_view_private_items(by, version.task):
        return text
    return without_split(text, is_json=version.definition_format == "json")


def _copy_data(
    version: TaskVersion, definition: Definition, namespace: Namespace, by: User
) -> DataFile | None:
    stored = version.data_file
    if stored is None:
        return None
    if stored.is_withheld:
        raise Conflict("The data file of this version is gone, so it cannot be copied.")
    corrected = set(
        ItemReport.objects.filter(
            version__task_id=version.task_id, resulting_version__number__lte=version.number
        ).values_list("item__key", flat=True)
    )
    sees_all = not version.private_item_count or can_view_private_items(by, version.task)
    is_heavy = stored.size > HEAVY_BYTES
    with local_copy(stored) as path, heavy_work(owner=namespace.pk, is_heavy=is_heavy):
        if sees_all and not corrected:
            with path.open("rb") as file:
                return _store(file, stored.name, namespace, by)
        with tempfile.TemporaryFile() as file:
            rows = _visible_rows(path, stored.name, version, definition, corrected, by)
            if guess_format(stored.name, definition.data.format) == "jsonl":
                for row in rows:
                    text = json.dumps(row, ensure_ascii=False)
                    file.write(text.encode("utf-8", "surrogatepass") + b"\n")
            else:
                _write_csv(rows, file, "\t" if stored.name.lower().endswith(".tsv") else ",")
            return _store(file, stored.name, namespace, by)


def _store(file: IO[bytes], name: str, namespace: Namespace, by: User) -> DataFile:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return store_upload(namespace=namespace, upload=UploadedFile(file, name, size=size), by=by)


def _visible_rows(
    path: Path,
    name: str,
    version: TaskVersion,
    definition: Definition,
    corrected: set[str],
    by: User,
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of the items that the person may see, with corrected keys.

    An item's position is the place of its row.
    """
    limits: DataLimits = data_limits()
    format_ = guess_format(name, definition.data.format)
    items = (
        items_of(version, to=by).values_list("position", "key", "target").iterator(chunk_size=2000)
    )
    wanted = next(items, None)
    warned = ColumnWarning()
    for position, row in enumerate(
        read_rows(path, format=format_, name=name, limits=limits, warned=warned)
    ):
        if wanted is None:
            return
        if wanted[0] != position or not isinstance(row, DataRow):
            continue
        _, key, target = wanted
        yield _with_key(row.values, definition, target) if key in corrected else row.values
        wanted = next(items, None)


def _with_key(values: Mapping[str, Any], definition: Definition, target: Any) -> dict[str, Any]:
    spec = definition.data.target
    changed = dict(values)
    if spec is None or spec.pattern:
        # What a pattern reads cannot be written back; the draft keeps the old key.
        return changed
    answers = target if isinstance(target, list) else [target]
    if spec.after:
        answers = [f"{spec.after}{one}" for one in answers]
    first, *others = spec.columns
    changed[first] = answers[0] if len(answers) == 1 else answers
    changed.update(dict.fromkeys(others))
    return changed


def _write_csv(rows: Iterator[Mapping[str, Any]], file: IO[bytes], delimiter: str) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(text, fieldnames=list(row), delimiter=delimiter)
            writer.writeheader()
        writer.writerow(row)
    text.flush()
    text.detach()


def _copy_media(version: TaskVersion, draft: TaskDraft, by: User) -> None:
    uses = AttachmentUse.objects.filter(version=version)
    if version.private_item_count and not can_view_private_items(by, version.task):
        seen: set[str] = set()
        for found in (
            items_of(version, to=by).exclude(attachments=[]).values_list("attachments", flat=True)
        ).iterator():
            seen.update(one["sha256"] for one in found)
        uses = uses.filter(attachment__sha256__in=seen)
    AttachmentUse.objects.bulk_create(
        [
            AttachmentUse(draft=draft, name=use.name, attachment_id=use.attachment_id)
            for use in uses.iterator()
        ],
        batch_size=500,
    )
