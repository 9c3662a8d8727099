"""Figures of a snapshot as PNG and CSV; the SVG is what the page shows."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from leaderboards_app.board.responses import readable_standings, same_for_readers
from leaderboards_app.board.snapshots import arrange_snapshot, query_of, snapshot_of
from leaderboards_app.exports.standings_table import canary_of, file_stem, snapshot_facts
from leaderboards_app.figures.named import NAMES, draw_named, numbers_of
from leaderboards_app.figures.pictures import draw_picture
from plumbmark.common.table_files import TableFile
from plumbmark.web.downloads import respond_with_table


@require_safe
def figure_png(request: HttpRequest, public_id: str, name: str) -> HttpResponseBase:
    """Return a figure as PNG, with its finding and its source in the picture."""
    check_name(name)

    def render_it() -> HttpResponse:
        version = readable_standings(public_id, to=request.user).version
        arranged, content = arrange_snapshot(public_id, query_of(request.GET))
        drawing = draw_named(name, arranged, content, "light")
        if drawing is None:
            raise no_figure()
        snapshot = snapshot_of(public_id)
        source = f"{version.benchmark.title}, {settings.SITE_URL}{snapshot.get_absolute_url()}"
        response = HttpResponse(draw_picture(drawing, source), content_type="image/png")
        stem = file_stem(version, snapshot, name)
        response["Content-Disposition"] = f'inline; filename="{stem}.png"'
        return response

    return same_for_readers(request, public_id, f"png {name}", render_it)


@require_safe
def figure_csv(request: HttpRequest, public_id: str, name: str) -> HttpResponseBase:
    """Return the numbers that a figure draws."""
    check_name(name)

    def render_it() -> HttpResponseBase:
        version = readable_standings(public_id, to=request.user).version
        arranged, content = arrange_snapshot(public_id, query_of(request.GET))
        numbers = numbers_of(name, arranged, content)
        if numbers is None:
            raise no_figure()
        finding, columns, rows = numbers
        snapshot = snapshot_of(public_id)
        table = TableFile(
            file_stem(version, snapshot, name),
            columns,
            rows,
            canary_of(version),
            {"finding": finding, **snapshot_facts(snapshot, version)},
        )
        return respond_with_table(request, table, "csv", expected_rows=len(rows))

    return same_for_readers(request, public_id, f"csv {name}", render_it)


def check_name(name: str) -> None:
    """Answer 404 for a figure that no board has."""
    if name not in NAMES:
        raise Http404


def no_figure() -> Http404:
    """Return the answer for a figure whose values too few rows have."""
    return Http404(_("A figure needs two rows with both values."))
