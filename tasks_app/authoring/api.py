"""Tasks, their drafts and their versions."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.accounts.visible import find_visible
from plumbmark.background.api import respond_with_job
from plumbmark.background.models import Job
from plumbmark.background.serializers import JobDetail
from plumbmark.common.errors import NotAllowed
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.pagination import ByPosition
from plumbmark.rest.parsers import FILE_PARSERS
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring import actions as authoring
from tasks_app.authoring import allowed_deployments as allowing
from tasks_app.authoring import draft_jobs, drafts, publication, serializers
from tasks_app.authoring.life import delete_task, set_archived
from tasks_app.authoring.queries import (
    as_seen_by,
    items_of,
    published_versions_of,
    visible_tasks,
)
from tasks_app.authoring.visibility import set_task_visibility
from tasks_app.authoring.withdrawal import withdraw_content
from tasks_app.code_tasks import actions as coding
from tasks_app.datasets import actions as attaching
from tasks_app.datasets.media.detection import ENDINGS
from tasks_app.datasets.media.responses import (
    attachment_of_item,
    attachment_response,
)
from tasks_app.kinds import draft_kind_of
from tasks_app.models import Item, Task, TaskDraft, TaskVersion
from tasks_app.permissions import can_edit_task, can_view_task, can_view_version, check_edit
from tasks_app.runs import serializers as shapes
from tasks_app.runs import start as running
from tasks_app.runs.queries import run_at
from tasks_app.scorer_trials import serializers as trial_shapes
from tasks_app.scorings import actions as scoring
from tasks_app.starting_points.actions import create_task_from_starting_point

_CODE_FIELDS = {"code_file", "code", "settings", "attach", "detach"}

_MEDIA_RESPONSES = {(200, kind): OpenApiTypes.BINARY for kind in sorted(ENDINGS)}


def get_task_or_404(public_id: str, request: Request) -> Task:
    rows = Task.objects.select_related(
        "namespace", "latest_version", "pinned_version", "copied_from__task__namespace"
    )
    task = find_visible(rows, public_id, to=request.user, allows=can_view_task)
    return as_seen_by(request.user, task)


def get_version_or_404(public_id: str, request: Request) -> TaskVersion:
    rows = TaskVersion.objects.select_related("task__namespace")
    return find_visible(rows, public_id, to=request.user, allows=can_view_version)


class TaskFilter(filters.FilterSet):
    namespace = filters.CharFilter(
        field_name="namespace__handle", help_text="The handle of the owner."
    )
    slug = filters.CharFilter(field_name="slug", help_text="The name within its namespace.")
    visibility = filters.CharFilter(
        field_name="visibility", help_text="`private`, `unlisted` or `public`."
    )

    class Meta:
        model = Task
        fields = ("namespace", "slug", "visibility")


@extend_schema_view(list=extend_schema(operation_id="list_tasks"))
class TaskViewSet(ListModelMixin, ResourceViewSet[Task]):
    """List the tasks that you can see."""

    subject = "Tasks"
    parameter_descriptions = {
        "public_id": "The task's id.",
        "deployment_id": "The deployment's id.",
    }
    serializer_class = serializers.TaskSummary
    filterset_class = TaskFilter

    def get_queryset(self) -> QuerySet[Task]:
        return visible_tasks(to=self.request.user)

    def get_object(self) -> Task:
        return get_task_or_404(self.kwargs["public_id"], self.request)

    @extend_schema(
        operation_id="create_task",
        request=serializers.TaskWrite,
        responses={201: serializers.TaskDetail},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Create a private task.

        Its draft is empty, or the working example of `starting_point`.
        """
        values = read_body(request, serializers.TaskWrite)
        namespace = acting_namespace(request, values.pop("namespace", None))
        slug, judge = values.pop("slug", ""), values.pop("judge", "")
        kind = values.pop("starting_point", "")
        facts = authoring.TaskFacts(**values)
        user = actor(request)
        if kind:
            task = create_task_from_starting_point(
                namespace=namespace,
                starting_point=kind,
                facts=facts,
                slug=slug,
                judge=judge,
                by=user,
            )
        else:
            task = authoring.create_task(namespace=namespace, facts=facts, slug=slug, by=user)
        return Response(serializers.TaskDetail(task).data, status=201)

    @extend_schema(operation_id="get_task", responses=serializers.TaskDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return one task."""
        return Response(serializers.TaskDetail(self.get_object()).data)

    @extend_schema(
        operation_id="update_task",
        request=serializers.TaskChange,
        responses=serializers.TaskDetail,
    )
    def partial_update(self, request: Request, public_id: str) -> Response:
        """Change the title, summary, licence, source, tags, visibility and so on.

        Omitted fields stay as they are. Of a task that becomes private, versions with results stay
        visible: `lasting_versions` names them.
        """
        task = self.get_object()
        user = actor(request)
        values = read_body(request, serializers.TaskChange)
        visibility = values.pop("visibility", None)
        is_archived = values.pop("is_archived", None)
        if is_archived is not None:
            task = set_archived(task=task, is_archived=is_archived, by=user)
        if values:
            task = authoring.update_task(task=task, facts=authoring.TaskFacts(**values), by=user)
        if visibility is not None:
            task = set_task_visibility(task=task, visibility=visibility, by=user)
        return Response(serializers.TaskDetail(task).data)

    @extend_schema(operation_id="erase_task", request=None, responses={204: None})
    def destroy(self, request: Request, public_id: str) -> Response:
        """Delete a task that was never published and has no runs but finished tries."""
        delete_task(task=self.get_object(), by=actor(request))
        return Response(status=204)

    @extend_schema(operation_id="get_task_draft", responses=serializers.DraftDetail)
    @action(detail=True, parser_classes=FILE_PARSERS, permission_classes=[IsAuthenticated])
    def draft(self, request: Request, public_id: str) -> Response:
        """Return the draft of a task."""
        return Response(serializers.DraftDetail(self._get_draft()).data)

    @extend_schema(
        operation_id="save_task_draft",
        request={
            "application/json": serializers.TaskDraftWrite,
            "multipart/form-data": serializers.TaskDraftForm,
        },
        responses={200: serializers.DraftDetail, 503: ProblemDetails},
    )
    @draft.mapping.put
    def save_draft(self, request: Request, public_id: str) -> Response:
        """Save the draft of a task.

        It has a definition and a data file, or code with its settings. Files are sent as multipart;
        everything else can also be sent as JSON. Omitted fields stay as they are.
        """
        task = self.get_object()
        user = actor(request)
        values = read_body(request, serializers.TaskDraftWrite, form=serializers.TaskDraftForm)
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
        draft = drafts.save_draft(
            task=task,
            replaces_fitting_file=values.get("replaces_fitting_file", False),
            by=user,
            **draft_parts,
        )
        return Response(serializers.DraftDetail(draft).data)

    def _get_draft(self, task: Task | None = None) -> TaskDraft:
        task = task or self.get_object()
        if not can_edit_task(self.request.user, task):
            raise NotAllowed("The draft belongs to the task's authors.")
        drafts = TaskDraft.objects.select_related("data_file", "code_file", "task__namespace")
        return drafts.get(task=task)

    @extend_schema(
        operation_id="check_task_draft",
        request=None,
        responses={200: serializers.DraftCheck, 202: JobDetail, 503: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="draft/check", parser_classes=FILE_PARSERS)
    def check_draft(self, request: Request, public_id: str) -> Response:
        """Check the draft of a task. A 422 lists every problem with its line.

        A large data file is checked by a job: the response is 202 then, and the job's `result` or
        `error` is what this would have returned.
        """
        draft = self._get_draft()
        if draft_jobs.is_heavy(draft):
            return respond_with_job(draft_jobs.start_check(draft=draft, by=actor(request)))
        return Response(serializers.DraftCheck(draft_kind_of(draft).check(draft)).data)

    @extend_schema(
        operation_id="try_task_scorers",
        request=trial_shapes.ScorerTrialWrite,
        responses={200: trial_shapes.ScorerTrial, 202: JobDetail, 503: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="draft/scorers")
    def try_scorers(self, request: Request, public_id: str) -> Response:
        """Try the draft's scorers on outputs, or on the first outputs of a run. Saves nothing.

        Each verdict says what the scorer read and why it decides so. Scorers that ask a model or
        look at tool calls have no value here. With `sandbox`, those that run a program are tried in
        the sandbox: the response is 202 then, and the job's `result` is what this would have
        returned. A 409 says why nothing can be run there.
        """
        draft = self._get_draft()
        results = trial_shapes.run_trial(
            draft, read_body(request, trial_shapes.ScorerTrialWrite), by=actor(request)
        )
        if isinstance(results, Job):
            return respond_with_job(results)
        return Response(trial_shapes.ScorerTrial({"results": results}).data)

    @extend_schema(
        operation_id="build_task_version",
        request=None,
        responses={201: serializers.TaskVersionDetail, 202: JobDetail, 503: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="draft/build")
    def build(self, request: Request, public_id: str) -> Response:
        """Build the draft as an unpublished version, to try it out.

        With a large data file the response is 202, and the version is the job's `result`.
        """
        task = self.get_object()
        draft = self._get_draft(task)
        if draft_jobs.is_heavy(draft):
            return respond_with_job(draft_jobs.start_build(draft=draft, by=actor(request)))
        version = publication.build_version(task=task, by=actor(request))
        return Response(serializers.TaskVersionDetail(version).data, status=201)

    @extend_schema(
        operation_id="try_task_draft",
        request=None,
        responses={202: shapes.RunDetail, 503: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="draft/try")
    def try_draft(self, request: Request, public_id: str) -> Response:
        """Run the draft's code against a baseline. `runs/{id}/report` has the result."""
        task = self.get_object()
        user = actor(request)
        run = running.try_program(version=publication.build_version(task=task, by=user), by=user)
        return Response(shapes.RunDetail(run_at(run_id=run.pk, to=user)).data, status=202)

    @extend_schema(
        operation_id="publish_task",
        request=serializers.TaskPublishWrite,
        responses={201: serializers.TaskVersionDetail, 202: JobDetail, 503: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, public_id: str) -> Response:
        """Publish the draft as the next numbered version.

        With a large data file the response is 202, and the version is the job's `result`.
        """
        task = self.get_object()
        values = read_body(request, serializers.TaskPublishWrite)
        draft = self._get_draft(task)
        if draft_jobs.is_heavy(draft):
            job = draft_jobs.start_publication(
                draft=draft,
                visibility=values.get("visibility"),
                notes=values.get("notes", ""),
                by=actor(request),
            )
            return respond_with_job(job)
        version = publication.publish_task(task=task, by=actor(request), **values)
        return Response(serializers.TaskVersionDetail(version).data, status=201)

    @extend_schema(
        operation_id="list_task_versions", responses=serializers.TaskVersionDetail(many=True)
    )
    @action(detail=True, filter_backends=())
    def versions(self, request: Request, public_id: str) -> Response:
        """List the published versions of a task."""
        task = self.get_object()
        versions = published_versions_of(task, to=request.user).select_related("task")
        return self.respond_with_page(versions, serializers.TaskVersionDetail)

    @extend_schema(
        operation_id="list_allowed_deployments",
        responses=serializers.AllowedDeploymentDetail(many=True),
    )
    @action(
        detail=True,
        url_path="allowed-deployments",
        filter_backends=(),
        permission_classes=[IsAuthenticated],
    )
    def allowed_deployments(self, request: Request, public_id: str) -> Response:
        """List the deployments of other people to which private items may be sent."""
        task = self.get_object()
        check_edit(task, by=request.user)
        found = allowing.allowed_deployments_of(task)
        return self.respond_with_page(found, serializers.AllowedDeploymentDetail)

    @extend_schema(
        operation_id="allow_deployment",
        request=serializers.AllowedDeploymentWrite,
        responses={204: None},
    )
    @allowed_deployments.mapping.post
    def allow_deployment(self, request: Request, public_id: str) -> Response:
        """Allow private items to be sent to somebody's deployment, by runs and by judges."""
        task = self.get_object()
        user = actor(request)
        check_edit(task, by=user)
        name = read_body(request, serializers.AllowedDeploymentWrite)["deployment"]
        deployment = allowing.find_any_deployment(name, task=task)
        allowing.allow_deployment(task=task, deployment=deployment, by=user)
        return Response(status=204)

    @extend_schema(operation_id="disallow_deployment", request=None, responses={204: None})
    @action(
        detail=True,
        methods=["delete"],
        url_path="allowed-deployments/<str:deployment_id>",
        permission_classes=[IsAuthenticated],
    )
    def disallow_deployment(self, request: Request, public_id: str, deployment_id: str) -> Response:
        """Withdraw the permission. What was sent before cannot be undone."""
        task = self.get_object()
        user = actor(request)
        check_edit(task, by=user)
        allowed = get_object_or_404(
            allowing.allowed_deployments_of(task), deployment__public_id=deployment_id
        )
        allowing.disallow_deployment(task=task, deployment=allowed.deployment, by=user)
        return Response(status=204)


class TaskVersionViewSet(ResourceViewSet[TaskVersion]):
    subject = "Tasks"
    parameter_descriptions = {"public_id": "The version's id."}
    filter_backends = ()
    pagination_class = None

    def get_object(self) -> TaskVersion:
        return get_version_or_404(self.kwargs["public_id"], self.request)

    @extend_schema(operation_id="get_task_version", responses=serializers.TaskVersionDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return one version, with its normalised definition."""
        return Response(serializers.TaskVersionDetail(self.get_object()).data)

    @extend_schema(
        operation_id="withdraw_task_content",
        request=serializers.WithdrawWrite,
        responses=serializers.TaskVersionDetail,
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, public_id: str) -> Response:
        """Withdraw the content of a version for a public reason.

        Items, answers and exchanges are replaced by the reason, for good. Scores and hashes stay.
        """
        reason = read_body(request, serializers.WithdrawWrite)["reason"]
        version = withdraw_content(version=self.get_object(), reason=reason, by=actor(request))
        return Response(serializers.TaskVersionDetail(version).data)

    @extend_schema(operation_id="get_rescoring_bound", responses=shapes.CostBoundDetail)
    @action(detail=True, url_path="rescore/cost-bound")
    def rescoring_bound(self, request: Request, public_id: str) -> Response:
        """Return the most that judges cost if all runs are rescored. Starts nothing."""
        bound = scoring.bound_rescoring(version=self.get_object(), by=actor(request))
        return Response(shapes.CostBoundDetail(bound).data)

    @extend_schema(
        operation_id="rescore_runs",
        request=serializers.RescoreWrite,
        responses={202: shapes.ScoringDetail(many=True)},
    )
    @idempotent
    @action(detail=True, methods=["post"])
    def rescore(self, request: Request, public_id: str) -> Response:
        """Rescore every finished run of the same questions by this version. Calls no model.

        Runs that the version has scored are left out, unless `again` is true.
        """
        version, user = self.get_object(), actor(request)
        again = read_body(request, serializers.RescoreWrite).get("again", False)
        scorings = scoring.rescore_runs_of(version=version, again=again, by=user)
        data: Any = shapes.ScoringDetail(scorings, many=True).data
        return Response(data, status=202)


class _ItemPages(ByPosition):
    max_page_size = 1000


@extend_schema_view(list=extend_schema(operation_id="list_items"))
class ItemViewSet(ListModelMixin, ResourceViewSet[Item]):
    """List the items of a version that you can see, in order."""

    subject = "Tasks"
    parameter_descriptions = {
        "public_id": "The version's id.",
        "position": "The item's position in its version, from 0.",
        "sha256": "The SHA-256 of the file, in hexadecimal, as in `attachments`.",
    }
    lookup_field = "position"
    lookup_value_converter = "int"
    serializer_class = serializers.ItemDetail
    pagination_class = _ItemPages
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Item]:
        version = get_version_or_404(self.kwargs["public_id"], self.request)
        return items_of(version, to=self.request.user)

    @extend_schema(operation_id="get_item_file", responses=_MEDIA_RESPONSES)
    @action(detail=True, url_path="files/<str:sha256>")
    def file(self, request: Request, public_id: str, position: int, sha256: str) -> HttpResponse:
        """Return an image or audio file of an item that you can see."""
        item = get_object_or_404(self.get_queryset(), position=position)
        return attachment_response(request, attachment_of_item(item, sha256))
