"""A task, one of its versions, and a version's items."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from plumbmark.accounts.acting import find_acting_namespaces
from plumbmark.accounts.permissions import Visitor
from plumbmark.web.forms import number_in
from plumbmark.web.long_text import cap_text
from tasks_app.authoring.preview import preview_messages
from tasks_app.authoring.queries import (
    items_of,
    published_versions_of,
    task_at,
    version_at,
    version_with_task,
)
from tasks_app.authoring.request_facts import request_facts
from tasks_app.authoring.uses import uses_of_task
from tasks_app.authoring.views.trails import trail_of
from tasks_app.code_tasks.definition import CodeDefinition
from tasks_app.definitions import Definition
from tasks_app.definitions.rendering import ordered_choices, text_of
from tasks_app.item_reports.addresses import report_address
from tasks_app.item_reports.queries import count_of_open_reports
from tasks_app.judges.panel_page import trust_context
from tasks_app.judges.queries import trust_in_judges
from tasks_app.kinds import kind_of
from tasks_app.models import Item, Run, Task, TaskVersion
from tasks_app.permissions import can_edit_task, can_view_private_items, can_view_version
from tasks_app.runs.forms import RunForm
from tasks_app.runs.message_display import files_of_item, message_context
from tasks_app.runs.queries import declared_runs_of, deployments_for, runs_with_scorings
from tasks_app.scorings.score_display import score_context
from tasks_app.task_copies.licences import licence_warnings
from tasks_app.task_copies.provenance import provenance_of

_RUNS = 20
_EXAMPLES = 2
_EXAMPLE_CHARACTERS = 4000
_ITEMS = 25
_ITEM_CHARACTERS = 2000


@require_safe
def task_detail(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show the latest published version; its authors see a draft without one too."""
    task = task_at(handle=handle, slug=slug, to=request.user)
    if (task.namespace.handle, task.slug) != (handle, slug):
        return redirect(task)
    version = task.latest_version
    if version is None:
        context = {
            "task": task,
            "can_edit": can_edit_task(request.user, task),
            "trail": [*trail_of(task)[:-1], {"label": task.title}],
        }
        return render(request, "tasks_app/authoring/unpublished.html", context)
    version.task = task
    return _detail(request, task, version, is_latest=True)


@require_safe
def task_version(request: HttpRequest, handle: str, slug: str, number: int) -> HttpResponse:
    version = version_with_task(handle=handle, slug=slug, number=number, to=request.user)
    if version is None or not can_view_version(request.user, version):
        raise Http404
    task = version.task
    if (task.namespace.handle, task.slug) != (handle, slug):
        return redirect(version)
    return _detail(request, task, version, is_latest=version.pk == task.latest_version_id)


def _detail(
    request: HttpRequest, task: Task, version: TaskVersion, *, is_latest: bool
) -> HttpResponse:
    kind = kind_of(version)
    program = kind.definition if kind.runs_program else None
    definition = None if kind.runs_program else kind.definition
    sees_code = program is not None and (
        not version.is_withheld
        and (not program.is_private or can_view_private_items(request.user, task))
    )
    runs = declared_runs_of(task, None if is_latest else version, to=request.user)
    versions = _versions(task, request.user)
    trail = trail_of(task)
    if is_latest:
        trail = [*trail[:-1], {"label": task.title}]
    else:
        trail = [*trail, {"label": _("Version %(number)s") % {"number": version.number}}]
    context = {
        "task": task,
        "version": version,
        "is_latest": is_latest,
        "trail": trail,
        "can_edit": can_edit_task(request.user, task),
        "can_copy": request.user.is_authenticated
        and not version.is_withheld
        and (program is None or sees_code),
        "open_reports": versions[0].open_reports if versions else 0,  # type: ignore[attr-defined]
        "definition": program or definition,
        "program": program,
        "script": cap_text(program.script) if program is not None and sees_code else None,
        "program_facts": [] if program is None else _program_facts(program),
        "definition_text": cap_text("" if version.is_withheld else version.definition_text),
        "facts": _facts(version),
        "provenance": provenance_of(task, to=request.user),
        "licence_warnings": licence_warnings(task) if can_edit_task(request.user, task) else [],
        "scorers": []
        if definition is None
        else [_scorer(definition, scorer) for scorer in definition.scorers],
        "has_judges": any(scorer.type == "model_judge" for scorer in definition.scorers)
        if definition
        else False,
        "judges": trust_context(trust) if (trust := trust_in_judges(version)) else None,
        "examples": []
        if definition is None or version.is_withheld
        else [
            item_context(version, definition, item, _EXAMPLE_CHARACTERS)
            for item in items_of(version, to=request.user)[:_EXAMPLES]
        ],
        "asking": None if definition is None or version.is_withheld else request_facts(definition),
        "versions": versions,
        "runs": [
            {"run": run, "score": score_context(run, run.task_version, scoring)}
            for run, scoring in runs_with_scorings(runs, most=_RUNS)
        ],
        "uses": uses_of_task(task, to=request.user),
        "run_form": None if version.is_withheld else _run_form(request),
        "hashes": [
            {"key": _("Question hash"), "value": version.question_hash},
            {"key": _("Marking hash"), "value": version.marking_hash},
            {"key": _("Canary"), "value": version.canary},
        ],
    }
    return render(request, "tasks_app/authoring/detail.html", context)


