"""Runs from queueing to their end, worked on by the real job against a real provider."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from plumbmark.common.clock import shift_clock
from plumbmark.common.errors import Conflict, NotAllowed
from plumbmark.gateway.actions import set_quota
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Budget, Call, Deployment, Grant
from tasks_app.authoring.allowed_deployments import allow_deployment
from tasks_app.jobs import work
from tasks_app.models import Run, Sample, SampleScore, Scoring
from tasks_app.runs.control import (
    cancel_run,
    pause_run,
    resume_run,
    retry_failed_samples,
    set_spend_limit,
)
from tests.waiting import wait_until


@pytest.fixture
def in_background() -> Any:
    """Run the job in a thread of its own, as a worker does."""
    threads: list[threading.Thread] = []

    def start() -> threading.Thread:
        def ring() -> None:
            try:
                work()
            finally:
                connection.close()

        thread = threading.Thread(target=ring)
        thread.start()
        threads.append(thread)
        return thread

    yield start
    for thread in threads:
        thread.join(300)


def done(run: Run) -> int:
    return Sample.objects.filter(run=run).count()


pytestmark = pytest.mark.django_db(transaction=True)


def events(run: Run) -> list[str]:
    return [line["event"] for line in Run.objects.get(pk=run.pk).log]


def test_a_run_is_queued_runs_and_completes(world: Any, check: Any) -> None:
    run = world.start(world.version(45))
    assert run.state == Run.State.QUEUED
    assert run.shards.count() == 3
    world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert run.samples_done == run.samples_total == 45
    assert run.samples_unscored == 0
    assert events(run) == ["queued", "started", "completed"]
    scoring = Scoring.objects.get(run=run)
    assert scoring.state == Scoring.State.COMPLETED
    assert scoring.value == 1.0
    assert scoring.estimate is not None
    assert scoring.estimate["items"] == 45
    assert world.provider.stats()["total"] == 45
    assert Call.objects.filter(status="answered").count() == 45
    assert run.upstream_models == ["arithmetic-2026-01-01"]
    assert run.median_latency_ms is not None


def test_a_try_asks_three_items_only(world: Any, check: Any) -> None:
    run = world.start(world.version(20), purpose="try")
    world.work()
    assert check(run).samples_total == 3
    assert world.provider.stats()["total"] == 3


def test_an_owner_pauses_midway_and_what_was_in_flight_is_stored(
    world: Any, check: Any, in_background: Any
) -> None:
    world.provider.configure(latency_ms=100, hold=40)
    run = world.start(world.version(400))
    worker = in_background()
    wait_until(lambda: done(run) == 40)
    pause_run(run=run, by=world.ada)
    world.provider.go_on()
    worker.join(300)
    run = check(run)
    assert run.state == Run.State.PAUSED
    assert run.pause_reason == Run.PauseReason.OWNER
    assert 40 < run.samples_done < 400
    assert run.samples_done == world.provider.stats()["total"]
    assert work() == "nothing due"
    resume_run(run=run, by=world.ada)
    world.provider.configure()
    world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert Call.objects.filter(status="answered", is_duplicate=False).count() == 400
    assert events(run) == ["queued", "started", "paused", "resumed", "started", "completed"]


def test_a_cancelled_run_ends_for_good_and_keeps_its_samples(
    world: Any, check: Any, in_background: Any
) -> None:
    world.provider.configure(latency_ms=100, hold=40)
    run = world.start(world.version(400))
    worker = in_background()
    wait_until(lambda: done(run) == 40)
    cancel_run(run=run, by=world.ada)
    world.provider.go_on()
    worker.join(300)
    run = check(run)
    assert run.state == Run.State.CANCELLED
    assert 40 < run.samples_done == world.provider.stats()["total"] < 400
    assert Scoring.objects.get(run=run).state == Scoring.State.CANCELLED
    assert work() == "nothing due"
    with pytest.raises(Conflict):
        resume_run(run=run, by=world.ada)


def test_a_run_paused_while_its_last_samples_came_completes_after_a_resume(world: Any) -> None:
    run = world.start(world.version(5))
    world.work()
    Run.objects.filter(pk=run.pk).update(state=Run.State.PAUSED, pause_reason="owner")
    resume_run(run=run, by=world.ada)
    assert work() == "nothing due"
    world.sweep()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED


def test_a_bad_key_fails_the_run_and_its_samples_are_asked_again_when_it_is_mended(
    world: Any, check: Any
) -> None:
    world.provider.configure(key="sk-right")
    run = world.start(world.version(40))
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert "Every call returned the same error" in run.failure
    assert run.samples_done == 0
    assert done(run) == 0
    assert Scoring.objects.get(run=run).state == Scoring.State.FAILED
    assert world.provider.stats()["total"] <= 8 + 5
    assert run.charged == 0

    world.provider.configure()
    resume_run(run=run, by=world.ada)
    world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert run.samples_unscored == 0
    assert run.failure == ""


def test_failed_samples_are_retried_as_a_new_revision(world: Any, check: Any) -> None:
    world.provider.configure(faults={"stall": 0.3}, seed=3)
    Deployment.objects.update(deadline_seconds=0.5)
    run = world.start(world.version(40))
    world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    failed = set(Sample.objects.filter(run=run, is_scored=False).values_list("ordinal", flat=True))
    if not failed:  # retries were lucky: fail some for good
        pytest.fail("the faults hit nobody; choose another seed")
    assert run.samples_unscored == len(failed)
    kept = dict(Sample.objects.filter(run=run, is_scored=True).values_list("ordinal", "id"))
    first = Scoring.objects.get(run=run)

    world.provider.configure()
    Deployment.objects.update(deadline_seconds=60)
    retry_failed_samples(run=run, by=world.ada)
    world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert run.revision == 2
    assert run.samples_unscored == 0
    assert world.provider.stats()["total"] == len(failed)
    now = dict(Sample.objects.filter(run=run).values_list("ordinal", "id"))
    assert {ordinal: now[ordinal] for ordinal in kept} == kept
    second = Scoring.objects.get(run=run, revision=2)
    assert second.value == 1.0
    assert second.samples_done == 40
    first.refresh_from_db()
    assert first.state == Scoring.State.COMPLETED
    assert first.estimate is not None
    assert first.estimate["unscored"] == len(failed)
    assert SampleScore.objects.filter(scoring=first).count() == len(kept)
    with pytest.raises(Conflict, match="no failed samples"):
        retry_failed_samples(run=run, by=world.ada)


def test_an_exhausted_quota_pauses_and_a_raised_one_lets_the_run_go_on(
    world: Any, check: Any
) -> None:
    run = world.start(world.version(60))
    one_call = run.cost_bound // 60
    set_quota(namespace=world.ada.namespace, day_cap=one_call * 3, month_cap=10**13, by=None)
    world.work()
    run = check(run)
    assert run.state == Run.State.PAUSED
    assert run.pause_reason == Run.PauseReason.QUOTA
    assert 0 < run.samples_done < 60
    assert "The limit of the UTC day does not cover this call" in run.log[-1]["detail"]
    assert run.balance_needed > 0
    budget = Budget.objects.get(kind="day")
    assert budget.spent + budget.reserved <= budget.cap

    # Nothing was renewed: it stays paused instead of flapping.
    log = list(run.log)
    for _ in range(3):
        with shift_clock(timedelta(seconds=5)):
            world.sweep()
            world.work()
    run.refresh_from_db()
    assert run.state == Run.State.PAUSED
    assert len(run.log) <= len(log) + 2  # what was given back may have paid for a last call

    set_quota(namespace=world.ada.namespace, day_cap=10**12, month_cap=10**13, by=None)
    with shift_clock(timedelta(seconds=15)):
        assert world.sweep()
        world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert run.samples_unscored == 0


def test_of_one_payers_paused_runs_each_sweep_resumes_the_one_that_waits_longest(
    world: Any,
) -> None:
    version = world.version(30)
    runs = [world.start(version), world.start(version)]
    set_quota(namespace=world.ada.namespace, day_cap=0, month_cap=10**13, by=None)
    world.work()
    states = dict(Run.objects.values_list("id", "state"))
    assert set(states.values()) == {Run.State.PAUSED}
    set_quota(namespace=world.ada.namespace, day_cap=10**12, month_cap=10**13, by=None)
    world.sweep()
    states = dict(Run.objects.values_list("id", "state"))
    assert sorted(states.values()) == [Run.State.PAUSED, Run.State.QUEUED]
    world.sweep()
    assert set(Run.objects.values_list("state", flat=True)) == {Run.State.QUEUED}
    with shift_clock(timedelta(seconds=5)):
        world.work()
    assert set(Run.objects.values_list("state", flat=True)) == {Run.State.COMPLETED}
    assert {run.pk for run in runs} == set(states)


def test_a_run_at_its_own_limit_waits_for_its_owner_and_does_not_flap(
    world: Any, check: Any
) -> None:
    version = world.version(60)
    one_call = world.start(version).cost_bound // 60
    Run.objects.update(state=Run.State.CANCELLED)
    run = world.start(version, spend_limit=one_call * 3)
    world.work()
    run = check(run)
    assert run.state == Run.State.PAUSED
    assert run.pause_reason == Run.PauseReason.LIMIT
    assert "The cap of this grant" in run.log[-1]["detail"]
    assert run.charged <= one_call * 3
    log = run.log
    for _ in range(3):
        with shift_clock(timedelta(seconds=10)):
            world.sweep()
            assert work() == "nothing due"
    run.refresh_from_db()
    assert run.log == log

    set_spend_limit(run=run, spend_limit=run.cost_bound, by=world.ada)
    assert Grant.objects.get(run=run).cap == run.cost_bound
    with shift_clock(timedelta(seconds=5)):
        world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert run.charged <= run.cost_bound


@pytest.mark.parametrize("door", ["page", "api"])
def test_the_owner_of_a_run_at_its_limit_raises_it_and_the_run_goes_on(
    world: Any, check: Any, client: Client, door: str
) -> None:
    version = world.version(12)
    run = world.start(version, spend_limit=world.start(version).cost_bound // 12)
    Run.objects.exclude(pk=run.pk).update(state=Run.State.CANCELLED)
    world.work()
    run = check(run)
    assert (run.state, run.pause_reason) == (Run.State.PAUSED, Run.PauseReason.LIMIT)

    client.force_login(world.ada)
    if door == "page":
        page = client.get(run.get_absolute_url()).content.decode()
        assert 'class="definition" open><summary>Spend limit' in page
        refused = client.post(f"/runs/{run.pk}/spend-limit/", {"spend_limit": "much"})
        assert refused.status_code == 422
        assert "Enter an amount in dollars" in refused.content.decode()
        answer = client.post(f"/runs/{run.pk}/spend-limit/", {"spend_limit": "1.50"})
        assert answer.status_code == 302
    else:
        url = f"/api/v1/runs/{run.pk}/spend-limit"
        for bad in ({}, {"spend_limit_nanodollars": -1}, {"spend_limit_nanodollars": "much"}):
            assert client.put(url, bad, "application/json").status_code == 422
        body = {"spend_limit_nanodollars": 1_500_000_000}
        answer = client.put(url, body, "application/json")
        assert (answer.status_code, answer.json()["state"]) == (200, "queued")

    assert Grant.objects.get(run=run).cap == 1_500_000_000
    with shift_clock(timedelta(seconds=5)):
        world.work()
    assert check(run).state == Run.State.COMPLETED
    if door == "page":
        assert "spend-limit" not in client.get(run.get_absolute_url()).content.decode()


def test_nobody_else_sets_a_runs_limit(world: Any, client: Client) -> None:
    run = world.start(world.version(3), purpose="declared", spend_limit=1)
    client.force_login(world.person("eve"))

    assert "spend-limit" not in client.get(run.get_absolute_url()).content.decode()
    for answer in (
        client.post(f"/runs/{run.pk}/spend-limit/", {"spend_limit": "5"}),
        client.put(
            f"/api/v1/runs/{run.pk}/spend-limit",
            {"spend_limit_nanodollars": None},
            "application/json",
        ),
    ):
        assert answer.status_code == 403
    assert Grant.objects.get(run=run).cap == 1


def test_a_model_that_changes_midway_is_noted(world: Any) -> None:
    run = world.start(world.version(30))
    set_quota(
        namespace=world.ada.namespace, day_cap=run.cost_bound // 30, month_cap=10**13, by=None
    )
    world.work()
    assert 0 < done(run) < 30
    Deployment.objects.update(upstream_id="echo")
    runtime.shutdown()
    set_quota(namespace=world.ada.namespace, day_cap=10**12, month_cap=10**13, by=None)
    with shift_clock(timedelta(seconds=5)):
        world.sweep()
        world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
    assert run.upstream_models == ["arithmetic-2026-01-01", "echo-2026-01-01"]


def test_a_storm_of_429_slows_and_does_not_fail(world: Any, check: Any) -> None:
    world.provider.configure(faults={"429": 0.4}, retry_after=0.02, seed=5)
    run = world.start(world.version(60))
    world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert run.samples_unscored == 0
    assert world.provider.stats()["faults"]["429"] > 10


def test_a_deployment_without_a_price_is_refused_before_anything_is_written(world: Any) -> None:
    version = world.version(5)
    contender = world.contender_of(world.add_deployment("echo", priced=False))
    with pytest.raises(Conflict) as refused:
        world.start(version, contender)
    assert refused.value.code == "no-price"
    assert not Run.objects.exists()
    assert not Grant.objects.exists()


def test_private_items_go_to_no_foreign_deployment(world: Any) -> None:
    version = world.version(5)
    type(version).objects.filter(pk=version.pk).update(private_item_count=2)
    version.refresh_from_db()
    eve = world.person("eve")
    Deployment.objects.filter(pk=world.deployment.pk).update(owner=eve.namespace)
    contender = type(world.contender).objects.get(pk=world.contender.pk)
    with pytest.raises(NotAllowed, match="private items"):
        world.start(version, contender, by=eve)
    assert not Run.objects.exists()
    allow_deployment(task=version.task, deployment=contender.deployment, by=world.ada)
    assert world.start(version, contender, by=eve)


def test_strangers_steer_no_run(world: Any) -> None:
    run = world.start(world.version(5))
    eve = world.person("eve")
    steps: list[Callable[..., Any]] = [pause_run, resume_run, cancel_run, retry_failed_samples]
    for step in steps:
        with pytest.raises(NotAllowed):
            step(run=run, by=eve)
    with pytest.raises(NotAllowed):
        set_spend_limit(run=run, spend_limit=1, by=eve)


def test_text_that_no_database_takes_is_stored_as_well_as_can_be(world: Any, check: Any) -> None:
    contender = world.contender_of(world.add_deployment("broken-unicode"))
    run = world.start(world.version(3), contender)
    world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert "\x00" not in Sample.objects.filter(run=run)[0].output


@pytest.mark.parametrize(
    ("model", "outcome", "is_scored"),
    [
        ("refusal", "refusal", True),
        ("content-filter", "content_filter", True),
        ("length", "length_limit", True),
        ("empty", "empty", True),
        ("overflow", "context_overflow", True),
    ],
)
def test_outcomes_come_through_to_the_rows(
    world: Any, check: Any, model: str, outcome: str, is_scored: bool
) -> None:
    run = world.start(world.version(3), world.contender_of(world.add_deployment(model)))
    world.work()
    check(run)
    samples = Sample.objects.filter(run=run)
    assert {sample.outcome for sample in samples} == {outcome}
    assert {sample.is_scored for sample in samples} == {is_scored}


def test_a_run_notes_that_its_model_knows_no_schemas(world: Any, check: Any) -> None:
    definition = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "What is {question}?"}]
  output_schema:
    type: object
    properties: {word: {type: string}}
    required: [word]
    additionalProperties: false
sampling: {max_output_tokens: 32}
scorers: [{type: includes}]
"""
    deployment = world.add_deployment("json-object-only")
    version = world.version(3, definition=definition)
    run = world.start(version, world.contender_of(deployment))

    world.work()

    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert run.samples_unscored == 0
    noted = [line for line in run.log if line["event"] == "schema requested in another way"]
    assert [line["schema"] for line in noted] == ["json_object"]
    assert "refuses JSON schemas (json_schema)" in noted[0]["detail"]
    client = Client()
    client.force_login(world.ada)
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "The schema of the answers was requested in another way" in page


