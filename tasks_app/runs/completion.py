"""The end of a run: compute its estimates, complete or queue its scorings, close its grant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction

from plumbmark.gateway.actions import close_grant
from tasks_app.models import Run, Scoring, Shard
from tasks_app.runs import states
from tasks_app.runs.queries import median_latency
from tasks_app.scorings.completion import complete_scoring
from tasks_app.scorings.estimates import ScoringResult, compute_result
from tasks_app.scorings.plans import queue_scoring


@dataclass(frozen=True, slots=True)
class _Result:
    """A run that can be completed, with what its scorings came to."""

    run: Run
    scorings: Sequence[tuple[Scoring, ScoringResult]]
    median_latency_ms: int | None


def finish_run_if_done(run_id: int, *, calls_stored: Callable[[], object] = lambda: None) -> bool:
    """Complete a run all of whose samples are stored; estimates are made first.

    `calls_stored` waits until the last calls are in the database too; it is called when everything
    else is ready, and in any case. Completing twice is harmless: the second finds the run
    completed.
    """
    try:
        result = _result_of(run_id)
    finally:
        calls_stored()
    return result is not None and _complete(result)


def _result_of(run_id: int) -> _Result | None:
    run = Run.objects.select_related("task_version", "grant", "started_by").get(pk=run_id)
    if (
        run.state not in states.RUN_TRANSITIONS["completed"].sources
        or run.samples_done < run.samples_total
    ):
        return None
    shards = Shard.objects.filter(run=run, revision=run.revision)
    if shards.exclude(state=Shard.State.DONE).exists():
        return None
    scorings = Scoring.objects.filter(run=run, is_inline=True, revision=run.revision)
    results = [
        (scoring, compute_result(scoring)) for scoring in scorings.select_related("task_version")
    ]
    return _Result(run, results, median_latency(run))


def _complete(result: _Result) -> bool:
    run = result.run
    with transaction.atomic():
        if not states.complete(run.pk, median_latency_ms=result.median_latency_ms):
            return False
        for scoring, found in result.scorings:
            complete_scoring(scoring, found)
        if not result.scorings:
            queue_scoring(run=run, version=run.task_version, by=run.started_by)
        if run.grant is not None:
            close_grant(grant=run.grant)
    return True
