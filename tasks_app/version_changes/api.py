"""The changes between two versions in the API."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_version_or_404
from tasks_app.models import TaskVersion
from tasks_app.version_changes.queries import (
    PAGE,
    SHOWN,
    changed_items,
    count_changes,
    definition_change,
)
from tasks_app.version_changes.serializers import VersionChangesDetail


class VersionChangesViewSet(ResourceViewSet[TaskVersion]):
    subject = "Tasks"
    parameter_descriptions = {"public_id": "The version's id."}
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        operation_id="get_version_changes",
        parameters=[
            OpenApiParameter(
                "since", str, required=True, description="The id of the version to compare with."
            ),
            OpenApiParameter(
                "show", str, enum=list(SHOWN), description="The items listed; `added` if left out."
            ),
            OpenApiParameter("page", int, description="The page of items, from 1."),
        ],
        responses=VersionChangesDetail,
    )
    @action(detail=True)
    def changes(self, request: Request, public_id: str) -> Response:
        """Return what changed since another version of the task: definition and items."""
        after = get_version_or_404(public_id, request)
        before = get_version_or_404(request.query_params.get("since", "")[:20], request)
        if before.task_id != after.task_id:
            raise InvalidInput([Problem("is a version of another task", "since")])
        number = request.query_params.get("page", "1")
        if not (number.isascii() and number.isdigit() and 0 < len(number) <= 7 and int(number)):
            raise InvalidInput([Problem("must be a whole number from 1", "page")])
        page, shown = int(number), request.query_params.get("show", SHOWN[0])
        items = changed_items(before, after, shown, page=page, to=request.user)
        counts = count_changes(before, after, to=request.user)
        definition = definition_change(before, after, to=request.user)
        document = {
            "before": before.public_id,
            "after": after.public_id,
            "definition_diff": "\n".join(definition.lines),
            "definition_hidden": definition.reason,
            "counts": counts,
            "show": shown,
            "items": items,
            "next_page": page + 1 if page * PAGE < counts.of(shown) else None,
        }
        return Response(VersionChangesDetail(document).data)
