"""Frames, badges and previews of a board, for pages of other sites."""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from benchmarks_app.models import BenchmarkVersion
from leaderboards_app.board.responses import readable_standings, same_for_readers
from leaderboards_app.board.snapshots import (
    arrange_snapshot,
    figure_address,
    query_of,
    snapshot_of,
)
from leaderboards_app.embeds.badges import badge_of, draw_badge
from leaderboards_app.embeds.cards import draw_card
from leaderboards_app.embeds.table import embedded_rows
from leaderboards_app.exports.figure_files import no_figure
from leaderboards_app.figures.dot_plot import figure_of
from leaderboards_app.figures.named import NAMES, draw_named
from leaderboards_app.standings.queries import board_at, snapshot_fingerprint
from plumbmark.web.csp import policy_text
from plumbmark.web.page_cache import same_for_strangers
from plumbmark.web.theme import theme_of
from tasks_app.models.tasks import Visibility

TABLE = "table"
_FRAMED_BY_ANYBODY = policy_text({"frame-ancestors": ("*",), "script-src": ("'none'",)})


@require_safe
def embed(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Show a figure or the first rows of a snapshot, to be framed by any site.

    Only of public boards, and to everybody as to a stranger: a page of somebody else must not show
    what its reader alone may see.
    """
    what = request.GET.get("figure", TABLE)
    if what != TABLE and what not in NAMES:
        raise Http404
    fingerprint = snapshot_fingerprint(public_id=public_id)
    if fingerprint is None:
        raise Http404

    def render_it() -> HttpResponse:
        standings = readable_standings(public_id, to=AnonymousUser())
        if standings.version.benchmark.visibility != Visibility.PUBLIC:
            raise Http404
        return HttpResponse(_render_frame(request, public_id, standings.version, what))

    response = same_for_strangers(request, f"embed {fingerprint}", render_it)
    response["Content-Security-Policy"] = _FRAMED_BY_ANYBODY
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.xframe_options_exempt = True  # type: ignore[attr-defined]
    return response


@require_safe
def embed_newest(request: HttpRequest, handle: str, slug: str) -> HttpResponseBase:
    """Show the same of a board's newest snapshot."""
    return embed(request, _newest(handle, slug))


def _newest(handle: str, slug: str) -> str:
    _benchmark, newest = board_at(handle=handle, slug=slug, to=AnonymousUser())
    if newest is None:
        raise Http404
    return newest


def _render_frame(
    request: HttpRequest, public_id: str, version: BenchmarkVersion, what: str
) -> str:
    query = query_of(request.GET)
    arranged, content = arrange_snapshot(public_id, query)
    context = {
        "benchmark": version.benchmark,
        "standings": snapshot_of(public_id),
        "metric": content["metric"],
        "theme": theme_of(request),
        "site": settings.SITE_URL,
    }
    if what == TABLE:
        figure = figure_of(arranged, content)
        context |= {
            "title": figure.finding if figure else version.benchmark.title,
            "rows": embedded_rows(arranged, content),
            "count": arranged.main_count,
        }
    else:
        drawing = draw_named(what, arranged, content, "light")
        if drawing is None:
            raise no_figure()
        context |= {
            "title": drawing.title,
            "drawing": drawing,
            "figure_url": figure_address(public_id, query, what),
            "narrow_url": figure_address(public_id, query, what, size="narrow"),
        }
    return render_to_string("leaderboards_app/embeds/embed.html", context)


@require_safe
def badge(request: HttpRequest, public_id: str, contender_id: str) -> HttpResponseBase:
    """Draw the rank of one row. `scope` chooses the ranking."""
    scope = request.GET.get("scope", "")

    def render_it() -> HttpResponse:
        version = readable_standings(public_id, to=request.user).version
        content = snapshot_of(public_id).content
        found = badge_of(content, contender_id, scope, version.benchmark.title)
        if found is None:
            raise Http404(_("These standings have no such row."))
        return HttpResponse(draw_badge(found), content_type="image/svg+xml; charset=utf-8")

    return same_for_readers(request, public_id, "badge", render_it)


@require_safe
def badge_newest(
    request: HttpRequest, handle: str, slug: str, contender_id: str
) -> HttpResponseBase:
    """Draw the rank of one row in a board's newest snapshot."""
    return badge(request, _newest(handle, slug), contender_id)


@require_safe
def card(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Draw the preview of links to a snapshot and to its board."""

    def render_it() -> HttpResponse:
        version = readable_standings(public_id, to=request.user).version
        arranged, content = arrange_snapshot(public_id, ())
        figure = figure_of(arranged, content)
        benchmark = version.benchmark
        finding = figure.finding if figure else benchmark.claim
        place = settings.SITE_URL.partition("://")[2] + benchmark.get_absolute_url()
        picture = draw_card(benchmark.title, finding, place, arranged, content)
        return HttpResponse(picture, content_type="image/png")

    return same_for_readers(request, public_id, "card", render_it)


def frame_code(address: str, title: str, *, width: int, height: int) -> str:
    """Return the HTML that shows a frame on another page; `address` and `title` are escaped."""
    from_here = render_to_string(
        "leaderboards_app/embeds/_frame_code.html",
        {"address": settings.SITE_URL + address, "title": title, "width": width, "height": height},
    )
    return " ".join(from_here.split())
