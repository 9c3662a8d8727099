"""Publication: from a draft to a version, and from a version to a numbered one."""

from collections.abc import Callable

from django.db import transaction
from django.db.models import Max

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from plumbmark.common.outbox import record_event
from tasks_app.authoring.visibility import change_visibility
from tasks_app.kinds import draft_kind_of
from tasks_app.models import Task, TaskDraft, TaskVersion
from tasks_app.models.tasks import Visibility
from tasks_app.permissions import check_edit


def build_version(*, task: Task, by: User) -> TaskVersion:
    """Make an unpublished version of the draft; an unchanged draft gives the same one again."""
    check_edit(task, by=by)
    draft = TaskDraft.objects.select_related("data_file", "code_file").get(task=task)
    draft.task = task
    return draft_kind_of(draft).build(draft, by=by)


def publish_task(
    *,
    task: Task,
    visibility: str | None = None,
    notes: str = "",
    by: User,
    within: Callable[[TaskVersion], None] | None = None,
) -> TaskVersion:
    """Build the draft and publish it as the next numbered version.

    `within` is called with it in the transaction that publishes.
    """
    check_edit(task, by=by)
    version = build_version(task=task, by=by)
    if version.state == TaskVersion.State.PUBLISHED:
        raise Conflict(f"Nothing changed since version {version.number}.")
    with transaction.atomic():
        publish_version(task=task, version=version, visibility=visibility, notes=notes, by=by)
        if within is not None:
            within(version)
    task.refresh_from_db()
    return version


def publish_version(
    *,
    task: Task,
    version: TaskVersion,
    visibility: str | None = None,
    notes: str = "",
    replaces: TaskVersion | None = None,
    by: User,
) -> None:
    """Give a version that is ready the next number, in the caller's transaction.

    With `replaces`, that one must still be the latest, or it is a `Conflict`.
    """
    locked = Task.objects.select_for_update().get(pk=task.pk)
    if replaces is not None and locked.latest_version_id != replaces.pk:
        raise Conflict("Another version was published meanwhile. Look at it, and try again.")
    highest = task.versions.aggregate(highest=Max("number"))["highest"] or 0
    version.number = highest + 1
    version.state = TaskVersion.State.PUBLISHED
    version.published_at = now()
    version.notes = notes.strip()
    version.save()
    locked.latest_version = version
    if visibility is not None:
        if visibility not in Visibility.values:
            raise InvalidInput(
                [Problem(f"must be one of {', '.join(Visibility.values)}", "visibility")]
            )
        change_visibility(locked, visibility)
    locked.save()
    audit.record("publish-task", f"task:{task.public_id}", by=by, version=version.number)
    record_event("task.published", task_id=task.pk, version_id=version.pk)
