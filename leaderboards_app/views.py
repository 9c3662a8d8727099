"""Pages of boards, snapshots and the home page."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from benchmarks_app.breadcrumbs import trail_of
from benchmarks_app.card import QUESTIONS
from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.permissions import can_edit_benchmark, can_enter
from benchmarks_app.queries import (
    benchmark_at,
    listed_benchmarks,
    published_versions_of,
    version_of,
)
from leaderboards_app.arrangement import SORT_LABELS
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


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "leaderboards_app/home.html",
        {
            "benchmarks": listed_benchmarks(to=request.user)[:_ON_HOME],
            "tasks": visible_tasks(to=request.user)[:_ON_HOME],
        },
    )


@require_safe
def board(request: HttpRequest, handle: str, slug: str) -> HttpResponseBase:
    """Show a benchmark's page: the leaderboard of its latest version."""

    def render_it() -> HttpResponse:
        benchmark, newest = board_at(handle=handle, slug=slug, to=request.user)
        if benchmark.latest_version is None:
            return _show_unpublished(request, benchmark)
        benchmark.latest_version.benchmark = benchmark
        return _render_board(request, benchmark.latest_version, newest, is_latest=True)

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
    is_latest = version.pk == benchmark.latest_version_id
    return _render_board(request, version, newest, is_latest=is_latest)


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
        return _render_board(
            request, standings.version, public_id, is_latest=False, is_permalink=True
        )

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
        drawing = draw_figure(arranged.main, content, arranged.scope, theme)
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
    is_latest: bool,
    is_permalink: bool = False,
) -> HttpResponse:
    benchmark = version.benchmark
    context: dict[str, Any] = {
        "benchmark": benchmark,
        "version": version,
        "standings": None,
        "is_latest": is_latest,
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
            "task_columns": content["tasks"] if len(content["tasks"]) > 1 else [],
            "announcement": _("Sorted by %(label)s, %(count)s rows")
            % {"label": SORT_LABELS[arranged.sort], "count": len(arranged.main)},
            "bounds": view.bounds,
            "bounds_left_out": view.bounds_left_out,
            "judges": [
                {"task": task, "trust": trust_context(task["judges"])}
                for task in content["tasks"]
                # Snapshots from before there were judges know nothing of them.
                if task.get("judges")
            ],
            "facts": _facts(content, standings),
        }
    return render(request, "leaderboards_app/board.html", context)


def _facts(content: Mapping[str, Any], standings: Snapshot) -> list[dict[str, Any]]:
    ranked = sum(row["status"] == "ranked" for row in content["rows"])
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
