"""Standings and corrections."""

from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks_app.api.lookup import get_benchmark_or_404, get_benchmark_version_or_404
from benchmarks_app.models import Benchmark, BenchmarkVersion
from leaderboards_app.api.serializers import (
    ChangeOfRow,
    CorrectionDetail,
    ScoringOrdersDetail,
    SlicesDetail,
    StandingsDetail,
    StandingsSummary,
    WeightingsDetail,
)
from leaderboards_app.board.arrangement import SCOPES, choose_scope
from leaderboards_app.board.responses import readable_standings
from leaderboards_app.board.snapshots import snapshot_of
from leaderboards_app.exports.files import respond_with_items, respond_with_standings
from leaderboards_app.history.queries import WithheldSnapshot, changes_of
from leaderboards_app.models import Standings
from leaderboards_app.scorings.queries import scoring_orders
from leaderboards_app.slices.queries import slice_document
from leaderboards_app.standings.queries import corrections_of, snapshots_of, standings_at
from leaderboards_app.weights.addresses import MAX_LENGTH, PARAMETER, read_weights
from leaderboards_app.weights.queries import weigh_rows, weigh_tasks, weightings_document
from plumbmark.common.etags import not_modified, tag
from plumbmark.rest.files import BOM, EXTENSION, TABLE_FILE
from plumbmark.rest.viewsets import ResourceViewSet

_ETAG = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    response=[200, 304],
    description="Send it back as `If-None-Match`: a 304 then says that nothing changed.",
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The `ETag` of an earlier response."
)
_RANKING = OpenApiParameter(
    "scope",
    str,
    enum=SCOPES,
    description="Which of the two rankings: of rows that the platform ran, or with submitted ones.",
)
_DISPLAY = OpenApiParameter(
    "display",
    bool,
    description="With `true`, `display` has the rows' numbers as pages write them.",
)
_UNCHANGED = OpenApiResponse(description="The board is the one that `If-None-Match` names.")


def _display_context(request: Request) -> dict[str, bool]:
    return {"display": request.query_params.get("display", "").lower() in {"true", "1"}}


class StandingsViewSet(ResourceViewSet[Standings]):
    subject = "Leaderboards"
    parameter_descriptions = {"public_id": "The snapshot's id."}
    queryset = Standings.objects.none()

    @extend_schema(
        operation_id="get_standings",
        parameters=[_DISPLAY, _IF_NONE_MATCH, _ETAG],
        responses={200: StandingsDetail, 304: _UNCHANGED},
    )
    def retrieve(self, request: Request, public_id: str) -> HttpResponseBase:
        """Return one snapshot of a board. Its ETag stays valid until the content of a snapshot
        that stood only briefly is withheld.
        """
        standings = standings_at(public_id=public_id, to=request.user)
        state = f"{standings.public_id}{'-withheld' if standings.is_withheld else ''}"
        shown = _display_context(request)
        state += "-display" if shown["display"] else ""
        unchanged = not_modified(request._request, state)
        if unchanged is not None:
            return unchanged
        return tag(Response(StandingsDetail(standings, context=shown).data), state)

    @extend_schema(
        operation_id="download_standings",
        parameters=[EXTENSION, _RANKING, BOM, _IF_NONE_MATCH, _ETAG],
        responses={**TABLE_FILE, 304: _UNCHANGED},
    )
    @action(detail=True, url_path="rows.<slug:extension>", filter_backends=())
    def rows(self, request: Request, public_id: str, extension: str) -> HttpResponseBase:
        """Download the rows of a snapshot as a file. Filters and orders of the board's page can be
        added to the address.
        """
        return respond_with_standings(request._request, public_id, extension)

    @extend_schema(
        operation_id="download_item_results",
        parameters=[
            EXTENSION,
            OpenApiParameter("task", int, description="Only one task: its number on the board."),
            _RANKING,
            BOM,
            _IF_NONE_MATCH,
            _ETAG,
        ],
        responses={**TABLE_FILE, 304: _UNCHANGED},
    )
    @action(detail=True, url_path="items.<slug:extension>", filter_backends=())
    def items(self, request: Request, public_id: str, extension: str) -> HttpResponseBase:
        """Download the result of each row on each item that you can see."""
        return respond_with_items(request._request, public_id, extension)

    @extend_schema(operation_id="list_changes", responses=ChangeOfRow(many=True))
    @action(detail=True, pagination_class=None, filter_backends=())
    def changes(self, request: Request, public_id: str) -> Response:
        """List the rows that a snapshot changed, as compared with the snapshot before it.

        A 404 says if one of the two is withheld.
        """
        found = changes_of(standings_at(public_id=public_id, to=request.user))
        if isinstance(found, WithheldSnapshot):
            raise Http404(found.note)
        return Response(ChangeOfRow(found, many=True).data)

    @extend_schema(operation_id="get_slices", responses=SlicesDetail)
    @action(detail=True, pagination_class=None, filter_backends=())
    def slices(self, request: Request, public_id: str) -> Response:
        """Return how the rows of a snapshot did on slices of the items, task by task.

        A 404 says that the tasks have no slices, or that they are no longer kept.
        """
        document = slice_document(standings_at(public_id=public_id, to=request.user))
        if document is None:
            raise Http404("The tasks of this board have no slices, or they are no longer kept.")
        return Response(document)

    @extend_schema(
        operation_id="get_weightings",
        parameters=[
            OpenApiParameter(
                "weights",
                str,
                description="`task-1:2,tag-reading:0.5`: weights of tasks by their numbers on the "
                "board, and factors of all tasks with a tag. The rest are the author's.",
            ),
            _RANKING,
        ],
        responses=WeightingsDetail,
    )
    @action(detail=True, pagination_class=None, filter_backends=())
    def weightings(self, request: Request, public_id: str) -> Response:
        """Return the ranks of a snapshot under your own weights of its tasks.

        Where the shares were computed, each row says in what share of all plausible weightings it
        leads. Intervals and tests are not computed again. A 404 says that the board has a single
        task.
        """
        standings = readable_standings(public_id, to=request.user)
        content = snapshot_of(public_id).content
        if len(content["tasks"]) < 2:
            raise Http404("The board has one task, so there is nothing to weigh.")
        document = weightings_document(standings)
        tags = document["tags"] if document else ()
        chosen = read_weights(request.query_params.get(PARAMETER, "")[:MAX_LENGTH], content, tags)
        scope = choose_scope(content, request.query_params.get("scope", ""))
        found = {
            "scope": scope,
            "weights": chosen.as_text(),
            "draws": document["draws"] if document else None,
            "seed": document["seed"] if document else None,
            "tasks": weigh_tasks(content, tags, chosen),
            "rows": weigh_rows(content, document, chosen, scope),
        }
        return Response(WeightingsDetail(found).data)

    @extend_schema(
        operation_id="get_scoring_orders",
        parameters=[_RANKING],
        responses=ScoringOrdersDetail,
    )
    @action(detail=True, pagination_class=None, filter_backends=())
    def scorings(self, request: Request, public_id: str) -> Response:
        """Return the order of a snapshot's rows under other scorings of the same outputs.

        Each says how far it agrees with the board's (Kendall's τ-b). They are of the versions that
        you can see, as known at `computed_at`.
        """
        standings = readable_standings(public_id, to=request.user)
        content = snapshot_of(public_id).content
        scope = choose_scope(content, request.query_params.get("scope", ""))
        found = scoring_orders(standings, content, scope, to=request.user)
        document = {"scope": scope, "computed_at": found.computed_at, "orders": found.orders}
        return Response(ScoringOrdersDetail(document).data)


