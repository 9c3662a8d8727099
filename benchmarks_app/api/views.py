"""Benchmarks, their versions and entries."""

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import QuerySet
from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks_app.actions import authoring
from benchmarks_app.actions import entries as entering
from benchmarks_app.actions.authoring import Member
from benchmarks_app.api import serializers as shapes
from benchmarks_app.models import Benchmark, BenchmarkVersion, Entry
from benchmarks_app.permissions import (
    can_edit_benchmark,
    can_view_benchmark,
    can_view_version,
)
from benchmarks_app.queries import entries_of, grid_of, visible_benchmarks
from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.pagination import NewestFirst, OldestFirst
from tasks_app.authoring.api import IDEMPOTENCY, version_or_404
from tasks_app.models import Contender
from tasks_app.runs.api import deployment_named


def benchmark_or_404(public_id: str, request: Request) -> Benchmark:
    benchmark = (
        Benchmark.objects.select_related("namespace", "latest_version")
        .filter(public_id=public_id)
        .first()
    )
    if benchmark is None or not can_view_benchmark(request.user, benchmark):
        raise Http404
    return benchmark


def benchmark_version_or_404(public_id: str, request: Request) -> BenchmarkVersion:
    version = (
        BenchmarkVersion.objects.select_related("benchmark__namespace")
        .prefetch_related("tasks__task_version__task")
        .filter(public_id=public_id)
        .first()
    )
    if version is None or not can_view_version(request.user, version):
        raise Http404
    return version


def _full(version: BenchmarkVersion, request: Request) -> Response:
    full = benchmark_version_or_404(version.public_id, request)
    return Response(shapes.BenchmarkVersionDetail(full).data)


def contenders_named(ids: Sequence[str], request: Request) -> list[Contender]:
    found = {
        contender.public_id: contender
        for contender in Contender.objects.filter(public_id__in=ids).select_related(
            "deployment__model", "deployment__owner"
        )
    }
    problems = [
        Problem(f"there is no contender {one[:40]!r}", f"contenders[{index}]")
        for index, one in enumerate(ids)
        if one not in found
    ]
    if problems:
        raise InvalidInput(problems)
    return [found[one] for one in dict.fromkeys(ids)]


class BenchmarkFilter(filters.FilterSet):
    namespace = filters.CharFilter(field_name="namespace__handle")
    slug = filters.CharFilter(field_name="slug")

    class Meta:
        model = Benchmark
        fields = ("namespace", "slug")


