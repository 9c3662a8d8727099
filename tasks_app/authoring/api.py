"""Tasks, their drafts and their versions."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.common.errors import NotAllowed
from plumbmark.rest.idempotency import HEADER, idempotent
from plumbmark.rest.pagination import NewestFirst, OldestFirst
from plumbmark.rest.parsers import StrictJSONParser
from tasks_app.authoring import actions as authoring
from tasks_app.authoring import drafts, publication, serializers
from tasks_app.authoring.queries import items_of, published_versions_of, visible_tasks
from tasks_app.code_tasks import actions as coding
from tasks_app.datasets import actions as attaching
from tasks_app.datasets.media.detection import ENDINGS
from tasks_app.datasets.media.responses import (
    attachment_of_item,
    attachment_response,
)
from tasks_app.kinds import draft_kind_of
from tasks_app.models import Item, Task, TaskDraft, TaskVersion
from tasks_app.permissions import can_edit_task, can_view_task, can_view_version
from tasks_app.runs import serializers as shapes
from tasks_app.runs import start as running
from tasks_app.runs.queries import run_at
from tasks_app.scorings import actions as scoring

_CODE_FIELDS = {"code_file", "code", "settings", "attach", "detach"}

IDEMPOTENCY = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER, description="A repeat with the same key starts nothing."
)


def task_or_404(public_id: str, request: Request) -> Task:
    task = (
        Task.objects.select_related("namespace", "latest_version")
        .filter(public_id=public_id)
        .first()
    )
    if task is None or not can_view_task(request.user, task):
        raise Http404
    return task


def version_or_404(public_id: str, request: Request) -> TaskVersion:
    version = (
        TaskVersion.objects.select_related("task__namespace").filter(public_id=public_id).first()
    )
    if version is None or not can_view_version(request.user, version):
        raise Http404
    return version


class TaskFilter(filters.FilterSet):
    namespace = filters.CharFilter(field_name="namespace__handle")
    slug = filters.CharFilter(field_name="slug")
    visibility = filters.CharFilter(field_name="visibility")

    class Meta:
        model = Task
        fields = ("namespace", "slug", "visibility")


class TaskList(generics.ListAPIView[Task]):
    """Tasks that you can see."""

    serializer_class = serializers.TaskSummary
    pagination_class = NewestFirst
    filterset_class = TaskFilter

    def get_queryset(self) -> QuerySet[Task]:
        return visible_tasks(to=self.request.user)

    @extend_schema(
        request=serializers.TaskWrite,
        responses={201: serializers.TaskDetail},
        parameters=[IDEMPOTENCY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a private task with an empty draft."""
        body = serializers.TaskWrite(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        namespace = acting_namespace(request, values.pop("namespace", None))
        slug = values.pop("slug", "")
        task = authoring.create_task(
            namespace=namespace,
            facts=authoring.TaskFacts(**values),
            slug=slug,
            by=actor(request),
        )
        return Response(serializers.TaskDetail(task).data, status=201)


class TaskView(APIView):
    @extend_schema(responses=serializers.TaskDetail)
    def get(self, request: Request, public_id: str) -> Response:
        """Return one task."""
        return Response(serializers.TaskDetail(task_or_404(public_id, request)).data)

    @extend_schema(request=serializers.TaskChange, responses=serializers.TaskDetail)
    def patch(self, request: Request, public_id: str) -> Response:
        """Change what a task says of itself, or who may see it."""
        task = task_or_404(public_id, request)
        user = actor(request)
        body = serializers.TaskChange(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        visibility = values.pop("visibility", None)
        if values:
            task = authoring.update_task(task=task, facts=authoring.TaskFacts(**values), by=user)
        if visibility is not None:
            task = authoring.set_task_visibility(task=task, visibility=visibility, by=user)
        return Response(serializers.TaskDetail(task).data)


class DraftView(APIView):
    parser_classes = (MultiPartParser, FormParser, StrictJSONParser)

    def _draft(self, public_id: str, request: Request) -> TaskDraft:
        task = task_or_404(public_id, request)
        if not can_edit_task(request.user, task):
            raise NotAllowed("The draft belongs to the task's authors.")
        drafts = TaskDraft.objects.select_related("data_file", "code_file", "task__namespace")
        return drafts.get(task=task)

    @extend_schema(responses=serializers.DraftDetail)
    def get(self, request: Request, public_id: str) -> Response:
        """Return the draft that you are working on."""
        return Response(serializers.DraftDetail(self._draft(public_id, request)).data)

    @extend_schema(request=serializers.TaskDraftWrite, responses=serializers.DraftDetail)
    def put(self, request: Request, public_id: str) -> Response:
        """Keep a definition and a data file, or code with its settings. What is left out stays."""
        task = task_or_404(public_id, request)
        user = actor(request)
        body = serializers.TaskDraftWrite(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        draft_parts = {
            "definition_text": values.get("definition"),
            "definition_format": values.get("format"),
            "upload": values.get("data_file"),
        }
        # Before anything is kept: a request that is refused leaves nothing of it behind.
        drafts.check_storable(**draft_parts)
        if "kind" in values:
            coding.drop_code(task=task, by=user)
        if _CODE_FIELDS & set(values):
            coding.save_code_draft(
                task=task,
                upload=values.get("code_file"),
                code=values.get("code"),
                code_name=values.get("code_name", ""),
                settings_text=values.get("settings"),
                attach=values.get("attach", ()),
                detach=values.get("detach", ()),
                by=user,
            )
        if values.get("media") or values.get("remove_media"):
            attaching.attach_media(
                task=task,
                uploads=values.get("media", ()),
                remove=values.get("remove_media", ()),
                by=user,
            )
        draft = drafts.save_draft(task=task, by=user, **draft_parts)
        return Response(serializers.DraftDetail(draft).data)


class DraftCheckView(DraftView):
    http_method_names = ["post", "options"]

    @extend_schema(request=None, responses=serializers.DraftCheck)
    def post(self, request: Request, public_id: str) -> Response:
        """Check the whole draft; 422 names every problem with its line."""
        draft = self._draft(public_id, request)
        return Response(serializers.DraftCheck(draft_kind_of(draft).check(draft)).data)


class DraftTryView(APIView):
    @extend_schema(request=None, responses={202: shapes.RunDetail}, parameters=[IDEMPOTENCY])
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Run the draft's code against a baseline; `runs/{id}/report` has the result."""
        task = task_or_404(public_id, request)
        user = actor(request)
        run = running.try_program(version=publication.build_version(task=task, by=user), by=user)
        return Response(shapes.RunDetail(run_at(run_id=run.pk, to=user)).data, status=202)


class PublishView(APIView):
    @extend_schema(
        request=serializers.TaskPublishWrite,
        responses={201: serializers.TaskVersionDetail},
        parameters=[IDEMPOTENCY],
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Publish the draft as the next numbered version."""
        task = task_or_404(public_id, request)
        body = serializers.TaskPublishWrite(data=request.data)
        body.is_valid(raise_exception=True)
        version = publication.publish_task(task=task, by=actor(request), **body.validated_data)
        return Response(serializers.TaskVersionDetail(version).data, status=201)


class BuildView(APIView):
    @extend_schema(
        request=None, responses={201: serializers.TaskVersionDetail}, parameters=[IDEMPOTENCY]
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Build the draft as an unpublished version, to try it."""
        task = task_or_404(public_id, request)
        version = publication.build_version(task=task, by=actor(request))
        return Response(serializers.TaskVersionDetail(version).data, status=201)


class VersionList(generics.ListAPIView[TaskVersion]):
    """A task's published versions."""

    serializer_class = serializers.TaskVersionDetail
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[TaskVersion]:
        if getattr(self, "swagger_fake_view", False):
            return TaskVersion.objects.none()
        task = task_or_404(self.kwargs["public_id"], self.request)
        return published_versions_of(task).select_related("task")


class VersionView(APIView):
    @extend_schema(responses=serializers.TaskVersionDetail)
    def get(self, request: Request, public_id: str) -> Response:
        """Return one version, with its normalised definition."""
        return Response(serializers.TaskVersionDetail(version_or_404(public_id, request)).data)


class _ItemsInOrder(OldestFirst):
    ordering = ("position", "id")  # type: ignore[assignment]
    max_page_size = 1000


class ItemList(generics.ListAPIView[Item]):
    """A version's items that you can see, in order."""

    serializer_class = serializers.ItemDetail
    pagination_class = _ItemsInOrder
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Item]:
        if getattr(self, "swagger_fake_view", False):
            return Item.objects.none()
        version = version_or_404(self.kwargs["public_id"], self.request)
        return items_of(version, to=self.request.user)


_BYTES = {(200, kind): OpenApiTypes.BINARY for kind in sorted(ENDINGS)}


class ItemFile(APIView):
    @extend_schema(responses=_BYTES)
    def get(self, request: Request, public_id: str, position: int, sha256: str) -> HttpResponse:
        """Return an image or audio of an item that you can see."""
        version = version_or_404(public_id, request)
        item = get_object_or_404(items_of(version, to=request.user), position=position)
        return attachment_response(request, attachment_of_item(item, sha256))


class RescoreView(APIView):
    @extend_schema(
        request=None,
        responses={202: shapes.ScoringDetail(many=True)},
        parameters=[IDEMPOTENCY],
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Score every finished run on these questions by this version. Calls no candidate model."""
        version = version_or_404(public_id, request)
        scorings = scoring.rescore_runs_of(version=version, by=actor(request))
        data: Any = shapes.ScoringDetail(scorings, many=True).data
        return Response(data, status=202)
