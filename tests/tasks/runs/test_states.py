"""Every change of state, from every state: allowed by the table or refused without a trace."""

from itertools import product
from typing import Any

import pytest
from django.db.models import QuerySet

from plumbmark.common.models import OutboxEvent
from plumbmark.gateway.actions import ensure_baselines
from plumbmark.gateway.models import Deployment
from tasks_app.models import Run, Scoring, Shard
from tasks_app.models.leased_work import LeasedWork
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.start import start_run
from tasks_app.runs.states import (
    RUN_TRANSITIONS,
    SCORING_TRANSITIONS,
    SHARD_TRANSITIONS,
    change_run,
    change_scorings,
    change_shards,
    fail,
    start,
)
from tests.factories import publish_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(open_account: Any) -> Run:
    """Return a queued run with one shard and an inline scoring."""
    ada = open_account(handle="ada")
    version = publish_task(ada)
    ensure_baselines()
    echo = Deployment.objects.get(slug="baseline/echo")
    return start_run(
        version=version,
        contender=contender_of_deployment(deployment=echo, by=ada),
        purpose=Run.Purpose.DECLARED,
        namespace=ada.namespace,
        by=ada,
    )


def in_state(rows: "QuerySet[Any]", state: str, **fields: Any) -> None:
    rows.update(state=state, **fields)


@pytest.mark.parametrize(("event", "state"), list(product(RUN_TRANSITIONS, Run.State.values)))
def test_a_run_changes_only_along_the_table(run: Run, event: str, state: str) -> None:
    in_state(Run.objects.filter(pk=run.pk), state, pause_reason="owner")
    events = OutboxEvent.objects.count()
    fields = {"failure": "why"} if event == "failed" else {}

    changed = change_run(run.pk, event, detail="a word", **fields)

    run.refresh_from_db()
    transition = RUN_TRANSITIONS[event]
    assert changed == (state in transition.sources)
    if changed:
        assert run.state == transition.target
        assert (run.log[-1]["event"], run.log[-1]["detail"]) == (event, "a word")
        assert OutboxEvent.objects.order_by("id").last().kind == f"run.{event}"
    else:
        assert run.state == state
        assert [line["event"] for line in run.log] == ["queued"]
        assert OutboxEvent.objects.count() == events


@pytest.mark.parametrize(
    ("event", "state"), list(product(SCORING_TRANSITIONS, Scoring.State.values))
)
def test_a_scoring_changes_only_along_the_table(run: Run, event: str, state: str) -> None:
    scorings = Scoring.objects.filter(run=run)
    in_state(scorings, state)
    transition = SCORING_TRANSITIONS[event]

    changed = change_scorings(scorings, event)

    assert changed == (state in transition.sources)
    assert scorings.get().state == (transition.target if changed else state)


@pytest.mark.parametrize(
    ("event", "state"), list(product(SHARD_TRANSITIONS, LeasedWork.State.values))
)
def test_a_shard_changes_only_along_the_table(run: Run, event: str, state: str) -> None:
    shards = Shard.objects.filter(run=run)
    in_state(shards, state)
    transition = SHARD_TRANSITIONS[event]

    changed = change_shards(shards, event)

    assert changed == (state in transition.sources)
    assert shards.get().state == (transition.target if changed else state)


def test_an_end_is_an_end() -> None:
    """Nothing leads out of a cancelled run, and out of a completed one only a retry."""
    out_of = {
        state: {event for event, one in RUN_TRANSITIONS.items() if state in one.sources}
        for state in Run.State.values
    }
    assert out_of["cancelled"] == set()
    assert out_of["completed"] == {"retried"}
    assert out_of["failed"] == {"resumed"}


def test_inline_scorings_follow_their_run(run: Run) -> None:
    scoring = Scoring.objects.get(run=run)

    start(run.pk)
    scoring.refresh_from_db()
    assert scoring.state == Scoring.State.RUNNING
    assert scoring.started_at is not None

    assert fail(run.pk, "the same error from every call")
    scoring.refresh_from_db()
    assert (scoring.state, scoring.failure) == ("failed", "the same error from every call")

    change_run(run.pk, "resumed", failure="", finished_at=None)
    scoring.refresh_from_db()
    assert (scoring.state, scoring.failure, scoring.finished_at) == ("running", "", None)


def test_a_cancelled_run_ends_every_scoring_that_is_not_over(run: Run) -> None:
    inline = Scoring.objects.get(run=run)
    Scoring.objects.create(
        run=run,
        task_version=run.task_version,
        state=Scoring.State.PAUSED,
        pause_reason="quota",
        samples_total=1,
    )
    done = Scoring.objects.create(
        run=run,
        task_version=run.task_version,
        state=Scoring.State.COMPLETED,
        samples_total=1,
    )

    change_run(run.pk, "cancelled", pause_reason="")

    states = dict(Scoring.objects.filter(run=run).values_list("pk", "state"))
    assert states.pop(done.pk) == Scoring.State.COMPLETED
    assert set(states.values()) == {Scoring.State.CANCELLED}
    assert inline.pk in states


def test_a_run_that_started_before_keeps_its_first_start(run: Run) -> None:
    start(run.pk)
    run.refresh_from_db()
    first = run.started_at
    change_run(run.pk, "paused", pause_reason="owner")
    change_run(run.pk, "resumed", pause_reason="")

    start(run.pk)

    run.refresh_from_db()
    assert run.started_at == first


def test_a_narrower_source_refuses_what_the_table_would_allow(run: Run) -> None:
    """The sweep lets paused runs go on, and no failed ones."""
    fail(run.pk, "why")
    assert not change_run(run.pk, "resumed", sources=[Run.State.PAUSED])
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
