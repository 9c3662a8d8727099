"""The page of results, and what the field in the header shows while somebody types."""

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from leaderboards_app.models import SearchEntry
from leaderboards_app.search.queries import KIND_LABELS, SearchResults, search
from leaderboards_app.search.words import MAX_QUERY, MAX_WORDS, parse_query
from plumbmark.common.errors import InvalidInput
from plumbmark.web.forms import number_in

_OF_EACH_KIND = 6
_PER_PAGE = 25
_SUGGESTED = 3


@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    """Show the best results of each kind, or all of one kind page by page."""
    text = request.GET.get("q", "").strip()
    kind = request.GET.get("kind", "")
    kind = kind if kind in SearchEntry.Kind.values else ""
    context: dict[str, Any] = {"search_words": text[:MAX_QUERY], "max_words": MAX_WORDS}
    try:
        query = parse_query(text)
    except InvalidInput as error:
        context["problem"] = str(error.problems[0].message)
        return render(request, "leaderboards_app/search.html", context, status=422)
    number = max(1, number_in(request, "page") or 1) if kind else 1
    limit = _PER_PAGE if kind else _OF_EACH_KIND
    results = search(query, to=request.user, kind=kind, limit=limit, offset=(number - 1) * limit)
    context |= {
        "query": query,
        "results": results,
        "groups": _groups(results, kind),
        "tabs": _tabs(results, kind),
        "page": Paginator(range(results.counts.get(kind, 0)), limit).get_page(number),
    }
    return render(request, "leaderboards_app/search.html", context)


@require_safe
def suggestions(request: HttpRequest) -> HttpResponse:
    """Return the best few results as options of the field's list."""
    try:
        query = parse_query(request.GET.get("q", "").strip())
    except InvalidInput as error:
        return HttpResponse(str(error.problems[0].message), status=422, content_type="text/plain")
    results = search(query, to=request.user, limit=_SUGGESTED)
    context = {"results": results, "groups": _groups(results, "")}
    return render(request, "leaderboards_app/_suggestions.html", context)


def _groups(results: SearchResults, kind: str) -> list[dict[str, Any]]:
    """Return the results by kind, with the page of all of a kind where not all are shown."""
    groups = []
    for one, count in results.counts.items():
        found = [result for result in results.found if result.kind == one]
        if found:
            more = "" if kind or len(found) == count else _address(results, one)
            label = KIND_LABELS[one]
            groups.append(
                {"kind": one, "label": label, "count": count, "found": found, "more_url": more}
            )
    return groups


def _tabs(results: SearchResults, kind: str) -> list[dict[str, Any]]:
    everything = {
        "label": _("All"),
        "url": _address(results, ""),
        "current": not kind,
        "count": results.total,
    }
    return [
        everything,
        *(
            {
                "label": KIND_LABELS[one],
                "url": _address(results, one),
                "current": one == kind,
                "count": count,
            }
            for one, count in results.counts.items()
        ),
    ]


def _address(results: SearchResults, kind: str) -> str:
    parameters = {"q": results.query.text, **({"kind": kind} if kind else {})}
    return f"?{urlencode(parameters)}"
