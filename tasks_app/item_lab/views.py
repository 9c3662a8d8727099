"""The item lab of a version: findings, and its items with their numbers."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from plumbmark.scoring.item_analysis import MIN_ROWS_FOR_DISCRIMINATION
from tasks_app.authoring.queries import task_at, version_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.item_lab.findings import describe_findings, missing_numbers
from tasks_app.item_lab.queries import (
    ORDERS,
    SELECTIONS,
    AnalysedItem,
    StoredAnalysis,
    analysed_items,
    analysis_of,
)
from tasks_app.kinds import kind_of
from tasks_app.models import ItemAnalysis, TaskVersion

_ITEMS = 25
_TEXT = 160


@require_safe
def item_lab(request: HttpRequest, handle: str, slug: str, number: int) -> HttpResponse:
    """Show the items of a version; `show` selects some, `order` sorts them."""
    task = task_at(handle=handle, slug=slug, to=request.user)
    version = version_at(task=task, number=number, to=request.user)
    version.task = task
    analysis = analysis_of(version, to=request.user)
    step = {"label": _("Version %(number)s") % {"number": number}}
    context: dict[str, Any] = {
        "task": task,
        "version": version,
        "is_program": kind_of(version).runs_program,
        "analysis": analysis,
        "trail": [
            *trail_of(task),
            {**step, "url": version.get_absolute_url()},
            {"label": _("Item lab")},
        ],
    }
    if analysis is not None:
        context |= _context_of(request, version, analysis)
    return render(request, "tasks_app/item_lab/lab.html", context)


def _context_of(
    request: HttpRequest, version: TaskVersion, analysis: StoredAnalysis
) -> dict[str, Any]:
    selection = request.GET.get("show", "all")
    order = request.GET.get("order", "position")
    selection = selection if selection in SELECTIONS else "all"
    order = order if order in ORDERS else "position"
    page = Paginator(analysis.places(selection, order).tolist(), _ITEMS).get_page(
        request.GET.get("page")
    )
    is_member = analysis.audience == ItemAnalysis.AnalysisAudience.MEMBERS
    return {
        "finding": describe_findings(analysis),
        "missing": missing_numbers(analysis),
        "facts": _facts(analysis),
        "hidden": 0 if is_member else version.private_item_count,
        "includes_private": is_member and version.private_item_count,
        "tabs": _tabs(analysis, selection, order),
        "orders": [
            {"label": label, "url": f"?show={selection}&order={name}", "current": name == order}
            for name, label in _order_labels().items()
        ],
        "has_discrimination": analysis.row_count >= MIN_ROWS_FOR_DISCRIMINATION,
        "is_fitted": analysis.content["fitted"],
        "page": page,
        "items": [
            _item_context(version, one)
            for one in analysed_items(analysis, list(page.object_list), to=request.user)
        ],
    }


def _order_labels() -> dict[str, str]:
    return {
        "position": _("position"),
        "hardest": _("hardest first"),
        "easiest": _("easiest first"),
        "least-discriminating": _("least discriminating first"),
        "most-discriminating": _("most discriminating first"),
    }


def _tabs(analysis: StoredAnalysis, selection: str, order: str) -> list[dict[str, Any]]:
    counts = analysis.counts
    tabs = {
        "all": (_("All items"), analysis.content["items"]),
        "all-right": (_("All right"), counts["all_right"]),
        "none-right": (_("None right"), counts["none_right"]),
        "suspected-keys": (_("Suspected keys"), counts["key_doubts"]),
        "near-duplicates": (_("Near-duplicates"), counts["near_duplicates"]),
        "only-one": (_("Only one model"), counts["only_one"]),
    }
    return [
        {
            "label": label,
            "count": f"{count:,}",
            "url": f"?show={name}&order={order}",
            "current": name == selection,
        }
        for name, (label, count) in tabs.items()
    ]


def _facts(analysis: StoredAnalysis) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = [
        {"key": _("Items"), "value": f"{analysis.content['items']:,}"},
        {"key": _("Rows compared"), "value": f"{analysis.row_count:,}"},
    ]
    saturation = analysis.content["saturation"]
    if saturation:
        informative = f"{saturation['informative']:,}"
        facts.append({"key": _("Items that tell rows apart"), "value": informative})
        for name, label in (("best", _("Best row")), ("median", _("Median row"))):
            if saturation[name] is not None:
                facts.append({"key": label, "value": f"{100 * saturation[name]:.1f} %"})
    facts.append({"key": _("Computed"), "value": "", "at": analysis.computed_at})
    return facts


def _item_context(version: TaskVersion, one: AnalysedItem) -> dict[str, Any]:
    task = version.task
    place = [task.namespace.handle, task.slug, version.number]
    items_url = reverse("tasks:items", args=place)
    text = " ".join(one.text.split())
    return {
        "found": one,
        "text": text if len(text) <= _TEXT else text[: _TEXT - 1] + "…",
        "difficulty": _shown(one.difficulty),
        "discrimination": _shown(one.discrimination),
        "slope": _shown(one.slope),
        "place": _shown(one.place),
        "is_negative": one.discrimination is not None and one.discrimination < 0,
        "item_url": f"{items_url}?from={one.item.position}",
        "report_url": reverse("tasks:report-item", args=[*place, one.item.position]),
        "sample_url": ""
        if one.run is None
        else reverse("runs:sample", args=[one.run, one.ordinal]),
        "duplicates": [
            {
                "position": position,
                "url": f"{items_url}?from={position}",
                "share": f"{100 * similarity:.0f} %",
            }
            for position, similarity in one.duplicates
        ],
    }


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
