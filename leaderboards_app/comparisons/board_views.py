"""Pages that compare rows of a board."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from benchmarks_app.breadcrumbs import trail_of
from leaderboards_app.board.arrangement import SCOPES
from leaderboards_app.board.rows import Row, format_rank, ranked_rows
from leaderboards_app.board.snapshots import snapshot_of
from leaderboards_app.comparisons.addresses import MAX_COMPARED, read_row_ids
from leaderboards_app.comparisons.board_rows import (
    BoardVerdict,
    Pair,
    RowComparison,
    compare_board_rows,
    neighbours_in_rank,
)
from leaderboards_app.comparisons.wording import (
    LETTERS,
    explain_pair,
    explain_verdict,
    pair_context,
)
from leaderboards_app.models import Standings
from leaderboards_app.standings.queries import standings_at
from plumbmark.common.errors import InvalidInput
from plumbmark.scoring.comparison import PairResult
from plumbmark.web.numbers import format_score, format_score_short

_MAX_LISTED = 500
_TIES_COMPARED = 4
"""Rows that "why a tie?" compares: the row and its nearest neighbours."""


@never_cache
@require_safe
def compare_rows_of_board(request: HttpRequest, public_id: str) -> HttpResponse:
    """Compare two to six rows of a snapshot; without any, list them to choose from.

    `tie`, a place in the ranking, leads to that row beside those that it is tied with.
    """
    standings = standings_at(public_id=public_id, to=request.user)
    asked = request.GET.getlist("rows")
    scope = request.GET.get("scope", "")
    if address := _tie_at(standings, request.GET.get("tie", ""), scope):
        return redirect(address)
    if not any(asked) or "pick" in request.GET:
        return _pick(request, standings, scope)
    try:
        row_ids = read_row_ids(asked)
        found = compare_board_rows(standings, row_ids, scope, to=request.user)
    except InvalidInput as error:
        return _pick(request, standings, scope, error)
    return render(
        request,
        "leaderboards_app/comparisons/board.html",
        _comparison(request, standings, found),
    )


def _trail(standings: Standings) -> list[dict[str, str]]:
    return trail_of(standings.version.benchmark, _("Compare"))


def _pick(
    request: HttpRequest, standings: Standings, scope: str, error: InvalidInput | None = None
) -> HttpResponse:
    content = snapshot_of(standings.public_id).content
    is_mixed = any(row["contender"]["kind"] == "submitted" for row in content["rows"])
    if scope not in SCOPES:
        scope = "all" if is_mixed and not any(_ranks(content, "platform")) else "platform"
    if not is_mixed:
        scope = "all"
    rows = [row for row in content["rows"] if any(cell["runs"] for cell in row["tasks"])]
    chosen = set(",".join(request.GET.getlist("rows"))[:400].split(","))
    context = {
        "standings": standings,
        "benchmark": standings.version.benchmark,
        "problems": error.problems if error else [],
        "rows": [_choice(standings, content, row, scope, chosen) for row in rows[:_MAX_LISTED]],
        "left_out": len(rows[_MAX_LISTED:]),
        "scope": scope,
        "metric": content["metric"],
        "most": MAX_COMPARED,
        "trail": _trail(standings),
    }
    status = 422 if error else 200
    return render(request, "leaderboards_app/comparisons/board_pick.html", context, status=status)


def _ranks(content: Mapping[str, Any], scope: str) -> list[Mapping[str, Any]]:
    return [row["ranks"][scope] for row in content["rows"] if row["ranks"][scope]]


def _tie_at(standings: Standings, place: str, scope: str) -> str:
    """Return where the row at a place of the ranking is compared with those that it is tied with;
    empty if there is no such place or no tie.
    """
    if scope not in SCOPES or not re.fullmatch("[0-9]{1,6}", place):
        return ""
    content = snapshot_of(standings.public_id).content
    ranked = ranked_rows(content["rows"], scope)
    if not 1 <= int(place) <= len(ranked):
        return ""
    return _tie_address(standings, content, ranked[int(place) - 1], scope)


def _tie_address(standings: Standings, content: Mapping[str, Any], row: Row, scope: str) -> str:
    """Return where a row is compared with its nearest neighbours of overlapping ranks."""
    rank = row["ranks"][scope]
    if not rank or rank["best"] == rank["worst"]:
        return ""
    ids = [
        one["contender"]["id"]
        for one in neighbours_in_rank(content, row, scope, most=_TIES_COMPARED)
    ]
    if len(ids) < 2:
        return ""
    place = ids.index(row["contender"]["id"])
    query = {"rows": ",".join(ids), "scope": scope}
    if len(ids) > 2:
        # The next one after it, or before the last one.
        pair = ids[place : place + 2] if place + 1 < len(ids) else ids[place - 1 :]
        query["pair"] = ",".join(pair)
    address = reverse("leaderboards:compare_rows", args=[standings.public_id])
    return f"{address}?{urlencode(query, safe=',')}"


def _choice(
    standings: Standings, content: Mapping[str, Any], row: Row, scope: str, chosen: set[str]
) -> dict[str, Any]:
    """Return a row to choose, and where it is compared with those that it is tied with."""
    score = row["score"] or {}
    return {
        "id": row["contender"]["id"],
        "label": row["contender"]["label"],
        "maker": row["contender"]["maker"],
        "rank": _range(row["ranks"][scope]),
        "score": format_score(score.get("value"), content["metric"]),
        "tie_url": _tie_address(standings, content, row, scope),
        "is_chosen": row["contender"]["id"] in chosen,
    }


def _range(rank: Mapping[str, Any] | None) -> str:
    if rank is None:
        return ""
    best, worst = rank["best"], rank["worst"]
    return format_rank(best, worst)


def _chosen_pair(request: HttpRequest, found: RowComparison) -> Pair:
    """Return the places of the pair that is shown in detail, in the order that is asked for."""
    ids = [row["contender"]["id"] for row in found.rows]
    wanted = request.GET.get("pair", "")[:60].split(",")
    if len(wanted) == 2 and wanted[0] != wanted[1] and all(one in ids for one in wanted):
        return ids.index(wanted[0]), ids.index(wanted[1])
    return 0, 1


def _result_of(found: RowComparison, one: int, other: int) -> PairResult | None:
    result = found.pairs[min(one, other), max(one, other)]
    return result.mirrored() if result is not None and one > other else result


def _comparison(request: HttpRequest, standings: Standings, found: RowComparison) -> dict[str, Any]:
    content = found.content
    metric = content["metric"]
    contestants = [
        _contestant(place, row, metric, found.scope) for place, row in enumerate(found.rows)
    ]
    one, other = _chosen_pair(request, found)
    first, second = contestants[one], contestants[other]
    names = first["name"], second["name"]
    result = _result_of(found, one, other)
    verdict = found.verdicts[min(one, other), max(one, other)]
    return {
        "standings": standings,
        "benchmark": standings.version.benchmark,
        "metric": metric,
        "contestants": contestants,
        "matrix": _matrix(request, found) if len(found.rows) > 2 else [],
        "first": first,
        "second": second,
        "pair": pair_context(result, metric, found.smallest_difference) if result else None,
        "explanation": explain_pair(result, metric, names) if result else "",
        "verdict": explain_verdict(result, verdict) if result and verdict else "",
        "tasks": _task_rows(found, one, other),
        "is_changed": found.is_changed,
        "lower_is_better": metric["direction"] == "lower",
        "rows_query": ",".join(row["contender"]["id"] for row in found.rows),
        "scope": found.scope,
        "trail": _trail(standings),
    }


def _contestant(place: int, row: Row, metric: Mapping[str, Any], scope: str) -> dict[str, Any]:
    score = row["score"] or {}
    label = row["contender"]["label"]
    return {
        "letter": LETTERS[place],
        "label": label,
        "name": f"{LETTERS[place]} ({label})",
        "maker": row["contender"]["maker"],
        "kind": row["contender"]["kind"],
        "rank": _range(row["ranks"][scope]),
        "value": format_score(score.get("value"), metric),
        "low": format_score_short(score.get("low"), metric),
        "high": format_score_short(score.get("high"), metric),
        "reason": row["reason"],
    }


def _matrix(request: HttpRequest, found: RowComparison) -> list[dict[str, Any]]:
    metric = found.content["metric"]
    ids = [row["contender"]["id"] for row in found.rows]
    rows = []
    for one, row in enumerate(found.rows):
        cells: list[dict[str, Any] | None] = []
        for other in range(len(ids)):
            result = _result_of(found, one, other) if one != other else None
            if result is None:
                cells.append(None)
                continue
            query = {
                "rows": ",".join(ids),
                "scope": found.scope,
                "pair": f"{ids[one]},{ids[other]}",
            }
            verdict = found.verdicts[min(one, other), max(one, other)]
            cells.append(
                {
                    **pair_context(result, metric, found.smallest_difference),
                    "on_board": _short_verdict(verdict),
                    "url": f"?{urlencode(query, safe=',')}#pair",
                }
            )
        rows.append({"letter": LETTERS[one], "label": row["contender"]["label"], "cells": cells})
    return rows


def _short_verdict(verdict: BoardVerdict | None) -> str:
    if verdict is None:
        return ""
    return _("told apart on the board") if verdict.is_told_apart else _("tie on the board")


def _task_rows(found: RowComparison, one: int, other: int) -> list[dict[str, Any]]:
    rows = []
    for part in found.by_task[min(one, other), max(one, other)]:
        result = part.result
        run_pair = part.run_pair
        if one > other:
            result = result.mirrored() if result else None
            run_pair = ",".join(reversed(run_pair.split(",")))
        rows.append(
            {
                "title": part.task["title"],
                "weight": part.task["weight"],
                "pair": pair_context(result, part.task["metric"]) if result else None,
                "url": f"{reverse('leaderboards:compare')}?runs={run_pair}" if run_pair else "",
            }
        )
    return rows
