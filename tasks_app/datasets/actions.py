"""Taking images and audio for a draft: all that was sent, or nothing of it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from plumbmark.accounts.models import User
from plumbmark.accounts.usage import check_storage
from plumbmark.common import audit
from plumbmark.common.errors import InvalidInput, NotAllowed, Problem
from plumbmark.common.heavy_work import HEAVY_BYTES, heavy_work
from tasks_app.datasets.media.archives import (
    BadArchive,
    entries_of,
    open_archive,
    path_problem,
    read_entry,
)
from tasks_app.datasets.media.detection import Media, NotMedia, inspect_media
from tasks_app.datasets.media.storage import media_limits, store_media
from tasks_app.definitions.characters import normalise_name
from tasks_app.models import AttachmentUse, Task, TaskDraft
from tasks_app.permissions import can_edit_task

_FIELD = "media"
_MAX_PROBLEMS = 20
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file that was sent, by itself or in a ZIP."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class _CheckedMedia:
    sent: _Upload
    media: Media


def attach_media(
    *,
    task: Task,
    uploads: "Sequence[UploadedFile[bytes]]" = (),
    remove: Collection[str] = (),
    by: User,
) -> TaskDraft:
    """Add images and audio to a task's draft, from files and from ZIPs of them; let others go.

    One that comes under a name that is taken replaces that one. `remove` names those to let go, `*`
    all. `InvalidInput` names every file that cannot be taken; then nothing is changed.
    """
    if not can_edit_task(by, task):
        raise NotAllowed("This task belongs to somebody else.")
    remove = {*remove, *map(normalise_name, remove)}
    size = sum(upload.size or 0 for upload in uploads)
    with ExitStack() as open_archives:
        open_archives.enter_context(
            heavy_work(owner=task.namespace_id, is_heavy=size >= HEAVY_BYTES)
        )
        checked = _check_media(uploads, open_archives)
        draft, _ = TaskDraft.objects.get_or_create(task=task, defaults={"updated_by": by})
        _check_room(draft, checked, remove)
        check_storage(task.namespace, adds=sum(one.media.size for one in checked))
        # Files first, in no transaction: what is kept and then not used is swept away.
        stored = {one.sent.name: store_media(one.media, one.sent.read()) for one in checked}
    with transaction.atomic():
        # Another upload to the same draft may have come in between.
        draft = TaskDraft.objects.select_for_update().get(pk=draft.pk)
        _check_room(draft, checked, remove)
        going = draft.attachment_uses.all()
        if EVERYTHING not in remove:
            going = going.filter(name__in=[*remove, *stored])
        going.delete()
        AttachmentUse.objects.bulk_create(
            [
                AttachmentUse(draft=draft, name=name, attachment=attachment)
                for name, attachment in stored.items()
            ],
            batch_size=500,
        )
        draft.updated_by = by
        draft.save(update_fields=["updated_by", "updated_at"])
        task.save(update_fields=["updated_at"])
        audit.record("attach-media", f"task:{task.public_id}", by=by, added=len(stored))
    return draft


def _check_media(
    uploads: "Sequence[UploadedFile[bytes]]", open_archives: ExitStack
) -> list[_CheckedMedia]:
    limits = media_limits()
    problems: list[Problem] = []
    checked: dict[str, _CheckedMedia] = {}
    total = 0
    for sent in _open_uploads(uploads, open_archives):
        if len(problems) >= _MAX_PROBLEMS:
            break
        if isinstance(sent, str):
            problems.append(Problem(sent, _FIELD))
            continue
        if sent.name in checked:
            problems.append(Problem(f"{sent.name!r} was sent twice; leave one", _FIELD))
            continue
        try:
            data = sent.read()
            media = inspect_media(data, limits)
        except NotMedia as error:
            problems.append(Problem(f"{sent.name!r} {error}", _FIELD))
            continue
        except BadArchive as error:
            problems.append(Problem(str(error), _FIELD))
            continue
        checked[sent.name] = _CheckedMedia(sent, media)
        total += media.size
        if total > settings.MAX_ATTACHMENTS_BYTES or len(checked) > settings.MAX_ATTACHMENTS:
            problems.append(_too_much())
            break
    if problems:
        raise InvalidInput(problems)
    return list(checked.values())


def _open_uploads(
    uploads: "Sequence[UploadedFile[bytes]]", open_archives: ExitStack
) -> Iterator[_Upload | str]:
    for upload in uploads:
        name = normalise_name((upload.name or "").replace("\\", "/").rpartition("/")[2].strip())
        upload.seek(0)
        is_zip = upload.read(4) in (b"PK\x03\x04", b"PK\x05\x06") or name.lower().endswith(".zip")
        upload.seek(0)
        if not is_zip:
            problem = path_problem(name)
            yield problem or _Upload(name, partial(_read_upload, upload))
            continue
        if (upload.size or 0) > settings.MAX_ATTACHMENTS_BYTES:
            yield (
                f"{name!r} has {upload.size or 0:,} bytes; at most "
                f"{settings.MAX_ATTACHMENTS_BYTES:,} are taken"
            )
            continue
        try:
            archive = open_archives.enter_context(open_archive(upload.file))  # type: ignore[arg-type]
            for entry in entries_of(archive, most=settings.MAX_ATTACHMENTS):
                if isinstance(entry, str):
                    yield f"{name}: {entry}"
                else:
                    read = partial(read_entry, archive, entry, most=settings.MAX_ATTACHMENT_BYTES)
                    yield _Upload(entry.name, read)
        except BadArchive as error:
            yield f"{name!r} {error}"


def _read_upload(upload: "UploadedFile[bytes]") -> bytes:
    upload.seek(0)
    # One byte more than allowed shows that it is too large.
    data: bytes = upload.read(settings.MAX_ATTACHMENT_BYTES + 1)
    return data


def _check_room(draft: TaskDraft, checked: list[_CheckedMedia], remove: Collection[str]) -> None:
    """Check that all of the draft's files together stay within its limits."""
    if EVERYTHING in remove:
        return
    coming = {one.sent.name for one in checked}
    sizes = [
        size
        for name, size in draft.attachment_uses.values_list("name", "attachment__size")
        if name not in coming and name not in remove
    ]
    if (
        len(sizes) + len(checked) > settings.MAX_ATTACHMENTS
        or sum(sizes) + sum(one.media.size for one in checked) > settings.MAX_ATTACHMENTS_BYTES
    ):
        raise InvalidInput([_too_much()])


def _too_much() -> Problem:
    return Problem(
        f"a task has at most {settings.MAX_ATTACHMENTS:,} images and audio files of together "
        f"{settings.MAX_ATTACHMENTS_BYTES:,} bytes",
        _FIELD,
    )
