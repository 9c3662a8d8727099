"""The end of a run: compute its estimates, complete or queue its scorings, close its grant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from plumbmark.gateway.actions import close_grant_by_id
from plumbmark.web.compiled_queries import CompiledRowsQuery
from tasks_app.models import Run, Scoring, Shard
from tasks_app.runs import states
from tasks_app.runs.manifests import make_manifest
from tasks_app.runs.queries import median_latency
from tasks_app.scorings.completion import complete_scoring
from tasks_app.scorings.estimates import ScoringResult, compute_result
from tasks_app.scorings.plans import queue_scoring


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run with its inline scorings, as read before; what changes is read again."""

    run: Run
    scorings: Sequence[Scoring]


@dataclass(frozen=True, slots=True)
class _Result:
    """A run that can be completed, with what its scorings came to."""

    run: Run
    scorings: Sequence[tuple[Scoring, ScoringResult]]
    median_latency_ms: int | None


def finish_run_if_done(
    run_id: int,
    *,
    known: KnownRun | None = None,
    calls_stored: Callable[[], object] = lambda: None,
) -> bool:
    """Complete a run all of whose samples are stored; estimates are made first.

    `known` is what the caller read of it before. `calls_stored` waits until the last calls are in
    the database too; it is called when everything else is ready, and in any case. Completing twice
    is harmless: the second finds the run completed.
    """
    try:
        result = _result_of(run_id, known)
    finally:
        calls_stored()
    return result is not None and _complete(result)


def _result_of(run_id: int, known: KnownRun | None) -> _Result | None:
    if known is None:
        known = _read(run_id)
    elif not _DONE.rows(run_id=run_id, revision=known.run.revision):
        return None
    if known is None:
        return None
    results = [(scoring, compute_result(scoring)) for scoring in known.scorings]
    return _Result(known.run, results, median_latency(known.run))


def _runs_that_are_done() -> "QuerySet[Run]":
    """Return the runs that can be completed: all of their samples are stored."""
    open_shards = Shard.objects.filter(run=OuterRef("pk"), revision=OuterRef("revision")).exclude(
        state=Shard.State.DONE
    )
    return Run.objects.filter(
        state__in=states.RUN_TRANSITIONS["completed"].sources,
        samples_done__gte=F("samples_total"),
    ).exclude(Exists(open_shards))


_DONE = CompiledRowsQuery(
    lambda run_id, revision: (
        _runs_that_are_done().filter(pk=run_id, revision=revision).values_list("pk")
    ),
    *("run_id", "revision"),
)


def _read(run_id: int) -> KnownRun | None:
    run = _runs_that_are_done().select_related("task_version").filter(pk=run_id).first()
    return None if run is None else KnownRun(run, inline_scorings(run))


def inline_scorings(run: Run) -> list[Scoring]:
    """Return the scorings that the run's own slices fill; one query."""
    scorings = list(Scoring.objects.filter(run=run, is_inline=True, revision=run.revision))
    for scoring in scorings:
        # What is read already is not read again for each of them.
        scoring.run = run
        if scoring.task_version_id == run.task_version_id:
            scoring.task_version = run.task_version
    return scorings


def _complete(result: _Result) -> bool:
    run = result.run
    # After the last calls are in the database: their exchanges are in it.
    manifests = [make_manifest(scoring, found.estimate) for scoring, found in result.scorings]
    with transaction.atomic():
        if not states.complete(run.pk, median_latency_ms=result.median_latency_ms):
            return False
        for (scoring, found), manifest in zip(result.scorings, manifests, strict=True):
            complete_scoring(scoring, found, manifest)
        if not result.scorings:
            queue_scoring(run=run, version=run.task_version, by=run.started_by)
        if run.grant_id is not None:
            close_grant_by_id(run.grant_id)
    return True
