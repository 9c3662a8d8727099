"""Providers below `/api/v1/`: everything that their pages do."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.gateway.connections import actions, queries
from plumbmark.gateway.connections.actions import (
    MAX_KEY_CHARACTERS,
    MAX_MODELS,
    ModelPrice,
    NewProvider,
)
from plumbmark.gateway.connections.forms import MAX_PRICE
from plumbmark.gateway.connections.listing import MAX_UPSTREAM_ID
from plumbmark.gateway.connections.providers import KINDS
from plumbmark.gateway.models import Deployment, ProviderConnection
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.routers import Router
from plumbmark.rest.serializers import WriteShape, read_body
from plumbmark.rest.viewsets import ResourceViewSet

_KIND_NAMES = sorted(KINDS)


class ProviderKindDetail(serializers.Serializer[Any]):
    """A kind of provider that can be connected."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    wire_format = serializers.CharField(help_text="How its models are called.")
    address = serializers.CharField(help_text="Its base URL, or an example of one.")
    is_fixed = serializers.BooleanField(help_text="Whether every customer uses this address.")
    key = serializers.ChoiceField(choices=["required", "optional"])
    lists_models = serializers.BooleanField(
        help_text="Whether it can be asked for its models; else you name them."
    )


class ListedModelDetail(serializers.Serializer[Any]):
    """A model as its provider lists it."""

    id = serializers.CharField()
    context_tokens = serializers.IntegerField(allow_null=True)


class ProviderSpendDetail(serializers.Serializer[Any]):
    """The cost of the calls of the current UTC month."""

    calls = serializers.IntegerField()
    charged_nanodollars = serializers.IntegerField(
        source="charged", help_text="What counts against quotas; 0 for your own providers."
    )
    provider_cost_nanodollars = serializers.IntegerField(
        source="provider_cost", help_text="What the provider bills, by the prices stored here."
    )


class ProviderModelDetail(serializers.ModelSerializer[Deployment]):
    """A model of a provider, with its price."""

    model = serializers.CharField(source="upstream_id", help_text="The provider's own name.")
    deployment = serializers.CharField(source="slug", help_text="How it is called here.")
    input_nanodollars_per_mtok = serializers.SerializerMethodField()
    output_nanodollars_per_mtok = serializers.SerializerMethodField()
    cached_input_nanodollars_per_mtok = serializers.SerializerMethodField()
    price_source = serializers.SerializerMethodField()

    class Meta:
        model = Deployment
        fields = (
            "model",
            "deployment",
            "is_active",
            "input_nanodollars_per_mtok",
            "output_nanodollars_per_mtok",
            "cached_input_nanodollars_per_mtok",
            "price_source",
        )

    def get_input_nanodollars_per_mtok(self, deployment: Deployment) -> int | None:
        """Return the price of a million tokens read; null: there is no price."""
        card = queries.current_card_of(deployment)
        return None if card is None else card.input_per_mtok

    def get_output_nanodollars_per_mtok(self, deployment: Deployment) -> int | None:
        """Return the price of a million tokens written; null: there is no price."""
        card = queries.current_card_of(deployment)
        return None if card is None else card.output_per_mtok

    def get_cached_input_nanodollars_per_mtok(self, deployment: Deployment) -> int | None:
        """Return the price of a million cached tokens read; null: as others."""
        card = queries.current_card_of(deployment)
        return None if card is None else card.cached_input_per_mtok

    def get_price_source(self, deployment: Deployment) -> str | None:
        """Return `library` or `admin` (set by hand); null: there is no price."""
        card = queries.current_card_of(deployment)
        return None if card is None else card.source


class ProviderSummary(serializers.ModelSerializer[ProviderConnection]):
    """A connected provider. Its key is never part of an answer."""

    id = serializers.CharField(source="public_id")
    namespace = serializers.CharField(
        source="owner.handle", allow_null=True, default=None, help_text="Null: the platform's."
    )
    key_fingerprint = serializers.CharField(
        source="credential.fingerprint",
        allow_null=True,
        default=None,
        help_text="The first 12 digits of the SHA-256 of the key; null or empty where there is "
        "none, or where it is short.",
    )
    has_key = serializers.SerializerMethodField()
    models_on = serializers.IntegerField(help_text="How many of its models can be called.")

    class Meta:
        model = ProviderConnection
        fields = (
            "id",
            "name",
            "kind",
            "namespace",
            "wire_format",
            "base_url",
            "has_key",
            "key_fingerprint",
            "is_active",
            "models_on",
            "listed_at",
            "created_at",
        )

    def get_has_key(self, connection: ProviderConnection) -> bool:
        """Return whether it has a key, stored or from the environment."""
        found = connection.credential
        return found is not None and bool(found.environment_variable or found.encrypted_secret)


