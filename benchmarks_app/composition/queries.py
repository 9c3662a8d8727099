"""Reads of the editor of a draft: the tasks to choose from, and the state of the draft."""

from collections.abc import Collection, Mapping, Sequence

from django.db.models import Q, QuerySet

from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from plumbmark.accounts.models import User
from plumbmark.accounts.queries import namespaces_inside_of
from plumbmark.common.models import AuditEvent
from plumbmark.manifests import content_hash
from tasks_app.authoring.queries import matching_tasks, visible_tasks
from tasks_app.models import TaskVersion
from tasks_app.models.tasks import Visibility
from tasks_app.permissions import can_view_version

SCOPES = ("all", "mine", "teams", "public")


def candidate_versions(
    *, to: User, words: str = "", scope: str = "all", without: Collection[int] = ()
) -> QuerySet[TaskVersion]:
    """Return latest published versions of tasks that the person may put into a benchmark.

    `scope` is one of `SCOPES`: whose tasks. `without` are ids of tasks that are left out.
    """
    tasks = visible_tasks(to=to).filter(latest_version__isnull=False).exclude(pk__in=without)
    if scope == "mine":
        tasks = tasks.filter(namespace__user=to)
    elif scope == "teams":
        tasks = tasks.filter(namespace__in=namespaces_inside_of(to), namespace__user=None)
    elif scope == "public":
        tasks = tasks.filter(visibility=Visibility.PUBLIC)
    tasks = matching_tasks(tasks, words=words)
    return (
        TaskVersion.objects.filter(pk__in=tasks.order_by().values("latest_version_id"))
        .select_related("task__namespace", "task__latest_version")
        .order_by("task__title", "id")
    )


def versions_named(ids: Sequence[str], *, to: User) -> Mapping[str, TaskVersion]:
    """Return those of these published task versions that the person can see, by id. One query."""
    if not ids:
        return {}
    found = TaskVersion.objects.filter(
        Q(public_id__in=ids), state=TaskVersion.State.PUBLISHED
    ).select_related("task__namespace", "task__latest_version")
    return {one.public_id: one for one in found if can_view_version(to, one)}


def fingerprint_of(version: BenchmarkVersion, members: Sequence[BenchmarkTask]) -> str:
    """Return a short hash of all that the editor changes: it differs when somebody has saved.

    The members need their task versions and tasks.
    """
    benchmark = version.benchmark
    return content_hash(
        {
            "number": version.number,
            "title": benchmark.title,
            "claim": benchmark.claim,
            "tags": benchmark.tags,
            "rules": [
                version.entry_policy,
                version.entrants,
                str(version.unscored_allowed.normalize()),
                repr(version.smallest_difference),
                version.score_format,
            ],
            "card": version.card,
            "contributors": version.contributors,
            "notes": version.notes,
            "tasks": [
                [
                    one.task_version.task.slug,
                    one.task_version.number,
                    one.task_version.question_hash,
                    str(one.weight.normalize()),
                    one.label,
                    one.group,
                ]
                for one in members
            ],
        }
    )[-16:]


def last_editor_of(version: BenchmarkVersion) -> AuditEvent | None:
    """Return the newest save of a draft of the benchmark: who, and when."""
    return (
        AuditEvent.objects.filter(
            thing=f"benchmark:{version.benchmark.public_id}", action="compose-benchmark"
        )
        .select_related("actor__namespace")
        .order_by("-id")
        .first()
    )
