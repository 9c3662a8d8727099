"""The page on which a reader weighs the tasks of a board."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from benchmarks_app.breadcrumbs import trail_of
from leaderboards_app.board.arrangement import SCOPES, choose_scope
from leaderboards_app.board.responses import readable_standings
from leaderboards_app.board.snapshots import snapshot_of
from leaderboards_app.models import Standings
from leaderboards_app.weights.addresses import (
    MAX_LENGTH,
    PARAMETER,
    ReaderWeights,
    default_weights,
    read_fields,
    read_weights,
)
from leaderboards_app.weights.queries import weigh_rows, weigh_tasks, weightings_document
from plumbmark.common.errors import InvalidInput, Problem

_ROWS_OF_A_PAGE = 200


@require_safe
def weights(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the tasks with their weights, the ranks under them, and in what share of all plausible
    weightings each row leads. The form's fields become one parameter of the address.
    """
    standings = readable_standings(public_id, to=request.user)
    content = snapshot_of(public_id).content
    document = weightings_document(standings)
    tags = document["tags"] if document else ()
    if len(content["tasks"]) < 2:
        return _show(request, standings, {"has_one_task": True})
    scope = choose_scope(content, request.GET.get("scope", ""))
    problems: Sequence[Problem] = ()
    chosen = ReaderWeights()
    try:
        if "weigh" in request.GET:
            chosen = read_fields(request.GET.dict(), content, tags)
            return redirect(f"{request.path}?{_query(chosen, scope)}#ranks")
        chosen = read_weights(request.GET.get(PARAMETER, "")[:MAX_LENGTH], content, tags)
    except InvalidInput as error:
        problems = error.problems
    rows = Paginator(weigh_rows(content, document, chosen, scope), _ROWS_OF_A_PAGE)
    page = rows.get_page(request.GET.get("page"))
    context = {
        "problems": problems,
        "fields": _fields(request.GET.dict() if problems else {}, content, tags, chosen),
        "tag_fields": _tag_fields(request.GET.dict() if problems else {}, tags, chosen),
        "tasks": weigh_tasks(content, tags, chosen),
        "page": page,
        "scope": scope,
        "scopes": _scope_tabs(content, chosen, scope),
        "chosen": chosen,
        "board_query": _query(chosen, scope),
        "draws": document["draws"] if document else 0,
        "metric": content["metric"],
    }
    return _show(request, standings, context, status=422 if problems else 200)


def _show(
    request: HttpRequest, standings: Standings, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    benchmark = standings.version.benchmark
    return render(
        request,
        "leaderboards_app/weights/weights.html",
        {
            "benchmark": benchmark,
            "standings": standings,
            "trail": trail_of(benchmark, _("Weights")),
            **context,
        },
        status=status,
    )


def _query(chosen: ReaderWeights, scope: str) -> str:
    query = {"scope": scope, **({PARAMETER: chosen.as_text()} if chosen.is_chosen else {})}
    return urlencode(query, safe=":,", quote_via=quote)


def _fields(
    sent: Mapping[str, str],
    content: Mapping[str, Any],
    tags: Sequence[Sequence[str]],
    chosen: ReaderWeights,
) -> list[dict[str, Any]]:
    """Return a field for each task, with what was sent if that is to be mended."""
    return [
        {
            "name": f"task-{number}",
            "title": task["title"],
            "tags": tags[number - 1] if number <= len(tags) else (),
            "value": sent.get(f"task-{number}", f"{chosen.tasks.get(number, weight):.4g}"),
        }
        for number, (task, weight) in enumerate(
            zip(content["tasks"], default_weights(content), strict=True), start=1
        )
    ]


def _tag_fields(
    sent: Mapping[str, str], tags: Sequence[Sequence[str]], chosen: ReaderWeights
) -> list[dict[str, Any]]:
    """Return a field for each tag that some tasks have and others do not."""
    counts: dict[str, int] = {}
    for one in tags:
        for tag in one:
            counts[tag] = counts.get(tag, 0) + 1
    return [
        {
            "name": f"tag-{tag}",
            "title": tag,
            "count": count,
            "value": sent.get(f"tag-{tag}", f"{chosen.tags.get(tag, 1):.4g}"),
        }
        for tag, count in sorted(counts.items())
        if count < len(tags)
    ]


def _scope_tabs(
    content: Mapping[str, Any], chosen: ReaderWeights, scope: str
) -> list[dict[str, Any]]:
    """Return the two rankings of a board with submitted rows; none where there is one."""
    if not any(row["contender"]["kind"] == "submitted" for row in content["rows"]):
        return []
    labels = {"platform": _("Run by the platform"), "all": _("With submitted outputs")}
    return [
        {"label": labels[one], "url": f"?{_query(chosen, one)}", "current": one == scope}
        for one in SCOPES
    ]
