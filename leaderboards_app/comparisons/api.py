"""Endpoints of comparisons."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards_app.comparisons import serializers as shapes
from leaderboards_app.comparisons.addresses import SHOWN, read_row_ids, read_run_ids
from leaderboards_app.comparisons.board_rows import compare_board_rows
from leaderboards_app.comparisons.computation import compare_all, compare_slices, view_items
from leaderboards_app.comparisons.item_sides import mark_sides, sides_of_item
from leaderboards_app.comparisons.queries import RunSet, item_facts, runs_to_compare
from leaderboards_app.models import Standings
from leaderboards_app.standings.queries import standings_at
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.viewsets import ResourceViewSet
from plumbmark.scoring.comparison import PairResult
from plumbmark.scoring.relevance import is_inside_band, is_practically_equal
from tasks_app.models import Run
from tasks_app.scorings.metric_documents import metric_document

_ITEMS_OF_A_PAGE = 50
_MAX_ITEMS_OF_A_PAGE = 1000
_RUNS = OpenApiParameter(
    "runs", str, required=True, description="The ids of two to six runs, with commas between them."
)
_SHOW = OpenApiParameter(
    "show",
    str,
    enum=list(SHOWN),
    description="Which items: `a` and `b` are those on which this run is better, `right` and "
    "`wrong` those where both are, `unscored` those that one lacks. By default those that differ.",
)


class RunComparisonViewSet(ResourceViewSet[Run]):
    subject = "Runs"
    filter_backends = ()
    lookup_field = "position"
    lookup_value_converter = "int"
    parameter_descriptions = {"position": "The item's place in the task, from 0."}

    @extend_schema(
        operation_id="get_run_comparison",
        parameters=[
            _RUNS,
            OpenApiParameter(
                "pair", str, description="The two runs that `slices` are of; by default the first."
            ),
        ],
        responses={200: shapes.RunComparisonDetail, 404: ProblemDetails},
        filters=False,
    )
    def list(self, request: Request) -> Response:
        """Compare runs of the same questions. Tests are unadjusted."""
        found = _runs(request)
        pair = _pair(request, found)
        facts = item_facts(found, to=request.user)
        ids = [run.pk for run in found.runs]
        document = {
            "adjusted": False,
            "task_version": found.version.public_id,
            "metric": _metric(found),
            "runs": [
                {
                    "id": run.pk,
                    "contender": run.contender.public_id,
                    "contender_label": run.contender.label,
                    "scoring": scoring.pk,
                    "invalid_reason": run.invalid_reason,
                }
                for run, scoring in zip(found.runs, found.scorings, strict=True)
            ],
            "pairs": [
                {"first": ids[one], "second": ids[other], "result": result}
                for (one, other), result in compare_all(found).items()
            ],
            "sliced_pair": [ids[place] for place in pair],
            "slices": compare_slices(found, pair, facts),
            "hidden_items": 0 if found.runs_program else facts.hidden,
        }
        return Response(shapes.RunComparisonDetail(document).data)

    @extend_schema(
        operation_id="list_compared_items",
        parameters=[
            _RUNS,
            _SHOW,
            OpenApiParameter("start", int, description="How many items are skipped."),
            OpenApiParameter("limit", int, description="Items of a page, 1 to 1,000."),
        ],
        responses={200: shapes.ComparedItemPage, 404: ProblemDetails},
        filters=False,
    )
    @action(detail=False)
    def items(self, request: Request) -> Response:
        """List the items of two runs with both scores, by default those on which they differ."""
        found = _runs(request)
        facts = item_facts(found, to=request.user)
        if found.runs_program:
            return Response(
                shapes.ComparedItemPage({"count": 0, "next_start": None, "results": []}).data
            )
        view = view_items(found, (0, 1), facts)
        places = view.places(_shown(request))
        start = _number(request, "start", 0)
        limit = min(max(1, _number(request, "limit", _ITEMS_OF_A_PAGE)), _MAX_ITEMS_OF_A_PAGE)
        means = view.directions.a_means, view.directions.b_means
        document = {
            "count": len(places),
            "next_start": start + limit if start + limit < len(places) else None,
            "results": [
                {
                    "position": place,
                    "key": facts.keys[place],
                    "first": _or_none(float(means[0][place])),
                    "second": _or_none(float(means[1][place])),
                }
                for place in places[start : start + limit]
            ],
        }
        return Response(shapes.ComparedItemPage(document).data)

    @extend_schema(
        operation_id="get_compared_answers",
        parameters=[_RUNS, _SHOW],
        responses=shapes.ComparedAnswersDetail,
    )
    @action(detail=False, url_path="items/<int:position>")
    def answers(self, request: Request, position: int) -> Response:
        """Return the answers of two runs to one item, with the words marked that differ."""
        found = _runs(request)
        facts = item_facts(found, to=request.user)
        if position >= len(facts.keys) or not facts.visible[position]:
            raise Http404
        view = view_items(found, (0, 1), facts)
        sides = mark_sides(sides_of_item(found, (0, 1), position, 0))
        places = view.places(_shown(request))
        means = view.directions.a_means, view.directions.b_means
        document = {
            "position": position,
            "key": facts.keys[position],
            "sides": [
                {
                    "run": one.side.run.pk,
                    "ordinal": one.side.sample.ordinal if one.side.sample else None,
                    "value": _or_none(float(means[n][position])),
                    "answer": one.side.score.answer if one.side.score else "",
                    "passages": one.passages,
                    "is_cut": one.text.is_cut,
                }
                for n, one in enumerate(sides)
            ],
            "previous": max((place for place in places if place < position), default=None),
            "next": min((place for place in places if place > position), default=None),
        }
        return Response(shapes.ComparedAnswersDetail(document).data)


def _runs(request: Request) -> RunSet:
    run_ids = read_run_ids(request.query_params.getlist("runs"))
    return runs_to_compare(run_ids, to=request.user)


def _pair(request: Request, found: RunSet) -> tuple[int, int]:
    text = request.query_params.get("pair", "")
    if not text:
        return 0, 1
    places = [found.place_of(run_id) for run_id in read_run_ids([text])]
    if len(places) != 2 or places[0] is None or places[1] is None:
        raise InvalidInput([Problem("name two of the runs that are compared", "pair")])
    return places[0], places[1]


def _shown(request: Request) -> str:
    shown = request.query_params.get("show", SHOWN[0])
    if shown not in SHOWN:
        raise InvalidInput([Problem(f"must be one of {', '.join(SHOWN)}", "show")])
    return shown


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput([Problem("must be a whole number", name)])
    return int(text)


def _or_none(value: float) -> float | None:
    return None if value != value else value


def _metric(found: RunSet) -> dict[str, Any]:
    bounds = {"lower": found.metric.lower, "upper": found.metric.upper}
    return {**metric_document(found.version), **bounds}


def _relevance(result: PairResult | None, smallest: float | None) -> dict[str, bool | None]:
    if result is None or result.difference is None or smallest is None:
        return {"practically_equal": None, "interval_inside": None}
    return {
        "practically_equal": is_practically_equal(result.difference, smallest),
        "interval_inside": is_inside_band(result.low, result.high, smallest),
    }


class RowComparisonViewSet(ResourceViewSet[Standings]):
    subject = "Leaderboards"
    filter_backends = ()
    parameter_descriptions = {"public_id": "The snapshot's id."}

    @extend_schema(
        operation_id="get_row_comparison",
        parameters=[
            OpenApiParameter(
                "rows",
                str,
                required=True,
                description="The ids of the contenders of two to six rows, with commas between.",
            ),
            OpenApiParameter(
                "scope", str, enum=["platform", "all"], description="The ranking of `board`."
            ),
        ],
        responses=shapes.RowComparisonDetail,
    )
    @action(detail=True)
    def comparison(self, request: Request, public_id: str) -> Response:
        """Compare rows of a snapshot, as a whole and task by task.

        Tests are unadjusted; `board` is the board's own verdict, adjusted for all of its pairs.
        """
        standings = standings_at(public_id=public_id, to=request.user)
        found = compare_board_rows(
            standings,
            read_row_ids(request.query_params.getlist("rows")),
            request.query_params.get("scope", ""),
            to=request.user,
        )
        ids = [row["contender"]["id"] for row in found.rows]
        document = {
            "adjusted": False,
            "standings": standings.public_id,
            "scope": found.scope,
            "metric": found.content["metric"],
            "smallest_difference": found.smallest_difference,
            "scores_changed": found.is_changed,
            "pairs": [
                {
                    "first": ids[one],
                    "second": ids[other],
                    "result": result,
                    "board": found.verdicts[one, other],
                    **_relevance(result, found.smallest_difference),
                    "tasks": found.by_task[one, other],
                }
                for (one, other), result in found.pairs.items()
            ],
        }
        return Response(shapes.RowComparisonDetail(document).data)
