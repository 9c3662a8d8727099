"""Endpoints of what was measured of models, and of their prices."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin

from leaderboards_app.model_pages.queries import model_at, price_cards_of, results_of
from leaderboards_app.models import ContenderResult
from plumbmark.gateway.models import PriceCard
from plumbmark.rest.viewsets import ResourceViewSet
from plumbmark.web.numbers import format_score
from tasks_app.authoring.serializers import MetricDetail

_MODEL = OpenApiParameter(
    "model", str, required=True, description="The slug of a model, such as `openai/gpt-5`."
)


class ContenderResultDetail(serializers.ModelSerializer[ContenderResult]):
    benchmark = serializers.CharField(source="version.benchmark.public_id")
    benchmark_version = serializers.CharField(source="version.public_id")
    title = serializers.CharField(source="version.benchmark.title")
    contender = serializers.CharField(source="contender.public_id")
    label = serializers.CharField(source="contender.label")  # type: ignore[assignment]
    configuration = serializers.DictField(source="contender.configuration")
    status = serializers.CharField(help_text="`ranked`, `reference`, `incomplete` or `invalid`.")
    metric = MetricDetail()
    display = serializers.SerializerMethodField(
        help_text="`value` as pages write it; empty for none."
    )
    cost_per_item_nanodollars = serializers.IntegerField(source="cost_per_item", allow_null=True)

    class Meta:
        model = ContenderResult
        fields = (
            "benchmark",
            "benchmark_version",
            "title",
            "contender",
            "label",
            "configuration",
            "status",
            "value",
            "display",
            "low",
            "high",
            "best_rank",
            "worst_rank",
            "ranked_rows",
            "metric",
            "cost_per_item_nanodollars",
            "median_latency_ms",
            "date",
            "model_changed",
        )

    def get_display(self, result: ContenderResult) -> str:
        return format_score(result.value, result.metric)


class PriceDetail(serializers.ModelSerializer[PriceCard]):
    deployment = serializers.CharField(source="deployment.slug")

    class Meta:
        model = PriceCard
        fields = (
            "deployment",
            "valid_from",
            "input_per_mtok",
            "cached_input_per_mtok",
            "output_per_mtok",
            "per_request",
            "source",
        )


@extend_schema_view(list=extend_schema(operation_id="list_model_results", parameters=[_MODEL]))
class ModelResultViewSet(ListModelMixin, ResourceViewSet[ContenderResult]):
    """List a model's results on public benchmarks, as their boards show them now. Ranks are ranges:
    from `best_rank` to `worst_rank` of `ranked_rows`.
    """

    subject = "Models"
    serializer_class = ContenderResultDetail
    filter_backends = ()

    def get_queryset(self) -> QuerySet[ContenderResult]:
        if getattr(self, "swagger_fake_view", False):
            return ContenderResult.objects.none()
        slug = self.request.query_params.get("model", "")
        return results_of(model_at(slug=slug, to=self.request.user))


@extend_schema_view(list=extend_schema(operation_id="list_model_prices", parameters=[_MODEL]))
class ModelPriceViewSet(ListModelMixin, ResourceViewSet[PriceCard]):
    """List the prices of the platform's deployments of a model, in nanodollars per million tokens.
    Each holds from its date on.
    """

    subject = "Models"
    serializer_class = PriceDetail
    filter_backends = ()

    def get_queryset(self) -> QuerySet[PriceCard]:
        if getattr(self, "swagger_fake_view", False):
            return PriceCard.objects.none()
        slug = self.request.query_params.get("model", "")
        return price_cards_of(model_at(slug=slug, to=self.request.user))
