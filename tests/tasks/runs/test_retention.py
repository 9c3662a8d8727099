"""Samples whose exchanges are purged: outputs and scores stay, and readers are told."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Sum
from django.test import Client

from plumbmark.common.clock import now, shift_clock
from plumbmark.common.retention import purge_policy
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Budget, Call, Exchange
from plumbmark.gateway.retention import EXCHANGES
from tasks_app.jobs import work
from tasks_app.models import Run, Sample, SampleCall, SampleScore, Scoring
from tasks_app.runs.control import retry_failed_samples
from tasks_app.scorings.actions import rescore_runs_of
from tests.tasks.runs.test_recovery import LATER, Killed, die_at
from tests.tasks.world import DEFINITION

pytestmark = pytest.mark.django_db(transaction=True)

CONTAINS = DEFINITION.replace("[{type: exact}]", "[{type: includes}]")
NOTE = "Withheld: retention, since "


@pytest.fixture(autouse=True)
def _keeping(settings: Any) -> None:
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "exchanges": 90}


def purge_old() -> int:
    Call.objects.update(started_at=now() - timedelta(days=91))
    return purge_policy(EXCHANGES)


def completed(world: Any, items: int = 6, **given: Any) -> Run:
    run: Run = world.start(world.version(items, **given), purpose="declared")
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
    return run


def test_the_sample_keeps_its_output_and_score_and_says_what_is_missing(world: Any) -> None:
    run = completed(world)
    base = f"/runs/{run.pk}/samples/2/"
    api = f"/api/v1/runs/{run.pk}/samples/2"
    whole = Client().get(api).json()
    told = Exchange.objects.get(call=SampleCall.objects.get(sample__ordinal=2).call_id).hash
    scores = list(SampleScore.objects.order_by("pk").values())
    assert whole["calls"][0]["exchange_hash"] == told

    assert purge_old() == 6

    page = Client().get(base).content.decode()
    assert f"{NOTE}{now():%Y-%m-%d}" in page
    assert told in page
    assert "What is 2+2?" in page
    assert Client().get(f"{base}output/").content.decode() == "4"
    assert Client().get(f"{base}calls/0/").status_code == 404
    left = Client().get(api).json()
    (call,) = left["calls"]
    assert (call["request"], call["response"]) == (None, None)
    assert (call["note"], call["exchange_hash"]) == (f"{NOTE}{now():%Y-%m-%d}", told)
    for name in ("output", "value", "answer", "messages", "outcome"):
        assert left[name] == whole[name]
    assert call["charged_nanodollars"] == whole["calls"][0]["charged_nanodollars"] > 0
    assert list(SampleScore.objects.order_by("pk").values()) == scores
    assert Client().get(f"/runs/{run.pk}/").status_code == 200


def test_an_exchange_of_two_samples_is_missing_on_both(world: Any) -> None:
    run = completed(world, 2)
    first, second = Sample.objects.filter(run=run).order_by("ordinal")
    shared = SampleCall.objects.get(sample=first)
    SampleCall.objects.filter(sample=second).update(call_id=shared.call_id)

    assert purge_old() == 2
    for ordinal in (0, 1):
        assert NOTE in Client().get(f"/runs/{run.pk}/samples/{ordinal}/").content.decode()


def test_what_a_private_item_said_stays_with_its_readers(world: Any) -> None:
    private = DEFINITION.replace(
        "data: {id: id, target: answer}",
        "data: {id: id, target: answer, split: {column: id, private: [i1]}}",
    )
    run = completed(world, 2, definition=private)
    told = Exchange.objects.get(call=SampleCall.objects.get(sample__ordinal=1).call_id).hash
    path = f"/runs/{run.pk}/samples/1/"
    owner = Client()
    owner.force_login(world.ada, backend="django.contrib.auth.backends.ModelBackend")

    assert purge_old() == 2
    assert Client().get(path).status_code == 404
    page = owner.get(path).content.decode()
    assert NOTE in page
    assert told in page


def test_outputs_are_scored_again_without_their_exchanges(world: Any) -> None:
    task = world.task()
    run = completed(world, 8, task=task)
    before = Scoring.objects.get(run=run).value
    purge_old()
    asked = world.provider.stats()["total"]

    version = world.version(8, task=task, definition=CONTAINS)
    [new] = rescore_runs_of(version=version, by=world.ada)
    work()

    new.refresh_from_db()
    assert (new.state, new.value, before) == ("completed", 1.0, 1.0)
    assert world.provider.stats()["total"] == asked


def test_a_run_under_way_is_never_short_of_its_answers(
    world: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker died after the answers and before the samples: the next one takes the answers."""
    run = world.start(world.version(10))
    with monkeypatch.context() as patch:
        die_at(patch, 1)
        with pytest.raises(Killed):
            work()
    runtime.shutdown()
    answered = Call.objects.filter(status="answered").count()
    asked = world.provider.stats()["total"]
    assert answered > 0

    assert purge_old() == 0
    with shift_clock(LATER):
        world.sweep()
        world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert world.provider.stats()["total"] == asked + 10 - answered
    # Calls that were given up when the worker died have exchanges too.
    exchanges = Exchange.objects.count()
    assert exchanges >= 10
    assert purge_old() == exchanges


def test_a_retry_asks_again_what_it_cannot_read_and_charges_nobody_twice(
    world: Any, check: Any
) -> None:
    run = completed(world)
    charged = Call.objects.aggregate(s=Sum("charged"))["s"]
    Sample.objects.filter(run=run, ordinal=3).update(is_scored=False, outcome="network")
    SampleScore.objects.filter(sample__ordinal=3).delete()
    Run.objects.filter(pk=run.pk).update(samples_unscored=1)
    purge_old()

    retry_failed_samples(run=run, by=world.ada)
    world.work()

    run.refresh_from_db()
    assert (run.state, run.samples_done, run.samples_unscored) == ("completed", 6, 0)
    assert Call.objects.filter(is_duplicate=True).count() == 1
    assert Call.objects.aggregate(s=Sum("charged"))["s"] == charged
    budget = Budget.objects.get(kind="day")
    assert budget.spent == charged
