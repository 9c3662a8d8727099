"""Models and deployments, and the quota and ledger of a namespace."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plumbmark.accounts.callers import acting_namespace
from plumbmark.gateway.models import Call, CatalogueModel, Deployment, LedgerLine
from plumbmark.gateway.queries import (
    callable_deployments,
    ledger_of,
    quota_status,
    visible_models,
)
from plumbmark.gateway.recorded_calls import recorded_call_at
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.viewsets import ResourceViewSet

_NAMESPACE = OpenApiParameter(
    "namespace", str, description="The handle of a namespace; your own by default."
)


class ModelDetail(serializers.ModelSerializer[CatalogueModel]):
    homepage = serializers.CharField(help_text="An address, or empty.")

    class Meta:
        model = CatalogueModel
        fields = (
            "slug",
            "maker",
            "name",
            "licence",
            "open_weights",
            "modalities",
            "context_tokens",
            "released_on",
            "knowledge_until",
            "deprecated_on",
            "homepage",
        )


class DeploymentDetail(serializers.ModelSerializer[Deployment]):
    id = serializers.CharField(
        source="public_id",
        help_text="What another task's owner needs to allow it to receive private items.",
    )
    model = serializers.CharField(source="model.slug")
    is_yours = serializers.SerializerMethodField()

    class Meta:
        model = Deployment
        fields = ("id", "slug", "model", "provider", "upstream_id", "is_yours")

    def get_is_yours(self, deployment: Deployment) -> bool:
        return deployment.owner_id is not None


class PeriodDetail(serializers.Serializer[Any]):
    cap_nanodollars = serializers.IntegerField(source="cap")
    spent_nanodollars = serializers.IntegerField(source="spent")
    reserved_nanodollars = serializers.IntegerField(source="reserved")
    left_nanodollars = serializers.IntegerField(source="left")
    renews_at = serializers.DateTimeField()


class QuotaDetail(serializers.Serializer[Any]):
    day = PeriodDetail()
    month = PeriodDetail()


class LedgerLineDetail(serializers.ModelSerializer[LedgerLine]):
    subject = serializers.CharField(source="grant.subject", allow_null=True, default=None)
    amount_nanodollars = serializers.IntegerField(source="amount")
    charged_nanodollars = serializers.IntegerField(source="charged")
    provider_cost_nanodollars = serializers.IntegerField(source="provider_cost")
    summed_lines = serializers.IntegerField(
        allow_null=True,
        help_text="How many lines of its day and kind it sums; null: its day is still recent.",
    )

    class Meta:
        model = LedgerLine
        fields = (
            "id",
            "kind",
            "reason",
            "subject",
            "amount_nanodollars",
            "charged_nanodollars",
            "provider_cost_nanodollars",
            "calls",
            "day",
            "at",
            "summed_lines",
        )


class CallDetail(serializers.ModelSerializer[Call]):
    deployment = serializers.CharField(source="deployment.slug")
    payer = serializers.CharField(source="grant.payer.handle")
    subject = serializers.CharField(
        source="grant.subject", help_text="What the call was made for, such as `run:57`."
    )
    status = serializers.CharField(help_text="`answered`, `failed` or `lost`.")
    attempts = serializers.ListField(child=serializers.DictField())
    charged_nanodollars = serializers.IntegerField(source="charged")
    provider_cost_nanodollars = serializers.IntegerField(source="provider_cost")

    class Meta:
        model = Call
        fields = (
            "id",
            "deployment",
            "payer",
            "subject",
            "role",
            "status",
            "error_code",
            "error_message",
            "upstream_model",
            "provider_request_id",
            "finish_reason",
            "attempts",
            "started_at",
            "latency_ms",
            "input_tokens",
            "output_tokens",
            "cached_input_tokens",
            "reasoning_tokens",
            "usage_estimated",
            "is_private",
            "charged_nanodollars",
            "provider_cost_nanodollars",
        )


class RecordedCallDetail(serializers.Serializer[Any]):
    """A call with its exchange."""

    call = CallDetail()
    request = serializers.JSONField(
        help_text="As it was sent; null where `note` says why it is not shown."
    )
    response = serializers.JSONField(help_text="As it came.")
    note = serializers.CharField(help_text="Why the exchange is not shown; empty where it is.")
    exchange_hash = serializers.CharField(
        source="hash",
        help_text="Of request and response, which stays where they are withheld; empty for those "
        "who may not know it.",
    )


@extend_schema_view(list=extend_schema(operation_id="list_models"))
class ModelViewSet(ListModelMixin, ResourceViewSet[CatalogueModel]):
    """List the models of the catalogue, except those of other people's own deployments."""

    subject = "Models"
    parameter_descriptions = {
        "slug": "Only the model with this slug.",
        "maker": "Only models of this maker.",
        "open_weights": "Only models with open weights, or only those without.",
    }
    serializer_class = ModelDetail
    filterset_fields = ("slug", "maker", "open_weights")
    queryset = CatalogueModel.objects.none()

    def get_queryset(self) -> QuerySet[CatalogueModel]:
        return visible_models(to=getattr(self.request.user, "namespace", None))


