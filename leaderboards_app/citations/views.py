"""Citing, downloading, embedding and verifying a snapshot: a page, and citations as files."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from benchmarks_app.breadcrumbs import trail_of
from benchmarks_app.models import BenchmarkVersion
from leaderboards_app.board.responses import readable_standings, same_for_readers
from leaderboards_app.board.snapshots import (
    Query,
    Snapshot,
    arrange_snapshot,
    figure_address,
    figure_files,
    file_query,
    query_of,
    snapshot_of,
)
from leaderboards_app.citations.texts import CitedStandings, as_apa, as_bibtex, as_cff
from leaderboards_app.embeds.badges import badge_of
from leaderboards_app.embeds.table import MAX_ROWS
from leaderboards_app.embeds.views import TABLE, frame_code
from leaderboards_app.figures.named import NAMES, draw_named
from plumbmark.common.table_files import formats
from plumbmark.web.downloads import mark_as_file
from tasks_app.models.tasks import Visibility

_BADGES_SHOWN = 10
_WRITERS = {
    "bib": (as_bibtex, "application/x-bibtex; charset=utf-8"),
    "txt": (as_apa, "text/plain; charset=utf-8"),
    "cff": (as_cff, "application/yaml; charset=utf-8"),
}


def cited_standings(version: BenchmarkVersion, snapshot: Snapshot) -> CitedStandings:
    """Return what a citation of a snapshot names."""
    benchmark = version.benchmark
    return CitedStandings(
        author=benchmark.namespace.label,
        title=benchmark.title,
        claim=benchmark.claim,
        slug=benchmark.slug,
        version=version.number or 0,
        number=snapshot.number,
        made_on=snapshot.created_at.date(),
        url=settings.SITE_URL + snapshot.get_absolute_url(),
        content_hash=snapshot.content_hash,
    )


@require_safe
def citation_file(request: HttpRequest, public_id: str, extension: str) -> HttpResponseBase:
    """Return the citation as BibTeX, CFF or plain text."""
    if extension not in _WRITERS:
        raise Http404
    write, media_type = _WRITERS[extension]

    def render_it() -> HttpResponse:
        version = readable_standings(public_id, to=request.user).version
        snapshot = snapshot_of(public_id)
        response = HttpResponse(write(cited_standings(version, snapshot)))
        stem = f"{version.benchmark.slug}-v{version.number}-{snapshot.number}"
        name = "CITATION.cff" if extension == "cff" else f"{stem}.{extension}"
        mark_as_file(response, name, media_type)
        return response

    return same_for_readers(request, public_id, "citation", render_it)


@require_safe
def cite(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Show how to cite, download, embed and verify a snapshot, with the filters of its page."""

    def render_it() -> HttpResponse:
        standings = readable_standings(public_id, to=request.user)
        context = _context(standings.version, public_id, query_of(request.GET))
        return render(request, "leaderboards_app/citations/cite.html", context)

    return same_for_readers(request, public_id, "cite", render_it)


def _context(version: BenchmarkVersion, public_id: str, query: Query) -> dict[str, Any]:
    benchmark, snapshot = version.benchmark, snapshot_of(public_id)
    cited = cited_standings(version, snapshot)
    return {
        "benchmark": benchmark,
        "standings": snapshot,
        "trail": trail_of(benchmark, _("Cite standings %(n)s") % {"n": snapshot.number}),
        "citations": [
            {"label": label, "text": _WRITERS[ending][0](cited), "extension": ending}
            for ending, label in (("bib", "BibTeX"), ("txt", "APA"), ("cff", "CITATION.cff"))
        ],
        "formats": formats(),
        "query": file_query(query),
        "is_public": benchmark.visibility == Visibility.PUBLIC,
        **_figures(public_id, query),
        **_frames_of_table(version, public_id, query),
        "badges": _badges(version, snapshot, dict(query)),
    }


def _figures(public_id: str, query: Query) -> dict[str, Any]:
    arranged, content = arrange_snapshot(public_id, query)
    found = []
    for name in NAMES:
        drawing = draw_named(name, arranged, content, "light")
        if drawing is None:
            continue
        frame = _frame_address(public_id, query, name)
        found.append(
            {
                "name": name,
                "title": drawing.title,
                "svg_url": figure_address(public_id, query, name),
                **figure_files(public_id, query, name),
                "code": frame_code(
                    frame, drawing.title, width=drawing.width + 32, height=drawing.height + 110
                ),
            }
        )
    return {"figures": found}


def _frame_address(public_id: str, query: Query, what: str) -> str:
    return reverse("leaderboards:embed", args=[public_id]) + file_query((("figure", what), *query))


def _frames_of_table(version: BenchmarkVersion, public_id: str, query: Query) -> dict[str, Any]:
    arranged, _content = arrange_snapshot(public_id, query)
    benchmark = version.benchmark
    height = 150 + 40 * max(1, min(MAX_ROWS, arranged.main_count))
    newest = reverse("leaderboards:embed_newest", args=[benchmark.namespace.handle, benchmark.slug])
    title = benchmark.title
    frozen = _frame_address(public_id, query, TABLE)
    return {
        "table_code": frame_code(frozen, title, width=640, height=height),
        "live_code": frame_code(newest, title, width=640, height=height),
    }


def _badges(
    version: BenchmarkVersion, snapshot: Snapshot, query: Mapping[str, str]
) -> list[dict[str, str]]:
    arranged, content = arrange_snapshot(snapshot.public_id, tuple(query.items()))
    benchmark = version.benchmark
    found = []
    for row in arranged.main[:_BADGES_SHOWN]:
        contender = row["contender"]["id"]
        made = badge_of(content, contender, arranged.scope, benchmark.title)
        assert made is not None
        address = reverse("leaderboards:badge", args=[snapshot.public_id, contender])
        shown = f"{address}?scope={arranged.scope}"
        board = settings.SITE_URL + snapshot.get_absolute_url()
        label = made.sentence.replace("[", "(").replace("]", ")").replace("\\", "/")
        found.append(
            {
                "sentence": made.sentence,
                "url": shown,
                "code": f"[![{label}]({settings.SITE_URL}{shown})]({board})",
            }
        )
    return found
