"""Pages of boards, snapshots and the home page."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from benchmarks_app.breadcrumbs import trail_of
from benchmarks_app.card import QUESTIONS
from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.permissions import can_edit_benchmark, can_enter
from benchmarks_app.queries import (
    add_counts,
    benchmark_at,
    published_versions_of,
    version_of,
    visible_benchmarks,
)
from leaderboards_app.arrangement import SCOPES, SORT_LABELS, Arrangement
from leaderboards_app.figure import draw_figure, style_source
from leaderboards_app.models import Standings
from leaderboards_app.queries import (
    board_at,
    board_fingerprint,
    corrections_of,
    latest_standings_id,
    snapshot_fingerprint,
    standings_at,
)
from leaderboards_app.snapshots import (
    Query,
    Snapshot,
    arrange_snapshot,
    figure_address,
    query_of,
    render_board_page,
)
from plumbmark.web.csp import policy_text
from plumbmark.web.page_cache import is_stranger, same_for_strangers
from plumbmark.web.theme import theme_of
from tasks_app.authoring.queries import visible_tasks
from tasks_app.judges.panel_page import trust_context

_ON_HOME = 8
_VERSIONS_SHOWN = 20
_PASSED_OVER_SHOWN = 200


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    benchmarks = add_counts(visible_benchmarks(to=request.user)[:_ON_HOME])
    tasks = list(visible_tasks(to=request.user)[:_ON_HOME])

    def render_it() -> HttpResponse:
        context = {"benchmarks": benchmarks, "tasks": tasks}
        return render(request, "leaderboards_app/home.html", context)

    if not is_stranger(request):
        return render_it()
    shown = [
        *(
            (
                one.benchmark.pk,
                one.benchmark.updated_at,
                one.benchmark.latest_version_id,
                one.task_count,
                one.entry_count,
            )
            for one in benchmarks
        ),
        *((task.pk, task.updated_at, task.latest_version_id) for task in tasks),
    ]
    return same_for_strangers(request, f"home {shown}", render_it)


@require_safe
def board(request: HttpRequest, handle: str, slug: str) -> HttpResponseBase:
    """Show a benchmark's page: the leaderboard of its newest version with a ranked row."""

    def render_it() -> HttpResponse:
        benchmark, newest = board_at(handle=handle, slug=slug, to=request.user)
        version = benchmark.board_version
        if version is None:
            return _show_unpublished(request, benchmark)
        version.benchmark = benchmark
        return _render_board(request, version, newest)

    if is_stranger(request):
        fingerprint = board_fingerprint(handle=handle, slug=slug)
        if fingerprint is not None:
            return same_for_strangers(request, fingerprint, render_it)
    return render_it()


@require_safe
def board_of_version(request: HttpRequest, handle: str, slug: str, number: int) -> HttpResponse:
    benchmark = benchmark_at(handle=handle, slug=slug, to=request.user)
    version = version_of(benchmark=benchmark, number=number, to=request.user)
    if version.state != BenchmarkVersion.State.PUBLISHED:
        return _show_unpublished(request, benchmark)
    newest = latest_standings_id(version)
    version.benchmark = benchmark
    return _render_board(request, version, newest)


def _show_unpublished(request: HttpRequest, benchmark: Benchmark) -> HttpResponse:
    return render(
        request,
        "leaderboards_app/unpublished.html",
        {"benchmark": benchmark, "can_edit": can_edit_benchmark(request.user, benchmark)},
    )


