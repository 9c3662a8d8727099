"""The life of a task: put away and brought back, given to another namespace, deleted."""

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.accounts.usage import check_count, check_storage
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, NotAllowed
from plumbmark.common.outbox import record_event
from plumbmark.common.slugs import slug_for
from tasks_app.authoring.corrected_versions import discard_version
from tasks_app.datasets.uploads import forget_upload
from tasks_app.datasets.usage import files_of_task_alone, media_bytes_of
from tasks_app.draft_saves.states import files_of_saves
from tasks_app.models import (
    DataFile,
    FormerAddress,
    Run,
    Task,
    TaskDraft,
    TaskVersion,
    TransferOffer,
)
from tasks_app.permissions import check_edit
from tasks_app.runs.sweep import drop_run

_UNFINISHED = (Run.State.QUEUED, Run.State.RUNNING, Run.State.PAUSED)


def set_archived(*, task: Task, is_archived: bool, by: User) -> Task:
    """Take a task out of all lists, or back into them. Its address, runs and boards stay."""
    check_edit(task, by=by)
    task.archived_at = (task.archived_at or now()) if is_archived else None
    with transaction.atomic():
        task.save(update_fields=["archived_at", "updated_at"])
        audit.record(
            "archive-task" if is_archived else "restore-task", f"task:{task.public_id}", by=by
        )
        record_event("task.updated", task_id=task.pk)
    return task


def transfer_task(*, task: Task, to: Namespace, slug: str = "", by: User) -> Task:
    """Give a task to another namespace that the person acts for. Its old address leads to it."""
    check_edit(task, by=by)
    if not can_act_for(by, to):
        raise NotAllowed(f"You may not act on behalf of {to.handle}.")
    return move_task(task=task, to=to, slug=slug, by=by)


def move_task(*, task: Task, to: Namespace, slug: str = "", by: User) -> Task:
    """Move a task, for those who have checked that its owner and the new one want it.

    Runs stay whose they are. The new owner's members see the private items from now on, and the old
    one's no longer. Its files count to the new owner's storage, but for those that another task of
    the old one has as well.
    """
    if to.pk == task.namespace_id:
        raise Conflict(f"The task belongs to {to.handle} already.")
    if task.versions.filter(runs__state__in=_UNFINISHED).exists():
        raise Conflict("Runs of this task are under way. Wait until they end, or cancel them.")
    check_count(to, "tasks")
    files = files_of_task_alone(task)
    check_storage(to, adds=sum(one.size for one in files) + media_bytes_of(task))
    former = task.namespace
    slug = slug_for(slug) if slug else task.slug
    try:
        with transaction.atomic():
            locked = Task.objects.select_for_update().get(pk=task.pk)
            if locked.namespace_id != former.pk:
                raise Conflict("The task was given to somebody else meanwhile.")
            # An address that the task had once is its own again.
            FormerAddress.objects.filter(namespace=to, slug=slug, task=locked).delete()
            FormerAddress.objects.update_or_create(
                namespace=former, slug=locked.slug, defaults={"task": locked}
            )
            locked.namespace, locked.slug = to, slug
            locked.save(update_fields=["namespace", "slug", "updated_at"])
            locked.allowed_deployments.all().delete()
            DataFile.objects.filter(pk__in=[one.pk for one in files]).update(namespace=to)
            # Whoever it was offered to was offered it by its former owner.
            locked.transfer_offers.filter(status=TransferOffer.State.OPEN).update(
                status=TransferOffer.State.WITHDRAWN, decided_by=by, decided_at=now()
            )
            audit.record(
                "transfer-task", f"task:{task.public_id}", by=by, to=to.handle, former=former.handle
            )
            record_event("task.updated", task_id=task.pk)
    except IntegrityError as error:
        raise Conflict(
            f"{to.handle} has a task at {slug} already; give another address.", code="slug-taken"
        ) from error
    task.refresh_from_db()
    return task


def deletion_obstacle(task: Task) -> str:
    """Return why a task cannot be deleted; empty where it can. One query."""
    runs = Run.objects.filter(task_version__task=OuterRef("pk"))
    published = TaskVersion.objects.filter(task=OuterRef("pk"), state=TaskVersion.State.PUBLISHED)
    was_published, has_runs, has_live_try = (
        Task.objects.filter(pk=task.pk)
        .values_list(
            Exists(published),
            Exists(runs.exclude(purpose=Run.Purpose.TRY)),
            Exists(runs.filter(state__in=_UNFINISHED)),
        )
        .get()
    )
    if was_published:
        return _("It was published. Archive it, or withdraw the content of its versions.")
    if has_runs:
        return _("It has runs. Archive it instead.")
    if has_live_try:
        return _("A try of it is under way. Wait until it ends, or cancel it.")
    return ""


def delete_task(*, task: Task, by: User) -> None:
    """Delete a task that was never published and has no runs but finished tries, for good."""
    check_edit(task, by=by)
    with transaction.atomic():
        locked = Task.objects.select_for_update().get(pk=task.pk)
        if obstacle := deletion_obstacle(locked):
            raise Conflict(f"This task cannot be deleted. {obstacle}")
        draft = TaskDraft.objects.filter(task=locked).first()
        versions = list(locked.versions.all())
        rows: list[TaskDraft | TaskVersion] = [draft, *versions] if draft else [*versions]
        files = {file.pk: file for row in rows for file in (row.data_file, row.code_file) if file}
        if draft is not None:
            saves = list(draft.saves.select_related("data_file", "code_file"))
            files |= {file.pk: file for file in files_of_saves(saves)}
        for row in rows:
            files |= {one.data_file_id: one.data_file for one in row.attached_files.all()}
        for run in Run.objects.filter(task_version__task=locked):
            drop_run(run)
        for version in versions:
            discard_version(version)
        audit.record("delete-task", f"task:{task.public_id}", by=by, title=task.title)
        record_event("task.updated", task_id=task.pk)
        locked.delete()
    for file in files.values():
        forget_upload(file)