class BenchmarkList(generics.ListAPIView[Benchmark]):
    """Benchmarks that you can see."""

    serializer_class = shapes.BenchmarkSummary
    pagination_class = NewestFirst
    filterset_class = BenchmarkFilter

    def get_queryset(self) -> QuerySet[Benchmark]:
        return visible_benchmarks(to=self.request.user)

    @extend_schema(
        request=shapes.BenchmarkWrite,
        responses={201: shapes.BenchmarkSummary},
        parameters=[IDEMPOTENCY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a private benchmark with an empty draft version."""
        user = actor(request)
        body = shapes.BenchmarkWrite(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        namespace = acting_namespace(request, values.pop("namespace", None))
        benchmark = authoring.create_benchmark(namespace=namespace, by=user, **values)
        return Response(shapes.BenchmarkSummary(benchmark).data, status=201)


class BenchmarkView(APIView):
    @extend_schema(responses=shapes.BenchmarkSummary)
    def get(self, request: Request, public_id: str) -> Response:
        """Return one benchmark."""
        return Response(shapes.BenchmarkSummary(benchmark_or_404(public_id, request)).data)

    @extend_schema(request=shapes.BenchmarkChange, responses=shapes.BenchmarkSummary)
    def patch(self, request: Request, public_id: str) -> Response:
        """Change title, claim or tags."""
        benchmark = benchmark_or_404(public_id, request)
        user = actor(request)
        body = shapes.BenchmarkChange(data=request.data)
        body.is_valid(raise_exception=True)
        benchmark = authoring.update_benchmark(benchmark=benchmark, by=user, **body.validated_data)
        return Response(shapes.BenchmarkSummary(benchmark).data)


class DraftView(APIView):
    @extend_schema(responses=shapes.BenchmarkVersionDetail)
    def get(self, request: Request, public_id: str) -> Response:
        """Return the draft version; create a copy of the latest version if there is none."""
        benchmark = benchmark_or_404(public_id, request)
        return _full(authoring.draft_of(benchmark=benchmark, by=actor(request)), request)

    @extend_schema(request=shapes.BenchmarkDraftWrite, responses=shapes.BenchmarkVersionDetail)
    def put(self, request: Request, public_id: str) -> Response:
        """Change the draft: tasks with weights, card, rules. What is left out stays."""
        benchmark = benchmark_or_404(public_id, request)
        user = actor(request)
        body = shapes.BenchmarkDraftWrite(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        listed = values.pop("tasks", None)
        members = None if listed is None else _members(listed, request)
        version = authoring.compose_draft(
            version=authoring.draft_of(benchmark=benchmark, by=user),
            members=members,
            by=user,
            **values,
        )
        return _full(version, request)


def _members(listed: Sequence[dict[str, object]], request: Request) -> list[Member]:
    members = []
    problems = []
    for index, entry in enumerate(listed):
        try:
            version = version_or_404(str(entry["task_version"]), request)
        except Http404:
            problems.append(
                Problem("there is no such version that you can see", f"tasks[{index}].task_version")
            )
            continue
        weight = entry.get("weight", Decimal(1))
        assert isinstance(weight, Decimal)
        members.append(Member(version, weight, str(entry.get("label", ""))))
    if problems:
        raise InvalidInput(problems)
    return members


class PublishView(APIView):
    @extend_schema(
        request=shapes.BenchmarkPublishWrite,
        responses={201: shapes.BenchmarkVersionDetail},
        parameters=[IDEMPOTENCY],
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Publish the draft and open its board."""
        benchmark = benchmark_or_404(public_id, request)
        user = actor(request)
        body = shapes.BenchmarkPublishWrite(data=request.data)
        body.is_valid(raise_exception=True)
        version = authoring.publish_benchmark(
            version=authoring.draft_of(benchmark=benchmark, by=user),
            by=user,
            **body.validated_data,
        )
        response = _full(version, request)
        response.status_code = 201
        return response


class AllowDeploymentView(APIView):
    @extend_schema(request=shapes.AllowWrite, responses={204: None})
    def post(self, request: Request, public_id: str) -> Response:
        """Let private items go to a deployment that is not the platform's."""
        benchmark = benchmark_or_404(public_id, request)
        user = actor(request)
        body = shapes.AllowWrite(data=request.data)
        body.is_valid(raise_exception=True)
        authoring.allow_deployment(
            benchmark=benchmark,
            deployment=deployment_named(body.validated_data["deployment"], request),
            by=user,
        )
        return Response(status=204)


class VersionList(generics.ListAPIView[BenchmarkVersion]):
    """A benchmark's versions that you can see."""

    serializer_class = shapes.BenchmarkVersionDetail
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[BenchmarkVersion]:
        if getattr(self, "swagger_fake_view", False):
            return BenchmarkVersion.objects.none()
        benchmark = benchmark_or_404(self.kwargs["public_id"], self.request)
        versions = benchmark.versions.select_related("benchmark").prefetch_related(
            "tasks__task_version__task"
        )
        if not can_edit_benchmark(self.request.user, benchmark):
            versions = versions.filter(state=BenchmarkVersion.State.PUBLISHED)
        return versions


class VersionView(APIView):
    @extend_schema(responses=shapes.BenchmarkVersionDetail)
    def get(self, request: Request, public_id: str) -> Response:
        """Return one version with its tasks, card and rules."""
        version = benchmark_version_or_404(public_id, request)
        return Response(shapes.BenchmarkVersionDetail(version).data)


class EntryList(generics.ListAPIView[Entry]):
    """List who has entered a benchmark version."""

    serializer_class = shapes.EntryDetail
    pagination_class = OldestFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Entry]:
        if getattr(self, "swagger_fake_view", False):
            return Entry.objects.none()
        version = benchmark_version_or_404(self.kwargs["public_id"], self.request)
        return entries_of(version).prefetch_related("entry_runs")

    @extend_schema(
        request=shapes.EntryWrite, responses={201: shapes.EntryDetail}, parameters=[IDEMPOTENCY]
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Put a contender on the board, with all declared runs that it has."""
        version = benchmark_version_or_404(public_id, request)
        user = actor(request)
        body = shapes.EntryWrite(data=request.data)
        body.is_valid(raise_exception=True)
        contender = contenders_named([body.validated_data["contender"]], request)[0]
        entry = entering.enter(version=version, contender=contender, by=user)
        return Response(shapes.EntryDetail(entry).data, status=201)


class InvalidateEntryView(APIView):
    @extend_schema(request=shapes.EntryInvalidateWrite, responses=shapes.EntryDetail)
    def post(self, request: Request, public_id: str, entry_id: int) -> Response:
        """Invalidate a row for a public reason; it remains on the board, unranked."""
        version = benchmark_version_or_404(public_id, request)
        user = actor(request)
        entry = (
            Entry.objects.filter(version=version, pk=entry_id)
            .select_related("version__benchmark__namespace", "contender")
            .first()
        )
        if entry is None:
            raise Http404
        body = shapes.EntryInvalidateWrite(data=request.data)
        body.is_valid(raise_exception=True)
        entering.invalidate_entry(entry=entry, reason=body.validated_data["reason"], by=user)
        entry.refresh_from_db()
        return Response(shapes.EntryDetail(entry).data)


class GridView(APIView):
    @extend_schema(
        responses=shapes.GridCell(many=True),
        parameters=[OpenApiParameter("public_id", str, OpenApiParameter.PATH)],
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Return contenders x tasks: what has run, is running, is missing or has failed."""
        version = benchmark_version_or_404(public_id, request)
        grid = grid_of(version)
        cells = [
            {
                "contender": contender.public_id,
                "task_version": task.task_version.public_id,
                "state": cell.state,
                "run": cell.run.pk if cell.run else None,
            }
            for contender, row in grid.rows
            for task, cell in zip(grid.tasks, row, strict=True)
        ]
        return Response(shapes.GridCell(cells, many=True).data)


class MissingView(APIView):
    @extend_schema(request=shapes.StartWrite, responses=shapes.MissingCell(many=True))
    def post(self, request: Request, public_id: str) -> Response:
        """Return what is missing for these contenders, each with its cost bound. Starts nothing."""
        actor(request)
        version = benchmark_version_or_404(public_id, request)
        body = shapes.StartWrite(data=request.data)
        body.is_valid(raise_exception=True)
        missing = entering.missing_cells(
            version=version,
            contenders=contenders_named(body.validated_data["contenders"], request),
        )
        cells = [
            {
                "contender": cell.contender.public_id,
                "task_version": cell.task.task_version.public_id,
                "cost_bound_nanodollars": cell.bound.total,
                "is_priced": cell.bound.is_priced,
            }
            for cell in missing
        ]
        return Response(shapes.MissingCell(cells, many=True).data)


class StartMissingView(APIView):
    @extend_schema(
        request=shapes.StartWrite,
        responses={201: shapes.StartedDetail},
        parameters=[IDEMPOTENCY],
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Start a declared run for every missing cell of these contenders, and enter them."""
        version = benchmark_version_or_404(public_id, request)
        user = actor(request)
        body = shapes.StartWrite(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        runs = entering.start_missing(
            version=version,
            contenders=contenders_named(values["contenders"], request),
            namespace=acting_namespace(request, values.get("namespace")),
            by=user,
            spend_limit=values.get("spend_limit_nanodollars"),
        )
        return Response({"runs": [run.pk for run in runs]}, status=201)
