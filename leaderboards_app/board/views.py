"""Pages of boards and snapshots."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from benchmarks_app.breadcrumbs import trail_of
from benchmarks_app.card import QUESTIONS
from benchmarks_app.composition.contributors import parse_contributors
from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.permissions import can_edit_benchmark, can_enter
from benchmarks_app.queries import (
    benchmark_at,
    published_versions_of,
    version_of,
)
from leaderboards_app.board.arrangement import SCOPES, SORT_LABELS, YOURS, Arrangement
from leaderboards_app.board.columns import list_choices, list_score_columns, opened_groups
from leaderboards_app.board.responses import readable_standings, same_for_readers
from leaderboards_app.board.snapshots import (
    Query,
    Snapshot,
    arrange_snapshot,
    figure_address,
    figure_files,
    file_query,
    query_of,
    render_board_page,
)
from leaderboards_app.figures.dot_plot import Figure
from leaderboards_app.figures.drawing import style_source
from leaderboards_app.figures.named import NAMES, SCORES, draw_named
from leaderboards_app.home.readings import count_reading
from leaderboards_app.models import Standings
from leaderboards_app.slices.queries import read_counts
from leaderboards_app.standings.queries import (
    board_at,
    board_fingerprint,
    following_snapshot,
    latest_standings_id,
    snapshot_fingerprint,
    standings_at,
)
from plumbmark.common.retention import withheld_note
from plumbmark.common.table_files import formats
from plumbmark.web.csp import policy_text
from plumbmark.web.numbers import format_size_with_unit
from plumbmark.web.page_cache import is_stranger, same_for_strangers
from plumbmark.web.theme import theme_of
from tasks_app.judges.panel_page import trust_context
from tasks_app.models.tasks import Visibility

_VERSIONS_SHOWN = 20
_PASSED_OVER_SHOWN = 200


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

    fingerprint = board_fingerprint(handle=handle, slug=slug) if is_stranger(request) else None
    if fingerprint is None:
        response: HttpResponseBase = render_it()
    else:
        response = same_for_strangers(request, fingerprint, render_it)
    count_reading(request, response, handle=handle, slug=slug)
    return response


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
        if standings.is_withheld:
            return _show_withheld(request, standings)
        return _render_board(request, standings.version, public_id, is_permalink=True)

    if is_stranger(request):
        fingerprint = snapshot_fingerprint(public_id=public_id)
        if fingerprint is not None:
            return same_for_strangers(request, fingerprint, render_it)
    return render_it()


def _show_withheld(request: HttpRequest, standings: Standings) -> HttpResponse:
    """Show what is left of a snapshot: that there was one, when, and its hash."""
    context = {
        "standings": standings,
        "benchmark": standings.version.benchmark,
        "trail": trail_of(
            standings.version.benchmark, _("Snapshot %(n)s") % {"n": standings.number}
        ),
        "note": withheld_note(standings),
        "rows": [
            {"key": _("Version of the benchmark"), "value": standings.version.number},
            {"key": _("Snapshot"), "value": standings.number},
            {"key": _("Created (UTC)"), "value": f"{standings.created_at:%Y-%m-%d %H:%M}"},
            {"key": _("Rows"), "value": standings.row_count},
            {"key": _("Hash of the content"), "value": standings.content_hash},
        ],
        "next": following_snapshot(standings),
    }
    return render(request, "leaderboards_app/withheld.html", context)


@require_safe
def figure(request: HttpRequest, public_id: str, name: str = "scores") -> HttpResponseBase:
    """Return a figure of a snapshot as SVG, of the same rows as the page with the same query.

    `name` is one of `named.NAMES`. With `size=narrow` it is drawn for a phone.
    """
    if name not in NAMES:
        raise Http404
    theme = theme_of(request)
    is_narrow = request.GET.get("size") == "narrow"

    def render_it() -> HttpResponse:
        readable_standings(public_id, to=request.user)
        arranged, content = arrange_snapshot(public_id, query_of(request.GET))
        drawing = draw_named(name, arranged, content, theme, is_narrow=is_narrow)
        if drawing is None:
            raise Http404(_("A figure needs two rows with both values."))
        return HttpResponse(drawing.svg, content_type="image/svg+xml; charset=utf-8")

    response = same_for_readers(request, public_id, "figure", render_it)
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
        "contributors": parse_contributors(version.contributors),
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
            "slice_counts": read_counts(standings.slice_counts),
            "content": content,
            "arranged": arranged,
            "main_rows": view.main_rows,
            "smallest_difference": _smallest_difference(content),
            "running": arranged.running,
            # A snapshot by its permalink never changes.
            "is_live": bool(arranged.running) and not is_permalink,
            "page": view.page,
            "figure": view.figure,
            "figure_url": figure_address(standings_id, query),
            "narrow_figure_url": figure_address(standings_id, query, size="narrow"),
            "scores_files": figure_files(standings_id, query, SCORES),
            "formats": formats(),
            "file_query": file_query(query),
            "preview": _preview(benchmark, standings, view.figure, is_permalink=is_permalink),
            "scatters": [
                {
                    "figure": one,
                    "url": figure_address(standings_id, query, one.name),
                    "narrow_url": figure_address(standings_id, query, one.name, size="narrow"),
                    **figure_files(standings_id, query, one.name),
                }
                for one in view.scatters
            ],
            "scopes": _scope_tabs(arranged, query),
            "task_columns": content["tasks"] if len(content["tasks"]) > 1 else [],
            "columns": view.columns,
            "default_sort": f"-{YOURS}" if arranged.yours else "-score",
            "column_choices": list_choices(view.columns, content),
            "score_columns": view.score_columns,
            "group_links": _group_links(content, query),
            "folded_tasks": _folded_tasks(view.columns, content, query),
            "filters": arranged.filters,
            "chips": [
                {"text": one.text, "url": _address_without(query, one.name)}
                for one in arranged.filters.active
            ],
            "announcement": _("Sorted by %(label)s, %(count)s rows")
            % {"label": _sort_label(arranged.sort, content), "count": arranged.main_count},
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


def _preview(
    benchmark: Benchmark, standings: Snapshot, figure: Figure | None, *, is_permalink: bool
) -> dict[str, str] | None:
    """Return what other sites show of a link to the board; None for boards of some people only."""
    if benchmark.visibility == Visibility.PRIVATE:
        return None
    page = standings if is_permalink else benchmark
    card = reverse("leaderboards:card", args=[standings.public_id])
    return {
        "description": figure.finding if figure else benchmark.claim,
        "url": settings.SITE_URL + page.get_absolute_url(),
        "image": settings.SITE_URL + card,
    }


def _smallest_difference(content: Mapping[str, Any]) -> str:
    """Return the smallest difference that matters with its unit; empty where none is stated."""
    smallest = content.get("smallest_difference")
    return "" if smallest is None else format_size_with_unit(smallest, content["metric"])


def _sort_label(sort: str, content: Mapping[str, Any]) -> str:
    if sort in SORT_LABELS:
        return str(SORT_LABELS[sort])
    return next(one.title for one in list_score_columns(content) if one.sort == sort)


def _group_links(content: Mapping[str, Any], query: Query) -> list[dict[str, Any]]:
    """Return the groups of tasks, each with the address where it is open, or closed if it is."""
    shown = opened_groups(dict(query).get("open", ""), content)
    others = [(name, value) for name, value in query if name not in {"open", "page"}]
    found = []
    for number, group in enumerate(content.get("groups", ()), start=1):
        is_open = number in shown
        then = [one for one in shown if one != number] if is_open else sorted([*shown, number])
        count = len(group["tasks"])
        pairs = [*others, *([("open", ",".join(map(str, then)))] if then else [])]
        found.append(
            {
                "text": _("close %(title)s") % group
                if is_open
                else ngettext("%(title)s (%(n)d task)", "%(title)s (%(n)d tasks)", count)
                % {**group, "n": count},
                "url": f"?{urlencode(pairs, safe=',:')}#standings",
            }
        )
    return found


def _folded_tasks(
    columns: Sequence[str], content: Mapping[str, Any], query: Query
) -> dict[str, Any] | None:
    """Return how many tasks have no column, and the page where they have one."""
    count = len(content["tasks"])
    if count < 2 or "tasks" in columns or "groups" in columns:
        return None
    others = [(name, value) for name, value in query if name != "columns"]
    chosen = ("columns", ",".join(["tasks", *columns]))
    return {"count": count, "url": f"?{urlencode([*others, chosen])}#standings"}


def _address_without(query: Query, name: str) -> str:
    others = [(key, value) for key, value in query if key not in {name, "page"}]
    return f"?{urlencode(others)}#standings"


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
