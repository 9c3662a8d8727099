"""Who may see a task, and what stays visible when it becomes private.

A declared run is a promise: whoever made it, or was measured by it, may rely on it. So a version
with results stays visible at its address, with its declared runs, whatever becomes of the task.
A version without results is hidden, also where somebody's benchmark contains it.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import ngettext

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.common.outbox import record_event
from tasks_app.models import Run, Sample, Task, TaskVersion
from tasks_app.models.tasks import Visibility
from tasks_app.permissions import check_edit


@dataclass(frozen=True, slots=True)
class LastingVersion:
    """A version that stays visible if its task becomes private, and why."""

    number: int
    runs: int
    """Declared runs with results, or under way."""

    @property
    def reason(self) -> str:
        """Return a sentence for people."""
        text = ngettext(
            "Version %(number)s stays visible at its address: it has %(runs)s declared run.",
            "Version %(number)s stays visible at its address: it has %(runs)s declared runs.",
            self.runs,
        )
        return text % {"number": self.number, "runs": self.runs}


def declared_results() -> QuerySet[Run]:
    """Return declared runs that have results or are about to: failed and cancelled ones only where
    a sample was stored.
    """
    ended_early = Q(state__in=[Run.State.FAILED, Run.State.CANCELLED])
    has_samples = Exists(Sample.objects.filter(run=OuterRef("pk")))
    return Run.objects.filter(Q(purpose=Run.Purpose.DECLARED) & (~ended_early | has_samples))


def lasting_versions(task: Task) -> list[LastingVersion]:
    """Return what stays visible if the task becomes private, newest version first. One query."""
    counts = (
        declared_results()
        .filter(task_version__task=task, task_version__state=TaskVersion.State.PUBLISHED)
        .order_by("-task_version__number")
        .values_list("task_version__number")
        .annotate(runs=Count("id"))
    )
    return [LastingVersion(number, runs) for number, runs in counts]


def set_task_visibility(*, task: Task, visibility: str, by: User) -> Task:
    """Change who may see a task. Versions with results stay visible: see `lasting_versions`."""
    check_edit(task, by=by)
    if visibility not in Visibility.values:
        raise InvalidInput(
            [Problem(f"must be one of {', '.join(Visibility.values)}", "visibility")]
        )
    with transaction.atomic():
        locked = Task.objects.select_for_update().get(pk=task.pk)
        change_visibility(locked, visibility)
        locked.save(update_fields=["visibility", "pinned_version", "was_public", "updated_at"])
        audit.record("set-visibility", f"task:{task.public_id}", by=by, visibility=visibility)
        record_event("task.updated", task_id=task.pk)
    task.refresh_from_db()
    return task


def change_visibility(task: Task, visibility: str) -> None:
    """Set the visibility of a locked task, and pin what stays visible; the caller saves it."""
    if task.visibility != Visibility.PRIVATE and visibility == Visibility.PRIVATE:
        _pin_results(task)
    task.visibility = visibility


def _pin_results(task: Task) -> None:
    numbers = [version.number for version in lasting_versions(task)]
    versions = TaskVersion.objects.filter(task=task, number__in=numbers)
    versions.filter(pinned_at__isnull=True).update(pinned_at=now())
    task.pinned_version = task.versions.filter(pinned_at__isnull=False).order_by("number").last()
    task.was_public = task.was_public or task.visibility == Visibility.PUBLIC
