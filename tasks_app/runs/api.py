"""Contenders, runs, samples, scorings and submitted outputs."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.background.api import respond_with_job
from plumbmark.background.serializers import JobDetail
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.gateway.models import Deployment
from plumbmark.rest.files import BOM, EXTENSION, TABLE_FILE
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.pagination import InOrder
from plumbmark.rest.parsers import FILE_PARSERS
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_version_or_404
from tasks_app.kinds import kind_of
from tasks_app.models import Contender, Run, Sample, Scoring
from tasks_app.runs import contenders, control, cost, submission_jobs, submissions
from tasks_app.runs import serializers as shapes
from tasks_app.runs import start as running
from tasks_app.runs.exports import respond_with_samples
from tasks_app.runs.manifests import readable_manifest, respond_with_run_file
from tasks_app.runs.other_answers import other_answers
from tasks_app.runs.queries import (
    current_scoring,
    deployments_for,
    run_at,
    samples_of,
    visible_contenders,
    visible_runs,
    with_scores,
)
from tasks_app.runs.transcripts import item_of_sample, transcript_of


def find_deployment(slug: str, request: Request) -> Deployment:
    """Return a deployment that the caller may run; `InvalidInput` if there is none."""
    deployment = deployments_for(request.user).filter(slug=slug).first()
    if deployment is None:
        raise InvalidInput(
            [Problem(f"you can call no deployment named {slug[:80]!r}", "deployment")]
        )
    return deployment


def get_contender_or_404(public_id: str, request: Request) -> Contender:
    contender = (
        visible_contenders(to=request.user, is_listed=False)
        .select_related("deployment__model", "deployment__owner", "model")
        .filter(public_id=public_id)
        .first()
    )
    if contender is None:
        raise Http404
    return contender


@extend_schema_view(list=extend_schema(operation_id="list_contenders"))
class ContenderViewSet(ListModelMixin, ResourceViewSet[Contender]):
    """List contenders: the rows of boards.

    These are the platform's, your own, and those of runs that you can see.
    """

    subject = "Models"
    parameter_descriptions = {
        "public_id": "The contender's id.",
        "kind": "Only contenders of this kind.",
    }
    serializer_class = shapes.ContenderDetail
    filterset_fields = ("kind",)
    queryset = Contender.objects.none()

    def get_queryset(self) -> QuerySet[Contender]:
        found = visible_contenders(to=self.request.user)
        return found.select_related("model", "deployment")

    @extend_schema(
        operation_id="create_contender",
        request=shapes.ContenderWrite,
        responses={201: shapes.ContenderDetail},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Create the contender of a deployment with a configuration. If there is one, return it."""
        user = actor(request)
        values = read_body(request, shapes.ContenderWrite)
        contender = contenders.contender_of_deployment(
            deployment=find_deployment(values["deployment"], request),
            configuration=values.get("configuration"),
            by=user,
        )
        return Response(shapes.ContenderDetail(contender).data, status=201)

    @extend_schema(operation_id="get_contender", responses=shapes.ContenderDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return one contender."""
        return Response(shapes.ContenderDetail(get_contender_or_404(public_id, request)).data)


class RunFilter(filters.FilterSet):
    task = filters.CharFilter(
        field_name="task_version__task__public_id", help_text="The id of the task."
    )
    task_version = filters.CharFilter(
        field_name="task_version__public_id", help_text="The id of the task's version."
    )
    contender = filters.CharFilter(
        field_name="contender__public_id", help_text="The id of the contender."
    )
    namespace = filters.CharFilter(
        field_name="namespace__handle", help_text="The handle of who pays for the run."
    )
    state = filters.ChoiceFilter(choices=Run.State.choices, help_text="Only runs in this state.")
    purpose = filters.ChoiceFilter(
        choices=Run.Purpose.choices, help_text="Only runs for this purpose."
    )

    class Meta:
        model = Run
        fields = ("task", "task_version", "contender", "namespace", "state", "purpose")


@extend_schema_view(list=extend_schema(operation_id="list_runs"))
class RunViewSet(ListModelMixin, ResourceViewSet[Run]):
    """List the runs that you can see, newest first."""

    subject = "Runs"
    parameter_descriptions = {"run_id": "The run's id."}
    lookup_field = "run_id"
    lookup_value_converter = "int"
    serializer_class = shapes.RunSummary
    filterset_class = RunFilter

    def get_queryset(self) -> QuerySet[Run]:
        return visible_runs(to=self.request.user)

    def get_object(self) -> Run:
        return run_at(run_id=self.kwargs["run_id"], to=self.request.user)

    @extend_schema(
        operation_id="create_run",
        request=shapes.RunWrite,
        responses={201: shapes.RunDetail, 503: ProblemDetails},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Queue a run. The response has its cost bound; `runs/cost-bound` returns it beforehand."""
        user = actor(request)
        wanted = _read_run_request(request)
        run = running.start_run(
            version=wanted["version"],
            contender=wanted["contender"],
            purpose=wanted["purpose"],
            namespace=acting_namespace(request, wanted["namespace"]),
            by=user,
            spend_limit=wanted["spend_limit"],
        )
        return Response(shapes.RunDetail(run_at(run_id=run.pk, to=user)).data, status=201)

    @extend_schema(
        operation_id="get_cost_bound",
        request=shapes.RunWrite,
        responses={200: shapes.CostBoundDetail, 503: ProblemDetails},
    )
    @action(detail=False, methods=["post"], url_path="cost-bound")
    def cost_bound(self, request: Request) -> Response:
        """Return the upper bound of a run's cost. Starts nothing."""
        actor(request)
        wanted = _read_run_request(request)
        version = wanted["version"]
        bound = cost.cost_bound(
            version=version,
            contender=wanted["contender"],
            item_count=kind_of(version).count_items(of_try=wanted["purpose"] == Run.Purpose.TRY),
            payer=acting_namespace(request, wanted["namespace"]),
        )
        return Response(shapes.CostBoundDetail(bound).data)

    @extend_schema(operation_id="get_run", responses=shapes.RunDetail)
    def retrieve(self, request: Request, run_id: int) -> Response:
        """Return one run. It has its status (`passport`) and its current scoring."""
        return self._respond()

    def _respond(self) -> Response:
        """Return the run as it is now."""
        return Response(shapes.RunDetail(self.get_object()).data)

    @extend_schema(operation_id="pause_run", request=None, responses=shapes.RunDetail)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, run_id: int) -> Response:
        """Pause a run. No new samples are taken until it is resumed."""
        control.pause_run(run=self.get_object(), by=actor(request))
        return self._respond()

    @extend_schema(operation_id="resume_run", request=None, responses=shapes.RunDetail)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, run_id: int) -> Response:
        """Resume a paused or failed run."""
        control.resume_run(run=self.get_object(), by=actor(request))
        return self._respond()

    @extend_schema(operation_id="cancel_run", request=None, responses=shapes.RunDetail)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, run_id: int) -> Response:
        """Cancel a run. It ends for good; its samples are kept."""
        control.cancel_run(run=self.get_object(), by=actor(request))
        return self._respond()

    @extend_schema(operation_id="retry_run", request=None, responses=shapes.RunDetail)
    @idempotent
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, run_id: int) -> Response:
        """Retry a run. The samples that stayed unscored are repeated, as a new revision."""
        control.retry_failed_samples(run=self.get_object(), by=actor(request))
        return self._respond()

    @extend_schema(
        operation_id="set_spend_limit",
        request=shapes.SpendLimitWrite,
        responses=shapes.RunDetail,
    )
    @action(detail=True, methods=["put"], url_path="spend-limit")
    def set_spend_limit(self, request: Request, run_id: int) -> Response:
        """Set the spend limit of a run. null: the quota alone. A run that it paused resumes."""
        run = self.get_object()
        user = actor(request)
        limit = read_body(request, shapes.SpendLimitWrite)["spend_limit_nanodollars"]
        control.set_spend_limit(run=run, spend_limit=limit, by=user)
        return self._respond()

    @extend_schema(
        operation_id="invalidate_run",
        request=shapes.RunInvalidateWrite,
        responses=shapes.RunDetail,
    )
    @action(detail=True, methods=["post"])
    def invalidate(self, request: Request, run_id: int) -> Response:
        """Invalidate a run, for a public reason."""
        run = self.get_object()
        user = actor(request)
        reason = read_body(request, shapes.RunInvalidateWrite)["reason"]
        control.invalidate_run(run=run, reason=reason, by=user)
        return self._respond()

    @extend_schema(
        operation_id="download_samples", parameters=[EXTENSION, BOM], responses=TABLE_FILE
    )
    @action(detail=True, url_path="samples.<slug:extension>", filter_backends=())
    def samples_file(self, request: Request, run_id: int, extension: str) -> HttpResponseBase:
        """Download the samples of a run that you can see as a file."""
        return respond_with_samples(request._request, run_id, extension)

    @extend_schema(operation_id="get_run_manifest", responses=shapes.ManifestDetail)
    @action(detail=True, filter_backends=())
    def manifest(self, request: Request, run_id: int) -> Response:
        """Return the manifest of a run. It has the hashes of all that was asked, answered and
        scored.
        """
        return Response(shapes.ManifestDetail(readable_manifest(self.get_object())).data)

    @extend_schema(
        operation_id="download_run",
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    @action(detail=True, url_path="run.jsonl", filter_backends=())
    def run_file(self, request: Request, run_id: int) -> HttpResponseBase:
        """Download a run with its manifest, to verify it offline. It is a line of JSON for the
        run and one for each sample, with what you can see of it.
        """
        return respond_with_run_file(request._request, self.get_object())

    @extend_schema(operation_id="list_scorings", responses=shapes.ScoringDetail(many=True))
    @action(detail=True, filter_backends=())
    def scorings(self, request: Request, run_id: int) -> Response:
        """List every scoring of a run, newest first."""
        scorings = Scoring.objects.filter(run=self.get_object()).select_related("task_version")
        return self.respond_with_page(scorings, shapes.ScoringDetail)


def _read_run_request(request: Request) -> dict[str, Any]:
    values = read_body(request, shapes.RunWrite)
    try:
        version = get_version_or_404(values["task_version"], request)
    except Http404 as error:
        raise InvalidInput(
            [Problem("there is no such version that you can see", "task_version")]
        ) from error
    if "contender" in values:
        try:
            contender = get_contender_or_404(values["contender"], request)
        except Http404 as error:
            raise InvalidInput([Problem("there is no such contender", "contender")]) from error
    elif "deployment" in values:
        contender = contenders.contender_of_deployment(
            deployment=find_deployment(values["deployment"], request),
            configuration=values.get("configuration"),
            by=actor(request),
        )
    else:
        raise InvalidInput([Problem("name a deployment or a contender", "deployment")])
    return {
        "version": version,
        "contender": contender,
        "purpose": values["purpose"],
        "namespace": values.get("namespace"),
        "spend_limit": values.get("spend_limit_nanodollars"),
    }


class SampleFilter(filters.FilterSet):
    outcome = filters.CharFilter(field_name="outcome", help_text="Only samples that ended so.")
    is_scored = filters.BooleanFilter(
        field_name="is_scored", help_text="Only samples with a score, or without one."
    )

    class Meta:
        model = Sample
        fields = ("outcome", "is_scored")


@extend_schema_view(list=extend_schema(operation_id="list_samples"))
class SampleViewSet(ListModelMixin, ResourceViewSet[Sample]):
    """List the samples of a run that you can see, in order, with their current score."""

    subject = "Runs"
    parameter_descriptions = {
        "run_id": "The run's id.",
        "ordinal": "The sample's position in the run, from 0.",
    }
    lookup_field = "ordinal"
    lookup_value_converter = "int"
    serializer_class = shapes.SampleSummary
    pagination_class = InOrder
    filterset_class = SampleFilter

    def get_queryset(self) -> QuerySet[Sample]:
        if getattr(self, "swagger_fake_view", False):
            return Sample.objects.none()
        run = run_at(run_id=self.kwargs["run_id"], to=self.request.user)
        return with_scores(samples_of(run, to=self.request.user), current_scoring(run))

    @extend_schema(operation_id="get_sample", responses=shapes.SampleDetail)
    def retrieve(self, request: Request, run_id: int, ordinal: int) -> Response:
        """Return one sample. It has messages, output, verdict, and every call with its exchange."""
        run = run_at(run_id=run_id, to=request.user)
        transcript = transcript_of(run=run, ordinal=ordinal, to=request.user)
        return Response(shapes.SampleDetail(transcript.as_document()).data)

    @extend_schema(
        operation_id="list_other_answers",
        responses=shapes.OtherAnswerDetail(many=True),
        filters=False,
    )
    @action(detail=True, pagination_class=None, filter_backends=())
    def others(self, request: Request, run_id: int, ordinal: int) -> Response:
        """List the samples of other contenders on the same item.

        They are of the newest valid run of each contender that you can see, at most 50.
        """
        run = run_at(run_id=run_id, to=request.user)
        item = item_of_sample(run=run, ordinal=ordinal, to=request.user)
        found = [one.as_document() for one in other_answers(run, item, to=request.user)]
        return Response(shapes.OtherAnswerDetail(found, many=True).data)


class SubmissionViewSet(ResourceViewSet[Run]):
    subject = "Runs"
    parameter_descriptions = {"public_id": "The id of the task's version."}
    parser_classes = FILE_PARSERS

    @extend_schema(
        operation_id="get_submission_bound",
        parameters=[
            OpenApiParameter(
                "output_bytes",
                int,
                description="The length of the longest output in bytes; 16,384 if left out.",
            )
        ],
        responses=shapes.CostBoundDetail,
    )
    @action(detail=True, url_path="submissions/cost-bound")
    def submission_bound(self, request: Request, public_id: str) -> Response:
        """Return the most that judges cost for submitted outputs. Starts nothing."""
        version = get_version_or_404(public_id, request)
        size = request.query_params.get("output_bytes", str(cost.TYPICAL_OUTPUT_BYTES))
        if not (size.isascii() and size.isdigit() and len(size) <= 9):
            raise InvalidInput([Problem("must be a number of bytes", "output_bytes")])
        bound = cost.bound_scoring(
            version=version, payer=acting_namespace(request, None), output_bytes=int(size)
        )
        return Response(shapes.CostBoundDetail(bound).data)

    @extend_schema(
        operation_id="submit_outputs",
        request={
            "application/json": shapes.SubmissionWrite,
            "multipart/form-data": shapes.SubmissionForm,
        },
        responses={201: shapes.RunDetail, 202: JobDetail, 503: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="submissions")
    def submit(self, request: Request, public_id: str) -> Response:
        """Submit outputs of a model that no API serves. They are a file, or rows in JSON.

        For a task with many items, or with a large file, the response is 202, and the run is the
        job's `result`.
        """
        version = get_version_or_404(public_id, request)
        user = actor(request)
        values = read_body(request, shapes.SubmissionWrite, form=shapes.SubmissionForm)
        if submission_jobs.is_heavy(version, values.get("file")):
            job = submission_jobs.start_submission(
                version=version,
                model=submissions.NamedModel(
                    values["model_name"], values.get("maker", ""), values.get("description", "")
                ),
                namespace=acting_namespace(request, values.get("namespace")),
                upload=values.get("file"),
                rows=values.get("outputs") or (),
                by=user,
            )
            return respond_with_job(job)
        run = submissions.submit_outputs(
            version=version,
            model_name=values["model_name"],
            maker=values.get("maker", ""),
            description=values.get("description", ""),
            namespace=acting_namespace(request, values.get("namespace")),
            upload=values.get("file"),
            rows=values.get("outputs"),
            by=user,
        )
        return Response(shapes.RunDetail(run_at(run_id=run.pk, to=user)).data, status=201)
