"""Uploaded data files: checked, stored once by their content, and deleted with their last use."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import ProtectedError

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.usage import check_storage
from plumbmark.common.clock import now
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.common.row_files import register_files, release_files, remove_files, store_file
from tasks_app.datasets import DataLimits
from tasks_app.models import DataFile


def upload_problems(upload: "UploadedFile[bytes]") -> list[Problem]:
    """Return why a file cannot be stored; nothing where it can."""
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


def store_upload(
    *, namespace: Namespace, upload: "UploadedFile[bytes]", frees: int = 0, by: User
) -> DataFile:
    """Store an uploaded file as it came; the same bytes of one namespace are stored once.

    `frees` is how many bytes the file makes superfluous that it comes in place of.
    """
    if problems := upload_problems(upload):
        raise InvalidInput(problems)
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    name = _name_of(upload)
    known = DataFile.objects.filter(
        namespace=namespace, sha256=digest.hexdigest(), name=name, withheld_at__isnull=True
    ).first()
    # It counts as new, so that it is not purged before it is used; and it may be purged just now.
    if known is not None and DataFile.objects.filter(pk=known.pk).update(stored_at=now()):
        return known
    check_storage(namespace, adds=(upload.size or 0) - frees)
    upload.seek(0)
    row = DataFile(
        namespace=namespace,
        name=name,
        size=upload.size or 0,
        sha256=digest.hexdigest(),
        created_by=by,
    )
    # The author's name is only in the row: on disk the file has an opaque id.
    store_file(row.file, f"{row.public_id}.data", File(upload))
    try:
        with transaction.atomic():
            row.save()
            register_files([row.file])
    except BaseException:
        remove_files([row.file])
        raise
    return row


def forget_upload(data_file: DataFile) -> None:
    """Delete a file, its row and its bytes, unless something refers to it; and so the file that it
    was written from.
    """
    original = data_file.converted_from
    try:
        with transaction.atomic():
            release_files([data_file.file])
            data_file.delete()
    except ProtectedError:
        return
    remove_files([data_file.file])
    if original is not None:
        forget_upload(original)


def data_limits() -> DataLimits:
    """Return the operator's limits of a data file."""
    return DataLimits(file_bytes=settings.MAX_DATA_FILE_BYTES, rows=settings.MAX_ITEMS)


@contextmanager
def local_copy(data_file: DataFile) -> Iterator[Path]:
    """Give the stored file's path, or a temporary copy where the storage is no local disk."""
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
