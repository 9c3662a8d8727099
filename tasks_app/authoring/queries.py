"""Named reads of tasks, their drafts, versions and items."""

import json
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast
from django.http import Http404

from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from tasks_app.models import (
    AttachmentUse,
    FormerAddress,
    Item,
    Task,
    TaskDraft,
    TaskVersion,
)
from tasks_app.models.tasks import Visibility
from tasks_app.permissions import (
    can_view_private_items,
    can_view_task,
    check_edit,
    sees_pinned_versions_alone,
)
from tasks_app.permissions import can_view_version as can_view


def visible_tasks(*, to: Visitor) -> QuerySet[Task]:
    """Return published public tasks, and the visitor's own in any state; newest change first."""
    public = Q(visibility=Visibility.PUBLIC, latest_version__isnull=False)
    return (
        Task.objects.filter(public | Q(namespace__in=namespaces_inside_of(to)))
        .filter(archived_at__isnull=True)
        .select_related("namespace", "latest_version")
        .order_by("-updated_at", "-id")
    )


def matching_tasks(tasks: QuerySet[Task], *, words: str = "", tag: str = "") -> QuerySet[Task]:
    """Return those whose title or summary contains every word, and that have the tag."""
    for word in words.split()[:8]:
        tasks = tasks.filter(Q(title__icontains=word) | Q(summary__icontains=word))
    if tag:
        # As text: SQLite has no lookup inside JSON lists.
        tasks = tasks.annotate(tags_text=Cast("tags", TextField())).filter(
            tags_text__contains=json.dumps(tag)
        )
    return tasks


_OF_TASK = (
    "namespace",
    "latest_version",
    "pinned_version",
    "created_by",
    "copied_from__task__namespace",
)


def task_at(*, handle: str, slug: str, to: Visitor) -> Task:
    """Return the task at an address; 404 if the visitor may not see it."""
    task = (
        Task.objects.select_related(*_OF_TASK).filter(namespace__handle=handle, slug=slug).first()
    )
    if task is None:
        task = _task_formerly_at(handle, slug)
    if task is None or not can_view_task(to, task):
        raise Http404
    return as_seen_by(to, task)


def _task_formerly_at(handle: str, slug: str) -> Task | None:
    """Return the task that had this address before it was transferred."""
    found = (
        FormerAddress.objects.select_related(*(f"task__{name}" for name in _OF_TASK))
        .filter(namespace__handle=handle, slug=slug)
        .first()
    )
    return found.task if found else None


def as_seen_by(visitor: Visitor, task: Task) -> Task:
    """Return the task with the newest version that the visitor may see as its latest one."""
    if sees_pinned_versions_alone(visitor, task):
        task.latest_version = task.pinned_version
    return task


def version_at(*, task: Task, number: int, to: Visitor) -> TaskVersion:
    version = (
        TaskVersion.objects.select_related("task__namespace", "data_file")
        .filter(task=task, number=number)
        .first()
    )
    if version is None or not can_view(to, version):
        raise Http404
    return version


@dataclass(frozen=True, slots=True)
class DraftMedia:
    """A draft's images and audio: how many, how large, and the first of them by name."""

    count: int
    size: int
    first: list[AttachmentUse]

    @property
    def left_out(self) -> int:
        return self.count - len(self.first)


def media_of(draft: TaskDraft, *, first: int) -> DraftMedia:
    """Return the draft's images and audio, the first of them by name, in two queries."""
    uses = AttachmentUse.objects.filter(draft=draft)
    totals = uses.aggregate(count=Count("id"), size=Sum("attachment__size"))
    listed = uses.select_related("attachment").order_by("name")[:first]
    return DraftMedia(totals["count"], totals["size"] or 0, list(listed))


def published_versions_of(task: Task, *, to: Visitor) -> QuerySet[TaskVersion]:
    """Return published versions that the visitor may see, newest first."""
    versions = task.versions.filter(state=TaskVersion.State.PUBLISHED).order_by("-number")
    if sees_pinned_versions_alone(to, task):
        versions = versions.filter(pinned_at__isnull=False)
    return versions


def items_of(version: TaskVersion, *, to: Visitor) -> QuerySet[Item]:
    """Return items that the visitor may see, in order."""
    items = version.items.order_by("position")
    if not can_view_private_items(to, version.task):
        items = items.filter(split=Item.Split.PUBLIC)
    return items


def own_task_at(*, handle: str, slug: str, by: Visitor) -> Task:
    """Return a task that the person may edit. Who may not even see it gets a 404."""
    task = task_at(handle=handle, slug=slug, to=by)
    check_edit(task, by=by)
    return task
