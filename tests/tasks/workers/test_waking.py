"""Wake-ups: none is lost, a woken worker looks again, and idle workers share a run."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from plumbmark.common.clock import now
from plumbmark.common.models import WorkerReport
from tasks_app import jobs
from tasks_app.jobs import work, work_until_idle
from tasks_app.models import Run, Sample, Shard
from tasks_app.runs import slices
from tasks_app.runs.claims import claim_shard
from tasks_app.workers import reports
from tests.tasks.world import check_counters
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the messages that were passed on, each with how often."""
    hops: list[int] = []
    monkeypatch.setattr(jobs, "pass_on", hops.append)
    return hops


@pytest.fixture
def four_workers(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    at = now()
    for number in range(4):
        WorkerReport.objects.create(
            name=f"here:{number}", platform_version="0", started_at=at, seen_at=at
        )
    monkeypatch.setattr(reports, "_known", (4, float("inf")))


def _in_threads(count: int) -> None:
    """Take several messages at the same time, as the threads of one process do."""

    def take() -> None:
        try:
            work_until_idle()
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)


def test_one_message_is_enough_for_all_that_is_due(world: Any) -> None:
    version = world.version(5)
    runs = [world.start(version) for _ in range(3)]
    assert work_until_idle() == 3
    for run in runs:
        assert check_counters(run).state == Run.State.COMPLETED


@pytest.mark.usefixtures("four_workers")
def test_a_process_that_takes_several_messages_passes_on_what_it_cannot_use(
    world: Any, passed: list[int]
) -> None:
    world.provider.configure(model="arithmetic", hold=0)
    run = world.start(world.version(60))
    worker = threading.Thread(target=_in_threads, args=[1])
    worker.start()
    try:
        wait_until(lambda: world.provider.stats()["in_flight"] > 0)
        _in_threads(2)
        assert passed == [1, 1]
        # Another process finds part of the run, while this one is at work on the rest.
        assert claim_shard() is not None
    finally:
        world.provider.go_on()
        worker.join(300)
    assert Shard.objects.filter(run=run, state=Shard.State.LEASED).count() == 1


@pytest.mark.usefixtures("four_workers")
def test_a_message_is_not_passed_on_for_ever_nor_for_nothing(
    world: Any, passed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    work_until_idle()
    assert passed == []
    run = world.start(world.version(5))
    monkeypatch.setattr(jobs, "_in_hand", {run.pk})
    work_until_idle(hops=7)
    work_until_idle(hops=8)
    assert passed == [8]
    monkeypatch.setattr(reports, "_known", (1, float("inf")))
    work_until_idle()
    assert passed == [8]


@pytest.mark.usefixtures("four_workers")
def test_a_run_is_divided_among_the_workers_there_are(world: Any) -> None:
    version = world.version(60)
    shared = world.start(version)
    WorkerReport.objects.all().delete()
    alone = world.start(version)

    # A shard has at least as many samples as one worker has in flight, and at most SHARD_ITEMS.
    def sizes(run: Run) -> list[int]:
        shards = Shard.objects.filter(run=run).order_by("index")
        return [shard.stop - shard.start for shard in shards]

    assert sizes(shared) == [8] * 7 + [4]
    assert sizes(alone) == [20, 20, 20]
    world.work()
    scores = [run.scorings.get().estimate for run in (check_counters(shared), alone)]
    assert scores[0] == scores[1]


def test_the_first_answer_of_a_try_is_stored_before_the_last_comes(world: Any) -> None:
    world.provider.configure(model="arithmetic", hold=1)
    run = world.start(world.version(5), purpose="try")
    worker = threading.Thread(target=_in_threads, args=[1])
    worker.start()
    try:
        wait_until(lambda: Sample.objects.filter(run=run).count() == 1)
        run.refresh_from_db()
        assert (run.samples_done, run.samples_total) == (1, 3)
    finally:
        world.provider.go_on()
        worker.join(300)
    assert check_counters(run).state == Run.State.COMPLETED


def test_a_claim_asks_as_often_with_many_runs_due(
    world: Any, django_assert_num_queries: Any
) -> None:
    version = world.version(5)
    world.start(version)
    with django_assert_num_queries(5):
        assert claim_shard() is not None
    for _ in range(20):
        world.start(version)
    with django_assert_num_queries(5):
        assert claim_shard() is not None


def test_queries_of_a_small_run_do_not_grow_with_its_items(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Everything is written when the run is over, or when its last call has been sent.
    monkeypatch.setattr(slices, "_WRITE_SECONDS", 1000.0)
    small = world.version(2)
    for version in (small, world.version(20, task=small.task)):
        world.start(version)
        with CaptureQueriesContext(connection) as queries:
            assert work().endswith("exhausted")
        assert len(queries) <= 60
