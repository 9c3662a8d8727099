"""Files of authors, stored so that the import reads them: as they are, or written as JSONL.

The author's own file is kept beside what was written from it, so a wrong guess can be corrected.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.common import audit
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.common.heavy_work import HEAVY_BYTES, heavy_work
from tasks_app.datasets import DataLimits
from tasks_app.datasets.uploads import (
    data_limits,
    forget_upload,
    local_copy,
    store_upload,
    upload_problems,
)
from tasks_app.draft_saves.states import kept_save, make_room
from tasks_app.models import DataFile, TableProfile, Task, TaskDraft
from tasks_app.permissions import check_edit
from tasks_app.tables.documents import profile_document
from tasks_app.tables.profiles import profile_rows
from tasks_app.tables.roles import guess_roles
from tasks_app.tables.sources import SourceTable, TableOptions, read_table

_LINES = (".jsonl", ".ndjson", ".json")
_SEPARATED = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True, slots=True)
class _Written:
    """A table written as JSONL."""

    file: IO[bytes]
    conversion: dict[str, Any]


def store_table(
    *,
    namespace: Namespace,
    upload: "UploadedFile[bytes]",
    keeps_unreadable: bool = False,
    frees: int = 0,
    by: User,
) -> DataFile:
    """Store a file of any usual format; return the one that the import reads.

    Raises `InvalidInput` for what is no table; then nothing is stored. With `keeps_unreadable` it
    is stored as it is: a draft keeps what its author has, and its check says what is wrong.
    """
    if problems := upload_problems(upload):
        raise InvalidInput(problems)
    name = Path((upload.name or "").replace("\\", "/")).name.strip()
    with (
        _copy_of(upload) as path,
        heavy_work(owner=namespace.pk, is_heavy=(upload.size or 0) > HEAVY_BYTES),
    ):
        written = None
        try:
            written = _write_if_needed(path, name)
        except InvalidInput:
            if not keeps_unreadable:
                raise
        with nullcontext() if written is None else written.file:
            original = store_upload(namespace=namespace, upload=upload, frees=frees, by=by)
            return original if written is None else _store_written(original, written, by=by)


def read_again(*, task: Task, options: TableOptions, by: User) -> TaskDraft:
    """Read the draft's file again as its author gave it, with other options.

    Raises `InvalidInput` where it cannot be read so; then everything stays as it was.
    """
    check_edit(task, by=by)
    draft = TaskDraft.objects.select_related("data_file__converted_from").get(task=task)
    if draft.data_file is None:
        raise InvalidInput([Problem("there is no data file to read", "data_file")])
    replaced = draft.data_file
    original = replaced.converted_from or replaced
    with (
        local_copy(original) as path,
        heavy_work(owner=task.namespace_id, is_heavy=original.size > HEAVY_BYTES),
    ):
        written = _write(path, original.name, options)
        with written.file:
            data_file = _store_written(original, written, by=by)
    with transaction.atomic():
        draft = TaskDraft.objects.select_for_update().get(task=task)
        with kept_save(draft, summary="the data file read with other options", by=by):
            draft.data_file = data_file
            draft.updated_by = by
            draft.save(update_fields=["data_file", "updated_by", "updated_at"])
        audit.record("read-table", f"task:{task.public_id}", by=by)
    make_room(draft)
    return draft


def _is_read_as_it_is(table: SourceTable, name: str) -> bool:
    """Return whether the import reads a file without its being written again."""
    ending = Path(name.lower()).suffix
    if table.encoding != "utf-8":
        return False
    if ending in _LINES:
        return table.format == "JSONL"
    separator = _SEPARATED.get(ending)
    return table.format == "CSV" and table.separator == separator


@contextmanager
def _copy_of(upload: "UploadedFile[bytes]") -> Iterator[Path]:
    """Give a path of an upload's bytes: its own where it lies on the disk."""
    own = getattr(upload, "temporary_file_path", None)
    if own is not None:
        yield Path(own())
        return
    with tempfile.NamedTemporaryFile() as copy:
        for chunk in upload.chunks():
            copy.write(chunk)
        copy.flush()
        yield Path(copy.name)


