"""Pushing a notebook: a code task of the caller's, and its next version."""

import yaml

from plumbmark.accounts.models import User
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from plumbmark.common.slugs import slug_for
from plumbmark.compat.kaggle.rpc.calls import Answer, RpcCall
from plumbmark.compat.kaggle.rpc.models import as_slug
from plumbmark.compat.kaggle.rpc.tasks import newest_state_of, task_message
from tasks_app.authoring.actions import TaskFacts, create_task
from tasks_app.authoring.publication import build_version, publish_task
from tasks_app.code_tasks.actions import save_code_draft
from tasks_app.code_tasks.source.inspection import inspect_code
from tasks_app.code_tasks.source.notebook import MAX_BYTES, script_of
from tasks_app.models import Task, TaskDraft, TaskVersion

_MAX_TITLE = 120


def create_benchmark_task(call: RpcCall) -> Answer:
    """Store the pushed notebook as the next version of the caller's task of that name.

    Errors in the code refuse the push, with every place; the draft keeps the code, so that the
    task's page shows it. Code that is the newest version already changes nothing: the answer has
    a `notice` then, which the launcher prints.
    """
    slug = call.body.text("slug")
    text = call.body.text("text", most=MAX_BYTES)
    if not slug or slug_for(slug) != slug:
        raise InvalidInput([Problem("must be lower-case letters, digits and hyphens", "slug")])
    if not text:
        raise InvalidInput(
            [Problem("push a notebook; other kinds of definition are not taken", "text")]
        )
    # Before a task is created: a file that cannot be read leaves nothing behind.
    script = script_of("task.ipynb", text.encode("utf-8", "replace"))
    pushed = _name_in(script.code, slug)
    task = _own_task(call, slug, title=pushed or slug)
    draft = TaskDraft.objects.filter(task=task).first()
    settings_text = draft.code_settings if draft else ""
    save_code_draft(
        task=task,
        code=text,
        code_name="task.ipynb",
        settings_text=settings_text
        if script.chosen or not pushed
        else with_main(settings_text, pushed),
        by=call.user,
    )
    notice = _publish(task, call.user)
    task.refresh_from_db()
    message = task_message(task, newest_state_of(task))
    if notice:
        message["notice"] = notice
    sources = call.body.inner("options").texts("datasetDataSources")
    if sources:
        # They lie with another service. Files are attached on the task's page.
        message["invalidDatasetSources"] = sources
    return message


def _name_in(code: str, slug: str) -> str | None:
    """Return the name of the task that was pushed; None if the code names it in its own way."""
    for task in inspect_code(code).tasks:
        if task.name is not None and as_slug(task.name) == slug:
            return task.name
    return None


def _own_task(call: RpcCall, slug: str, *, title: str) -> Task:
    namespace = call.namespace
    task = (
        Task.objects.select_related("namespace", "latest_version")
        .filter(namespace=namespace, slug=slug)
        .first()
    )
    if task is None:
        facts = TaskFacts(title=title[:_MAX_TITLE])
        return create_task(namespace=namespace, facts=facts, slug=slug, by=call.user)
    latest = task.latest_version
    draft = TaskDraft.objects.filter(task=task).first()
    is_declared = latest is not None and latest.kind != TaskVersion.Kind.CODE
    if is_declared or (draft is not None and draft.definition_text.strip()):
        raise Conflict(
            f"{namespace.handle}/{slug} is a task with a definition and a data file; push the code "
            "under another name."
        )
    return task


def with_main(settings: str, name: str) -> str:
    """Return the settings with the pushed task as the one that counts, unless they name one."""
    try:
        known = yaml.safe_load(settings) if settings.strip() else {}
    except yaml.YAMLError:
        return settings
    if not isinstance(known, dict) or "main" in known or settings.lstrip().startswith("{"):
        return settings
    line = yaml.safe_dump({"main": name}, allow_unicode=True, width=10_000)
    return f"{settings.rstrip()}\n{line}".lstrip("\n")


def _publish(task: Task, user: User) -> str:
    """Publish the draft; return what the client should know about it, if anything."""
    version = build_version(task=task, by=user)
    if version.state != TaskVersion.State.PUBLISHED:
        publish_task(task=task, by=user)
        return ""
    if version.pk != task.latest_version_id:
        raise Conflict(
            f"This code is that of version {version.number} already, and newer ones were published "
            "since."
        )
    return f"Nothing changed since version {version.number}."
