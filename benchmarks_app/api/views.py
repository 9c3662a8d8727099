"""Benchmarks, their versions and entries."""

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import QuerySet
from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks_app.actions import authoring
from benchmarks_app.actions import entries as entering
from benchmarks_app.actions.authoring import Member
from benchmarks_app.actions.corrections import follow_correction
from benchmarks_app.actions.visibility import set_benchmark_visibility
from benchmarks_app.api import serializers as shapes
from benchmarks_app.api.lookup import (
    find_contenders,
    get_benchmark_or_404,
    get_benchmark_version_or_404,
)
from benchmarks_app.composition.actions import save_draft
from benchmarks_app.composition.publication import missing_parts
from benchmarks_app.grid import actions as filling
from benchmarks_app.grid.queries import grid_of
from benchmarks_app.models import Benchmark, BenchmarkVersion, Entry
from benchmarks_app.permissions import (
    can_edit_benchmark,
)
from benchmarks_app.queries import (
    entries_of,
    members_of,
    published_versions_of,
    visible_benchmarks,
)
from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.pagination import OldestFirst
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_version_or_404
from tasks_app.item_reports.queries import report_at


class BenchmarkFilter(filters.FilterSet):
    namespace = filters.CharFilter(
        field_name="namespace__handle", help_text="The handle of the owner."
    )
    slug = filters.CharFilter(field_name="slug", help_text="The name within its namespace.")

    class Meta:
        model = Benchmark
        fields = ("namespace", "slug")