@extend_schema_view(list=extend_schema(operation_id="list_deployments"))
class DeploymentViewSet(ListModelMixin, ResourceViewSet[Deployment]):
    """List what you can run: the platform's deployments and your own."""

    subject = "Models"
    parameter_descriptions = {"provider": "Only deployments of this wire format."}
    serializer_class = DeploymentDetail
    filterset_fields = ("provider",)

    def get_queryset(self) -> QuerySet[Deployment]:
        return callable_deployments(to=getattr(self.request.user, "namespace", None))


class QuotaView(APIView):
    subject = "Account"
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="get_quota",
        responses={200: QuotaDetail, 409: ProblemDetails},
        parameters=[_NAMESPACE],
    )
    def get(self, request: Request) -> Response:
        """Return the quota. For the UTC day and month: what is spent, reserved and left."""
        namespace = acting_namespace(request, request.query_params.get("namespace"))
        return Response(QuotaDetail(quota_status(namespace)).data)


@extend_schema_view(
    list=extend_schema(
        operation_id="list_ledger_lines",
        responses={200: LedgerLineDetail(many=True), 409: ProblemDetails},
        parameters=[_NAMESPACE],
    )
)
class LedgerLineViewSet(ListModelMixin, ResourceViewSet[LedgerLine]):
    """List every line of your ledger, newest first."""

    subject = "Account"
    permission_classes = (IsAuthenticated,)
    parameter_descriptions = {
        "kind": "Only lines of this kind.",
        "day": "Only lines of this UTC day.",
    }
    serializer_class = LedgerLineDetail
    filterset_fields = ("kind", "day")

    def get_queryset(self) -> QuerySet[LedgerLine]:
        if getattr(self, "swagger_fake_view", False):
            return LedgerLine.objects.none()
        handle = self.request.query_params.get("namespace")
        return ledger_of(acting_namespace(self.request, handle))


class CallViewSet(ResourceViewSet[Call]):
    subject = "Account"
    permission_classes = (IsAuthenticated,)
    parameter_descriptions = {
        "call_id": "The id of a call (`plumbmark.call` of an answer), or the `id` of an answer.",
    }
    serializer_class = RecordedCallDetail
    queryset = Call.objects.none()
    lookup_field = "call_id"

    @extend_schema(operation_id="get_call", responses=RecordedCallDetail)
    def retrieve(self, request: Request, call_id: str) -> Response:
        """Return one call of a model. It has its attempts, its cost and its exchange, for those who
        see the ledger that it was charged to. It is here about a second after its answer.
        """
        recorded = recorded_call_at(call_id, to=request.user)
        return Response(RecordedCallDetail(recorded).data)