class ProviderDetail(serializers.Serializer[Any]):
    """A provider with its models and its spend."""

    provider = ProviderSummary()
    listed_models = ListedModelDetail(many=True, help_text="As the provider last listed them.")
    models = ProviderModelDetail(many=True, help_text="The chosen ones, also those switched off.")
    spend = ProviderSpendDetail()


class ProviderWrite(WriteShape):
    example = {"kind": "other", "name": "Lab", "base_url": "https://models.example.org/v1"}

    kind = serializers.ChoiceField(choices=_KIND_NAMES)
    name = serializers.CharField(
        required=False, max_length=80, help_text="Begins the names of its models."
    )
    base_url = serializers.CharField(
        required=False, max_length=300, help_text="Only for kinds without a fixed address."
    )
    key = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=MAX_KEY_CHARACTERS,
        write_only=True,
        help_text="Stored encrypted, and never returned.",
    )
    key_in_environment = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Read the key from the server's OPENAI_API_KEY, ANTHROPIC_API_KEY or "
        "GEMINI_API_KEY; only for the platform.",
    )
    models_are_typed = serializers.BooleanField(
        required=False, default=False, help_text="Connect without a test: it lists no models."
    )
    namespace = serializers.CharField(
        required=False, help_text="The person or team that owns it; you by default."
    )
    for_platform = serializers.BooleanField(
        required=False, default=False, help_text="For everybody; only staff may."
    )


class ProviderKeyWrite(WriteShape):
    example = {"key": "sk-…"}

    key = serializers.CharField(max_length=MAX_KEY_CHARACTERS, write_only=True)


class ProviderModelsWrite(WriteShape):
    example = {"models": ["gpt-4o", "gpt-4o-mini"]}

    models = serializers.ListField(
        child=serializers.CharField(max_length=MAX_UPSTREAM_ID),
        max_length=MAX_MODELS,
        help_text="The provider's names of all models that can be called; others are switched off.",
    )


class ModelPriceWrite(WriteShape):
    """The price of a model; 0 throughout is free."""

    model = serializers.CharField(max_length=MAX_UPSTREAM_ID)
    input_nanodollars_per_mtok = serializers.IntegerField(min_value=0, max_value=MAX_PRICE)
    output_nanodollars_per_mtok = serializers.IntegerField(min_value=0, max_value=MAX_PRICE)
    cached_input_nanodollars_per_mtok = serializers.IntegerField(
        min_value=0,
        max_value=MAX_PRICE,
        required=False,
        allow_null=True,
        default=None,
        help_text="Null: as input.",
    )


class ProviderPricesWrite(WriteShape):
    example = {
        "prices": [
            {
                "model": "gpt-4o",
                "input_nanodollars_per_mtok": 2_500_000_000,
                "output_nanodollars_per_mtok": 10_000_000_000,
            }
        ]
    }

    prices = ModelPriceWrite(many=True)


class ProviderKindsView(APIView):
    subject = "Models"
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="list_provider_kinds", responses={200: ProviderKindDetail(many=True)}
    )
    def get(self, request: Request) -> Response:
        """List the kinds of providers that can be connected, with their addresses."""
        return Response(ProviderKindDetail(list(KINDS.values()), many=True).data)


_FAULTS = {409: ProblemDetails, 422: ProblemDetails, 502: ProblemDetails}


