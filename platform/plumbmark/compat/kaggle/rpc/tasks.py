"""Tasks: found, listed, pushed and published."""

from typing import Any

import re2
from django.db.models import OuterRef, Subquery
from django.http import Http404

from plumbmark.accounts.queries import namespaces_inside_of
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.compat.kaggle.rpc.body import Body
from plumbmark.compat.kaggle.rpc.calls import Answer, RpcCall
from plumbmark.compat.kaggle.rpc.errors import Unknown
from plumbmark.compat.kaggle.rpc.messages import absolute, lean, moment
from plumbmark.compat.kaggle.rpc.paging import last_id, page_size
from tasks_app.authoring.queries import task_at, version_at, visible_tasks
from tasks_app.authoring.visibility import set_task_visibility
from tasks_app.kinds import kind_of
from tasks_app.models import Task, TaskVersion
from tasks_app.models.tasks import Visibility

_STATE = "BENCHMARK_TASK_VERSION_CREATION_STATE_"
_SCANNED = 2000
"""Tasks that a filter examines for one page."""


def task_named(slug: Body, call: RpcCall) -> Task:
    """Return the task of a message's slug; the owner is the caller unless it names one."""
    handle = slug.text("ownerSlug") or call.namespace.handle
    name = slug.text("taskSlug")
    try:
        return task_at(handle=handle.lower(), slug=name, to=call.user)
    except Http404:
        raise Unknown(f"There is no task {handle}/{name} that you can see.") from None


def version_named(slug: Body, call: RpcCall) -> TaskVersion:
    """Return the version that a slug names, else the newest published one."""
    task = task_named(slug, call)
    number = slug.integer("versionNumber")
    if number is None:
        if task.latest_version is None:
            raise Unknown(f"{task.namespace.handle}/{task.slug} has no version yet.")
        task.latest_version.task = task
        return task.latest_version
    try:
        return version_at(task=task, number=number, to=call.user)
    except Http404:
        raise Unknown(
            f"{task.namespace.handle}/{task.slug} has no version {number} that you can see."
        ) from None


def task_message(task: Task, newest_state: str | None) -> dict[str, Any]:
    """Return a task with the state of its newest version."""
    latest = task.latest_version
    state, error = creation_state(task, newest_state)
    runs_program = latest is not None and kind_of(latest).runs_program
    return lean(
        slug=lean(
            ownerSlug=task.namespace.handle,
            taskSlug=task.slug,
            versionNumber=latest.number if latest else None,
        ),
        url=absolute(task.get_absolute_url()),
        creationState=f"{_STATE}{state}",
        creationErrorMessage=error,
        createTime=moment(latest.published_at if latest else task.created_at),
        isPublic=is_public(task),
        # The code is shown wherever its task is.
        isBackingNotebookPublished=runs_program and is_public(task),
    )


def is_public(task: Task) -> bool:
    return task.visibility == Visibility.PUBLIC and task.latest_version_id is not None


def creation_state(task: Task, newest_state: str | None) -> tuple[str, str]:
    """Return a state of the command line's and, if it stops there, the reason.

    It waits only for QUEUED and RUNNING; every other state but COMPLETED counts as a failure.
    """
    if task.latest_version_id is not None:
        return "COMPLETED", ""
    if newest_state == TaskVersion.State.BUILDING:
        return "RUNNING", ""
    if newest_state == TaskVersion.State.FAILED:
        return "ERRORED", "The version could not be built; the task's page says why."
    return "KERNEL_WITHOUT_RUN", "The task is a draft; publish a version of it on its page."


def newest_state_of(task: Task) -> str | None:
    return task.versions.order_by("-id").values_list("state", flat=True).first()


def get_benchmark_task(call: RpcCall) -> Answer:
    slug = call.body.inner("slug")
    task = task_named(slug, call)
    return task_message(task, newest_state_of(task))


def list_benchmark_tasks(call: RpcCall) -> Answer:
    """Return the tasks of the caller and of their teams, newest first."""
    states = TaskVersion.objects.filter(task=OuterRef("pk")).order_by("-id").values("state")[:1]
    tasks = (
        visible_tasks(to=call.user)
        .filter(namespace__in=namespaces_inside_of(call.user))
        .annotate(newest_state=Subquery(states))
        .order_by("-id")
    )
    before = last_id(call.body)
    if before is not None:
        tasks = tasks.filter(pk__lt=before)
    matches = _pattern(call.body.text("regexFilter", most=200))
    status = call.body.text("statusFilter").strip().upper().removeprefix(_STATE)
    size = page_size(call.body)
    found: list[dict[str, Any]] = []
    last = 0
    for seen, task in enumerate(tasks[: _SCANNED + 1]):
        if len(found) == size or seen == _SCANNED:
            return lean(tasks=found, nextPageToken=str(last))
        last = task.pk
        if not (matches.search(task.slug) or matches.search(task.title)):
            continue
        newest: str | None = task.newest_state
        if status and creation_state(task, newest)[0] != status:
            continue
        found.append(task_message(task, newest))
    return lean(tasks=found)


def _pattern(text: str) -> Any:
    """Compile with RE2, whose time is bounded: a pattern of Python's own could block the
    process.
    """
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        raise InvalidInput([Problem(f"is no pattern: {error}", "regexFilter")]) from None


def publish_benchmark_task(call: RpcCall) -> Answer:
    """Let everybody see the task and its newest version."""
    task = task_named(call.body.inner("slug"), call)
    if task.latest_version_id is None:
        raise Unknown(
            f"{task.namespace.handle}/{task.slug} has no version yet; push one first, then publish."
        )
    task = set_task_visibility(task=task, visibility=Visibility.PUBLIC, by=call.user)
    return task_message(task, newest_state_of(task))
