"""Claims, leases and their loss, on the rows alone."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from plumbmark.common.clock import freeze_clock, shift_clock
from plumbmark.gateway.models import Call
from tasks_app.jobs import work
from tasks_app.kinds import kind_of
from tasks_app.models import Run, Sample, Scoring, Shard
from tasks_app.runs import claims
from tasks_app.runs.claims import (
    Lease,
    LeaseLost,
    claim_further_shard,
    claim_shard,
    give_back,
    keep_leases,
)

pytestmark = pytest.mark.django_db(transaction=True)

PAST_THE_LEASE = timedelta(seconds=settings.WORK_LEASE_SECONDS + 1)


def claimed() -> tuple[Shard, Lease]:
    found = claim_shard()
    assert found is not None
    return found


def test_namespaces_with_fewest_shards_in_work_come_first(world: Any) -> None:
    eve = world.person("eve")
    version = world.version(60)
    first, second = world.start(version), world.start(version)
    late = world.start(version, by=eve)
    order = [claimed()[0].run_id for _ in range(4)]
    assert order == [first.pk, late.pk, first.pk, late.pk]
    assert claimed()[0].run_id == first.pk
    assert claimed()[0].run_id == late.pk
    assert claimed()[0].run_id == second.pk


def test_tries_come_before_other_runs_of_a_namespace_and_older_runs_before_newer(
    world: Any,
) -> None:
    version = world.version(20)
    older, newer = world.start(version), world.start(version)
    urgent = world.start(version, purpose="try")
    assert [claimed()[0].run_id for _ in range(3)] == [urgent.pk, older.pk, newer.pk]
    assert claim_shard() is None


def test_a_shard_goes_to_one_of_many_claimers(world: Any) -> None:
    world.start(world.version(100))
    found: list[int] = []
    start = threading.Barrier(4)

    def claim() -> None:
        try:
            start.wait()
            while (taken := claim_shard()) is not None:
                found.append(taken[0].pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert sorted(found) == sorted(Shard.objects.values_list("pk", flat=True))
    assert len(found) == 5


def test_runs_in_hand_and_runs_that_are_not_to_be_worked_on_are_left_aside(world: Any) -> None:
    version = world.version(20)
    run, other = world.start(version), world.start(version)
    Run.objects.filter(pk=other.pk).update(state=Run.State.PAUSED, pause_reason="owner")
    assert claim_shard(not_of={run.pk}) is None
    assert claim_further_shard(other.pk, has_sandbox=False) is None
    assert claim_shard() is not None


def test_shards_of_an_earlier_revision_are_not_claimed(world: Any) -> None:
    run = world.start(world.version(20))
    Run.objects.filter(pk=run.pk).update(revision=2)
    assert claim_shard() is None


def test_a_lease_that_is_kept_does_not_expire(world: Any) -> None:
    world.start(world.version(20))
    with freeze_clock():
        _, lease = claimed()
        with shift_clock(PAST_THE_LEASE / 2):
            keep_leases(Shard.objects.all(), [lease])
        with shift_clock(PAST_THE_LEASE):
            assert claims.requeue_expired(Shard.objects.all()) == 0
            keep_leases(Shard.objects.all(), [lease])


def test_an_expired_lease_is_put_back_and_its_first_holder_is_told(world: Any) -> None:
    world.start(world.version(20))
    shard, lease = claimed()
    assert claim_shard() is None
    with shift_clock(PAST_THE_LEASE):
        with pytest.raises(LeaseLost):
            keep_leases(Shard.objects.all(), [lease])
        assert claims.requeue_expired(Shard.objects.all()) == 1
        again, newer = claimed()
    assert again.pk == shard.pk
    assert again.attempts == 2
    with pytest.raises(LeaseLost):
        keep_leases(Shard.objects.all(), [lease])
    # Neither giving back nor finishing with the old proof changes anything.
    give_back(Shard.objects.all(), lease)
    assert not claims.finish_work(Shard.objects.all(), lease)
    keep_leases(Shard.objects.all(), [newer])


def test_what_is_given_back_waits_as_long_as_asked_and_was_no_failed_attempt(world: Any) -> None:
    world.start(world.version(20))
    with freeze_clock():
        _, lease = claimed()
        give_back(Shard.objects.all(), lease, not_before=timedelta(seconds=5))
        assert claim_shard() is None
        with shift_clock(timedelta(seconds=6)):
            shard, _ = claimed()
    assert shard.attempts == 1


def test_a_worker_that_slept_past_its_lease_writes_nothing(world: Any) -> None:
    run = world.start(world.version(20))
    shard, lease = claimed()
    slept = kind_of(shard.run.task_version).open_slice(shard, lease)
    with shift_clock(PAST_THE_LEASE):
        said = slept.work()
    assert "lease lost" in said
    assert not Sample.objects.filter(run=run).exists()
    run.refresh_from_db()
    assert run.samples_done == 0
    with shift_clock(PAST_THE_LEASE):
        world.sweep()
        world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
    assert run.samples_done == Sample.objects.filter(run=run).count() == 20
    # What the sleeper was answered was recorded, and is not asked again: only what it was still
    # waiting for when it found its lease gone.
    assert Call.objects.filter(status="answered", is_duplicate=False).count() == 20
    given_up = Call.objects.filter(error_code="cancelled").count()
    assert world.provider.stats()["total"] <= 20 + given_up
    assert given_up <= settings.WORKER_WINDOW


def test_a_write_with_a_lost_lease_rolls_back_whole(world: Any) -> None:
    run = world.start(world.version(20))
    _, lease = claimed()

    @transaction.atomic
    def write() -> None:
        Run.objects.filter(pk=run.pk).update(samples_done=7)
        keep_leases(Shard.objects.all(), [lease])

    with shift_clock(PAST_THE_LEASE), pytest.raises(LeaseLost):
        write()
    run.refresh_from_db()
    assert run.samples_done == 0


def test_a_shard_that_kills_its_workers_fails_the_run_and_can_be_tried_again(world: Any) -> None:
    run = world.start(world.version(20))
    for death in range(claims.MAX_ATTEMPTS):
        with shift_clock(PAST_THE_LEASE * 2 * death):
            claimed()
        with shift_clock(PAST_THE_LEASE * (2 * death + 1)):
            assert claims.requeue_expired(Shard.objects.all()) == 1
    assert work().endswith("poisoned")
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert "Workers died 5 times" in run.failure
    assert "20 samples" in run.failure
    assert Scoring.objects.get(run=run).state == Scoring.State.FAILED
    assert work() == "nothing due"

    from tasks_app.runs.control import resume_run

    resume_run(run=run, by=world.ada)
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
