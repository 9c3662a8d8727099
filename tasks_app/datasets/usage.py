"""Bytes and tasks that a namespace stores: see `plumbmark.accounts.usage`."""

from django.db.models import Q, Sum

from plumbmark.accounts.models import Namespace
from tasks_app.models import Attachment, AttachmentUse, DataFile, RunArtifact, Task


def count_tasks(namespace: Namespace) -> int:
    return Task.objects.filter(namespace=namespace).count()


def stored_data(namespace: Namespace) -> int:
    """Return the bytes of data files, code, attached files and submitted outputs."""
    files = DataFile.objects.filter(namespace=namespace, withheld_at__isnull=True)
    return files.aggregate(total=Sum("size"))["total"] or 0


def stored_media(namespace: Namespace) -> int:
    """Return the bytes of images and audio, each once however often tasks use it."""
    uses = AttachmentUse.objects.filter(
        Q(draft__task__namespace=namespace) | Q(version__task__namespace=namespace)
    )
    used = Attachment.objects.filter(pk__in=uses.values("attachment"))
    return used.aggregate(total=Sum("size"))["total"] or 0


def stored_artifacts(namespace: Namespace) -> int:
    """Return the bytes of files that programs left."""
    left = RunArtifact.objects.filter(run__namespace=namespace)
    return left.aggregate(total=Sum("size"))["total"] or 0
