"""The page of a snapshot's slices: a heat map for each task and slice column."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from benchmarks_app.breadcrumbs import trail_of
from leaderboards_app.slices.queries import MIN_ITEMS, SliceTable, slice_document, slice_tables
from leaderboards_app.standings.queries import standings_at


@require_safe
def slices(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show all slices, or with `?slice=1-2` one table, or with `?slice=1-2-3` one slice's rows in
    their order: the numbers of task, column and value.
    """
    standings = standings_at(public_id=public_id, to=request.user)
    document = slice_document(standings)
    if document is None:
        raise Http404(_("The tasks of this board have no slices, or they are no longer kept."))
    tables = slice_tables(document)
    chosen = request.GET.get("slice", "")
    table, place = _find(tables, chosen)
    if chosen and table is None:
        raise Http404(_("There is no such slice."))
    benchmark = standings.version.benchmark
    return render(
        request,
        "leaderboards_app/slices/slices.html",
        {
            "benchmark": benchmark,
            "standings": standings,
            "trail": trail_of(benchmark, _("Slices")),
            "tables": [table] if table else tables,
            "is_single": table is not None,
            "slice": _one_slice(table, place) if table and place else None,
            "min_items": MIN_ITEMS,
        },
    )


def _find(tables: list[SliceTable], chosen: str) -> tuple[SliceTable | None, int]:
    parts = chosen.split("-")
    key = "-".join(parts[:2])
    table = next((one for one in tables if one.key == key), None)
    if table is None or len(parts) == 2:
        return table, 0
    place = int(parts[2]) if len(parts) == 3 and parts[2].isdecimal() else 0
    return (table, place) if 1 <= place <= len(table.values) else (None, 0)


def _one_slice(table: SliceTable, place: int) -> dict[str, Any]:
    """Return one slice with its rows, in the order of the board."""
    rows = [(row.label, row.cells[place - 1]) for row in table.rows]
    return {"value": table.values[place - 1], "rows": rows}
