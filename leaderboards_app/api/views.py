"""Standings and corrections."""

from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks_app.api.views import get_benchmark_or_404, get_benchmark_version_or_404
from benchmarks_app.models import Benchmark, BenchmarkVersion
from leaderboards_app.api.serializers import CorrectionDetail, StandingsDetail, StandingsSummary
from leaderboards_app.models import Standings
from leaderboards_app.queries import corrections_of, snapshots_of, standings_at
from plumbmark.common.etags import not_modified, tag
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
_UNCHANGED = OpenApiResponse(description="The board is the one that `If-None-Match` names.")


class StandingsViewSet(ResourceViewSet[Standings]):
    subject = "Leaderboards"
    parameter_descriptions = {"public_id": "The snapshot's id."}

    @extend_schema(
        operation_id="get_standings",
        parameters=[_IF_NONE_MATCH, _ETAG],
        responses={200: StandingsDetail, 304: _UNCHANGED},
    )
    def retrieve(self, request: Request, public_id: str) -> HttpResponseBase:
        """Return one snapshot of a board. It never changes, so its ETag stays valid."""
        standings = standings_at(public_id=public_id, to=request.user)
        unchanged = not_modified(request._request, standings.public_id)
        if unchanged is not None:
            return unchanged
        return tag(Response(StandingsDetail(standings).data), standings.public_id)


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
        parameters=[_IF_NONE_MATCH, _ETAG],
        responses={200: StandingsDetail, 304: _UNCHANGED},
    )
    @action(detail=True)
    def leaderboard(self, request: Request, public_id: str) -> HttpResponseBase:
        """Return the leaderboard of a benchmark version: its newest snapshot."""
        snapshots = snapshots_of(self.get_object())
        newest: Any = snapshots.values_list("public_id", flat=True).first()
        if newest is None:
            raise Http404
        unchanged = not_modified(request._request, newest)
        if unchanged is not None:
            return unchanged
        standings = standings_at(public_id=newest, to=request.user)
        return tag(Response(StandingsDetail(standings).data), newest)


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
