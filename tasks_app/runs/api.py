"""Contenders, runs, samples, scorings and submitted outputs."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.gateway.models import Deployment
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.pagination import InOrder, NewestFirst
from plumbmark.rest.parsers import StrictJSONParser
from tasks_app.authoring.api import IDEMPOTENCY, version_or_404
from tasks_app.kinds import kind_of
from tasks_app.models import Contender, Run, Sample, Scoring
from tasks_app.runs import contenders, control, cost, submissions
from tasks_app.runs import serializers as shapes
from tasks_app.runs import start as running
from tasks_app.runs.queries import (
    current_scoring,
    deployments_for,
    run_at,
    samples_of,
    visible_runs,
    with_scores,
)
from tasks_app.runs.transcripts import transcript_of


def deployment_named(slug: str, request: Request) -> Deployment:
    """Return a deployment that the caller may run; raise `InvalidInput` if there is none."""
    deployment = deployments_for(request.user).filter(slug=slug).first()
    if deployment is None:
        raise InvalidInput(
            [Problem(f"you can call no deployment named {slug[:80]!r}", "deployment")]
        )
    return deployment


def contender_or_404(public_id: str, request: Request) -> Contender:
    contender = (
        Contender.objects.select_related("deployment__model", "deployment__owner", "model")
        .filter(public_id=public_id)
        .first()
    )
    if contender is None:
        raise Http404
    return contender


class ContenderList(generics.ListAPIView[Contender]):
    """Contenders: the rows of boards."""

    serializer_class = shapes.ContenderDetail
    pagination_class = NewestFirst
    filterset_fields = ("kind",)

    def get_queryset(self) -> QuerySet[Contender]:
        return Contender.objects.select_related("model", "deployment")

    @extend_schema(
        request=shapes.ContenderWrite,
        responses={201: shapes.ContenderDetail},
        parameters=[IDEMPOTENCY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Return the contender of a deployment with a configuration; create it if it does not
        exist.
        """
        user = actor(request)
        body = shapes.ContenderWrite(data=request.data)
        body.is_valid(raise_exception=True)
        contender = contenders.contender_of_deployment(
            deployment=deployment_named(body.validated_data["deployment"], request),
            configuration=body.validated_data.get("configuration"),
            by=user,
        )
        return Response(shapes.ContenderDetail(contender).data, status=201)


class ContenderView(APIView):
    @extend_schema(responses=shapes.ContenderDetail)
    def get(self, request: Request, public_id: str) -> Response:
        """Return one contender."""
        return Response(shapes.ContenderDetail(contender_or_404(public_id, request)).data)


class RunFilter(filters.FilterSet):
    task = filters.CharFilter(field_name="task_version__task__public_id")
    task_version = filters.CharFilter(field_name="task_version__public_id")
    contender = filters.CharFilter(field_name="contender__public_id")
    namespace = filters.CharFilter(field_name="namespace__handle")
    state = filters.ChoiceFilter(choices=Run.State.choices)
    purpose = filters.ChoiceFilter(choices=Run.Purpose.choices)

    class Meta:
        model = Run
        fields = ("task", "task_version", "contender", "namespace", "state", "purpose")


