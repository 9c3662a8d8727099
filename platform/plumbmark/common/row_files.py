"""Files that belong to rows: neither is left without the other, even if a process is killed.

A file and its row cannot change in one step. So the file's name is noted before it is written, and
the note goes in the transaction that writes the row; and it is noted in the transaction that
deletes the row, and goes when the file has gone. A note that is a day old was left by a process
that died, and its file goes with it. The disk is never searched: files unknown to this database are
never touched.
"""

from collections.abc import Collection
from datetime import timedelta

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models.fields.files import FieldFile

from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import now
from plumbmark.common.models import LooseFile

_KEPT = timedelta(days=1)
_AT_ONCE = 500


def store_file(file: FieldFile, name: str, content: "File[bytes]") -> None:
    """Write a new row's file under a name that no other has.

    Call `register_files` in the transaction that writes the row, `remove_files` where it fails.
    """
    planned = file.field.generate_filename(file.instance, name)
    note = LooseFile.objects.create(name=planned, noted_at=now())
    try:
        file.save(name, content, save=False)
    except BaseException:
        _remove([planned])
        raise
    if file.name != planned:
        LooseFile.objects.filter(pk=note.pk).update(name=file.name)


def register_files(files: Collection[FieldFile]) -> None:
    """Note files whose rows are written in the same transaction."""
    LooseFile.objects.filter(name__in=_names(files)).delete()


def release_files(files: Collection[FieldFile]) -> None:
    """Note files whose rows are deleted in the same transaction; `remove_files` follows it."""
    LooseFile.objects.bulk_create(LooseFile(name=name, noted_at=now()) for name in _names(files))


def remove_files(files: Collection[FieldFile]) -> None:
    """Delete files that no row has, and then their notes."""
    _remove(_names(files))


def _names(files: Collection[FieldFile]) -> list[str]:
    return [file.name for file in files if file.name]


def _remove(names: list[str]) -> None:
    for name in names:
        default_storage.delete(name)
    LooseFile.objects.filter(name__in=names).delete()


def remove_orphans() -> int:
    """Delete the files whose processes died a day ago or longer; returns how many."""
    old = LooseFile.objects.filter(noted_at__lt=now() - _KEPT).order_by("pk")
    names = list(old.values_list("name", flat=True))
    return len(
        attempt_each("remove a file", names, lambda name: _remove([name]), max_items=_AT_ONCE)
    )