@extend_schema_view(list=extend_schema(operation_id="list_benchmarks"))
class BenchmarkViewSet(ListModelMixin, ResourceViewSet[Benchmark]):
    """List the benchmarks that you can see."""

    subject = "Benchmarks"
    parameter_descriptions = {"public_id": "The benchmark's id."}
    serializer_class = shapes.BenchmarkSummary
    filterset_class = BenchmarkFilter

    def get_queryset(self) -> QuerySet[Benchmark]:
        return visible_benchmarks(to=self.request.user)

    def get_object(self) -> Benchmark:
        return get_benchmark_or_404(self.kwargs["public_id"], self.request)

    @extend_schema(
        operation_id="create_benchmark",
        request=shapes.BenchmarkWrite,
        responses={201: shapes.BenchmarkSummary},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Create a private benchmark with an empty draft version."""
        user = actor(request)
        values = read_body(request, shapes.BenchmarkWrite)
        namespace = acting_namespace(request, values.pop("namespace", None))
        benchmark = authoring.create_benchmark(namespace=namespace, by=user, **values)
        return Response(shapes.BenchmarkSummary(benchmark).data, status=201)

    @extend_schema(operation_id="get_benchmark", responses=shapes.BenchmarkDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return one benchmark."""
        return Response(shapes.BenchmarkDetail(self.get_object()).data)

    @extend_schema(
        operation_id="update_benchmark",
        request=shapes.BenchmarkChange,
        responses=shapes.BenchmarkDetail,
    )
    def partial_update(self, request: Request, public_id: str) -> Response:
        """Change the title, claim, tags or visibility of a benchmark.

        Omitted fields stay as they are. Of a benchmark that becomes private, boards with results
        stay visible: `lasting_versions` names them.
        """
        benchmark = self.get_object()
        user = actor(request)
        values = read_body(request, shapes.BenchmarkChange)
        visibility = values.pop("visibility", None)
        if values:
            benchmark = authoring.update_benchmark(benchmark=benchmark, by=user, **values)
        if visibility is not None:
            benchmark = set_benchmark_visibility(
                benchmark=benchmark, visibility=visibility, by=user
            )
        return Response(shapes.BenchmarkDetail(benchmark).data)

    @extend_schema(
        operation_id="get_benchmark_draft",
        responses={200: shapes.BenchmarkVersionDetail, 409: ProblemDetails},
    )
    @action(detail=True, permission_classes=[IsAuthenticated])
    def draft(self, request: Request, public_id: str) -> Response:
        """Return the draft version. If there is none, one is started as a copy of the latest."""
        draft = authoring.draft_of(benchmark=self.get_object(), by=actor(request))
        return self._respond_with_version(draft)

    @extend_schema(
        operation_id="save_benchmark_draft",
        request=shapes.BenchmarkDraftWrite,
        responses={200: shapes.BenchmarkVersionDetail, 409: ProblemDetails},
    )
    @draft.mapping.put
    def change_draft(self, request: Request, public_id: str) -> Response:
        """Save the draft version. It has tasks with weights, a card, and rules.

        Omitted fields stay as they are. With the `fingerprint` of the draft that you read, nothing
        is saved where somebody else saved it since: the response is 409.
        """
        benchmark = self.get_object()
        user = actor(request)
        values = read_body(request, shapes.BenchmarkDraftWrite)
        listed = values.pop("tasks", None)
        members = None if listed is None else _read_members(listed, request)
        version = save_draft(
            version=authoring.draft_of(benchmark=benchmark, by=user),
            fingerprint=values.pop("fingerprint", ""),
            content={**values, "members": members},
            by=user,
        )
        return self._respond_with_version(version)

    @extend_schema(
        operation_id="list_publication_problems", responses=shapes.MissingPartDetail(many=True)
    )
    @action(
        detail=True,
        url_path="draft/problems",
        permission_classes=[IsAuthenticated],
        pagination_class=None,
        filter_backends=(),
    )
    def problems(self, request: Request, public_id: str) -> Response:
        """List what the draft lacks to be published for everybody. Publication checks the same."""
        draft = authoring.draft_of(benchmark=self.get_object(), by=actor(request))
        return Response(
            shapes.MissingPartDetail(missing_parts(draft, list(members_of(draft))), many=True).data
        )

    @extend_schema(
        operation_id="publish_benchmark",
        request=shapes.BenchmarkPublishWrite,
        responses={201: shapes.BenchmarkVersionDetail},
    )
    @idempotent
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, public_id: str) -> Response:
        """Publish the draft and open its board."""
        benchmark = self.get_object()
        user = actor(request)
        values = read_body(request, shapes.BenchmarkPublishWrite)
        draft = authoring.draft_of(benchmark=benchmark, by=user)
        version = authoring.publish_benchmark(version=draft, by=user, **values)
        return self._respond_with_version(version, status=201)

    @extend_schema(
        operation_id="follow_correction",
        request=shapes.FollowCorrectionWrite,
        responses={201: shapes.BenchmarkVersionDetail, 409: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="follow-correction")
    def follow_correction(self, request: Request, public_id: str) -> Response:
        """Publish the next version with the key that an accepted report corrected.

        Benchmarks of the person who accepted the report follow by themselves; others let their
        owners decide.
        """
        benchmark = self.get_object()
        user = actor(request)
        report_id = read_body(request, shapes.FollowCorrectionWrite)["report"]
        report = report_at(public_id=report_id, to=user)
        version = follow_correction(benchmark=benchmark, report=report, by=user)
        return self._respond_with_version(version, status=201)

    def _respond_with_version(self, version: BenchmarkVersion, status: int = 200) -> Response:
        full = get_benchmark_version_or_404(version.public_id, self.request)
        return Response(shapes.BenchmarkVersionDetail(full).data, status=status)

    @extend_schema(
        operation_id="list_benchmark_versions",
        responses=shapes.BenchmarkVersionDetail(many=True),
    )
    @action(detail=True, filter_backends=())
    def versions(self, request: Request, public_id: str) -> Response:
        """List the versions of a benchmark that you can see."""
        benchmark = self.get_object()
        versions = (
            benchmark.versions.order_by("-number")
            if can_edit_benchmark(request.user, benchmark)
            else published_versions_of(benchmark, to=request.user)
        )
        related = versions.select_related("benchmark").prefetch_related(
            "tasks__task_version__task__latest_version"
        )
        return self.respond_with_page(related, shapes.BenchmarkVersionDetail)


def _read_members(listed: Sequence[dict[str, object]], request: Request) -> list[Member]:
    members = []
    problems = []
    for index, entry in enumerate(listed):
        try:
            version = get_version_or_404(str(entry["task_version"]), request)
        except Http404:
            problems.append(
                Problem("there is no such version that you can see", f"tasks[{index}].task_version")
            )
            continue
        weight = entry.get("weight", Decimal(1))
        assert isinstance(weight, Decimal)
        texts = str(entry.get("label", "")), str(entry.get("group", ""))
        members.append(Member(version, weight, *texts))
    if problems:
        raise InvalidInput(problems)
    return members


class BenchmarkVersionViewSet(ResourceViewSet[BenchmarkVersion]):
    subject = "Benchmarks"
    parameter_descriptions = {"public_id": "The version's id."}
    filter_backends = ()
    pagination_class = None

    def get_object(self) -> BenchmarkVersion:
        return get_benchmark_version_or_404(self.kwargs["public_id"], self.request)

    @extend_schema(operation_id="get_benchmark_version", responses=shapes.BenchmarkVersionDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return one version with its tasks, card and rules."""
        return Response(shapes.BenchmarkVersionDetail(self.get_object()).data)

    @extend_schema(operation_id="list_grid_cells", responses=shapes.GridCell(many=True))
    @action(detail=True)
    def grid(self, request: Request, public_id: str) -> Response:
        """List contenders × tasks. Each cell is done, running, missing or failed."""
        grid = grid_of(self.get_object())
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

    @extend_schema(
        operation_id="list_missing_runs",
        request=shapes.StartWrite,
        responses={200: shapes.MissingCell(many=True), 503: ProblemDetails},
    )
    @action(detail=True, methods=["post"])
    def missing(self, request: Request, public_id: str) -> Response:
        """List the runs that these contenders lack. Each has its cost bound; nothing is started.

        `policy` chooses other cells. Those at work never get a second run.
        """
        actor(request)
        version = self.get_object()
        values = read_body(request, shapes.StartWrite)
        missing = filling.plan_runs(
            version=version,
            contenders=find_contenders(values["contenders"], request),
            policy=values.get("policy", filling.RunPolicy.MISSING),
            before=values.get("before"),
            payer=acting_namespace(request, values.get("namespace")),
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

    @extend_schema(
        operation_id="start_missing_runs",
        request=shapes.StartWrite,
        responses={201: shapes.StartedDetail, 503: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="start-missing")
    def start_missing(self, request: Request, public_id: str) -> Response:
        """Start the runs that these contenders lack. They are declared, and enter the board.

        `policy` chooses other cells. Those at work never get a second run.
        """
        version = self.get_object()
        user = actor(request)
        values = read_body(request, shapes.StartWrite)
        runs = filling.start_runs(
            version=version,
            contenders=find_contenders(values["contenders"], request),
            namespace=acting_namespace(request, values.get("namespace")),
            policy=values.get("policy", filling.RunPolicy.MISSING),
            before=values.get("before"),
            by=user,
            spend_limit=values.get("spend_limit_nanodollars"),
        )
        return Response({"runs": [run.pk for run in runs]}, status=201)


@extend_schema_view(list=extend_schema(operation_id="list_entries"))
class EntryViewSet(ListModelMixin, ResourceViewSet[Entry]):
    """List the entries of a benchmark version."""

    subject = "Benchmarks"
    parameter_descriptions = {
        "public_id": "The id of the benchmark's version.",
        "entry_id": "The entry's id.",
    }
    lookup_field = "entry_id"
    lookup_value_converter = "int"
    serializer_class = shapes.EntryDetail
    pagination_class = OldestFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Entry]:
        return entries_of(self._get_version()).prefetch_related("entry_runs")

    def _get_version(self) -> BenchmarkVersion:
        return get_benchmark_version_or_404(self.kwargs["public_id"], self.request)

    @extend_schema(
        operation_id="create_entry",
        request=shapes.EntryWrite,
        responses={201: shapes.EntryDetail},
    )
    @idempotent
    def create(self, request: Request, public_id: str) -> Response:
        """Put a contender on the board, with all declared runs that it has."""
        version = self._get_version()
        user = actor(request)
        named = read_body(request, shapes.EntryWrite)["contender"]
        contender = find_contenders([named], request)[0]
        entry = entering.enter(version=version, contender=contender, by=user)
        return Response(shapes.EntryDetail(entry).data, status=201)

    @extend_schema(
        operation_id="invalidate_entry",
        request=shapes.EntryInvalidateWrite,
        responses=shapes.EntryDetail,
    )
    @action(detail=True, methods=["post"])
    def invalidate(self, request: Request, public_id: str, entry_id: int) -> Response:
        """Invalidate an entry, for a public reason. It stays on the board, unranked."""
        version = self._get_version()
        user = actor(request)
        entry = (
            Entry.objects.filter(version=version, pk=entry_id)
            .select_related("version__benchmark__namespace", "contender")
            .first()
        )
        if entry is None:
            raise Http404
        reason = read_body(request, shapes.EntryInvalidateWrite)["reason"]
        entering.invalidate_entry(entry=entry, reason=reason, by=user)
        entry.refresh_from_db()
        return Response(shapes.EntryDetail(entry).data)