class RunList(generics.ListAPIView[Run]):
    """Runs that you can see, the newest first."""

    serializer_class = shapes.RunSummary
    pagination_class = NewestFirst
    filterset_class = RunFilter

    def get_queryset(self) -> QuerySet[Run]:
        return visible_runs(to=self.request.user)

    @extend_schema(
        request=shapes.RunWrite, responses={201: shapes.RunDetail}, parameters=[IDEMPOTENCY]
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Queue a run. Its cost bound is in the answer; `runs/cost-bound` tells it beforehand."""
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


class CostBoundView(APIView):
    @extend_schema(request=shapes.RunWrite, responses=shapes.CostBoundDetail)
    def post(self, request: Request) -> Response:
        """Return the bound of a run's cost. Starts nothing."""
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


def _read_run_request(request: Request) -> dict[str, Any]:
    body = shapes.RunWrite(data=request.data)
    body.is_valid(raise_exception=True)
    values = body.validated_data
    try:
        version = version_or_404(values["task_version"], request)
    except Http404 as error:
        raise InvalidInput(
            [Problem("there is no such version that you can see", "task_version")]
        ) from error
    if "contender" in values:
        try:
            contender = contender_or_404(values["contender"], request)
        except Http404 as error:
            raise InvalidInput([Problem("there is no such contender", "contender")]) from error
    elif "deployment" in values:
        contender = contenders.contender_of_deployment(
            deployment=deployment_named(values["deployment"], request),
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


class RunView(APIView):
    @extend_schema(responses=shapes.RunDetail)
    def get(self, request: Request, run_id: int) -> Response:
        """Return one run with its status (`passport`) and its current scoring."""
        return Response(shapes.RunDetail(run_at(run_id=run_id, to=request.user)).data)


class _RunAction(APIView):
    def _done(self, request: Request, run_id: int) -> Response:
        return Response(shapes.RunDetail(run_at(run_id=run_id, to=request.user)).data)


class PauseView(_RunAction):
    @extend_schema(request=None, responses=shapes.RunDetail)
    def post(self, request: Request, run_id: int) -> Response:
        """Take no new samples until the run is resumed."""
        control.pause_run(run=run_at(run_id=run_id, to=request.user), by=actor(request))
        return self._done(request, run_id)


class ResumeView(_RunAction):
    @extend_schema(request=None, responses=shapes.RunDetail)
    def post(self, request: Request, run_id: int) -> Response:
        """Let a paused or failed run go on."""
        control.resume_run(run=run_at(run_id=run_id, to=request.user), by=actor(request))
        return self._done(request, run_id)


class CancelView(_RunAction):
    @extend_schema(request=None, responses=shapes.RunDetail)
    def post(self, request: Request, run_id: int) -> Response:
        """End a run for good; what it has stays."""
        control.cancel_run(run=run_at(run_id=run_id, to=request.user), by=actor(request))
        return self._done(request, run_id)


class RetryView(_RunAction):
    @extend_schema(request=None, responses=shapes.RunDetail, parameters=[IDEMPOTENCY])
    @idempotent
    def post(self, request: Request, run_id: int) -> Response:
        """Ask once more what stayed unscored, as a new revision."""
        control.retry_failed_samples(run=run_at(run_id=run_id, to=request.user), by=actor(request))
        return self._done(request, run_id)


class SpendLimitView(_RunAction):
    @extend_schema(request=shapes.SpendLimitWrite, responses=shapes.RunDetail)
    def put(self, request: Request, run_id: int) -> Response:
        """Set a run's spend limit (null: the quota alone). A run that it paused goes on."""
        run = run_at(run_id=run_id, to=request.user)
        user = actor(request)
        body = shapes.SpendLimitWrite(data=request.data)
        body.is_valid(raise_exception=True)
        limit = body.validated_data["spend_limit_nanodollars"]
        control.set_spend_limit(run=run, spend_limit=limit, by=user)
        return self._done(request, run_id)


class InvalidateView(_RunAction):
    @extend_schema(request=shapes.RunInvalidateWrite, responses=shapes.RunDetail)
    def post(self, request: Request, run_id: int) -> Response:
        """Invalidate a run for a public reason."""
        run = run_at(run_id=run_id, to=request.user)
        user = actor(request)
        body = shapes.RunInvalidateWrite(data=request.data)
        body.is_valid(raise_exception=True)
        control.invalidate_run(run=run, reason=body.validated_data["reason"], by=user)
        return self._done(request, run_id)


class ScoringList(generics.ListAPIView[Scoring]):
    """Every scoring of a run, the newest first."""

    serializer_class = shapes.ScoringDetail
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Scoring]:
        if getattr(self, "swagger_fake_view", False):
            return Scoring.objects.none()
        run = run_at(run_id=self.kwargs["run_id"], to=self.request.user)
        return Scoring.objects.filter(run=run).select_related("task_version")


class SampleFilter(filters.FilterSet):
    outcome = filters.CharFilter(field_name="outcome")
    is_scored = filters.BooleanFilter(field_name="is_scored")

    class Meta:
        model = Sample
        fields = ("outcome", "is_scored")


class SampleList(generics.ListAPIView[Sample]):
    """Samples of a run that you can see, in order, with their current score."""

    serializer_class = shapes.SampleSummary
    pagination_class = InOrder
    filterset_class = SampleFilter

    def get_queryset(self) -> QuerySet[Sample]:
        if getattr(self, "swagger_fake_view", False):
            return Sample.objects.none()
        run = run_at(run_id=self.kwargs["run_id"], to=self.request.user)
        return with_scores(samples_of(run, to=self.request.user), current_scoring(run))


class SampleView(APIView):
    @extend_schema(responses=shapes.SampleDetail)
    def get(self, request: Request, run_id: int, ordinal: int) -> Response:
        """Return one sample: messages, output, verdict, and every call with its raw exchange."""
        run = run_at(run_id=run_id, to=request.user)
        transcript = transcript_of(run=run, ordinal=ordinal, to=request.user)
        return Response(shapes.SampleDetail(transcript.as_document()).data)


class SubmissionView(APIView):
    parser_classes = (MultiPartParser, FormParser, StrictJSONParser)

    @extend_schema(
        request=shapes.SubmissionWrite, responses={201: shapes.RunDetail}, parameters=[IDEMPOTENCY]
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Submit outputs of a model that no API reaches, as a file or as rows."""
        version = version_or_404(public_id, request)
        user = actor(request)
        body = shapes.SubmissionWrite(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        if ("file" in values) == ("outputs" in values):
            raise InvalidInput([Problem("give either a file or outputs", "file")])
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
