"""Kinds to start from in the API. `POST /tasks` takes one as `starting_point`."""

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.models import Task
from tasks_app.starting_points import serializers as shapes
from tasks_app.starting_points.catalogue import STARTING_POINTS


class StartingPointViewSet(ResourceViewSet[Task]):
    subject = "Tasks"
    permission_classes = (AllowAny,)
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        operation_id="list_task_starting_points", responses=shapes.TaskStartingPoint(many=True)
    )
    def list(self, request: Request) -> Response:
        """List the kinds of tasks to start from.

        Each is a complete task with data that runs as it is.
        """
        return Response(shapes.TaskStartingPoint(STARTING_POINTS, many=True).data)
