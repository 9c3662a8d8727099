"""Retention of exchanges and of the ledger: hashes, sums and balances stay."""

import subprocess
import sys
import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plumbmark.common import clock
from plumbmark.common.clock import now, shift_clock
from plumbmark.common.models import PurgeCount
from plumbmark.common.retention import purge_policy
from plumbmark.gateway import queries, retention
from plumbmark.gateway.metrics import LedgerTotals
from plumbmark.gateway.models import Budget, Call, Exchange, Grant, LedgerLine
from plumbmark.gateway.queries import recorded_answers
from plumbmark.gateway.retention import EXCHANGES, LEDGER
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.test_ledger import OWNERS, World, steps
from tests.gateway.test_pages import administrator, client_of, page
from tests.gateway.test_recorded_calls import NOT_SHOWN, in_api, make_call
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
YEAR = timedelta(days=400)


@pytest.fixture(autouse=True)
def _keeping(settings: Any) -> None:
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "exchanges": 90, "ledger": 365}


# --- exchanges ----------------------------------------------------------------------------------


def test_only_the_bodies_of_old_exchanges_go(any_store: Store, fake_provider: FakeProvider) -> None:
    anna = rows.namespace()
    deployment = rows.deployment(fake_provider.url)
    to = rows.grant(anna, deployment)
    rows.call_all(to, deployment, [rows.ask(f"What is {n}+3?") for n in range(3)])
    old, *_ = Call.objects.order_by("key")
    Call.objects.filter(pk=old.pk).update(started_at=now() - timedelta(days=91))
    before = Call.objects.values().get(pk=old.pk)
    told = Exchange.objects.get(call=old).hash

    assert purge_policy(EXCHANGES) == 1
    gone = Exchange.objects.get(withheld_at__isnull=False)
    assert (gone.call_id, bytes(gone.body), gone.hash) == (old.pk, b"", told)
    assert gone.withheld_reason == "retention"
    assert Call.objects.values().get(pk=old.pk) == before
    assert Exchange.objects.exclude(body=b"").count() == 2
    assert purge_policy(EXCHANGES) == 0
    rows.assert_books_agree()


def test_a_reader_is_told_why_and_since_when_and_gets_the_hash(
    store: Store, fake_provider: FakeProvider
) -> None:
    anna = rows.namespace()
    call = make_call(anna, rows.deployment(fake_provider.url))
    client, path = client_of(anna), f"/calls/{call.pk}/"
    told = Exchange.objects.get().hash
    assert told in page(client, path)
    Call.objects.update(started_at=now() - timedelta(days=91))
    purge_policy(EXCHANGES)

    shown, document = page(client, path), in_api(anna, call.pk).json()

    note = f"Withheld: retention, since {now():%Y-%m-%d}"
    assert note in shown
    assert told in shown
    assert not [text for text in NOT_SHOWN if text in shown]
    assert client.get(f"{path}exchange/").status_code == 404
    assert (document["request"], document["response"]) == (None, None)
    assert (document["note"], document["exchange_hash"]) == (note, told)
    # Who may not read an exchange may not compare it either.
    assert told not in page(administrator(), path)
    Call.objects.update(is_private=True)
    assert told not in page(client, path)
    assert in_api(anna, call.pk).json()["exchange_hash"] == ""


