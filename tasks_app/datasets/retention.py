"""The policy of how long uploaded files are kept that nothing refers to."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import CASCADE, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from plumbmark.background.models import LIVE_STATES, Job
from plumbmark.common.retention import RetentionPolicy, delete_rows
from plumbmark.common.row_files import release_files, remove_files
from tasks_app.models import DataFile


def _references() -> list[Exists]:
    """Return a condition for each column of any table that refers to a file, but for what goes
    with it.
    """
    return [
        Exists(relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")}))
        for relation in DataFile._meta.related_objects
        if relation.on_delete is not CASCADE
    ]


def _unused_files(before: datetime) -> "QuerySet[DataFile]":
    """Return files without a row that uses them.

    A job that has yet to end names its files in its arguments, where no query finds them: as long
    as there is one, all files of its namespace stay.
    """
    live = Job.objects.filter(namespace=OuterRef("namespace"), state__in=LIVE_STATES)
    return (
        DataFile.objects.filter(
            Q(stored_at__isnull=True) | Q(stored_at__lt=before), created_at__lt=before
        )
        .filter(~Exists(live), *(~used for used in _references()))
        .order_by("created_at", "pk")
    )


def _delete(rows: "QuerySet[DataFile]") -> int:
    """Delete rows; their files go when that is committed, or a day later if this process dies."""
    ids = list(rows.values_list("pk", flat=True))
    # Whoever refers to a file locks its row. So it is asked again, once nobody else can.
    list(DataFile.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    unused = list(rows.filter(pk__in=ids))
    files = [row.file for row in unused]
    release_files(files)
    transaction.on_commit(partial(remove_files, files), robust=True)
    return delete_rows(DataFile.objects.filter(pk__in=[row.pk for row in unused]))


UNUSED_FILES = RetentionPolicy(
    "files", _("Uploaded files that nothing refers to"), _unused_files, "created_at", _delete
)
