"""The page of a board under other scorings of the same outputs."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from benchmarks_app.breadcrumbs import trail_of
from leaderboards_app.board.arrangement import choose_scope
from leaderboards_app.board.responses import readable_standings
from leaderboards_app.board.snapshots import snapshot_of
from leaderboards_app.scorings.queries import scoring_orders


@require_safe
def scorings(request: HttpRequest, public_id: str) -> HttpResponse:
    """List the scorings, and show the rows under one of them: `?scoring=2`, the first if it is left
    out.
    """
    standings = readable_standings(public_id, to=request.user)
    content = snapshot_of(public_id).content
    scope = choose_scope(content, request.GET.get("scope", ""))
    found = scoring_orders(standings, content, scope, to=request.user)
    wanted = request.GET.get("scoring", "1")
    shown = next((one for one in found.orders if str(one.place) == wanted), None)
    if shown is None and "scoring" in request.GET:
        raise Http404(_("There is no such scoring."))
    benchmark = standings.version.benchmark
    return render(
        request,
        "leaderboards_app/scorings/scorings.html",
        {
            "benchmark": benchmark,
            "standings": standings,
            "trail": trail_of(benchmark, _("Scorings")),
            "scope": scope,
            "orders": found.orders,
            "computed_at": found.computed_at,
            "shown": shown,
            "has_several_tasks": len(content["tasks"]) > 1,
        },
    )
