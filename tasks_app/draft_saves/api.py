"""The saves of a draft in the API."""

from django.shortcuts import get_object_or_404
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
from tasks_app.draft_saves import serializers as shapes
from tasks_app.draft_saves.actions import restore_save, undo_save
from tasks_app.draft_saves.queries import saves_of
from tasks_app.models import DraftSave, Task, TaskDraft
from tasks_app.permissions import check_edit


class DraftSaveViewSet(ResourceViewSet[Task]):
    subject = "Tasks"
    parameter_descriptions = {
        "public_id": "The task's id.",
        "save_id": "The id of the save.",
    }
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    pagination_class = None

    def _task(self, request: Request) -> Task:
        task = get_task_or_404(self.kwargs["public_id"], request)
        check_edit(task, by=request.user)
        return task

    @extend_schema(operation_id="list_draft_saves", responses=shapes.DraftSaveDetail(many=True))
    @action(detail=True, url_path="draft/saves")
    def saves(self, request: Request, public_id: str) -> Response:
        """List the saved states of a draft, newest first: the current one, and up to 20 others."""
        found = saves_of(TaskDraft.objects.get(task=self._task(request)))
        current_id = None if found.current is None else found.current.pk
        return Response(shapes.draft_save_details(found.saves, current_id))

    @extend_schema(
        operation_id="withdraw_draft_save",
        request=shapes.SeenSaveWrite,
        responses={200: DraftDetail, 409: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="draft/undo")
    def undo(self, request: Request, public_id: str) -> Response:
        """Undo the last save of a draft: texts and files are as before it. Again goes further back.

        The undone save stays in the list of saves. Attached files, images and audio stay as they
        are.
        """
        task = self._task(request)
        seen = read_body(request, shapes.SeenSaveWrite).get("seen", "")
        undo_save(task=task, seen=seen, by=actor(request))
        return self._respond(task)

    @extend_schema(
        operation_id="restore_draft_save",
        request=shapes.SeenSaveWrite,
        responses={200: DraftDetail, 409: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="draft/saves/<str:save_id>/restore")
    def restore(self, request: Request, public_id: str, save_id: str) -> Response:
        """Go back to a save. That is a save like others, which can be undone."""
        task = self._task(request)
        save = get_object_or_404(DraftSave, draft__task=task, public_id=save_id)
        seen = read_body(request, shapes.SeenSaveWrite).get("seen", "")
        restore_save(task=task, save=save, seen=seen, by=actor(request))
        return self._respond(task)

    def _respond(self, task: Task) -> Response:
        drafts = TaskDraft.objects.select_related("data_file", "code_file", "task__namespace")
        return Response(DraftDetail(drafts.get(task=task)).data)