def _write_if_needed(path: Path, name: str) -> _Written | None:
    """Write a table as JSONL; None for one that the import reads as it is."""
    with _problems_of_the_file():
        table = read_table(path, name=name, limits=data_limits())
    return None if _is_read_as_it_is(table, name) else _write_table(table, TableOptions())


def _write(path: Path, name: str, options: TableOptions) -> _Written:
    with _problems_of_the_file():
        table = read_table(path, name=name, limits=data_limits(), options=options)
    return _write_table(table, options)


def _write_table(table: SourceTable, options: TableOptions) -> _Written:
    """Write a table as JSONL into a file of no name, which the caller closes."""
    target = tempfile.TemporaryFile()  # noqa: SIM115 - handed over
    try:
        with _problems_of_the_file():
            _write_rows(table, target, data_limits())
    except BaseException:
        target.close()
        raise
    conversion = {
        "format": table.format,
        "notes": table.notes,
        "sheets": table.sheets,
        "encoding": table.encoding,
        "separator": table.separator,
        "options": asdict(options),
    }
    return _Written(target, conversion)


@contextmanager
def _problems_of_the_file() -> Iterator[None]:
    """Place the problems of reading a file at the data file."""
    try:
        yield
    except UnicodeError:
        message = "the file has bytes that are not of this encoding; choose another"
        raise InvalidInput([Problem(message, "data_file")]) from None
    except InvalidInput as error:
        placed = [replace(one, path="data_file") for one in error.problems]
        raise InvalidInput(placed) from error


def _write_rows(table: SourceTable, target: IO[bytes], limits: DataLimits) -> None:
    count = size = 0
    for row in table.rows:
        text = row.text or json.dumps(row.values, ensure_ascii=False)
        line = text.encode("utf-8", "surrogatepass") + b"\n"
        count, size = count + 1, size + len(line)
        if count > limits.rows or size > limits.file_bytes:
            most = f"{limits.rows:,} rows, or {limits.file_bytes:,} bytes as JSONL"
            raise InvalidInput([Problem(f"the table has more than {most}")])
        target.write(line)
    if not count:
        raise InvalidInput([Problem("the table has no rows below its head")])


def _store_written(original: DataFile, written: _Written, *, by: User) -> DataFile:
    """Store what was written; without it, an original that nothing uses goes too."""
    name = f"{Path(original.name).stem[:190]}.jsonl"
    size = written.file.seek(0, 2)
    written.file.seek(0)
    upload = UploadedFile(written.file, name, "application/jsonl", size)
    try:
        row = store_upload(namespace=original.namespace, upload=upload, by=by)
    except BaseException:
        forget_upload(original)
        raise
    if row.pk == original.pk:
        return row
    row.converted_from, row.conversion = original, written.conversion
    row.save(update_fields=["converted_from", "conversion"])
    return row


def profile_of(data_file: DataFile) -> TableProfile:
    """Return the description of a file's columns; it is made once and kept.

    Raises `InvalidInput` where the file cannot be read.
    """
    try:
        return data_file.profile
    except TableProfile.DoesNotExist:
        pass
    limits = data_limits()
    with (
        local_copy(data_file) as path,
        heavy_work(owner=data_file.namespace_id, is_heavy=data_file.size > HEAVY_BYTES),
    ):
        table = read_table(path, name=data_file.name, limits=limits)
        profile = profile_rows((row.place, row.values) for row in islice(table.rows, limits.rows))
    if not profile.rows:
        raise InvalidInput([Problem("the file has no rows", "data_file")])
    content = profile_document(profile, guess_roles(profile))
    row = TableProfile(data_file=data_file, content=content)
    # Whoever else makes it now finds the same.
    TableProfile.objects.bulk_create([row], ignore_conflicts=True)
    return row
