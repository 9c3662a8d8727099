"""When the database is away, when it refuses a record, and when it took a flush after all."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, OperationalError

from plumbmark.engine.ports import CallResult
from plumbmark.gateway.budget import ledger
from plumbmark.gateway.budget.ledger import FlushResult
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.calls.gateway import GatewayCaller
from plumbmark.gateway.models import Call
from plumbmark.gateway.storage import recovery
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store

Settle = Callable[..., FlushResult]


@pytest.fixture(autouse=True)
def quick_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plumbmark.gateway.storage.recorder.FLUSH_SECONDS", 0.05)


def ask_some(grant: Any, deployment: Any, count: int, **fields: Any) -> list[CallResult]:
    return rows.call_all(
        grant, deployment, [rows.ask(f"{n}+{n}") for n in range(count)], flush=False, **fields
    )


def flush(grant: Any, deployment: Any, timeout_seconds: float = 300.0) -> None:
    async def work() -> None:
        caller: GatewayCaller = await runtime.gateway().caller(
            grant_id=grant.pk, deployment_id=deployment.pk
        )
        await caller.flush(timeout_seconds=timeout_seconds)

    runtime.run(work())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_flush_that_fails_is_tried_again_and_stores_everything_once(
    any_store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Also when the commit came through and only its confirmation was lost."""
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    settle: Settle = ledger.settle
    failures = 0

    def break_twice(**arguments: Any) -> FlushResult:
        nonlocal failures
        if arguments["records"] and failures < 2:
            failures += 1
            if when == "after":
                settle(**arguments)
            raise OperationalError("the server closed the connection")
        return settle(**arguments)

    monkeypatch.setattr(ledger, "settle", break_twice)

    results = ask_some(grant, deployment, 20)
    flush(grant, deployment)

    assert failures == 2
    assert Call.objects.count() == 20
    assert not Call.objects.filter(is_duplicate=True).exists()
    assert rows.assert_books_agree().spent == sum(result.charged for result in results)


def test_one_record_that_the_database_refuses_does_not_hold_up_the_others(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    settle: Settle = ledger.settle

    def refuse_one(**arguments: Any) -> FlushResult:
        if any(record.key == "run:1:3" for record in arguments["records"]):
            raise DataError("a value that no column takes")
        return settle(**arguments)

    monkeypatch.setattr(ledger, "settle", refuse_one)

    ask_some(grant, deployment, 6)
    flush(grant, deployment)

    assert Call.objects.count() == 5
    runtime.shutdown()
    assert rows.assert_books_agree().reserved == 0
    # Its spool is replayed by whoever comes next, who may be able to store it.
    monkeypatch.setattr(ledger, "settle", settle)
    recovery.recover(store.spool)
    assert Call.objects.filter(key="run:1:3").exists()


def test_a_full_queue_admits_nothing_more_until_there_is_room(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    monkeypatch.setattr("plumbmark.gateway.storage.recorder.MAX_PENDING", 5)
    monkeypatch.setattr("plumbmark.gateway.storage.recorder.ADMISSION_PATIENCE_SECONDS", 0.2)
    settle: Settle = ledger.settle
    is_away = True

    def maybe_away(**arguments: Any) -> FlushResult:
        if is_away:
            raise OperationalError("away")
        return settle(**arguments)

    monkeypatch.setattr(ledger, "settle", maybe_away)

    results = ask_some(grant, deployment, 12, window=1)
    is_away = False
    flush(grant, deployment)
    after = ask_some(grant, deployment, 1)

    refused = [result.failure for result in results if result.failure]
    assert len(refused) == 7
    assert {(failure.code, failure.fatal) for failure in refused} == {("platform-busy", False)}
    assert fake_provider.stats()["total"] == 6
    assert after[0].response is not None


def test_a_flush_that_does_not_come_in_time_says_so(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    settle: Settle = ledger.settle

    def away(**arguments: Any) -> FlushResult:
        raise OperationalError("away")

    monkeypatch.setattr(ledger, "settle", away)
    ask_some(grant, deployment, 1)

    with pytest.raises(TimeoutError):
        flush(grant, deployment, 0.3)

    runtime.shutdown(0.5)
    monkeypatch.setattr(ledger, "settle", settle)
    assert recovery.recover(store.spool).calls == 1
    assert Call.objects.get().status == "answered"
    assert rows.assert_books_agree().reserved == 0


def test_many_calls_are_stored_in_few_flushes(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    flushes = 0
    settle: Settle = ledger.settle

    def count(**arguments: Any) -> FlushResult:
        nonlocal flushes
        flushes += bool(arguments["records"])
        return settle(**arguments)

    monkeypatch.setattr(ledger, "settle", count)

    monkeypatch.setattr("plumbmark.gateway.storage.recorder.FLUSH_SECONDS", 3600.0)
    ask_some(grant, deployment, 300)
    flush(grant, deployment)

    assert Call.objects.count() == 300
    assert flushes == 1


def test_large_exchanges_are_flushed_few_at_a_time_and_hold_up_admission(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With images inside, a thousand calls would be gigabytes."""
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    monkeypatch.setattr("plumbmark.gateway.storage.recorder.FLUSH_BYTES", 250_000)
    monkeypatch.setattr("plumbmark.gateway.storage.recorder.MAX_PENDING_BYTES", 450_000)
    settle: Settle = ledger.settle
    flushed: list[list[int]] = []

    def watched(**arguments: Any) -> FlushResult:
        flushed.append([len(record.exchange) for record in arguments["records"]])
        return settle(**arguments)

    monkeypatch.setattr(ledger, "settle", watched)
    questions = [rows.ask(f"{n}+{n} " + "x" * 100_000) for n in range(20)]

    results = rows.call_all(grant, deployment, questions, window=10)

    assert all(result.response for result in results)
    assert Call.objects.filter(grant=grant).count() == 20
    sizes = [sum(batch) for batch in flushed if batch]
    assert sum(len(batch) for batch in flushed) == 20
    assert max(sizes) <= 250_000
    assert len(sizes) >= 10


def test_one_exchange_that_is_larger_than_a_flush_is_stored_alone(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    monkeypatch.setattr("plumbmark.gateway.storage.recorder.FLUSH_BYTES", 1000)
    monkeypatch.setattr("plumbmark.gateway.storage.recorder.MAX_PENDING_BYTES", 1000)

    results = rows.call_all(
        grant, deployment, [rows.ask(f"{n}+{n} " + "x" * 5000) for n in range(4)], window=4
    )

    assert all(result.response for result in results)
    assert Call.objects.filter(grant=grant).count() == 4
