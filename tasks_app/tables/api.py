"""The draft's file as a table: described, read again, and turned into a definition."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import actor
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_task_or_404
from tasks_app.authoring.serializers import DraftDetail
from tasks_app.models import Task, TaskDraft
from tasks_app.permissions import check_edit
from tasks_app.tables import serializers as shapes
from tasks_app.tables.actions import choose_columns
from tasks_app.tables.conversion import profile_of, read_again
from tasks_app.tables.documents import roles_from
from tasks_app.tables.sources import TableOptions


class TableViewSet(ResourceViewSet[Task]):
    subject = "Tasks"
    permission_classes = (IsAuthenticated,)
    parameter_descriptions = {"public_id": "The id of the task."}

    @extend_schema(
        operation_id="get_draft_table", responses={200: shapes.TableDetail, 503: ProblemDetails}
    )
    @action(detail=True, url_path="draft/table")
    def table(self, request: Request, public_id: str) -> Response:
        """Describe the columns of the draft's file, and guess what they are for."""
        return self._describe(self._draft_of(public_id, request))

    @extend_schema(
        operation_id="read_draft_table_again",
        request=shapes.ReadingWrite,
        responses={200: shapes.TableDetail, 503: ProblemDetails},
    )
    @table.mapping.post
    def read_table_again(self, request: Request, public_id: str) -> Response:
        """Read the draft's file again as its author gave it, with other options."""
        draft = self._draft_of(public_id, request)
        options = TableOptions(**read_body(request, shapes.ReadingWrite))
        read_again(task=draft.task, options=options, by=actor(request))
        return self._describe(self._draft_of(public_id, request))

    @extend_schema(
        operation_id="choose_draft_columns",
        request=shapes.ColumnsWrite,
        responses={200: DraftDetail, 503: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="draft/columns")
    def columns(self, request: Request, public_id: str) -> Response:
        """Write the draft's definition from what the columns are for."""
        draft = self._draft_of(public_id, request)
        values = read_body(request, shapes.ColumnsWrite)
        judges, keeps = values.pop("judges", ()), values.pop("keeps_definition")
        written = choose_columns(
            task=draft.task,
            roles=roles_from(values),
            judges=judges,
            keeps_definition=keeps,
            by=actor(request),
        )
        return Response(DraftDetail(written).data)

    def _draft_of(self, public_id: str, request: Request) -> TaskDraft:
        task = get_task_or_404(public_id, request)
        check_edit(task, by=request.user)
        draft = TaskDraft.objects.select_related("data_file__converted_from").get(task=task)
        draft.task = task
        return draft

    def _describe(self, draft: TaskDraft) -> Response:
        if draft.data_file is None:
            raise Http404("the draft has no data file")
        return Response(shapes.TableDetail(profile_of(draft.data_file)).data)
