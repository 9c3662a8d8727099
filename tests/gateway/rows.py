"""Rows for the gateway's tests, and the few steps that most of them take."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from plumbmark.accounts.models import Namespace, User
from plumbmark.engine.ports import CallResult, ModelRequest
from plumbmark.gateway import actions
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.catalogue import prices
from plumbmark.gateway.models import (
    Budget,
    BudgetLease,
    Call,
    CatalogueModel,
    Deployment,
    Grant,
    LedgerLine,
    PriceCard,
)

DAY_CAP = 10**12
INPUT_PRICE = 500_000_000
OUTPUT_PRICE = 3_000_000_000
"""Nanodollars per million tokens."""


def namespace(
    handle: str = "anna", *, day_cap: int = DAY_CAP, month_cap: int = 10**13
) -> Namespace:
    user = User.objects.create_user(f"{handle}@example.org")
    made = Namespace.objects.create(handle=handle, user=user)
    actions.set_quota(namespace=made, day_cap=day_cap, month_cap=month_cap, by=None)
    return made


def deployment(
    url: str = "", model: str = "arithmetic", *, priced: bool = True, **fields: Any
) -> Deployment:
    slug = fields.pop("slug", f"fake/{model}"[:160])
    catalogue, _ = CatalogueModel.objects.get_or_create(
        slug=slug, defaults={"maker": "fake", "name": model[:120]}
    )
    made = Deployment.objects.create(
        **{
            "slug": slug,
            "model": catalogue,
            "provider": "openai" if url else "baseline",
            "base_url": url,
            "upstream_id": model,
            **fields,
        }
    )
    if priced:
        price(made)
    return made


def price(
    of: Deployment, input_per_mtok: int = INPUT_PRICE, output_per_mtok: int = OUTPUT_PRICE
) -> PriceCard:
    return PriceCard.objects.create(
        deployment=of,
        valid_from=timezone.now() - timedelta(days=1),
        input_per_mtok=input_per_mtok,
        output_per_mtok=output_per_mtok,
        source="admin",
    )


def grant(payer: Namespace, *deployments: Deployment, cap: int | None = None) -> Grant:
    return actions.open_grant(payer=payer, subject="run:1", deployments=deployments, cap=cap)


def ask(text: str = "What is 2+3?", *, tokens: int = 32, **fields: Any) -> ModelRequest:
    return ModelRequest([{"role": "user", "content": text}], tokens, **fields)


def bound_of(deployment: Deployment, request: ModelRequest) -> int:
    """Return what is set aside for a call."""
    return prices.bound_call_cost(deployment.price_cards.get(), request)


def call_all(
    to: Grant,
    deployment: Deployment,
    requests: Iterable[ModelRequest],
    *,
    keys: Iterable[str] | None = None,
    window: int = 64,
    flush: bool = True,
) -> list[CallResult]:
    """Make all these calls through the process's gateway, some at once; in order."""
    wanted = list(requests)
    named = list(keys) if keys is not None else [f"run:1:{n}" for n in range(len(wanted))]

    async def work() -> list[CallResult]:
        caller = await runtime.gateway().caller(grant_id=to.pk, deployment_id=deployment.pk)
        slots = asyncio.Semaphore(window)

        async def one(request: ModelRequest, key: str) -> CallResult:
            async with slots:
                return await caller.call(request, key=key, role="candidate")

        results = await asyncio.gather(*map(one, wanted, named))
        if flush:
            await caller.flush()
        return results

    return runtime.run(work())


def call_one(to: Grant, deployment: Deployment, request: ModelRequest | None = None) -> CallResult:
    return call_all(to, deployment, [request or ask()])[0]


def release(to: Grant, deployment: Deployment) -> None:
    async def work() -> None:
        caller = await runtime.gateway().caller(grant_id=to.pk, deployment_id=deployment.pk)
        await caller.call(ask("warm"), key="", role="candidate")
        await caller.release()

    runtime.run(work())


@dataclass(frozen=True)
class Books:
    """The sums that must agree."""

    spent: int
    reserved: int
    leased: int
    charged: int
    line_charged: int


def books(kind: str = "day") -> Books:
    budgets = Budget.objects.filter(kind=kind).aggregate(s=Sum("spent"), r=Sum("reserved"))
    leased = BudgetLease.objects.filter(budget__kind=kind).aggregate(a=Sum("amount"))["a"]
    charged = Call.objects.aggregate(c=Sum("charged"))["c"]
    lines = LedgerLine.objects.aggregate(c=Sum("charged"))["c"]
    return Books(budgets["s"] or 0, budgets["r"] or 0, leased or 0, charged or 0, lines or 0)


def assert_books_agree() -> Books:
    """Check the invariants that apply whenever nothing is in progress; return the day's sums."""
    day, month = books("day"), books("month")
    assert day.spent == month.spent == day.charged == day.line_charged
    assert day.reserved == day.leased
    assert month.reserved == month.leased
    by_kind = dict(LedgerLine.objects.values_list("kind").annotate(Sum("amount")))
    still = by_kind.get("reserve", 0) - by_kind.get("release", 0) - day.spent
    assert still == day.reserved
    return day
