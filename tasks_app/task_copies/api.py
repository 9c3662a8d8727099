"""Copies of tasks, their owner and their end, in the API."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_task_or_404, get_version_or_404
from tasks_app.authoring.life import transfer_task
from tasks_app.authoring.serializers import TaskDetail
from tasks_app.models import Task, TaskVersion
from tasks_app.task_copies.actions import copy_task
from tasks_app.task_copies.serializers import TaskCopyWrite, TaskOwnerWrite


class TaskCopyViewSet(ResourceViewSet[TaskVersion]):
    subject = "Tasks"
    parameter_descriptions = {"public_id": "The version's id."}
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        operation_id="create_task_copy",
        request=TaskCopyWrite,
        responses={201: TaskDetail, 503: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="copies")
    def copies(self, request: Request, public_id: str) -> Response:
        """Copy a published version into a new private task of yours.

        Private items that you may not see are left out. `copied_from` names the version.
        """
        user = actor(request)
        version = get_version_or_404(public_id, request)
        values = read_body(request, TaskCopyWrite)
        task = copy_task(
            version=version,
            namespace=acting_namespace(request, values.get("namespace")),
            title=values.get("title", ""),
            slug=values.get("slug", ""),
            by=user,
        )
        return Response(TaskDetail(task).data, status=201)


class TaskLifeViewSet(ResourceViewSet[Task]):
    subject = "Tasks"
    parameter_descriptions = {"public_id": "The task's id."}
    filter_backends = ()
    pagination_class = None

    @extend_schema(operation_id="set_task_owner", request=TaskOwnerWrite, responses=TaskDetail)
    @action(detail=True, methods=["put"])
    def owner(self, request: Request, public_id: str) -> Response:
        """Give a task to another namespace that you act for. Its old address leads to it."""
        user = actor(request)
        task = get_task_or_404(public_id, request)
        values = read_body(request, TaskOwnerWrite)
        to = acting_namespace(request, values["namespace"])
        task = transfer_task(task=task, to=to, slug=values.get("slug", ""), by=user)
        return Response(TaskDetail(task).data)
