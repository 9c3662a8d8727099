"""A draft's rows in the API."""

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import actor
from plumbmark.background.api import respond_with_job
from plumbmark.background.serializers import JobDetail
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_task_or_404
from tasks_app.item_table import serializers as shapes
from tasks_app.item_table.actions import (
    RowEdit,
    addition_of_row,
    change_of_row,
    deletion_of_rows,
    edit_rows,
)
from tasks_app.item_table.edit_jobs import is_heavy, start_edit, undo_edit
from tasks_app.item_table.files import RowSelection
from tasks_app.item_table.queries import table_page
from tasks_app.item_table.views import file_response
from tasks_app.models import Task, TaskDraft
from tasks_app.permissions import check_edit

_RESPONSES = {200: shapes.TableChange, 202: JobDetail, 503: ProblemDetails}


class RowViewSet(ResourceViewSet[Task]):
    subject = "Tasks"
    parameter_descriptions = {
        "public_id": "The task's id.",
        "number": "The row's number, from 0.",
    }
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    pagination_class = None

    def _draft(self, request: Request) -> TaskDraft:
        task = get_task_or_404(self.kwargs["public_id"], request)
        check_edit(task, by=request.user)
        draft = TaskDraft.objects.select_related("data_file").get(task=task)
        draft.task = task
        return draft

    @extend_schema(
        operation_id="list_draft_rows",
        parameters=[
            OpenApiParameter("q", str, description="Words that a row must contain."),
            OpenApiParameter("column", str, description="The column that `value` filters."),
            OpenApiParameter("value", str, description="What the column must contain."),
            OpenApiParameter("sort", str, description="A column; with `-` before it, descending."),
            OpenApiParameter("page", int, description="The page of 50 rows, from 1."),
        ],
        responses={200: shapes.RowPage, 409: ProblemDetails, 503: ProblemDetails},
    )
    @action(detail=True, url_path="draft/rows")
    def rows(self, request: Request, public_id: str) -> Response:
        """List the rows of a draft's data file, with what is wrong with each by itself."""
        draft = self._draft(request)
        if draft.data_file is None:
            raise Conflict("The draft has no data file. Upload one first.")
        query = request.query_params
        number = query.get("page", "1")
        if not (number.isascii() and number.isdigit() and 0 < len(number) <= 7 and int(number)):
            raise InvalidInput([Problem("must be a whole number from 1", "page")])
        sort = query.get("sort", "")[:200]
        selection = RowSelection(
            words=query.get("q", "")[:200].strip(),
            column=query.get("column", "")[:200],
            value=query.get("value", "")[:200].strip(),
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
        )
        page = int(number)
        found = table_page(draft, selection, page=page)
        document = {
            "columns": found.columns,
            "total": found.total,
            "selected": found.selected,
            "next_page": page + 1 if found.has_next else None,
            "rows": [
                {
                    "number": one.row.number,
                    "digest": one.row.digest,
                    "values": one.row.values,
                    "problems": one.problems,
                }
                for one in found.rows
            ],
            "notes": found.notes,
        }
        return Response(shapes.RowPage(document).data)

    @extend_schema(
        operation_id="create_draft_row", request=shapes.RowAddWrite, responses=_RESPONSES
    )
    @rows.mapping.post
    def add(self, request: Request, public_id: str) -> Response:
        """Add a row at the end of a draft's data file.

        A large file is written by a job: the response is 202 then, and the job's `result` or
        `error` is what this would have returned. Edits of a file are made in their order.
        """
        draft = self._draft(request)
        values = read_body(request, shapes.RowAddWrite)["values"]
        return _edit(request, draft, addition_of_row(values))

    @extend_schema(
        operation_id="update_draft_row", request=shapes.RowChangeWrite, responses=_RESPONSES
    )
    @action(detail=True, methods=["put"], url_path="draft/rows/<int:number>")
    def change(self, request: Request, public_id: str, number: int) -> Response:
        """Replace the values of a row. A 409 says that somebody changed it since you saw it.

        A large file is written by a job, and the response is 202.
        """
        draft = self._draft(request)
        body = read_body(request, shapes.RowChangeWrite)
        return _edit(request, draft, change_of_row((number, body["digest"]), body["values"]))

    @extend_schema(
        operation_id="erase_draft_rows", request=shapes.RowsDeleteWrite, responses=_RESPONSES
    )
    @action(detail=True, methods=["post"], url_path="draft/rows/delete")
    def delete(self, request: Request, public_id: str) -> Response:
        """Delete rows of a draft's data file: all of them, or none if one was changed.

        A large file is written by a job, and the response is 202.
        """
        draft = self._draft(request)
        rows = read_body(request, shapes.RowsDeleteWrite)["rows"]
        seen = [(one["number"], one["digest"]) for one in rows]
        return _edit(request, draft, deletion_of_rows(seen))

    @extend_schema(
        operation_id="withdraw_row_change",
        request=None,
        responses={200: shapes.TableChange, 409: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="draft/rows/undo")
    def undo(self, request: Request, public_id: str) -> Response:
        """Undo the last save of a draft, if it changed rows. Again goes further back."""
        draft = self._draft(request)
        undo_edit(task=draft.task, by=actor(request))
        return _changed(self._draft(request))

    @extend_schema(
        operation_id="download_draft_data",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True, url_path="draft/data-file")
    def data_file(self, request: Request, public_id: str) -> HttpResponseBase:
        """Download a draft's data file as it is."""
        return file_response(self._draft(request))


def _edit(request: Request, draft: TaskDraft, edit: RowEdit) -> Response:
    if is_heavy(draft):
        return respond_with_job(start_edit(task=draft.task, edit=edit, by=actor(request)))
    return _changed(edit_rows(task=draft.task, edit=edit, by=actor(request)))


def _changed(draft: TaskDraft) -> Response:
    return Response(shapes.TableChange(draft.data_file).data)
