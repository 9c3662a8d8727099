"""Named reads of tasks, their drafts, versions and items."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import Http404

from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from tasks_app.datasets.media.storage import MediaRow, media_rows
from tasks_app.models import (
    FormerAddress,
    Item,
    Task,
    TaskDraft,
    TaskVersion,
)
from tasks_app.models.tasks import Visibility
from tasks_app.permissions import (
    can_edit_task,
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


_OF_DRAFT = ("updated_by__namespace", "data_file__converted_from", "data_file__profile")


def task_at(*, handle: str, slug: str, to: Visitor) -> Task:
    """Return the task at an address; 404 if the visitor may not see it."""
    task = _find_task(handle, slug, _OF_TASK)
    if task is None or not can_view_task(to, task):
        raise Http404
    return as_seen_by(to, task)


def _find_task(handle: str, slug: str, related: Sequence[str]) -> Task | None:
    """Return the task that has this address, or had it before it was transferred."""
    task = Task.objects.select_related(*related).filter(namespace__handle=handle, slug=slug).first()
    if task is not None:
        return task
    former = (
        FormerAddress.objects.select_related(*(f"task__{name}" for name in related))
        .filter(namespace__handle=handle, slug=slug)
        .first()
    )
    return former.task if former else None


def as_seen_by(visitor: Visitor, task: Task) -> Task:
    """Return the task with the newest version that the visitor may see as its latest one."""
    if sees_pinned_versions_alone(visitor, task):
        task.latest_version = task.pinned_version
    return task


def version_at(*, task: Task, number: int, to: Visitor) -> TaskVersion:
    """Return a version of a task; 404 if the visitor may not see it."""
    return versions_at(task=task, numbers=[number], to=to)[0]


def version_with_task(*, handle: str, slug: str, to: Visitor, **which: Any) -> TaskVersion | None:
    """Return a version of the task at an address, with the task; None where there is none, and 404
    if the visitor may not see the task. One query, unless the task was transferred.

    `which` names the version: its `public_id` or its `number`. Whether it may be seen is not
    checked.
    """
    related = [f"task__{name}" for name in _OF_TASK]
    versions = TaskVersion.objects.select_related("data_file", *related).filter(**which)
    found = versions.filter(task__namespace__handle=handle, task__slug=slug).first()
    if found is None:
        task = task_at(handle=handle, slug=slug, to=to)
        found = versions.filter(task=task).first()
    elif not can_view_task(to, found.task):
        raise Http404
    if found is not None:
        as_seen_by(to, found.task)
    return found


def versions_at(*, task: Task, numbers: Sequence[int], to: Visitor) -> list[TaskVersion]:
    """Return versions of a task by their numbers; 404 if the visitor may not see one. One query."""
    # One by one: a list may hold no number that is too large for the column.
    wanted = reduce(or_, (Q(number=number) for number in numbers))
    rows = TaskVersion.objects.select_related("task__namespace", "data_file").filter(
        wanted, task=task
    )
    found = {row.number: row for row in rows}
    if any(number not in found or not can_view(to, found[number]) for number in numbers):
        raise Http404
    return [found[number] for number in numbers]


@dataclass(frozen=True, slots=True)
class DraftMedia:
    """A draft's images and audio: how many, how large, and the first of them by name."""

    count: int
    size: int
    first: Sequence[MediaRow]

    @property
    def left_out(self) -> int:
        return self.count - len(self.first)


def media_of(draft: TaskDraft, *, first: int) -> DraftMedia:
    """Return the draft's images and audio, the first of them by name."""
    rows = media_rows(draft)
    return DraftMedia(len(rows), sum(row.size for row in rows), rows[:first])


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
    return _check_own(_find_task(handle, slug, _OF_TASK), by)


def own_draft_at(*, handle: str, slug: str, by: Visitor, related: Sequence[str] = ()) -> TaskDraft:
    """Return the draft of a task that the person may edit, with its task, its data file and that
    file's profile. `related` names further rows of the draft. One query.
    """
    of_draft = [f"draft__{name}" for name in (*_OF_DRAFT, *related)]
    return _check_own(_find_task(handle, slug, [*_OF_TASK, *of_draft]), by).draft


def _check_own(task: Task | None, by: Visitor) -> Task:
    """Return the task where the person may edit it; nothing of it is hidden from them then."""
    if task is not None and can_edit_task(by, task):
        return task
    if task is None or not can_view_task(by, task):
        raise Http404
    check_edit(task, by=by)
    return task
