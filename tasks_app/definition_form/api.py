"""A draft's definition in the API as fields, and the prompts of any item."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import actor
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_task_or_404
from tasks_app.authoring.example import EXAMPLE_DEFINITION
from tasks_app.authoring.preview import preview_of
from tasks_app.authoring.serializers import DraftDetail
from tasks_app.definition_form import serializers as shapes
from tasks_app.definition_form.actions import Change, change_draft_definition
from tasks_app.definition_form.fields import Known, leaves_of
from tasks_app.definition_form.places import value_at
from tasks_app.definition_form.submission import form_of
from tasks_app.definition_form.yaml_edits import read_document
from tasks_app.models import Task, TaskDraft
from tasks_app.permissions import check_edit
from tasks_app.runs.forms import deployment_choices
from tasks_app.runs.queries import deployments_for


class DefinitionFieldsViewSet(ResourceViewSet[Task]):
    subject = "Tasks"
    permission_classes = (IsAuthenticated,)
    parameter_descriptions = {"public_id": "The id of the task."}

    @extend_schema(operation_id="get_draft_fields", responses=shapes.DefinitionFields)
    @action(detail=True, url_path="draft/fields")
    def fields(self, request: Request, public_id: str) -> Response:
        """Return the draft's definition as the fields of its form.

        Lists have a field for each entry that is there.
        """
        draft = self._draft_of(public_id, request)
        text = draft.definition_text or EXAMPLE_DEFINITION
        form = form_of(text, Known(deployments=deployment_choices(deployments_for(request.user))))
        if not form.is_readable:
            raise InvalidInput(form.problems)
        document = read_document(text)
        rows = [
            {
                "place": leaf.place,
                "kind": leaf.kind,
                "label": leaf.label,
                "help": leaf.help,
                "value": value_at(document, leaf.path),
                "default": leaf.default,
                "options": [value for value, _ in leaf.options],
                "is_required": leaf.is_required,
            }
            for leaf in leaves_of(form.nodes)
        ]
        return Response(shapes.DefinitionFields({"fields": rows, "kept": form.kept}).data)

    @extend_schema(
        operation_id="update_draft_fields",
        request=shapes.DefinitionChangesWrite,
        responses=DraftDetail,
    )
    @fields.mapping.patch
    def update_fields(self, request: Request, public_id: str) -> Response:
        """Write values into the draft's text, place by place.

        Comments and all else stay as written. An index one behind the last adds an entry.
        """
        draft = self._draft_of(public_id, request)
        values = read_body(request, shapes.DefinitionChangesWrite)
        changes = [Change(one["place"], one.get("value")) for one in values["changes"]]
        changed = change_draft_definition(task=draft.task, changes=changes, by=actor(request))
        return Response(DraftDetail(changed).data)

    @extend_schema(
        operation_id="read_draft_prompts",
        request=shapes.PromptsWrite,
        responses={200: shapes.DraftPrompts, 503: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="draft/prompts")
    def prompts(self, request: Request, public_id: str) -> Response:
        """Return the prompts of an item and of those after it. Saves nothing.

        They are of the draft, or of a text that is not saved yet.
        """
        draft = self._draft_of(public_id, request)
        values: dict[str, Any] = read_body(request, shapes.PromptsWrite)
        preview = preview_of(
            draft, definition_text=values.get("definition"), item=values.get("item", "")
        )
        if preview.problems:
            raise InvalidInput(
                [
                    Problem(one.message, "data_file" if one.is_of_data else one.path, one.line)
                    for one in preview.problems
                ]
            )
        if preview.not_found:
            raise Http404("There is no such item among those that can be shown.")
        return Response(shapes.DraftPrompts(preview).data)

    def _draft_of(self, public_id: str, request: Request) -> TaskDraft:
        task = get_task_or_404(public_id, request)
        check_edit(task, by=request.user)
        draft = TaskDraft.objects.select_related("data_file", "task__namespace").get(task=task)
        draft.task = task
        return draft
