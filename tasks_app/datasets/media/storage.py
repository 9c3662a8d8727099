"""Keeping images and audio once by their content, and letting go of what nothing uses."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import now
from plumbmark.common.ids import new_public_id
from plumbmark.common.row_files import (
    register_files,
    release_files,
    remove_files,
    store_file,
)
from tasks_app.datasets import AttachedFiles, KnownFile
from tasks_app.datasets.media.detection import ENDINGS, Media, MediaLimits
from tasks_app.models import Attachment, AttachmentUse, TaskDraft

_KEPT_UNUSED = timedelta(days=1)
_AT_ONCE = 500


def media_limits() -> MediaLimits:
    return MediaLimits(settings.MAX_ATTACHMENT_BYTES, settings.MAX_IMAGE_PIXELS)


def store_media(media: Media, data: bytes) -> Attachment:
    """Return the row of these bytes; store them if they are new.

    Bytes that are sent again count as new, so that they are not swept away before they are used.
    """
    if Attachment.objects.filter(sha256=media.sha256).update(stored_at=now()):
        return Attachment.objects.get(sha256=media.sha256)
    row = Attachment(
        sha256=media.sha256,
        size=media.size,
        media_type=media.media_type,
        width=media.width,
        height=media.height,
        duration_ms=media.duration_ms,
        stored_at=now(),
    )
    # An old file of these bytes may be on its way out, and another process may bring them now.
    name = f"{media.sha256}.{new_public_id()}.{ENDINGS[media.media_type]}"
    store_file(row.file, f"{media.sha256[:2]}/{name}", ContentFile(data))
    try:
        with transaction.atomic():
            row.save()
            register_files([row.file])
    except BaseException as error:
        remove_files([row.file])
        if isinstance(error, IntegrityError):
            return Attachment.objects.get(sha256=media.sha256)
        raise
    return row


class MediaRow(NamedTuple):
    """An image or audio of a draft."""

    name: str
    """As the data file has it."""
    sha256: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    withheld_at: datetime | None


def media_rows(draft: TaskDraft) -> Sequence[MediaRow]:
    """Return a draft's images and audio by name. One query for each object of the row, so that the
    editor and its preview share it.
    """
    rows: Sequence[MediaRow] | None = draft.__dict__.get("_media_rows")
    if rows is None:
        columns = [
            field if field == "name" else f"attachment__{field}" for field in MediaRow._fields
        ]
        uses = draft.attachment_uses.order_by("name").values_list(*columns)
        rows = draft.__dict__["_media_rows"] = [MediaRow(*use) for use in uses]
    return rows


def files_of(draft: TaskDraft) -> AttachedFiles:
    """Return the draft's images and audio by name, for importing."""
    return AttachedFiles(
        files={
            row.name: KnownFile(row.sha256, row.media_type, row.size)
            for row in media_rows(draft)
            if row.withheld_at is None
        },
        limits=media_limits(),
        total_bytes=settings.MAX_ATTACHMENTS_BYTES,
    )


class StoredFiles:
    """Reads attachments for the event loop's threads, which stay away from the database."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._wanted: set[str] = set()

    def note(self, attachments: Iterable[Mapping[str, Any]]) -> None:
        self._wanted.update(
            one["sha256"] for one in attachments if one["sha256"] not in self._names
        )

    def look_up(self) -> None:
        """Find where the noted ones lie; one query for each few hundred."""
        wanted, self._wanted = sorted(self._wanted), set()
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            rows = Attachment.objects.filter(sha256__in=part, withheld_at__isnull=True)
            self._names.update(rows.values_list("sha256", "file").iterator())

    def load(self, sha256: str) -> bytes:
        """Return the bytes, verified against their hash; raise `OSError` if they are gone."""
        name = self._names.get(sha256)
        if name is None:
            raise FileNotFoundError("it is withheld")
        with default_storage.open(name, "rb") as file:
            data: bytes = file.read()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise OSError("its bytes have changed on the disk")
        return data


def use_in_version(version_id: int, files: Mapping[str, KnownFile]) -> None:
    """Note which attachments a version has, so that they stay."""
    names = list(files.items())
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        digests = {file.sha256 for _, file in part}
        ids = dict(
            Attachment.objects.filter(sha256__in=digests).values_list("sha256", "id").iterator()
        )
        AttachmentUse.objects.bulk_create(
            AttachmentUse(version_id=version_id, name=name, attachment_id=ids[file.sha256])
            for name, file in part
        )


def remove_unused() -> int:
    """Let attachments go that no draft and no version has had for a day; returns how many."""
    before = now() - _KEPT_UNUSED
    old = Attachment.objects.filter(stored_at__lt=before, uses__isnull=True)
    removed = attempt_each(
        "remove an attachment",
        list(old.values_list("id", flat=True)),
        lambda attachment_id: _remove_unused(attachment_id, before),
        max_items=_AT_ONCE,
    )
    return sum(removed)


def _remove_unused(attachment_id: int, before: datetime) -> bool:
    with transaction.atomic():
        row = (
            Attachment.objects.select_for_update()
            .filter(pk=attachment_id, stored_at__lt=before)
            .first()
        )
        if row is None or row.uses.exists():
            return False
        release_files([row.file])
        row.delete()
    remove_files([row.file])
    return True