class BoardViewSet(ResourceViewSet[BenchmarkVersion]):
    subject = "Leaderboards"
    parameter_descriptions = {"public_id": "The id of the benchmark's version."}
    filter_backends = ()

    def get_object(self) -> BenchmarkVersion:
        return get_benchmark_version_or_404(self.kwargs["public_id"], self.request)

    @extend_schema(operation_id="list_standings", responses=StandingsSummary(many=True))
    @action(detail=True)
    def standings(self, request: Request, public_id: str) -> Response:
        """List every snapshot of a benchmark version, newest first, without contents."""
        snapshots = snapshots_of(self.get_object()).select_related("version")
        return self.respond_with_page(snapshots, StandingsSummary)

    @extend_schema(
        operation_id="get_leaderboard",
        parameters=[_DISPLAY, _IF_NONE_MATCH, _ETAG],
        responses={200: StandingsDetail, 304: _UNCHANGED},
    )
    @action(detail=True)
    def leaderboard(self, request: Request, public_id: str) -> HttpResponseBase:
        """Return the leaderboard of a benchmark version: its newest snapshot."""
        snapshots = snapshots_of(self.get_object())
        newest: Any = snapshots.values_list("public_id", flat=True).first()
        if newest is None:
            raise Http404
        shown = _display_context(request)
        state = f"{newest}-display" if shown["display"] else newest
        unchanged = not_modified(request._request, state)
        if unchanged is not None:
            return unchanged
        standings = standings_at(public_id=newest, to=request.user)
        return tag(Response(StandingsDetail(standings, context=shown).data), state)


class CorrectionViewSet(ResourceViewSet[Benchmark]):
    subject = "Leaderboards"
    parameter_descriptions = {"public_id": "The benchmark's id."}
    filter_backends = ()

    @extend_schema(operation_id="list_corrections", responses=CorrectionDetail(many=True))
    @action(detail=True)
    def corrections(self, request: Request, public_id: str) -> Response:
        """List the corrections of a benchmark, newest first."""
        corrections = corrections_of(get_benchmark_or_404(public_id, request), to=request.user)
        return self.respond_with_page(corrections, CorrectionDetail)
