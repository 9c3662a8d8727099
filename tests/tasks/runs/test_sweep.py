"""The sweep of the whole platform: what fails in it stalls nothing else."""

from datetime import timedelta
from typing import Any

import pytest

from plumbmark.common.attempts import MAX_ATTEMPTS
from plumbmark.common.clock import shift_clock
from plumbmark.common.models import FailedAttempt
from tasks_app.jobs import work
from tasks_app.models import Run, Scoring, Shard
from tasks_app.runs import completion
from tasks_app.runs import sweep as sweeping
from tasks_app.runs.claims import MAX_ATTEMPTS as MAX_CLAIMS
from tasks_app.runs.slices import RunSlice
from tasks_app.runs.submissions import submit_outputs
from tasks_app.scorings import completion as scoring_completion

pytestmark = pytest.mark.django_db(transaction=True)


def left_behind(world: Any, monkeypatch: pytest.MonkeyPatch, count: int = 2) -> list[Run]:
    """Return runs all of whose samples are stored, and which nobody completed."""
    version = world.version(4)
    runs = [world.start(version) for _ in range(count)]
    with monkeypatch.context() as patch:
        patch.setattr("tasks_app.runs.slices.finish_run_if_done", lambda *_, **given: None)
        world.work()
    assert all(Run.objects.get(pk=run.pk).state == Run.State.RUNNING for run in runs)
    return runs


def fail_for(monkeypatch: pytest.MonkeyPatch, module: Any, run: Run) -> None:
    """Let the statistics of one run fail, as they did for a score of 1e155."""
    estimate = module.compute_result

    def failing(scoring: Scoring) -> Any:
        if scoring.run_id == run.pk:
            raise ValueError("cannot convert float NaN to integer")
        return estimate(scoring)

    monkeypatch.setattr(module, "compute_result", failing)


def sweep_for_hours(world: Any, hours: int = 6) -> None:
    for hour in range(hours):
        with shift_clock(timedelta(hours=hour)):
            world.sweep()


def test_a_run_whose_estimate_fails_stalls_no_other_and_is_failed_with_its_reason(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = left_behind(world, monkeypatch)
    fail_for(monkeypatch, completion, bad)

    world.sweep()

    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.state == Run.State.COMPLETED
    assert bad.state == Run.State.RUNNING
    assert FailedAttempt.objects.get().attempts == 1

    sweep_for_hours(world)

    bad.refresh_from_db()
    assert bad.state == Run.State.FAILED
    assert "no score could be computed" in bad.failure
    assert f"failed {MAX_ATTEMPTS} times" in bad.failure
    assert "cannot convert float NaN" in bad.failure
    assert not FailedAttempt.objects.exists()


def test_a_scoring_whose_estimate_fails_is_failed_with_its_reason(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = world.version(4)
    bad, good = (
        submit_outputs(
            version=version,
            model_name=name,
            namespace=world.ada.namespace,
            rows=[{"id": f"i{n}", "output": "1"} for n in range(4)],
            by=world.ada,
        )
        for name in ("bad", "good")
    )
    fail_for(monkeypatch, scoring_completion, bad)

    world.work()  # the job reports the failure and goes on to the next scoring
    sweep_for_hours(world)

    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.state == Run.State.COMPLETED
    assert bad.state == Run.State.FAILED
    scoring = Scoring.objects.get(run=bad)
    assert scoring.state == Scoring.State.FAILED
    assert "cannot convert float NaN" in scoring.failure


@pytest.mark.parametrize("step", sweeping._STEPS)
def test_each_step_may_fail_without_the_others(
    step: str, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def fail() -> None:
        raise RuntimeError("broken")

    steps = {name: (lambda name=name: ran.append(name)) for name in sweeping._STEPS}
    monkeypatch.setattr(sweeping, "_STEPS", {**steps, step: fail})

    sweeping.sweep()

    assert ran == [name for name in sweeping._STEPS if name != step]
    assert FailedAttempt.objects.get().item == step


def test_a_slice_that_always_fails_fails_its_run_and_no_other(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = world.version(4)
    bad, good = world.start(version), world.start(version)
    begin = RunSlice.__init__

    def failing(self: RunSlice, shard: Shard, *rest: Any) -> None:
        if shard.run_id == bad.pk:
            raise KeyError("a definition from before")
        begin(self, shard, *rest)

    monkeypatch.setattr(RunSlice, "__init__", failing)

    for attempt in range(MAX_CLAIMS):
        with shift_clock(timedelta(minutes=attempt + 1)):
            world.sweep()
            while work() != "nothing due":
                pass

    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.state == Run.State.COMPLETED
    assert bad.state == Run.State.FAILED
    assert "a definition from before" in bad.failure
