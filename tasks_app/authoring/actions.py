"""Creating tasks and changing what they say of themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.accounts.usage import check_count
from plumbmark.common import audit
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.names import unseen_character_problem
from plumbmark.common.outbox import record_event
from plumbmark.common.slugs import normalise_tags, slug_for
from tasks_app.models import Task, TaskDraft
from tasks_app.permissions import check_edit

_LENGTHS = {
    "summary": 300,
    "licence": 80,
    "citation": 5000,
    "source_url": 300,
    "source_authors": 300,
    "source_licence": 80,
}


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """The description of a task, beside its versions. None leaves a field as it is."""

    title: str | None = None
    summary: str | None = None
    licence: str | None = None
    tags: Sequence[str] | None = None
    citation: str | None = None
    source_url: str | None = None
    source_authors: str | None = None
    source_licence: str | None = None


def create_task(*, namespace: Namespace, facts: TaskFacts, slug: str = "", by: User) -> Task:
    """Create a private task with an empty draft."""
    if not can_act_for(by, namespace):
        raise NotAllowed(f"You may not create tasks on behalf of {namespace.handle}.")
    check_count(namespace, "tasks")
    task = Task(namespace=namespace, created_by=by)
    _apply_facts(task, facts)
    task.slug = slug_for(slug or task.title)
    try:
        with transaction.atomic():
            task.save()
            TaskDraft.objects.create(task=task, updated_by=by)
            audit.record("create-task", f"task:{task.public_id}", by=by)
            record_event("task.updated", task_id=task.pk)
    except IntegrityError as error:
        raise Conflict(
            f"{namespace.handle} has a task at {task.slug} already; choose another title or slug."
        ) from error
    return task


def update_task(*, task: Task, facts: TaskFacts, by: User) -> Task:
    check_edit(task, by=by)
    _apply_facts(task, facts)
    with transaction.atomic():
        task.save()
        audit.record("update-task", f"task:{task.public_id}", by=by)
        record_event("task.updated", task_id=task.pk)
    return task


def _apply_facts(task: Task, facts: TaskFacts) -> None:
    problems = []
    if facts.title is not None:
        task.title = facts.title.strip()
    if not 1 <= len(task.title) <= 120:
        problems.append(Problem("must have 1 to 120 characters", "title"))
    elif unseen := unseen_character_problem(task.title):
        problems.append(Problem(unseen, "title"))
    for name, most in _LENGTHS.items():
        value = getattr(facts, name)
        if value is None:
            continue
        setattr(task, name, value.strip())
        if len(value.strip()) > most:
            problems.append(Problem(f"must have at most {most:,} characters", name))
    if task.source_url and not task.source_url.startswith(("https://", "http://")):
        problems.append(Problem("must begin with https:// or http://", "source_url"))
    if problems:
        raise InvalidInput(problems)
    if facts.tags is not None:
        task.tags = normalise_tags(facts.tags)
