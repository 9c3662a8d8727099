"""What can be called, and what the caller's namespaces have spent."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plumbmark.accounts.callers import acting_namespace
from plumbmark.gateway.models import CatalogueModel, Deployment, LedgerLine
from plumbmark.gateway.queries import (
    callable_deployments,
    ledger_of,
    quota_status,
)
from plumbmark.rest.pagination import NewestFirst

_NAMESPACE = OpenApiParameter("namespace", str, description="Yours where it is left out.")


class ModelDetail(serializers.ModelSerializer[CatalogueModel]):
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
            "homepage",
        )


class DeploymentDetail(serializers.ModelSerializer[Deployment]):
    model = serializers.CharField(source="model.slug")
    is_yours = serializers.SerializerMethodField()

    class Meta:
        model = Deployment
        fields = ("slug", "model", "provider", "upstream_id", "is_yours")

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
        )


class ModelList(generics.ListAPIView[CatalogueModel]):
    """The catalogue: facts about models."""

    serializer_class = ModelDetail
    pagination_class = NewestFirst
    filterset_fields = ("maker",)
    queryset = CatalogueModel.objects.all()


class DeploymentList(generics.ListAPIView[Deployment]):
    """List what you can run: the platform's deployments and your own."""

    serializer_class = DeploymentDetail
    pagination_class = NewestFirst
    filterset_fields = ("provider",)

    def get_queryset(self) -> QuerySet[Deployment]:
        return callable_deployments(to=getattr(self.request.user, "namespace", None))


class QuotaView(APIView):
    @extend_schema(responses=QuotaDetail, parameters=[_NAMESPACE])
    def get(self, request: Request) -> Response:
        """Return the limits of the UTC day and month: what is spent, reserved and left."""
        namespace = acting_namespace(request, request.query_params.get("namespace"))
        return Response(QuotaDetail(quota_status(namespace)).data)


@extend_schema(parameters=[_NAMESPACE])
class LedgerList(generics.ListAPIView[LedgerLine]):
    """Every line of your ledger, the newest first."""

    serializer_class = LedgerLineDetail
    pagination_class = NewestFirst
    filterset_fields = ("kind", "day")

    def get_queryset(self) -> QuerySet[LedgerLine]:
        if getattr(self, "swagger_fake_view", False):
            return LedgerLine.objects.none()
        handle = self.request.query_params.get("namespace")
        return ledger_of(acting_namespace(self.request, handle))
