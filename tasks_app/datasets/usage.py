"""Bytes and tasks that a namespace stores: see `plumbmark.accounts.usage`."""

from django.db.models import Q, QuerySet

from plumbmark.accounts.models import Namespace
from tasks_app.models import Attachment, AttachmentUse, DataFile, RunArtifact, Task


def count_tasks(namespace: Namespace) -> int:
    return Task.objects.filter(namespace=namespace).count()


def stored_data(namespace: Namespace) -> QuerySet[DataFile]:
    """Return the data files, code, attached files and submitted outputs."""
    return DataFile.objects.filter(namespace=namespace, withheld_at__isnull=True)


def stored_media(namespace: Namespace) -> QuerySet[Attachment]:
    """Return the images and audio, each once however often tasks use it."""
    uses = AttachmentUse.objects.filter(
        Q(draft__task__namespace=namespace) | Q(version__task__namespace=namespace)
    )
    return Attachment.objects.filter(pk__in=uses.values("attachment"))


def stored_artifacts(namespace: Namespace) -> QuerySet[RunArtifact]:
    """Return the files that programs left."""
    return RunArtifact.objects.filter(run__namespace=namespace)
