"""The administration of models, deployments, prices and quotas; books and calls are read-only."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet, URLField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import User
from plumbmark.common.outbox import record_event
from plumbmark.gateway import actions
from plumbmark.gateway.budget.money import dollars
from plumbmark.gateway.forms import (
    CredentialForm,
    DeploymentForm,
    PriceCardForm,
    QuotaPolicyForm,
)
from plumbmark.gateway.models import (
    Budget,
    Call,
    CatalogueModel,
    Credential,
    Deployment,
    Grant,
    LedgerLine,
    PriceCard,
    QuotaPolicy,
)
from plumbmark.web.admin import ReadOnly

if TYPE_CHECKING:
    _CatalogueModelAdmin = admin.ModelAdmin[CatalogueModel]
    _CredentialAdmin = admin.ModelAdmin[Credential]
    _DeploymentAdmin = admin.ModelAdmin[Deployment]
    _QuotaPolicyAdmin = admin.ModelAdmin[QuotaPolicy]
    _BudgetAdmin = admin.ModelAdmin[Budget]
    _GrantAdmin = admin.ModelAdmin[Grant]
    _LedgerLineAdmin = admin.ModelAdmin[LedgerLine]
    _CallAdmin = admin.ModelAdmin[Call]
    _PriceCardInline = admin.TabularInline[PriceCard, Deployment]
else:
    _CatalogueModelAdmin = admin.ModelAdmin
    _CredentialAdmin = admin.ModelAdmin
    _DeploymentAdmin = admin.ModelAdmin
    _QuotaPolicyAdmin = admin.ModelAdmin
    _BudgetAdmin = admin.ModelAdmin
    _GrantAdmin = admin.ModelAdmin
    _LedgerLineAdmin = admin.ModelAdmin
    _CallAdmin = admin.ModelAdmin
    _PriceCardInline = admin.TabularInline


def _price(amount: int | None) -> str:
    """Return the dollars; a row that a form invented has none."""
    return "–" if amount is None else dollars(amount)


@admin.register(CatalogueModel)
class CatalogueModelAdmin(_CatalogueModelAdmin):
    list_display = ["slug", "maker", "name", "licence", "open_weights", "released_on"]
    search_fields = ["slug", "name"]
    list_filter = ["maker", "open_weights"]
    formfield_overrides = {URLField: {"assume_scheme": "https"}}

    def save_model(
        self, request: HttpRequest, obj: CatalogueModel, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        record_event("model.updated", model_id=obj.pk)


@admin.register(Credential)
class CredentialAdmin(_CredentialAdmin):
    form = CredentialForm
    list_display = ["name", "owner", "environment_variable", "hint", "created_at"]
    search_fields = ["name"]
    raw_id_fields = ["owner"]


class PriceCardInline(_PriceCardInline):
    """The prices so far. Cards never change: calls refer to the card they were made under."""

    model = PriceCard
    verbose_name_plural = _("prices so far, in USD per million tokens")
    extra = 0
    can_delete = False
    readonly_fields = (
        *("valid_from", "input", "cached_input", "output", "request_fee"),
        *("source", "matched"),
    )
    fields = readonly_fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("input"))
    def input(self, card: PriceCard) -> str:
        return _price(card.input_per_mtok)

    @admin.display(description=_("cached input"))
    def cached_input(self, card: PriceCard) -> str:
        price = card.cached_input_per_mtok
        return str(_("as input")) if price is None else dollars(price)

    @admin.display(description=_("output"))
    def output(self, card: PriceCard) -> str:
        return _price(card.output_per_mtok)

    @admin.display(description=_("per request"))
    def request_fee(self, card: PriceCard) -> str:
        return _price(card.per_request)

    @admin.display(description=_("matched entry"))
    def matched(self, card: PriceCard) -> str:
        return f"{card.matched_id} {card.data_version}".strip() or "–"


class NewPriceInline(_PriceCardInline):
    """A price that holds from a date on."""

    model = PriceCard
    form = PriceCardForm
    verbose_name = _("new price")
    verbose_name_plural = _("new price, in USD per million tokens; 0 is free")
    extra = 1
    max_num = 1
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceCard]:
        return super().get_queryset(request).none()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Deployment)
class DeploymentAdmin(_DeploymentAdmin):
    form = DeploymentForm
    inlines = [PriceCardInline, NewPriceInline]
    list_display = [
        "slug",
        "provider",
        "owner",
        "is_active",
        "has_price",
        "max_concurrency",
    ]
    list_filter = ["provider", "is_active"]
    search_fields = ["slug", "upstream_id"]
    raw_id_fields = ["owner"]
    readonly_fields = ["options_found_by_the_gateway"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Deployment]:
        cards = PriceCard.objects.filter(deployment=OuterRef("pk"), valid_from__lte=timezone.now())
        return super().get_queryset(request).annotate(is_priced=Exists(cards))

    @admin.display(description=_("options found by the gateway"))
    def options_found_by_the_gateway(self, deployment: Deployment) -> str:
        found = deployment.found_options
        if "schema" not in found:
            return "–"
        return _(
            "schema: %(way)s, because the provider refused what asks for more. The option schema "
            "above wins over it."
        ) % {"way": found["schema"]}

    @admin.display(boolean=True, description=_("has price?"), ordering="is_priced")
    def has_price(self, deployment: Any) -> bool:
        return bool(deployment.is_priced)


@admin.register(QuotaPolicy)
class QuotaPolicyAdmin(_QuotaPolicyAdmin):
    form = QuotaPolicyForm
    list_display = ["__str__", "day", "month", "note", "updated_at"]
    raw_id_fields = ["namespace"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # Limits of one namespace do not become those of another.
        return ["namespace"] if obj is not None else []

    @admin.display(description=_("per day"), ordering="day_cap")
    def day(self, policy: QuotaPolicy) -> str:
        return dollars(policy.day_cap)

    @admin.display(description=_("per month"), ordering="month_cap")
    def month(self, policy: QuotaPolicy) -> str:
        return dollars(policy.month_cap)

    def save_model(self, request: HttpRequest, obj: QuotaPolicy, form: Any, change: bool) -> None:
        assert isinstance(request.user, User)
        policy = actions.set_quota(
            namespace=obj.namespace,
            day_cap=obj.day_cap,
            month_cap=obj.month_cap,
            note=obj.note,
            by=request.user,
        )
        obj.pk = policy.pk


@admin.register(Budget)
class BudgetAdmin(ReadOnly, _BudgetAdmin):
    list_display = ["payer", "kind", "period_start", "of_cap", "spent_", "reserved_"]
    list_filter = ["kind"]
    search_fields = ["payer__handle"]
    list_select_related = ["payer"]

    @admin.display(description=_("cap"), ordering="cap")
    def of_cap(self, budget: Budget) -> str:
        return dollars(budget.cap)

    @admin.display(description=_("spent"), ordering="spent")
    def spent_(self, budget: Budget) -> str:
        return dollars(budget.spent)

    @admin.display(description=_("reserved"), ordering="reserved")
    def reserved_(self, budget: Budget) -> str:
        return dollars(budget.reserved)


@admin.register(Grant)
class GrantAdmin(ReadOnly, _GrantAdmin):
    list_display = ["subject", "payer", "cap", "expires_at", "revoked_at", "created_at"]
    search_fields = ["subject", "payer__handle"]
    list_select_related = ["payer"]


@admin.register(LedgerLine)
class LedgerLineAdmin(ReadOnly, _LedgerLineAdmin):
    list_display = ["at", "payer", "kind", "reason", "charged", "provider_cost", "calls"]
    list_filter = ["kind"]
    search_fields = ["payer__handle", "reason"]
    list_select_related = ["payer"]
    ordering = ["-id"]
    show_full_result_count = False


@admin.register(Call)
class CallAdmin(ReadOnly, _CallAdmin):
    """Without bodies: their visibility follows the items', not this page's."""

    list_display = [
        "started_at",
        "grant",
        "deployment",
        "status",
        "error_code",
        "latency_ms",
        "charged",
        "provider_cost",
    ]
    list_filter = ["status"]
    search_fields = ["id", "key", "grant__subject"]
    list_select_related = ["grant", "deployment"]
    ordering = ["-started_at"]
    show_full_result_count = False
