"""Scoring stored outputs again: by a re-marked version, without a model."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from plumbmark.common.clock import shift_clock
from plumbmark.common.errors import Conflict, NotAllowed
from tasks_app.jobs import work
from tasks_app.models import Run, SampleScore, Scoring, ScoringShard
from tasks_app.runs.claims import MAX_ATTEMPTS, claim_scoring_shard
from tasks_app.runs.control import retry_failed_samples
from tasks_app.scorings import slices as scoring_jobs
from tasks_app.scorings.actions import rescore_run, rescore_runs_of
from tasks_app.scorings.slices import work_on_scoring
from tests.tasks.world import DEFINITION

pytestmark = pytest.mark.django_db(transaction=True)

CONTAINS = DEFINITION.replace("[{type: exact}]", "[{type: includes}]")
OTHER_QUESTION = DEFINITION.replace("What is", "How much is")
LATER = timedelta(seconds=settings.WORK_LEASE_SECONDS + 1)


def scored_run(world: Any, items: int = 30) -> tuple[Run, Any]:
    task = world.task()
    run = world.start(world.version(items, task=task), world.contender_of(world.deployment))
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
    return run, task


def test_a_remarked_version_scores_stored_outputs_without_a_call(world: Any) -> None:
    run, task = scored_run(world)
    old = Scoring.objects.get(run=run)
    before = list(SampleScore.objects.filter(scoring=old).values_list("id", "value"))
    asked = world.provider.stats()["total"]

    version = world.version(30, task=task, definition=CONTAINS)
    assert version.question_hash == run.question_hash
    assert version.marking_hash != run.marking_hash
    [new] = rescore_runs_of(version=version, by=world.ada)
    assert work() == f"scoring {new.pk}"
    new.refresh_from_db()
    assert new.state == Scoring.State.COMPLETED
    assert new.value == 1.0
    assert new.samples_done == 30
    assert SampleScore.objects.filter(scoring=new).count() == 30
    assert world.provider.stats()["total"] == asked
    old.refresh_from_db()
    assert old.state == Scoring.State.COMPLETED
    assert list(SampleScore.objects.filter(scoring=old).values_list("id", "value")) == before
    assert rescore_runs_of(version=version, by=world.ada) == []


def test_a_version_with_other_questions_is_refused(world: Any) -> None:
    run, task = scored_run(world, 5)
    version = world.version(5, task=task, definition=OTHER_QUESTION)
    with pytest.raises(Conflict, match="has different questions"):
        rescore_run(run=run, version=version, by=world.ada)
    with pytest.raises(NotAllowed):
        rescore_run(run=run, version=version, by=world.person("eve"))


def test_an_unfinished_run_is_not_scored_again(world: Any) -> None:
    task = world.task()
    run = world.start(world.version(5, task=task))
    version = world.version(5, task=task, definition=CONTAINS)
    with pytest.raises(Conflict, match="not finished"):
        rescore_run(run=run, version=version, by=world.ada)


def test_a_scorer_that_slept_past_its_lease_writes_nothing_and_another_scores(
    world: Any,
) -> None:
    run, task = scored_run(world)
    version = world.version(30, task=task, definition=CONTAINS)
    scoring = rescore_run(run=run, version=version, by=world.ada)
    slept = claim_scoring_shard(has_sandbox=True)
    assert slept is not None
    assert claim_scoring_shard(has_sandbox=True) is None
    with shift_clock(LATER):
        work_on_scoring(*slept)
        assert not SampleScore.objects.filter(scoring=scoring).exists()
        world.sweep()
        world.work()
    scoring.refresh_from_db()
    assert scoring.state == Scoring.State.COMPLETED
    assert SampleScore.objects.filter(scoring=scoring).count() == 30


def test_a_scoring_broken_off_goes_on_where_it_stopped_and_the_sweep_completes_it(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, task = scored_run(world)
    version = world.version(30, task=task, definition=CONTAINS)
    scoring = rescore_run(run=run, version=version, by=world.ada)

    def die(scoring: Scoring) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scoring_jobs, "finish_scoring_if_done", die)
        with pytest.raises(KeyboardInterrupt):
            work()
    world.sweep()
    scoring.refresh_from_db()
    assert scoring.state == Scoring.State.COMPLETED
    assert scoring.samples_done == 30


def test_a_scoring_whose_workers_die_fails_with_the_reason(world: Any) -> None:
    run, task = scored_run(world, 5)
    version = world.version(5, task=task, definition=CONTAINS)
    scoring = rescore_run(run=run, version=version, by=world.ada)
    ScoringShard.objects.filter(scoring=scoring).update(attempts=MAX_ATTEMPTS)
    work()
    scoring.refresh_from_db()
    assert scoring.state == Scoring.State.FAILED
    assert "Workers died" in scoring.failure
    assert work() == "nothing due"


def test_a_rescored_run_can_still_be_retried_only_where_samples_failed(world: Any) -> None:
    run, task = scored_run(world, 5)
    world.version(5, task=task, definition=CONTAINS)
    with pytest.raises(Conflict):
        retry_failed_samples(run=run, by=world.ada)