def test_work_under_way_keeps_its_answers(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = rows.deployment(fake_provider.url)
    to = rows.grant(rows.namespace(), deployment)
    rows.call_one(to, deployment)
    Call.objects.update(started_at=now() - YEAR)
    key = Call.objects.get().key
    under_way = [to.pk]
    finders = {"test": lambda: Grant.objects.filter(pk__in=under_way)}
    monkeypatch.setattr(retention, "_finders", finders)

    assert purge_policy(EXCHANGES) == 0
    assert recorded_answers(grant_id=to.pk, keys=[key])[key].response is not None
    under_way.clear()
    assert purge_policy(EXCHANGES) == 1
    assert recorded_answers(grant_id=to.pk, keys=[key]) == {}


# --- the ledger ---------------------------------------------------------------------------------


def balances() -> Any:
    """Return what everybody may still spend, and what every day, payer and kind comes to."""
    sums = ("amount", "charged", "provider_cost", "calls")
    by_day = LedgerLine.objects.values("payer", "day", "kind").order_by("payer", "day", "kind")
    budgets = Budget.objects.order_by("pk").values_list("pk", "cap", "spent", "reserved")
    return (
        list(by_day.annotate(**{f"sum_{one}": Sum(one) for one in sums})),
        list(budgets),
        list(Call.objects.order_by("pk").values_list("pk", "charged", "provider_cost", "grant")),
    )


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=st.lists(steps, min_size=4, max_size=14), cap=st.integers(0, 2000))
def test_sums_change_no_balance_after_any_plan(
    any_store: Store, plan: list[tuple[object, ...]], cap: int
) -> None:
    world = World.make(cap)

    def play(step: tuple[object, ...]) -> None:
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

    for step in plan:
        play(step)
        before = balances()
        with shift_clock(2 * YEAR):
            purge_policy(LEDGER)
        assert balances() == before
        world.check()
        groups = LedgerLine.objects.filter(payer=world.grant.payer_id).values_list("day", "kind")
        assert len(groups) == len(set(groups))
    for owner in OWNERS:
        world.flush(owner, close=True)
        world.check()


def lines_of(payer: Any, count: int, *, day: date, kind: str = "settle", **more: Any) -> None:
    LedgerLine.objects.bulk_create(
        LedgerLine(
            payer=payer,
            kind=kind,
            reason=f"line {n}",
            charged=10 * n,
            provider_cost=11 * n,
            calls=2,
            day=day,
            at=datetime(day.year, day.month, day.day, 12, tzinfo=now().tzinfo),
            **more,
        )
        for n in range(count)
    )


def test_lines_of_a_day_become_one_and_its_calls_follow(
    any_store: Store, fake_provider: FakeProvider
) -> None:
    anna = rows.namespace()
    deployment = rows.deployment(fake_provider.url)
    to = rows.grant(anna, deployment)
    for _ in range(3):
        rows.call_all(to, deployment, [rows.ask()], keys=[""])
    settled = list(LedgerLine.objects.filter(kind="settle").order_by("pk"))
    assert len(settled) == 3
    charged = sum(line.charged for line in settled)
    rows.assert_books_agree()
    quota = queries.quota_status(anna)
    totals = LedgerTotals().read()

    with shift_clock(YEAR):
        assert purge_policy(LEDGER) == LedgerLine.objects.count() + 2
        assert purge_policy(LEDGER) == 0

    (line,) = LedgerLine.objects.filter(kind="settle")
    assert (line.pk, line.charged, line.calls) == (settled[0].pk, charged, 3)
    assert line.summed_lines == 3
    assert line.reason == f"3 lines of {line.day} summed: retention"
    assert line.grant is None
    assert set(queries.calls_of_line(line)) == set(Call.objects.all())
    assert {call.grant_id for call in Call.objects.all()} == {to.pk}
    assert queries.quota_status(anna) == quota
    assert LedgerTotals().read() == totals
    rows.assert_books_agree()


def test_one_reader_of_the_totals_sees_the_same_before_and_after(store: Store) -> None:
    anna = rows.namespace()
    lines_of(anna, 5, day=clock.today() - timedelta(days=380))
    lines_of(anna, 2, day=clock.today())
    totals = LedgerTotals()
    before = totals.read()

    assert purge_policy(LEDGER) == 5
    assert totals.read() == before == LedgerTotals().read()


