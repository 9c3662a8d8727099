"""The process's loop and gateway: one, started when needed, and a new one after a fork."""

import asyncio
import os
import threading
from typing import Any

import pytest
from celery import current_app
from celery.signals import worker_process_shutdown

from plumbmark.gateway import jobs
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Call
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store


def test_results_and_exceptions_come_back_to_the_caller(store: Store) -> None:
    async def divide(by: int) -> float:
        await asyncio.sleep(0)
        return 1 / by

    assert runtime.run(divide(2)) == 0.5
    with pytest.raises(ZeroDivisionError):
        runtime.run(divide(0))


def test_all_threads_of_a_process_share_one_loop_and_one_gateway(store: Store) -> None:
    async def look() -> tuple[int, int]:
        return id(asyncio.get_running_loop()), id(runtime.gateway())

    seen = set()
    threads = [threading.Thread(target=lambda: seen.add(runtime.run(look()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 1


def test_the_gateway_is_used_on_its_loop_only(store: Store) -> None:
    async def inside() -> None:
        runtime.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="wait for itself"):
        runtime.run(inside())

    async def elsewhere() -> None:
        runtime.gateway()

    with pytest.raises(RuntimeError, match="on its own loop"):
        asyncio.run(elsewhere())


def test_it_starts_anew_after_a_shutdown(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    for _ in range(2):
        assert rows.call_all(grant, deployment, [rows.ask()], keys=[""])[0].response
        runtime.shutdown()

    assert Call.objects.count() == 2
    assert rows.assert_books_agree().reserved == 0
    assert list(store.spool.iterdir()) == []


def test_a_shutdown_gives_up_calls_that_do_not_end_and_records_the_loss(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url, "always-stall", deadline_seconds=60)
    grant = rows.grant(rows.namespace(), deployment)

    async def begin() -> list[asyncio.Task[Any]]:
        caller = await runtime.gateway().caller(grant_id=grant.pk, deployment_id=deployment.pk)
        calls = [
            asyncio.create_task(caller.call(rows.ask(), key=f"k{n}", role="candidate"))
            for n in range(3)
        ]
        await asyncio.to_thread(fake_provider.wait_for_calls, 3)
        return calls

    calls = runtime.run(begin())
    runtime.shutdown(0.3)

    assert all(call.cancelled() for call in calls)
    assert list(Call.objects.values_list("status", "error_code")) == [("lost", "cancelled")] * 3
    assert rows.assert_books_agree().reserved == 0
    assert list(store.spool.iterdir()) == []


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_a_gateway_of_its_own(store: Store, fake_provider: FakeProvider) -> None:
    """As in a prefork pool whose parent has made calls."""
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment)
    rows.call_all(grant, deployment, [rows.ask()], keys=["parent"])

    child = os.fork()
    if child == 0:
        code = 1
        try:
            result = rows.call_all(grant, deployment, [rows.ask()], keys=["child"])
            # What Celery does in the child of a pool, which ends without `atexit`.
            worker_process_shutdown.send(sender=None, pid=os.getpid(), exitcode=0)
            code = 0 if result[0].response is not None else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert set(Call.objects.values_list("key", flat=True)) == {"parent", "child"}
    rows.call_all(grant, deployment, [rows.ask()], keys=["parent again"])
    runtime.shutdown()
    assert rows.assert_books_agree().reserved == 0


def test_the_sweep_is_a_job_on_the_schedule(store: Store, settings: Any) -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert jobs.sweep_leases.name in scheduled
    assert jobs.sweep_leases.name in current_app.tasks
    assert jobs.sweep_leases() == 0