def _versions(task: Task, visitor: Visitor) -> Sequence[TaskVersion]:
    """Return the newest versions, each with the number of the one before it as `compared_with` and
    the task's open reports.
    """
    reports = count_of_open_reports(task, to=visitor)
    found = published_versions_of(task, to=visitor).annotate(open_reports=reports)
    versions = list(found[:21])
    for one, before in pairwise(versions):
        one.compared_with = before.number  # type: ignore[attr-defined]
    return versions[:20]


def _run_form(request: HttpRequest) -> RunForm | None:
    """Return the form for those who can act for a namespace."""
    namespaces = find_acting_namespaces(request)
    if not namespaces:
        return None
    return RunForm(
        deployments=deployments_for(request.user),
        namespaces=namespaces,
        initial={"purpose": Run.Purpose.EXPLORATORY},
    )


def _facts(version: TaskVersion) -> list[dict[str, Any]]:
    private = version.private_item_count
    return [
        {
            "key": _("Items"),
            "value": f"{version.item_count:,}",
            "note": _("%(count)s private") % {"count": f"{private:,}"} if private else "",
        },
        {"key": _("Repeats"), "value": version.repeats},
        {
            "key": _("Metric"),
            "value": version.metric_name,
            "note": _("higher is better")
            if version.metric_direction == "higher"
            else _("lower is better"),
        },
        {
            "key": _("Version"),
            "value": version.number,
            "note": f"{version.published_at:%Y-%m-%d}" if version.published_at else "",
        },
        {"key": _("Licence"), "value": version.task.licence or _("not stated")},
    ]


def _program_facts(program: CodeDefinition) -> list[dict[str, Any]]:
    rows = [
        {"key": _("File"), "value": program.file_name},
        {"key": _("Tasks that count"), "value": ", ".join(one.key for one in program.counted)},
        {"key": _("Environment"), "value": program.environment},
        {"key": _("Time limit"), "value": _("%(n)s minutes") % {"n": program.timeout_minutes}},
        {"key": _("Attached files"), "value": ", ".join(one.name for one in program.files)},
    ]
    return [row for row in rows if row["value"]]


def _scorer(definition: Definition, scorer: Any) -> dict[str, Any]:
    return {
        "name": scorer.name,
        "type": scorer.type,
        "is_main": scorer.name == definition.main,
        "options": [
            {
                "key": name.replace("_", " "),
                "value": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
            }
            for name, value in scorer.options.items()
        ],
    }


def item_context(
    version: TaskVersion, definition: Definition | None, item: Item, most: int
) -> dict[str, Any]:
    """Return an item as `_item.html` shows it; texts are cut at `most` characters.

    `version` has its task with the namespace.
    """
    if item.is_withheld or definition is None:
        return {"item": item, "exchange": [], "targets": [], "choices": []}
    exchange = []
    address_of = files_of_item(version, item)
    for message in preview_messages(definition, item):
        context, text = message_context(message, most, address_of)
        exchange.append({**context, "note": _("shortened here") if text.is_cut else ""})
    targets = item.target if isinstance(item.target, list) else [item.target]
    choices = [] if item.choices is None else ordered_choices(definition, item)
    return {
        "item": item,
        "exchange": exchange,
        "targets": [cap_text(text_of(one), 500).text for one in targets[:10] if one is not None],
        "choices": [cap_text(one, 500).text for one in choices],
        "report_url": report_address(version, item.position),
    }


@require_safe
def item_list(request: HttpRequest, handle: str, slug: str, number: int) -> HttpResponse:
    """Show the items that the visitor may see, by position."""
    task = task_at(handle=handle, slug=slug, to=request.user)
    version = version_at(task=task, number=number, to=request.user)
    version.task = task
    kind = kind_of(version)
    definition = None if kind.runs_program else kind.definition
    visible = items_of(version, to=request.user)
    start = number_in(request, "from") or 0
    found = list(visible.filter(position__gte=start)[: _ITEMS + 1])
    page = found[:_ITEMS]
    if start and not page:
        raise Http404
    before = list(
        visible.filter(position__lt=start)
        .order_by("-position")
        .values_list("position", flat=True)[:_ITEMS]
    )
    is_member = version.private_item_count and visible.filter(split=Item.Split.PRIVATE).exists()
    step = {"label": _("Version %(number)s") % {"number": number}}
    context = {
        "task": task,
        "version": version,
        "items": [item_context(version, definition, item, _ITEM_CHARACTERS) for item in page],
        "hidden": 0 if is_member else version.private_item_count,
        "previous_url": f"?from={before[-1]}" if before else "",
        "next_url": f"?from={found[_ITEMS].position}" if len(found) > _ITEMS else "",
        "trail": [
            *trail_of(task),
            {**step, "url": version.get_absolute_url()},
            {"label": _("Items")},
        ],
    }
    return render(request, "tasks_app/authoring/items.html", context)
