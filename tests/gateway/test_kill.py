"""SIGKILL with 64 calls in flight at full rate: no answer is lost, nothing is charged twice."""

import os
import subprocess
import sys

import pytest

from plumbmark.gateway.models import BudgetLease, Call, LedgerLine
from plumbmark.gateway.storage import recovery, spool
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.processes import Worker


def test_a_killed_process_loses_no_answer_and_charges_none_twice(
    any_store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(latency_ms=20)
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    worker = Worker(any_store, grant, deployment, calls=0)

    worker.start()
    worker.wait_for_answers(300)
    worker.kill()
    answers = worker.answers()
    copies = [(path, path.read_bytes()) for path in any_store.spool.iterdir()]
    first = recovery.recover(any_store.spool)
    for path, data in copies:
        # A second replay of the very same spool, as after a crash in the middle of the first.
        path.write_bytes(data)
    recovery.recover(any_store.spool)

    assert len(answers) >= 300
    assert first.spools == 1
    stored = dict(Call.objects.filter(status="answered").values_list("key", "charged"))
    assert answers.items() <= stored.items()
    # What was answered just before the kill but never reached the caller may be there as well.
    assert len(stored) - len(answers) <= 64
    lost = Call.objects.filter(status="lost")
    assert 0 < lost.count() <= 64
    assert all(call.charged == 0 < call.provider_cost for call in lost)
    day = rows.assert_books_agree()
    assert day.spent == sum(stored.values())
    assert day.reserved == 0
    assert not BudgetLease.objects.exists()
    assert LedgerLine.objects.filter(kind="loss").exists()
    assert not list(any_store.spool.iterdir())


def test_a_spool_is_replayed_although_a_zombie_keeps_its_owners_pid(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    worker = Worker(store, grant, deployment, calls=0, window=4)
    worker.start()
    worker.wait_for_answers(20)
    worker.kill()
    # Not waited for: its pid still exists.
    os.waitid(os.P_PID, worker.process.pid, os.WEXITED | os.WNOWAIT)
    os.kill(worker.process.pid, 0)

    recovered = recovery.recover(store.spool)

    assert recovered.spools == 1
    assert recovered.calls > 0
    assert rows.assert_books_agree().reserved == 0
    worker.answers()


def test_a_living_process_is_neither_replayed_nor_swept(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_provider.configure(hold=0)
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    worker = Worker(store, grant, deployment, calls=4, window=4)
    worker.start()
    fake_provider.wait_for_calls(4)
    # Long silent, by the clock, and alive, by its lock.
    monkeypatch.setattr("plumbmark.common.clock._offset_seconds", 3600.0)

    recovered = recovery.recover(store.spool)

    assert (recovered.spools, recovered.leases) == (0, 0)
    assert spool.living_owners(store.spool)
    fake_provider.go_on()
    assert len(worker.answers()) == 4
    assert rows.assert_books_agree().reserved == 0


def test_the_next_start_replays_what_the_last_one_left(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    worker = Worker(store, grant, deployment, calls=0, window=8)
    worker.start()
    worker.wait_for_answers(100)
    worker.kill()
    answers = worker.answers()

    rows.call_one(grant, deployment, rows.ask())

    stored = set(Call.objects.values_list("key", flat=True))
    assert set(answers) <= stored


def test_a_process_that_ends_normally_leaves_nothing_behind(
    store: Store, fake_provider: FakeProvider
) -> None:
    """The exit handler alone, without an explicit shutdown, stores and gives back everything."""
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    program = (
        "import django, sys; django.setup()\n"
        "from plumbmark.gateway.calls import runtime\n"
        "from plumbmark.engine.ports import ModelRequest\n"
        "async def work():\n"
        f"    caller = await runtime.gateway().caller(grant_id={grant.pk}, "
        f"deployment_id={deployment.pk})\n"
        "    request = ModelRequest([{'role': 'user', 'content': '1+1'}], 8)\n"
        "    await caller.call(request, key='k', role='candidate')\n"
        "runtime.run(work())\n"
    )
    environment = {
        **store.environment,
        "DJANGO_SETTINGS_MODULE": "plumbmark.config.settings",
        "PYTHONPATH": "platform:.",
    }

    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=300)

    assert Call.objects.get().status == "answered"
    assert rows.assert_books_agree().reserved == 0
    assert not list(store.spool.iterdir())
