"""Pages of a benchmark's history: its snapshots, what each changed, and the figures over time."""

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from benchmarks_app.breadcrumbs import trail_of
from benchmarks_app.models import Benchmark
from benchmarks_app.queries import benchmark_at, published_versions_of
from leaderboards_app.figures.drawing import style_source
from leaderboards_app.history.changes import describe_counts, describe_reason
from leaderboards_app.history.queries import (
    MAX_LISTED,
    WithheldSnapshot,
    changes_of,
    metric_of_board,
    moments_of,
    snapshot_before,
    snapshots_of_benchmark,
)
from leaderboards_app.history.report_moves import with_reports
from leaderboards_app.history.timeline import Timeline, draw_timeline, timeline_of
from leaderboards_app.standings.queries import corrections_of, standings_at
from plumbmark.web.csp import policy_text
from plumbmark.web.theme import theme_of

_CHANGES_OF_A_PAGE = 200


@require_safe
def history(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Show every snapshot of every version, the scores over time, and the log of corrections."""
    benchmark = benchmark_at(handle=handle, slug=slug, to=request.user)
    timeline, _metric = _timeline_of(benchmark)
    snapshots: Any = snapshots_of_benchmark(benchmark, to=request.user)[:MAX_LISTED]
    return render(
        request,
        "leaderboards_app/history.html",
        {
            "benchmark": benchmark,
            "trail": trail_of(benchmark, _("History")),
            "versions": published_versions_of(benchmark, to=request.user),
            "timeline": timeline,
            "snapshots": [
                {
                    "standings": one,
                    "changes": describe_counts(one.changes) if one.changes else "",
                    "reason": describe_reason(one.reason),
                }
                for one in snapshots
            ],
            "corrections": with_reports(
                corrections_of(benchmark, to=request.user)[:MAX_LISTED], to=request.user
            ),
        },
    )


@require_safe
def timeline(request: HttpRequest, handle: str, slug: str, name: str) -> HttpResponse:
    """Return the figure of scores or ranks over time as SVG. `size=narrow` is for a phone."""
    if name not in {"scores", "ranks"}:
        raise Http404
    benchmark = benchmark_at(handle=handle, slug=slug, to=request.user)
    found, metric = _timeline_of(benchmark)
    if found is None or metric is None:
        raise Http404(_("A figure over time needs two snapshots with a ranked row."))
    theme = theme_of(request)
    drawing = draw_timeline(
        found,
        metric,
        theme,
        of_ranks=name == "ranks",
        is_narrow=request.GET.get("size") == "narrow",
    )
    response = HttpResponse(drawing, content_type="image/svg+xml; charset=utf-8")
    response["Content-Security-Policy"] = policy_text({"style-src": (style_source(theme),)})
    return response


def _timeline_of(benchmark: Benchmark) -> tuple[Timeline | None, dict[str, Any] | None]:
    version = benchmark.board_version
    if version is None:
        return None, None
    metric = metric_of_board(version)
    return (timeline_of(moments_of(version), metric) if metric else None), metric


@require_safe
def changes(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show what a snapshot changed, row by row."""
    standings = standings_at(public_id=public_id, to=request.user)
    before = snapshot_before(standings)
    found = changes_of(standings)
    note = found.note if isinstance(found, WithheldSnapshot) else ""
    page = Paginator(
        [] if isinstance(found, WithheldSnapshot) else found, _CHANGES_OF_A_PAGE
    ).get_page(request.GET.get("page"))
    benchmark = standings.version.benchmark
    return render(
        request,
        "leaderboards_app/history/changes.html",
        {
            "benchmark": benchmark,
            "standings": standings,
            "before": before,
            "reason": describe_reason(standings.reason),
            "trail": trail_of(benchmark, _("Changes of snapshot %(n)s") % {"n": standings.number}),
            "note": note,
            "page": page,
        },
    )
