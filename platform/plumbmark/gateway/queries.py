"""Named reads of the gateway."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time

from django.db.models import BigIntegerField, Case, CharField, F, Q, QuerySet, Value, When

from plumbmark.accounts.models import Namespace
from plumbmark.common import clock
from plumbmark.common.errors import DomainError
from plumbmark.engine.ports import CallResult, ModelRequest, ModelResponse, Usage
from plumbmark.gateway.budget.ledger import limits_of_settings
from plumbmark.gateway.calls.gateway import renewal_of
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.catalogue import prices
from plumbmark.gateway.catalogue.document_tokens import CannotBound
from plumbmark.gateway.catalogue.prices import Prices
from plumbmark.gateway.models import (
    Budget,
    Call,
    CatalogueModel,
    Deployment,
    Grant,
    LedgerLine,
    QuotaPolicy,
)
from plumbmark.gateway.recorded_calls import parse_recorded
from plumbmark.gateway.storage.exchanges import read_bodies
from plumbmark.gateway.storage.records import cost_before_last, decompress, lowered_output_limit

_KEYS_PER_QUERY = 500
_OWN, _DEFAULT = "own", "default"
"""The limits that a namespace was given, and those of all others."""


@dataclass(frozen=True, slots=True)
class PeriodQuota:
    """One limit of a namespace, in nanodollars; `renews_at` is in UTC."""

    kind: str
    cap: int
    spent: int
    reserved: int
    left: int
    renews_at: datetime


@dataclass(frozen=True, slots=True)
class QuotaStatus:
    """A namespace's limits and what is used of them."""

    day: PeriodQuota
    month: PeriodQuota

    @property
    def left(self) -> int:
        """Return the balance of the tighter of the two limits."""
        return self.binding.left

    @property
    def binding(self) -> PeriodQuota:
        """The limit that leaves less: the one to wait for."""
        return self.day if self.day.left <= self.month.left else self.month


def quota_status(namespace: Namespace) -> QuotaStatus:
    """Return the current day and month of a namespace. One query."""
    today = clock.today()
    month = today.replace(day=1)
    budgets = Budget.objects.filter(payer=namespace, grant=None).filter(
        Q(kind=Budget.Kind.DAY, period_start=today) | Q(kind=Budget.Kind.MONTH, period_start=month)
    )
    # The limits too: until something is spent in a period, it has no budget yet.
    policies = QuotaPolicy.objects.filter(Q(namespace=namespace) | Q(namespace=None))
    rows = budgets.values_list(F("kind"), "cap", "spent", "reserved").union(
        policies.values_list(
            Case(
                When(namespace=None, then=Value(_DEFAULT)),
                default=Value(_OWN),
                output_field=CharField(),
            ),
            "day_cap",
            "month_cap",
            Value(0, output_field=BigIntegerField()),
        ),
        all=True,
    )
    caps: dict[str, tuple[int, int]] = {}
    found: dict[str, Budget] = {}
    for name, first, second, third in rows:
        if name in {_OWN, _DEFAULT}:
            caps[name] = (first, second)
        else:
            found[name] = Budget(cap=first, spent=second, reserved=third)
    day_cap, month_cap = caps.get(_OWN) or caps.get(_DEFAULT) or limits_of_settings()
    periods = []
    for kind, start, cap in (
        (Budget.Kind.DAY, today, day_cap),
        (Budget.Kind.MONTH, month, month_cap),
    ):
        row = found.get(kind) or Budget(payer=namespace, kind=kind, period_start=start, cap=cap)
        renews = datetime.combine(renewal_of(kind.value, start), time(), UTC)
        periods.append(PeriodQuota(kind.value, row.cap, row.spent, row.reserved, row.left, renews))
    return QuotaStatus(*periods)


def has_balance(namespace: Namespace, amount: int, *, grant: Grant | None = None) -> bool:
    """Return whether both limits, and the grant's own cap, cover this many nanodollars now."""
    if grant is not None and grant.cap is not None:
        budget = Budget.objects.filter(grant=grant).first()
        if budget is not None and budget.left < amount:
            return False
    return quota_status(namespace).left >= amount


