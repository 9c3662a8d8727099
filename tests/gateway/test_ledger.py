"""The books under any order of taking, settling, giving back and dying."""

import itertools
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plumbmark.common import clock
from plumbmark.gateway.budget import ledger
from plumbmark.gateway.budget.ledger import Amounts, BudgetRequest, OpenBudget, Shortage
from plumbmark.gateway.models import (
    Budget,
    BudgetLease,
    Call,
    Deployment,
    Grant,
    LedgerLine,
)
from plumbmark.gateway.storage.records import CallRecord
from tests.gateway import rows
from tests.gateway.conftest import Store

DAY = date(2026, 3, 1)
OWNERS = ["one", "two"]
_numbers = itertools.count()


@dataclass
class World:
    """Two processes' memories over the same budgets, and the database."""

    grant: Grant
    deployment: Deployment
    budgets: tuple[OpenBudget, ...]
    left: dict[str, dict[int, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )
    pending: dict[str, list[CallRecord]] = field(default_factory=lambda: defaultdict(list))
    flushed: dict[str, list[CallRecord]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def make(cls, cap: int) -> "World":
        name = f"payer-{next(_numbers)}"
        payer = rows.namespace(name, day_cap=cap, month_cap=cap * 2)
        deployment = rows.deployment("http://x/v1", slug=f"fake/{name}")
        grant = rows.grant(payer, deployment, cap=cap)
        budgets = ledger.open_budgets(payer_id=payer.pk, grant_id=grant.pk, cap=cap, day=DAY)
        return cls(grant, deployment, budgets)

    def name(self, owner: str) -> str:
        return f"{owner}-{self.grant.pk}"

    def take(self, owner: str, amount: int) -> Amounts | Shortage | None:
        left = self.left[owner]
        asks = [
            BudgetRequest(budget.id, amount - left[budget.id], amount * 4)
            for budget in self.budgets
            if left[budget.id] < amount
        ]
        if not asks:
            return None
        taken = ledger.take(
            owner=self.name(owner),
            payer_id=self.grant.payer_id,
            grant_id=self.grant.pk,
            subject="run:1",
            day=DAY,
            asks=asks,
        )
        if isinstance(taken, Amounts):
            for budget_id, got in taken.amounts.items():
                left[budget_id] += got
        return taken

    def call(self, owner: str, hold: int, cost: int, key: str) -> None:
        left = self.left[owner]
        if any(left[budget.id] < hold for budget in self.budgets):
            return
        for budget in self.budgets:
            left[budget.id] -= cost
        self.pending[owner].append(self.record(hold, cost, key))

    def record(self, hold: int, cost: int, key: str) -> CallRecord:
        return CallRecord(
            id=uuid4(),
            grant_id=self.grant.pk,
            payer_id=self.grant.payer_id,
            deployment_id=self.deployment.pk,
            price_card_id=None,
            key=key,
            role="candidate",
            is_private=False,
            day=DAY,
            started_at=time.time(),
            subject="run:1",
            hold=hold,
            budget_ids=tuple(budget.id for budget in self.budgets),
            status="answered",
            charged=cost,
            provider_cost=cost,
        )

    def flush(self, owner: str, *, close: bool = False) -> None:
        closing = [budget.id for budget in self.budgets] if close else []
        settled = ledger.settle(
            owner=self.name(owner), records=self.pending[owner], closing=closing
        )
        assert not settled.gone
        for budget_id, amount in settled.refunds.items():
            self.left[owner][budget_id] += amount
        if close:
            self.left[owner].clear()
        self.flushed[owner] += self.pending.pop(owner, [])

    def die(self, owner: str) -> None:
        """Replay twice, with what had been flushed before still in the spool."""
        records = self.flushed.pop(owner, []) + self.pending.pop(owner, [])
        for _ in range(2):
            ledger.settle(owner=self.name(owner), records=records, may_be_stored=True)
            ledger.release_owner(owner=self.name(owner), reason="its process died")
        self.left.pop(owner, None)

    def check(self) -> None:
        charged = Call.objects.filter(grant=self.grant).aggregate(s=Sum("charged"))["s"] or 0
        for budget in Budget.objects.filter(pk__in=[budget.id for budget in self.budgets]):
            leases = BudgetLease.objects.filter(budget=budget)
            leased = leases.aggregate(s=Sum("amount"))["s"] or 0
            assert budget.spent + budget.reserved <= budget.cap
            assert budget.reserved == leased
            waiting = sum(record.charged for batch in self.pending.values() for record in batch)
            assert budget.spent == charged
            in_hand = sum(left[budget.pk] for left in self.left.values())
            assert in_hand + waiting == leased
        lines = LedgerLine.objects.filter(payer=self.grant.payer_id, day=DAY)
        sums = {
            line["kind"]: line
            for line in lines.values("kind").annotate(a=Sum("amount"), c=Sum("charged"))
        }
        day = Budget.objects.get(payer=self.grant.payer_id, kind="day")
        reserved = sums.get("reserve", {}).get("a", 0) - sums.get("release", {}).get("a", 0)
        assert sum(line["c"] for line in sums.values()) == day.spent
        assert reserved - day.spent == day.reserved


steps = st.one_of(
    st.tuples(st.just("take"), st.sampled_from(OWNERS), st.integers(1, 400)),
    st.tuples(
        st.just("call"),
        st.sampled_from(OWNERS),
        st.integers(1, 200),
        st.integers(0, 200),
        st.sampled_from(["", "a", "b", "c", "d"]),
    ),
    st.tuples(st.sampled_from(["flush", "close", "die"]), st.sampled_from(OWNERS)),
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=st.lists(steps, min_size=4, max_size=14), cap=st.integers(0, 2000))
def test_the_books_agree_after_any_plan(
    any_store: Store, plan: list[tuple[object, ...]], cap: int
) -> None:
    world = World.make(cap)

    for step in plan:
        match step:
            case ("take", str(owner), int(amount)):
                world.take(owner, amount)
            case ("call", str(owner), int(hold), int(cost), str(key)):
                world.call(owner, hold, min(hold, cost), key)
            case ("flush", str(owner)):
                world.flush(owner)
            case ("close", str(owner)):
                world.flush(owner, close=True)
            case ("die", str(owner)):
                world.die(owner)
        world.check()


def test_a_lease_takes_a_quarter_of_what_is_left_and_near_the_end_the_single_need(
    any_store: Store,
) -> None:
    world = World.make(1000)

    first = world.take("one", 10)
    second = world.take("two", 200)
    third = world.take("two", 400)
    fourth = world.take("two", 5000)

    assert isinstance(first, Amounts)
    assert set(first.amounts.values()) == {40}
    assert isinstance(second, Amounts)
    # The day's and the grant's quarter of 960 is 240; the month's, of 1,960, is 490.
    assert sorted(second.amounts.values()) == [240, 240, 490]
    assert isinstance(third, Amounts)
    assert isinstance(fourth, Shortage)
    assert fourth.left < fourth.need
    world.check()


def test_a_swept_lease_is_never_given_back_a_second_time(any_store: Store) -> None:
    """The owner slept through its lease; another took the money meanwhile."""
    world = World.make(1000)
    world.take("one", 200)
    world.call("one", 200, 150, "k")
    clock.set_offset(3600)
    ledger.sweep_silent(living=[])

    settled = ledger.settle(owner=world.name("one"), records=world.pending["one"])

    assert settled.gone == {budget.id for budget in world.budgets}
    day = Budget.objects.get(payer=world.grant.payer_id, kind="day")
    assert (day.spent, day.reserved) == (150, 0)
    assert not BudgetLease.objects.exists()


def test_a_lease_that_was_heard_of_lately_is_not_swept(any_store: Store) -> None:
    world = World.make(1000)
    world.take("one", 200)
    clock.set_offset(20)
    ledger.keep_alive(owner=world.name("one"))
    clock.set_offset(40)

    swept = ledger.sweep_silent(living=[])

    assert swept == 0
    clock.set_offset(60)
    assert ledger.sweep_silent(living=[]) == 3
    assert Budget.objects.get(payer=world.grant.payer_id, kind="day").reserved == 0


@pytest.mark.parametrize("column", ["reserved", "spent"])
def test_the_database_refuses_to_create_money(any_store: Store, column: str) -> None:
    """A replay that gave back holds instead of costs once drove `reserved` below zero."""
    world = World.make(1000)
    world.take("one", 100)
    wrong = {column: F(column) - 10_000}

    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.filter(kind="day").update(**wrong)


def test_a_record_that_was_stored_before_is_skipped(any_store: Store) -> None:
    world = World.make(1000)
    world.take("one", 100)
    world.call("one", 100, 40, "k")
    records = list(world.pending["one"])
    world.flush("one")

    ledger.settle(owner=world.name("one"), records=records, may_be_stored=True)

    world.check()
    assert Call.objects.filter(is_duplicate=False).count() == 1


def test_a_quota_policy_of_ones_own_goes_before_the_default(store: Store) -> None:
    payer = rows.namespace("anna", day_cap=5, month_cap=7)
    from plumbmark.gateway import actions

    actions.set_quota(namespace=None, day_cap=1, month_cap=2, by=None)
    other = rows.namespace("bert")
    other.quota_policy.delete()

    assert ledger.limits_of(payer.pk) == (5, 7)
    assert ledger.limits_of(other.pk) == (1, 2)