@require_safe
def snapshot(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Show a snapshot by its permalink: the board as it was then."""

    def render_it() -> HttpResponse:
        standings = standings_at(public_id=public_id, to=request.user)
        return _render_board(request, standings.version, public_id, is_permalink=True)

    if is_stranger(request):
        fingerprint = snapshot_fingerprint(public_id=public_id)
        if fingerprint is not None:
            return same_for_strangers(request, fingerprint, render_it)
    return render_it()


@require_safe
def figure(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Return the figure of a snapshot as SVG, of the same rows as the page with the same query."""
    theme = theme_of(request)

    def render_it() -> HttpResponse:
        standings_at(public_id=public_id, to=request.user)
        arranged, content = arrange_snapshot(public_id, query_of(request.GET))
        drawing = draw_figure(arranged, content, theme)
        if drawing is None:
            raise Http404(_("A figure needs two rows with an interval."))
        return HttpResponse(drawing, content_type="image/svg+xml; charset=utf-8")

    fingerprint = snapshot_fingerprint(public_id=public_id) if is_stranger(request) else None
    if fingerprint is None:
        response: HttpResponseBase = render_it()
    else:
        response = same_for_strangers(request, f"figure {fingerprint}", render_it)
        # What a stranger may see, another site may show.
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Content-Security-Policy"] = policy_text({"style-src": (style_source(theme),)})
    return response


def _render_board(
    request: HttpRequest,
    version: BenchmarkVersion,
    standings_id: str | None,
    *,
    is_permalink: bool = False,
) -> HttpResponse:
    benchmark = version.benchmark
    context: dict[str, Any] = {
        "benchmark": benchmark,
        "version": version,
        "standings": None,
        "newest": benchmark.latest_version,
        "versions": [] if is_permalink else _version_tabs(benchmark, version, request),
        "is_permalink": is_permalink,
        "can_edit": can_edit_benchmark(request.user, benchmark),
        "can_enter": can_enter(request.user, version),
        "card": [
            {"title": question.title, "answer": version.card.get(question.key, "")}
            for question in QUESTIONS
        ],
        "trail": trail_of(benchmark),
    }
    if standings_id is not None:
        query = query_of(request.GET)
        view = render_board_page(standings_id, get_language() or "", query)
        standings, arranged = view.snapshot, view.arranged
        content = standings.content
        context |= {
            "standings": standings,
            "content": content,
            "arranged": arranged,
            "main_rows": view.main_rows,
            "page": view.page,
            "figure": view.figure,
            "figure_url": figure_address(standings_id, query),
            "scopes": _scope_tabs(arranged, query),
            "task_columns": content["tasks"] if len(content["tasks"]) > 1 else [],
            "announcement": _("Sorted by %(label)s, %(count)s rows")
            % {"label": SORT_LABELS[arranged.sort], "count": len(arranged.main)},
            "passed_over": _passed_over(arranged, content),
            "bounds": view.bounds,
            "bounds_left_out": view.bounds_left_out,
            "judges": [
                {"task": task, "trust": trust_context(task["judges"])}
                for task in content["tasks"]
                # Snapshots from before there were judges know nothing of them.
                if task.get("judges")
            ],
            "facts": _facts(content, standings, arranged),
        }
    return render(request, "leaderboards_app/board.html", context)


def _version_tabs(
    benchmark: Benchmark, version: BenchmarkVersion, request: HttpRequest
) -> list[dict[str, Any]]:
    """Return the versions whose boards the visitor may see, newest first; none for a single one."""
    newest = benchmark.latest_version
    if newest is None or newest.number == 1:
        return []
    numbers = published_versions_of(benchmark, to=request.user).values_list("number", flat=True)
    place = [benchmark.namespace.handle, benchmark.slug]
    return [
        {
            "label": _("Version %(number)s") % {"number": number},
            "url": reverse("leaderboards:board_of_version", args=[*place, number]),
            "current": number == version.number,
        }
        for number in numbers[:_VERSIONS_SHOWN]
    ]


def _scope_tabs(arranged: Arrangement, query: Query) -> list[dict[str, Any]]:
    """Return the two rankings of a board with submitted rows; none where there is one."""
    if not arranged.submitted:
        return []
    others = [(name, value) for name, value in query if name not in {"scope", "page"}]
    labels = {"platform": _("Run by the platform"), "all": _("With submitted outputs")}
    return [
        {
            "label": labels[scope],
            "url": f"?{urlencode([('scope', scope), *others])}#standings",
            "current": scope == arranged.scope,
            "count": arranged.ranked_by_scope[scope],
        }
        for scope in SCOPES
    ]


def _passed_over(arranged: Arrangement, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the runs in whose place a later one counts, and why, for the rows that are shown."""
    found = [
        {
            **run,
            "row": row["contender"]["label"],
            "task": task["title"] if len(content["tasks"]) > 1 else "",
            "counted": cell["runs"],
        }
        for row in (*arranged.main, *arranged.apart)
        for task, cell in zip(content["tasks"], row["tasks"], strict=True)
        for run in cell.get("passed_over", ())
    ]
    return found[:_PASSED_OVER_SHOWN]


def _facts(
    content: Mapping[str, Any], standings: Snapshot, arranged: Arrangement
) -> list[dict[str, Any]]:
    ranked = f"{arranged.total:,}"
    if arranged.is_filtered:
        ranked = _("%(shown)s of %(all)s") % {"shown": f"{arranged.ranked:,}", "all": ranked}
    items = sum(task["items"] for task in content["tasks"])
    return [
        {"key": _("Tasks"), "value": len(content["tasks"])},
        {"key": _("Items"), "value": f"{items:,}"},
        {"key": _("Ranked rows"), "value": ranked},
        {"key": _("Snapshot"), "value": standings.number, "at": standings.created_at},
    ]


@require_safe
def history(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show every snapshot of every version, and the log of corrections."""
    benchmark = benchmark_at(handle=handle, slug=slug, to=request.user)
    versions = published_versions_of(benchmark, to=request.user)
    return render(
        request,
        "leaderboards_app/history.html",
        {
            "benchmark": benchmark,
            "trail": trail_of(benchmark, _("History")),
            "versions": versions,
            "snapshots": Standings.objects.filter(version__in=versions)
            .select_related("version")
            .defer("content")
            .order_by("-id")[:200],
            "corrections": corrections_of(benchmark, to=request.user)[:200],
        },
    )
