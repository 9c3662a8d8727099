"""What is left by workers that die between an answer and its consequence."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db.models import Sum

from plumbmark.common.clock import shift_clock
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Call, LedgerLine
from tasks_app.jobs import work
from tasks_app.models import Run, Sample, SampleCall, Scoring, Shard
from tasks_app.runs.batches import BatchWriter
from tasks_app.runs.duplicate_calls import account_for_second_answers
from tasks_app.runs.slices import RunSlice

pytestmark = pytest.mark.django_db(transaction=True)

LATER = timedelta(seconds=settings.WORK_LEASE_SECONDS + 1)


class Killed(BaseException):
    """The process ends here."""


def die_at(patch: pytest.MonkeyPatch, count: int) -> None:
    """Let the process end at its so many-th batch, before anything of it is written."""
    batches = iter(range(1, 1000))
    write = BatchWriter.write

    def dying(self: BatchWriter, rows: Any) -> None:
        if next(batches) >= count:
            raise Killed
        write(self, rows)

    patch.setattr(BatchWriter, "write", dying)


def test_recorded_answers_that_were_not_stored_are_adopted(
    world: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.start(world.version(30))
    with monkeypatch.context() as patch:
        die_at(patch, 1)
        with pytest.raises(Killed):
            work()
    runtime.shutdown()
    assert not Sample.objects.filter(run=run).exists()
    answered = Call.objects.filter(status="answered").count()
    asked = world.provider.stats()["total"]
    assert answered > 0
    with shift_clock(LATER):
        world.sweep()
        world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert run.samples_done == 30
    assert world.provider.stats()["total"] == asked + 30 - answered
    charged = Call.objects.aggregate(s=Sum("charged"))["s"]
    assert charged == run.charged == LedgerLine.objects.aggregate(s=Sum("charged"))["s"]
    answers = Call.objects.filter(status="answered", is_duplicate=False)
    assert answers.count() == 30
    assert set(SampleCall.objects.values_list("call_id", flat=True)) >= set(
        answers.values_list("id", flat=True)
    )


def test_stored_samples_are_neither_asked_nor_stored_again(
    world: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks_app.runs.slices._BATCH", 10)
    # Only full batches are written, however long they take to fill.
    monkeypatch.setattr("tasks_app.runs.slices._WRITE_SECONDS", 3600.0)
    world.provider.configure(latency_ms=20)
    run = world.start(world.version(60))
    with monkeypatch.context() as patch:
        die_at(patch, 3)
        with pytest.raises(Killed):
            work()
    runtime.shutdown()
    stored = dict(Sample.objects.filter(run=run).values_list("ordinal", "id"))
    assert len(stored) == 20
    with shift_clock(LATER):
        world.sweep()
        world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    now = dict(Sample.objects.filter(run=run).values_list("ordinal", "id"))
    assert len(now) == 60
    assert {ordinal: now[ordinal] for ordinal in stored} == stored
    # No run's total hides a call: what was given up in flight was the platform's loss.
    charged = Call.objects.aggregate(s=Sum("charged"))["s"]
    assert charged == run.charged


def test_a_worker_that_dies_after_its_last_batch_leaves_a_run_that_the_sweep_completes(
    world: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.start(world.version(30))

    def die(self: RunSlice, ending: Any, released: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunSlice, "_end", die)
        with pytest.raises(Killed):
            work()
    run = check(run)
    assert run.samples_done == 30
    assert run.state == Run.State.RUNNING
    world.sweep()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert Scoring.objects.get(run=run).state == Scoring.State.COMPLETED
    log = run.log
    world.sweep()
    run.refresh_from_db()
    assert run.log == log


def test_a_slice_that_is_over_gives_its_shards_back_in_order(
    world: Any, check: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WORK_SLICE_SECONDS = 0.15
    world.provider.configure(latency_ms=60)
    run = world.start(world.version(60))
    said = world.work()
    assert sum("slice over" in line for line in said) >= 1
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert world.provider.stats()["total"] == 60
    assert run.shards.filter(attempts__gt=1).count() == 0


def test_a_sample_of_a_second_answer_bears_the_paid_one_too(world: Any) -> None:
    run = world.start(world.version(4))
    world.work()
    run.refresh_from_db()
    link = SampleCall.objects.get(sample__run=run, sample__ordinal=2)
    second = Call.objects.get(pk=link.call_id)
    charged = second.charged
    # As where the sleeper's answer, a little dearer, was stored before the successor's.
    Call.objects.filter(pk=second.pk).update(is_duplicate=True, charged=0)
    first = Call.objects.get(pk=second.pk)
    first.pk, first.is_duplicate = uuid4(), False
    first.charged, first.provider_cost = charged + 5, charged + 5
    first._state.adding = True
    first.save()
    Shard.objects.filter(run=run).update(attempts=2)

    world.sweep()

    sample = Sample.objects.get(run=run, ordinal=2)
    found = SampleCall.objects.filter(sample=sample).order_by("position")
    assert list(found.values_list("call_id", "role")) == [
        (second.pk, "candidate"),
        (first.pk, "earlier try"),
    ]
    assert sample.charged == charged + 5
    before = run.charged
    run.refresh_from_db()
    assert run.charged == before + 5
    assert run.charged == Call.objects.filter(grant=run.grant).aggregate(s=Sum("charged"))["s"]
    assert account_for_second_answers(run.pk) == 0
