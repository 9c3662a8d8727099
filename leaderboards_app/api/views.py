"""Standings and corrections."""

from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks_app.api.views import get_benchmark_or_404, get_benchmark_version_or_404
from benchmarks_app.models import Benchmark, BenchmarkVersion
from leaderboards_app.models import Correction, Standings
from leaderboards_app.queries import corrections_of, snapshots_of, standings_at
from plumbmark.common.etags import not_modified, tag
from plumbmark.rest.viewsets import ResourceViewSet


class StandingsSummary(serializers.ModelSerializer[Standings]):
    id = serializers.CharField(source="public_id")
    version = serializers.CharField(source="version.public_id")

    class Meta:
        model = Standings
        fields = ("id", "version", "number", "content_hash", "row_count", "reason", "created_at")


class StandingsDetail(StandingsSummary):
    content = serializers.DictField()

    class Meta(StandingsSummary.Meta):
        fields = (*StandingsSummary.Meta.fields, "content")  # type: ignore[assignment]


class CorrectionDetail(serializers.ModelSerializer[Correction]):
    before = serializers.CharField(source="before.public_id", allow_null=True, default=None)
    after = serializers.CharField(source="after.public_id", allow_null=True, default=None)

    class Meta:
        model = Correction
        fields = ("id", "kind", "reason", "before", "after", "at")


class StandingsViewSet(ResourceViewSet[Standings]):
    @extend_schema(responses={200: StandingsDetail, 304: None})
    def retrieve(self, request: Request, public_id: str) -> HttpResponseBase:
        """Return one snapshot of a board. It never changes, so its ETag stays valid."""
        standings = standings_at(public_id=public_id, to=request.user)
        unchanged = not_modified(request._request, standings.public_id)
        if unchanged is not None:
            return unchanged
        return tag(Response(StandingsDetail(standings).data), standings.public_id)


class BoardViewSet(ResourceViewSet[BenchmarkVersion]):
    filter_backends = ()

    def get_object(self) -> BenchmarkVersion:
        return get_benchmark_version_or_404(self.kwargs["public_id"], self.request)

    @extend_schema(responses=StandingsSummary(many=True))
    @action(detail=True)
    def standings(self, request: Request, public_id: str) -> Response:
        """List every snapshot of a benchmark version, newest first, without contents."""
        snapshots = snapshots_of(self.get_object()).select_related("version")
        return self.respond_with_page(snapshots, StandingsSummary)

    @extend_schema(responses={200: StandingsDetail, 304: None})
    @action(detail=True)
    def leaderboard(self, request: Request, public_id: str) -> HttpResponseBase:
        """Return the newest snapshot of a benchmark version: its leaderboard."""
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
    filter_backends = ()

    @extend_schema(responses=CorrectionDetail(many=True))
    @action(detail=True)
    def corrections(self, request: Request, public_id: str) -> Response:
        """List the corrections of a benchmark, newest first."""
        corrections = corrections_of(get_benchmark_or_404(public_id, request))
        return self.respond_with_page(corrections, CorrectionDetail)