def ledger_of(namespace: Namespace) -> QuerySet[LedgerLine]:
    """Return the lines of a namespace's ledger, newest first."""
    return LedgerLine.objects.filter(payer=namespace).select_related("grant").order_by("-id")


def calls_of_line(line: LedgerLine) -> QuerySet[Call]:
    """Return the calls that a line covers, oldest first, without their exchanges."""
    return (
        Call.objects.filter(ledger_line=line)
        .select_related("deployment")
        .order_by("started_at", "id")
    )


def callable_deployments(*, to: Namespace | None) -> QuerySet[Deployment]:
    """Return the deployments of the platform and of a namespace; None: the platform's alone."""
    visible = Q(owner=None) if to is None else Q(owner=None) | Q(owner=to)
    return Deployment.objects.filter(visible, is_active=True).select_related("model")


def visible_models(*, to: Namespace | None) -> QuerySet[CatalogueModel]:
    """Return the catalogue without the models that only other people's deployments call."""
    shown = Deployment.objects.filter(Q(owner=None) if to is None else Q(owner=None) | Q(owner=to))
    return CatalogueModel.objects.filter(Q(deployments=None) | Q(deployments__in=shown)).distinct()


def request_bound(request: ModelRequest, price_card: Prices | None, deployment: Deployment) -> int:
    """Return the most that this request can cost its payer, in nanodollars: what is reserved for
    it.

    A user's own deployment is not metered: 0. Raises `DomainError` if a deployment of the platform
    has no price.
    """
    if deployment.owner_id is not None:
        return 0
    if price_card is None:
        raise DomainError(
            f"{deployment.slug} has no price, so its calls cannot be metered. An administrator can "
            "set one, or state that it is free.",
            code="no-price",
        )
    try:
        return prices.bound_call_cost(price_card, request, deployment.max_billed_output_tokens)
    except CannotBound:
        # Read only here: it is one more query for a deployment that came without its model.
        context = deployment.model.context_tokens
        return prices.bound_call_cost(
            price_card, request, deployment.max_billed_output_tokens, context
        )


def cost_bound(deployment: Deployment, requests: Iterable[ModelRequest]) -> int:
    """Return the sum of `request_bound` under the current price. One query."""
    card = current_price_card(deployment.pk)
    return sum(request_bound(request, card, deployment) for request in requests)


def recorded_answers(*, grant_id: int, keys: Sequence[str]) -> Mapping[str, CallResult]:
    """Return the recorded answers for these keys, rebuilt from their exchanges.

    After a crash between an answer and its consequence, this avoids asking again. Answers whose
    exchange was withheld or is unreadable are not included. Raises `ExchangesAway` if they cannot
    be read now: to ask again would be to pay again.
    """
    found: dict[str, CallResult] = {}
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        calls = Call.objects.filter(
            grant=grant_id,
            key__in=keys[start : start + _KEYS_PER_QUERY],
            status=Call.Status.ANSWERED,
            error_code="",
            is_duplicate=False,
            exchange__withheld_at=None,
        ).select_related("exchange", "deployment")
        bodies = read_bodies([call.exchange for call in calls])
        for call in calls:
            response = _response_of(call, bodies[call.pk])
            if response is not None:
                found[call.key] = CallResult(
                    call_id=call.pk,
                    response=response,
                    failure=None,
                    charged=call.charged,
                    provider_cost=call.provider_cost,
                    latency_ms=call.latency_ms,
                    attempts=len(call.attempts),
                    cost_before_answer=cost_before_last(call.attempts),
                    max_output_tokens=lowered_output_limit(call.attempts),
                )
    return found


def _response_of(call: Call, body: bytes) -> ModelResponse | None:
    parsed = parse_recorded(call, decompress(body)["response"])
    if parsed is None:
        return None
    usage = Usage(
        call.input_tokens,
        call.output_tokens,
        call.cached_input_tokens,
        call.reasoning_tokens,
        call.usage_estimated,
    )
    return replace(parsed, usage=usage)
