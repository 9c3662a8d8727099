"""Making a task from a kind: its draft can be tried and published at once."""

from dataclasses import replace

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.common.slugs import slug_for
from plumbmark.gateway.queries import callable_deployments
from tasks_app.authoring.actions import TaskFacts, create_task
from tasks_app.authoring.drafts import save_draft
from tasks_app.code_tasks.actions import save_code_draft
from tasks_app.datasets.actions import attach_media
from tasks_app.models import Task
from tasks_app.starting_points.catalogue import BY_SLUG, JUDGE, StartingPoint

_MAX_SAME_TITLES = 1000


def create_task_from_starting_point(
    *,
    namespace: Namespace,
    starting_point: str,
    facts: TaskFacts | None = None,
    slug: str = "",
    judge: str = "",
    by: User,
) -> Task:
    """Create a private task whose draft is a working example of a kind, with its data.

    Without a title it has that of the kind, numbered where there is such a task already. `judge` is
    a deployment, for kinds that models mark; the first that may be called where it is left out.
    """
    kind = BY_SLUG.get(starting_point)
    if kind is None:
        known = ", ".join(BY_SLUG)
        raise InvalidInput([Problem(f"must be one of {known}", "starting_point")])
    facts = facts or TaskFacts()
    if facts.title is None:
        facts = replace(facts, title=_free_title(namespace, str(kind.title)))
    with transaction.atomic():
        task = create_task(namespace=namespace, facts=facts, slug=slug, by=by)
        _fill_draft(task, kind, judge=judge or _first_judge(namespace, kind), by=by)
    return task


def _fill_draft(task: Task, kind: StartingPoint, *, judge: str, by: User) -> None:
    if kind.code:
        save_code_draft(task=task, upload=SimpleUploadedFile("task.py", kind.code.encode()), by=by)
        return
    if kind.media:
        pictures = [SimpleUploadedFile(name, data) for name, data in kind.media.items()]
        attach_media(task=task, uploads=pictures, by=by)
    text = kind.definition.replace(JUDGE, judge) if judge else kind.definition
    rows = SimpleUploadedFile("items.jsonl", kind.rows.encode())
    save_draft(task=task, definition_text=text, definition_format="yaml", upload=rows, by=by)


def _first_judge(namespace: Namespace, kind: StartingPoint) -> str:
    """Return a deployment that can judge; empty where there is none."""
    if not kind.needs_judge:
        return ""
    able = callable_deployments(to=namespace).exclude(slug__startswith="baseline/")
    return able.order_by("pk").values_list("slug", flat=True).first() or ""


def _free_title(namespace: Namespace, title: str) -> str:
    base = slug_for(title)
    taken = set(
        Task.objects.filter(namespace=namespace, slug__startswith=base).values_list(
            "slug", flat=True
        )[:_MAX_SAME_TITLES]
    )
    if base not in taken:
        return title
    numbered = (f"{title} {number}" for number in range(2, _MAX_SAME_TITLES + 2))
    return next(one for one in numbered if slug_for(one) not in taken)