@extend_schema_view(list=extend_schema(operation_id="list_providers"))
class ProviderViewSet(ListModelMixin, ResourceViewSet[ProviderConnection]):
    """List the providers that you may change: yours, your teams', and for staff the platform's."""

    subject = "Models"
    permission_classes = (IsAuthenticated,)
    parameter_descriptions = {"public_id": "The id of the provider."}
    serializer_class = ProviderSummary
    filter_backends = ()

    def get_queryset(self) -> QuerySet[ProviderConnection]:
        if getattr(self, "swagger_fake_view", False):
            return ProviderConnection.objects.none()
        return queries.manageable_connections(actor(self.request))

    def _respond(self, public_id: str, status: int = 200) -> Response:
        connection = self.get_queryset().get(public_id=public_id)
        spend = queries.spend_of([connection]).get(connection.pk, queries.ProviderSpend())
        document = {
            "provider": connection,
            "listed_models": connection.listed_models,
            "models": queries.deployments_of(connection),
            "spend": spend,
        }
        return Response(ProviderDetail(document).data, status=status)

    def get_object(self) -> ProviderConnection:
        return queries.connection_at(self.kwargs["public_id"], to=self.request.user)

    def _act(self, change: Callable[..., ProviderConnection], **more: Any) -> Response:
        connection = self.get_object()
        change(connection=connection, by=actor(self.request), **more)
        return self._respond(connection.public_id)

    @extend_schema(operation_id="get_provider", responses=ProviderDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return a provider. It has the models that it lists, those that are chosen with their
        prices, and what the calls of this month cost.
        """
        return self._respond(self.get_object().public_id)

    @extend_schema(
        operation_id="connect_provider",
        request=ProviderWrite,
        responses={201: ProviderDetail, **_FAULTS},
    )
    def create(self, request: Request) -> Response:
        """Connect a provider. It is asked for its list of models with the key; if that fails,
        nothing is stored and the error says why. No model can be called before it is chosen.
        """
        user = actor(request)
        values = read_body(request, ProviderWrite)
        kind = KINDS[values["kind"]]
        if kind.is_fixed and values.get("base_url", kind.address) != kind.address:
            raise InvalidInput(
                [Problem(f"is fixed for this kind: {kind.address}; for others use `other`",
                         "base_url")]
            )  # fmt: skip
        owner = None
        if values["for_platform"]:
            if "namespace" in values:
                raise InvalidInput(
                    [Problem("cannot be given together with for_platform", "namespace")]
                )
        else:
            owner = acting_namespace(request, values.get("namespace"))
        new = NewProvider(
            kind,
            values.get("name", ""),
            values.get("base_url", ""),
            values.get("key", ""),
            values["models_are_typed"],
            values["key_in_environment"],
        )
        made = actions.connect_provider(new=new, owner=owner, by=user)
        return self._respond(made.public_id, status=201)

    @extend_schema(
        operation_id="refresh_provider",
        request=None,
        responses={200: ProviderDetail, **_FAULTS},
    )
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, public_id: str) -> Response:
        """Read the provider's list of models again. If that fails, the list of before stays."""
        return self._act(actions.refresh_models)

    @extend_schema(
        operation_id="rotate_provider_key",
        request=ProviderKeyWrite,
        responses={200: ProviderDetail, **_FAULTS},
    )
    @action(detail=True, methods=["put"])
    def key(self, request: Request, public_id: str) -> Response:
        """Replace the key. The new one is tested first; if it is refused, the old one stays."""
        values = read_body(request, ProviderKeyWrite)
        return self._act(actions.rotate_key, key=values["key"])

    @extend_schema(operation_id="erase_provider_key", request=None, responses=ProviderDetail)
    @action(detail=True, methods=["post"], url_path="erase-key")
    def erase_key(self, request: Request, public_id: str) -> Response:
        """Forget the key and switch the provider off. Runs and costs stay on record."""
        return self._act(actions.erase_key)

    @extend_schema(operation_id="switch_provider_off", request=None, responses=ProviderDetail)
    @action(detail=True, methods=["post"], url_path="switch-off")
    def switch_off(self, request: Request, public_id: str) -> Response:
        """Switch a provider off. None of its models can be called, within ten seconds."""
        return self._act(actions.switch_off)

    @extend_schema(
        operation_id="switch_provider_on",
        request=None,
        responses={200: ProviderDetail, 409: ProblemDetails},
    )
    @action(detail=True, methods=["post"], url_path="switch-on")
    def switch_on(self, request: Request, public_id: str) -> Response:
        """Switch a provider on again, with the models that were on before."""
        return self._act(actions.switch_on)

    @extend_schema(
        operation_id="choose_provider_models",
        request=ProviderModelsWrite,
        responses={200: ProviderDetail, 409: ProblemDetails, 422: ProblemDetails},
    )
    @action(detail=True, methods=["put"])
    def models(self, request: Request, public_id: str) -> Response:
        """Choose the models that can be called. New ones get the price of the price library; all
        others of the provider are switched off.
        """
        values = read_body(request, ProviderModelsWrite)
        connection = self.get_object()
        actions.choose_models(connection=connection, names=values["models"], by=actor(request))
        return self._respond(connection.public_id)

    @extend_schema(
        operation_id="set_provider_prices",
        request=ProviderPricesWrite,
        responses={200: ProviderDetail, 422: ProblemDetails},
    )
    @action(detail=True, methods=["put"])
    def prices(self, request: Request, public_id: str) -> Response:
        """Set prices of chosen models. They hold for calls from now on; others keep theirs."""
        values = read_body(request, ProviderPricesWrite)
        prices = {
            one["model"]: ModelPrice(
                one["input_nanodollars_per_mtok"],
                one["output_nanodollars_per_mtok"],
                one["cached_input_nanodollars_per_mtok"],
            )
            for one in values["prices"]
        }
        connection = self.get_object()
        actions.set_prices(connection=connection, prices=prices, by=actor(request))
        return self._respond(connection.public_id)


router = Router()
router.register("providers", ProviderViewSet, "provider")