def test_days_kinds_and_payers_are_summed_apart_and_recent_days_stay(any_store: Store) -> None:
    anna, bob = rows.namespace(), rows.namespace("bob")
    today = clock.today()
    old, older = today - timedelta(days=366), today - timedelta(days=367)
    edge = today - timedelta(days=365)
    lines_of(anna, 3, day=old)
    lines_of(anna, 3, day=older)
    lines_of(anna, 3, day=old, kind="loss")
    lines_of(bob, 3, day=old)
    lines_of(anna, 3, day=edge)
    lines_of(anna, 3, day=old, kind="adjust")
    lines_of(bob, 1, day=older)
    before = balances()

    assert purge_policy(LEDGER) == 13
    kept = list(LedgerLine.objects.order_by("pk").values_list("payer__handle", "day", "kind"))
    assert kept == [
        ("anna", old, "settle"),
        ("anna", older, "settle"),
        ("anna", old, "loss"),
        ("bob", old, "settle"),
        *[("anna", edge, "settle")] * 3,
        *[("anna", old, "adjust")] * 3,
        ("bob", older, "settle"),
    ]
    alone = LedgerLine.objects.get(payer=bob, day=older)
    assert (alone.reason, alone.summed_lines) == ("line 0", 1)
    assert balances() == before


def test_a_line_that_comes_late_joins_the_sum_of_its_day(any_store: Store) -> None:
    anna = rows.namespace()
    day = clock.today() - timedelta(days=380)
    lines_of(anna, 4, day=day)
    purge_policy(LEDGER)
    first = LedgerLine.objects.get()
    lines_of(anna, 3, day=day)
    before = balances()

    assert purge_policy(LEDGER) == 3
    line = LedgerLine.objects.get()
    assert (line.pk, line.summed_lines, line.charged) == (first.pk, 7, 60 + 30)
    assert line.reason == f"7 lines of {day} summed: retention"
    assert balances() == before


def test_more_lines_than_a_batch_become_one(any_store: Store) -> None:
    anna = rows.namespace()
    day = clock.today() - timedelta(days=380)
    lines_of(anna, 1300, day=day)

    assert purge_policy(LEDGER) == 1300
    line = LedgerLine.objects.get()
    assert (line.summed_lines, line.charged) == (1300, 10 * sum(range(1300)))
    assert line.reason == f"1,300 lines of {day} summed: retention"


def test_two_purges_at_once_sum_every_line_once(any_store: Store) -> None:
    anna = rows.namespace()
    day = clock.today() - timedelta(days=380)
    lines_of(anna, 1600, day=day)
    ready = threading.Barrier(2)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            ready.wait(60)
            purge_policy(LEDGER)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    line = LedgerLine.objects.get()
    assert (line.summed_lines, line.charged) == (1600, 10 * sum(range(1600)))


def test_a_purge_that_is_killed_leaves_nothing_half_summed(any_store: Store) -> None:
    anna = rows.namespace()
    days = [clock.today() - timedelta(days=380 + n) for n in range(40)]
    for day in days:
        lines_of(anna, 500, day=day)
    before = balances()

    command = [sys.executable, "manage.py", "purge", "--policy", "ledger"]
    process = subprocess.Popen(command, cwd=ROOT, env=any_store.environment)
    try:
        wait_until(lambda: process.poll() is not None or PurgeCount.objects.exists())
    finally:
        process.kill()
        process.wait()

    summed = LedgerLine.objects.filter(summed_lines__isnull=False)
    counted = PurgeCount.objects.get().rows
    assert 0 < counted < 20_000
    assert summed.aggregate(n=Sum("summed_lines"))["n"] == counted
    assert LedgerLine.objects.count() == 20_000 - counted + summed.count()
    assert balances() == before
    assert purge_policy(LEDGER) == 20_000 - counted
    assert PurgeCount.objects.get().rows == 20_000
    assert LedgerLine.objects.count() == len(days)
    assert balances() == before


def test_the_ledger_s_page_shows_the_sum(store: Store) -> None:
    anna = rows.namespace()
    day = clock.today() - timedelta(days=380)
    lines_of(anna, 3, day=day)
    purge_policy(LEDGER)

    shown = page(client_of(anna), "/quota/")

    assert f"3 lines of {day} summed: retention" in shown
    assert "6 calls" in shown
    assert Client().get("/quota/").status_code == 302