def test_a_run_notes_that_its_model_gives_shorter_answers(world: Any, check: Any) -> None:
    deployment = world.add_deployment("short-answers")
    version = world.version(3)
    run = world.start(version, world.contender_of(deployment))

    world.work()

    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert run.samples_unscored == 0
    noted = [line for line in run.log if line["event"] == "output limit lowered"]
    assert [line["max_output_tokens"] for line in noted] == [24]
    assert "24 output tokens" in noted[0]["detail"]
    client = Client()
    client.force_login(world.ada)
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "Answers were shorter than the task allows" in page


def test_a_server_that_answers_one_by_one_loses_no_item(world: Any, settings: Any) -> None:
    settings.WORKER_WINDOW = 64
    world.provider.configure(latency_ms=60, one_by_one=True)
    # All fifty at once would wait up to three seconds for their answers.
    slow = world.add_deployment("words:3", deadline=1.0)
    assert slow.max_concurrency == 64

    run = world.start(world.version(50), world.contender_of(slow))
    world.work()

    run.refresh_from_db()
    assert (run.state, run.samples_done, run.samples_unscored) == ("completed", 50, 0)
    stats = world.provider.stats()
    # A busy machine may delay an answer beyond its deadline, and then it is asked for again.
    assert 50 <= stats["total"] <= 60
    assert stats["max_in_flight"] < 16
