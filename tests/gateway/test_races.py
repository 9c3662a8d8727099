"""Many calls on a small balance: never overspent, and what can be paid is served."""

import pytest

from plumbmark.gateway import queries
from plumbmark.gateway.models import Budget, Deployment
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.processes import Worker

COST = 10_500
"""What `What is n+n?` costs: 7 to 8 tokens in, 1 or 2 out."""


def hold_of(deployment: Deployment) -> int:
    request = rows.ask("What is 2+3?", tokens=32)
    return queries.request_bound(request, deployment.price_cards.get(), deployment)


@pytest.mark.parametrize(("processes", "payable"), [(1, 100), (2, 100), (2, 10), (2, 1)])
def test_a_small_balance_is_never_overspent_and_mostly_served(
    any_store: Store, fake_provider: FakeProvider, payable: int, processes: int
) -> None:
    if any_store.kind == "sqlite" and (processes, payable) != (2, 100):
        pytest.skip("not applicable: SQLite's one writer races at its worst with two processes")
    fake_provider.configure(latency_ms=10)
    deployment = rows.deployment(fake_provider.url)
    hold = hold_of(deployment)
    cap = payable * COST
    payer = rows.namespace(day_cap=cap)
    grant = rows.grant(payer, deployment)
    # More than can be paid, and more at once than the cap has holds.
    calls = payable + 64 if payable == 100 else 40
    workers = [
        Worker(any_store, grant, deployment, calls=calls, prefix=f"p{n}") for n in range(processes)
    ]

    for worker in workers:
        worker.wait_until_ready()
    for worker in workers:
        worker.start()
    answers = [worker.answers() for worker in workers]

    spent = sum(sum(charged.values()) for charged in answers)
    budget = Budget.objects.get(kind="day")
    assert budget.spent == spent <= cap
    assert budget.reserved == 0
    rows.assert_books_agree()
    # A hold is several calls' cost here: the last one that fits leaves at most a hold over, and a
    # second process may strand less than another.
    servable = cap - hold * processes
    assert spent >= servable
    if payable == 100:
        assert spent >= 0.85 * cap
