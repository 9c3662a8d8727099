"""Standings and corrections."""

from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks_app.api.views import benchmark_or_404, benchmark_version_or_404
from leaderboards_app.models import Correction, Standings
from leaderboards_app.queries import corrections_of, snapshots_of, standings_at
from plumbmark.common.etags import not_modified, tag
from plumbmark.rest.pagination import NewestFirst


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


class StandingsView(APIView):
    @extend_schema(responses={200: StandingsDetail, 304: None})
    def get(self, request: Request, public_id: str) -> HttpResponseBase:
        """Return one snapshot of a board. It never changes, so its ETag is valid for ever."""
        standings = standings_at(public_id=public_id, to=request.user)
        unchanged = not_modified(request._request, standings.public_id)
        if unchanged is not None:
            return unchanged
        return tag(Response(StandingsDetail(standings).data), standings.public_id)


class StandingsList(generics.ListAPIView[Standings]):
    """Every snapshot of a benchmark version, the newest first, without contents."""

    serializer_class = StandingsSummary
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Standings]:
        if getattr(self, "swagger_fake_view", False):
            return Standings.objects.none()
        version = benchmark_version_or_404(self.kwargs["public_id"], self.request)
        return snapshots_of(version).select_related("version")


class LatestStandingsView(APIView):
    @extend_schema(responses={200: StandingsDetail, 304: None})
    def get(self, request: Request, public_id: str) -> HttpResponseBase:
        """Return the newest snapshot of a benchmark version: its leaderboard."""
        from django.http import Http404

        version = benchmark_version_or_404(public_id, request)
        newest: Any = snapshots_of(version).values_list("public_id", flat=True).first()
        if newest is None:
            raise Http404
        unchanged = not_modified(request._request, newest)
        if unchanged is not None:
            return unchanged
        standings = standings_at(public_id=newest, to=request.user)
        return tag(Response(StandingsDetail(standings).data), newest)


class CorrectionList(generics.ListAPIView[Correction]):
    """The log of corrections of a benchmark."""

    serializer_class = CorrectionDetail
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Correction]:
        if getattr(self, "swagger_fake_view", False):
            return Correction.objects.none()
        return corrections_of(benchmark_or_404(self.kwargs["public_id"], self.request))
