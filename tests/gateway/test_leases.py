"""Budgets in memory: the loop until a fetch suffices, midnight, and swept leases."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from plumbmark.common import clock
from plumbmark.gateway.budget import ledger
from plumbmark.gateway.budget.leases import Hold, Leases
from plumbmark.gateway.budget.ledger import Amounts, Shortage
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Budget, BudgetLease, Call
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store


def leases_of(work: Callable[[Leases], Any]) -> Any:
    async def run() -> Any:
        return await work(runtime.gateway().leases)

    return runtime.run(run())


def test_a_fetch_that_is_short_when_it_arrives_is_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that need no lock take from the rest while a lease is on its way."""
    deployment = rows.deployment("http://x/v1")
    grant = rows.grant(rows.namespace(day_cap=10_000), deployment)
    fetches = 0
    take = ledger.take
    # Exactly what is needed, so that nothing over hides the shortage.
    monkeypatch.setattr("plumbmark.gateway.budget.leases._HOLDS_PER_LEASE", 0)

    async def work(leases: Leases) -> Hold | Shortage:
        nonlocal fetches
        account = leases.account(
            payer_id=grant.payer_id, grant_id=grant.pk, subject="run:1", cap=None
        )
        first = await leases.hold(account, 900)
        assert isinstance(first, Hold)
        first.settle(0)
        loop = asyncio.get_running_loop()

        def take_while_others_take(**arguments: Any) -> Amounts | Shortage:
            nonlocal fetches
            fetches += 1
            taken = take(**arguments)
            if fetches == 1:
                # All that was left when the fetch went out is gone when it comes back.
                def drain() -> None:
                    for share in account.shares:
                        share.left -= min(share.left, 600)

                loop.call_soon_threadsafe(drain)
            return taken

        monkeypatch.setattr(ledger, "take", take_while_others_take)
        return await leases.hold(account, 1000)

    held = leases_of(work)

    assert isinstance(held, Hold)
    assert fetches >= 2


def test_a_hold_waits_for_a_call_in_flight_to_settle(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plumbmark.gateway.budget.leases.PATIENCE_SECONDS", 300.0)
    deployment = rows.deployment("http://x/v1")
    grant = rows.grant(rows.namespace(day_cap=1000), deployment)

    async def work(leases: Leases) -> Hold | Shortage:
        account = leases.account(
            payer_id=grant.payer_id, grant_id=grant.pk, subject="run:1", cap=None
        )
        first = await leases.hold(account, 900)
        assert isinstance(first, Hold)
        second = asyncio.create_task(leases.hold(account, 800))
        await asyncio.sleep(0.1)
        assert not second.done()
        first.settle(50)
        return await second

    assert isinstance(leases_of(work), Hold)


def test_a_hold_that_nothing_could_pay_is_refused_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = rows.deployment("http://x/v1")
    grant = rows.grant(rows.namespace(day_cap=1000), deployment)

    # A fault would wait for so long; what waits for nothing is over before.
    monkeypatch.setattr("plumbmark.gateway.budget.leases.PATIENCE_SECONDS", 3600.0)

    async def work(leases: Leases) -> Hold | Shortage:
        account = leases.account(
            payer_id=grant.payer_id, grant_id=grant.pk, subject="run:1", cap=None
        )
        async with asyncio.timeout(300):
            return await leases.hold(account, 2000)

    assert isinstance(leases_of(work), Shortage)


def test_a_call_across_midnight_is_charged_to_the_day_of_its_reservation(
    any_store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(hold=0)
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    real = datetime.now(UTC).timestamp()
    midnight = datetime(2026, 2, 1, tzinfo=UTC).timestamp()

    async def work() -> None:
        clock.set_offset(midnight - 60 - real)
        caller = await runtime.gateway().caller(grant_id=grant.pk, deployment_id=deployment.pk)
        before = asyncio.create_task(caller.call(rows.ask(), key="before", role="candidate"))
        await asyncio.to_thread(fake_provider.wait_for_calls, 1)
        clock.set_offset(midnight + 60 - real)
        after = asyncio.create_task(caller.call(rows.ask(), key="after", role="candidate"))
        await asyncio.to_thread(fake_provider.wait_for_calls, 2)
        await asyncio.to_thread(fake_provider.go_on)
        results = await asyncio.gather(before, after)
        assert all(result.response for result in results), results
        await caller.flush()
        await caller.release()

    # Price cards of the rows are dated now; the clock of the test goes back.
    deployment.price_cards.update(valid_from=datetime(2025, 1, 1, tzinfo=UTC))
    runtime.run(work())
    runtime.shutdown()

    spent = dict(
        Budget.objects.filter(kind="day").values_list("period_start", "spent").order_by("pk")
    )
    assert {day.isoformat(): amount for day, amount in spent.items() if day} == {
        "2026-01-31": 6500,
        "2026-02-01": 6500,
    }
    months = Budget.objects.filter(kind="month").values_list("period_start", "spent")
    assert {day.isoformat(): amount for day, amount in months if day} == {
        "2026-01-01": 6500,
        "2026-02-01": 6500,
    }
    lines = Call.objects.values_list("key", "ledger_line__day")
    assert {key: day.isoformat() for key, day in lines} == {
        "before": "2026-01-31",
        "after": "2026-02-01",
    }
    assert not BudgetLease.objects.exists()


def test_a_swept_lease_is_noticed_and_taken_anew(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    rows.call_one(grant, deployment)
    clock.set_offset(3600)
    ledger.sweep_silent(living=[])
    clock.set_offset(0)
    assert not BudgetLease.objects.exists()

    rows.call_all(grant, deployment, [rows.ask("1+1")], keys=["second"])
    rows.call_all(grant, deployment, [rows.ask("1+2")], keys=["third"])

    assert Call.objects.filter(status="answered").count() == 3
    budget = Budget.objects.get(kind="day")
    assert budget.spent == sum(Call.objects.values_list("charged", flat=True))
    assert budget.reserved == BudgetLease.objects.get(budget=budget).amount
