"""Bytes and tasks that a namespace stores: see `plumbmark.accounts.usage`."""

from collections.abc import Container

from django.db import models
from django.db.models import CASCADE, Exists, OuterRef, Q, QuerySet, Sum

from plumbmark.accounts.models import Namespace
from tasks_app.models import (
    AttachedFile,
    Attachment,
    AttachmentUse,
    DataFile,
    DraftSave,
    RunArtifact,
    Task,
    TaskDraft,
    TaskVersion,
)

_PATHS_TO_TASK: dict[type[models.Model], tuple[str, ...]] = {
    TaskDraft: ("task",),
    DraftSave: ("draft__task",),
    TaskVersion: ("task",),
    AttachedFile: ("draft__task", "version__task"),
}
"""The models that name files of a task, and where they say of which task they are."""


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


def files_of_task_alone(task: Task) -> list[DataFile]:
    """Return the files that a task's draft, its saves and its versions name and nothing else does;
    also what they were written from.
    """
    files = list(_files_named_only_by(_PATHS_TO_TASK, task).select_related("converted_from"))
    originals = [one.converted_from for one in files if one.converted_from is not None]
    shared = set(
        DataFile.objects.filter(converted_from__in=originals)
        .exclude(pk__in=[one.pk for one in files])
        .values_list("converted_from_id", flat=True)
    )
    found = [*files, *(one for one in originals if one.pk not in shared)]
    return list({one.pk: one for one in found}.values())


def files_of_saves_alone(task: Task) -> QuerySet[DataFile]:
    """Return the files that only earlier saves of a task's draft name."""
    return _files_named_only_by({DraftSave}, task)


def files_of_draft_alone(task: Task) -> QuerySet[DataFile]:
    """Return the files that only a task's draft and its saves name."""
    return _files_named_only_by({TaskDraft, DraftSave}, task)


def _files_named_only_by(kinds: Container[type[models.Model]], task: Task) -> QuerySet[DataFile]:
    """Return the files of a task's owner that its rows of these models name, and no other row."""
    named, named_elsewhere = Q(), Q()
    for relation in DataFile._meta.related_objects:
        if relation.on_delete is CASCADE or relation.related_model is DataFile:
            continue
        rows = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
        ours = Q()
        model = relation.related_model
        for path in _PATHS_TO_TASK.get(model, ()) if model in kinds else ():
            ours |= Q(**{path: task})
        if ours:
            named |= Q(Exists(rows.filter(ours)))
            named_elsewhere |= Q(Exists(rows.exclude(ours)))
        else:
            named_elsewhere |= Q(Exists(rows))
    files = DataFile.objects.filter(named, namespace=task.namespace_id)
    return files.exclude(named_elsewhere)


def media_bytes_of(task: Task) -> int:
    """Return the bytes of a task's images and audio, each once."""
    uses = AttachmentUse.objects.filter(Q(draft__task=task) | Q(version__task=task))
    used = Attachment.objects.filter(pk__in=uses.values("attachment"))
    return used.aggregate(total=Sum("size"))["total"] or 0
