"""The changes between two versions on a page."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from plumbmark.web.forms import number_in
from plumbmark.web.long_text import cap_text
from plumbmark.web.word_differences import mark_differences
from tasks_app.authoring.queries import published_versions_of, task_at, versions_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.item_lab.computation import text_of_item
from tasks_app.item_reports.targets import answers_of
from tasks_app.models import Item
from tasks_app.permissions import can_view_private_items
from tasks_app.version_changes.queries import (
    MAX_LINES,
    PAGE,
    SHOWN,
    ChangeCounts,
    ItemChange,
    changed_items,
    count_changes,
    definition_change,
)

_TEXT = 2000
_VERSIONS = 50


@require_safe
def version_changes(
    request: HttpRequest, handle: str, slug: str, first: int, second: int
) -> HttpResponse:
    """Show what changed from one version to another; `show` chooses the items that are listed."""
    task = task_at(handle=handle, slug=slug, to=request.user)
    before, after = versions_at(task=task, numbers=[first, second], to=request.user)
    before.task = after.task = task
    counts = count_changes(before, after, to=request.user)
    shown = request.GET.get("show", "")
    if shown not in SHOWN:
        shown = next((one for one in SHOWN if counts.of(one)), SHOWN[0])
    page = number_in(request, "page") or 1
    items = changed_items(before, after, shown, page=page, to=request.user)
    if page > 1 and not items:
        raise Http404
    definition = definition_change(before, after, to=request.user)
    context = {
        "task": task,
        "before": before,
        "after": after,
        "definition": definition,
        "lines": [{"text": line, "kind": _kind(line)} for line in definition.lines],
        "max_lines": MAX_LINES,
        "tabs": _tabs(counts, shown),
        "shown": shown,
        "items": [_context(one) for one in items],
        "previous_url": _url(shown, page - 1) if page > 1 else "",
        "next_url": _url(shown, page + 1) if page * PAGE < counts.of(shown) else "",
        "others": [
            {
                "number": one.number,
                "url": reverse("tasks:version-changes", args=[handle, slug, one.number, second]),
            }
            for one in published_versions_of(task, to=request.user)[:_VERSIONS]
            if one.number not in {first, second}
        ],
        "is_private_hidden": (before.private_item_count or after.private_item_count)
        and not can_view_private_items(request.user, task),
        "trail": [
            *trail_of(task),
            {"label": _("Changes from version %(a)s to %(b)s") % {"a": first, "b": second}},
        ],
    }
    return render(request, "tasks_app/version_changes/changes.html", context)


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "place"
    return {"+": "added", "-": "removed"}.get(line[:1], "")


def _tabs(counts: ChangeCounts, shown: str) -> list[dict[str, Any]]:
    labels = {
        "added": _("Added"),
        "removed": _("Removed"),
        "changed": _("Changed"),
        "re-marked": _("Re-marked"),
    }
    return [
        {
            "label": label,
            "count": f"{counts.of(name):,}",
            "url": _url(name, 1),
            "current": name == shown,
        }
        for name, label in labels.items()
    ]


def _url(shown: str, page: int) -> str:
    return "?" + urlencode({"show": shown} if page == 1 else {"show": shown, "page": page})


def _context(change: ItemChange) -> dict[str, Any]:
    before, after = change.before, change.after
    context: dict[str, Any] = {
        "key": change.key,
        "text": _text(after or before),
        "targets_before": _targets(before),
        "targets_after": _targets(after),
        "has_other_target": before is not None
        and after is not None
        and before.target != after.target,
        "has_other_columns": before is not None
        and after is not None
        and before.scorer_input != after.scorer_input,
    }
    if before is not None and after is not None and _text(before) != _text(after):
        context["marked"] = mark_differences(_text(before), _text(after))
    return context


def _text(item: Item | None) -> str:
    if item is None or item.is_withheld:
        return ""
    return cap_text(text_of_item(item), _TEXT).text


def _targets(item: Item | None) -> list[str]:
    if item is None or item.is_withheld:
        return []
    return [cap_text(text, 200).text for text in answers_of(item.target)[:10]]
