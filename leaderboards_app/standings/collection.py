"""The content of a board: entries, the runs that count, their scores. Read in a few queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F, prefetch_related_objects

from benchmarks_app.models import (
    BenchmarkTask,
    BenchmarkVersion,
    Entry,
    EntryRun,
)
from plumbmark.scoring.vectors import ScoreVector, join
from tasks_app.code_tasks.scores import (
    ProgramScores,
    join_runs,
    program_scores,
)
from tasks_app.kinds import kind_of
from tasks_app.models import ProgramReport, Run, Scoring
from tasks_app.runs.queries import attempts_on
from tasks_app.scorings.estimates import item_scores, metric_of
from tasks_app.scorings.packed_scores import VectorReader

_RUN_COLUMNS = (
    "id",
    "task_version_id",
    "contender_id",
    "state",
    "grant_id",
    "repeats",
    "item_count",
    "samples_total",
    "provider_cost",
    "median_latency_ms",
    "finished_at",
    "upstream_models",
    "invalid_reason",
    "invalidated_by_id",
    "started_by_id",
)
UNFINISHED = frozenset({Run.State.QUEUED, Run.State.RUNNING, Run.State.PAUSED})


@dataclass(frozen=True, slots=True)
class IncludedRun:
    run: Run
    scoring: Scoring


@dataclass(frozen=True, slots=True)
class TaskCell:
    """One entry on one task: what counts, and why nothing does where nothing does."""

    task: BenchmarkTask
    counted: Sequence[IncludedRun]
    state: str
    """`scored`, or why not: `missing`, `running`, `failed`, `cancelled`, `invalid`, `unmarked`."""
    declared: int
    attempts: int
    manifests: Sequence[str] = ()
    """The hashes of the manifests of what counts, if each has one."""
    passed_over: Sequence[Run] = ()
    """Runs marked as invalid that came before what counts: it counts in their place."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry with its cells, in the order of the tasks."""

    entry: Entry
    cells: Sequence[TaskCell]

    @property
    def runs(self) -> list[Run]:
        return [counted.run for cell in self.cells for counted in cell.counted]


def candidates_of(version: BenchmarkVersion, tasks: Sequence[BenchmarkTask]) -> list[Candidate]:
    entries = list(
        version.entries.select_related(
            "contender__model", "contender__deployment", "contender__owner"
        ).order_by("id")
    )
    by_place = _runs_by_place(version)
    scorings = _scorings(version, tasks, by_place)
    attempts = attempts_on({task.task_version.question_hash for task in tasks})
    return [
        Candidate(
            entry,
            [
                _cell(
                    task,
                    by_place[entry.pk, task.pk],
                    scorings,
                    version.entry_policy,
                    attempts.get((task.task_version.question_hash, entry.contender_id), 0),
                )
                for task in tasks
            ],
        )
        for entry in entries
    ]


def _runs_by_place(version: BenchmarkVersion) -> Mapping[tuple[int, int], list[Run]]:
    """Return the runs of the board by entry and task, oldest first.

    Only the columns of a board are read: whole rows of 2,000 runs take a third of its time.
    """
    links = (
        EntryRun.objects.filter(entry__version=version)
        .select_related("run")
        .only("entry_id", "benchmark_task_id", *(f"run__{name}" for name in _RUN_COLUMNS))
        .order_by("run_id")
    )
    by_place: dict[tuple[int, int], list[Run]] = defaultdict(list)
    runs: dict[int, Run] = {}
    for link in links:
        run = runs.setdefault(link.run_id, link.run)
        by_place[link.entry_id, link.benchmark_task_id].append(run)
    prefetch_related_objects(
        [run for run in runs.values() if run.invalidated_by_id], "invalidated_by__namespace"
    )
    return by_place


def _scorings(
    version: BenchmarkVersion,
    tasks: Sequence[BenchmarkTask],
    by_place: Mapping[tuple[int, int], Sequence[Run]],
) -> Mapping[tuple[int, int], Scoring]:
    """Return the newest completed scoring by run and scoring version, for every run of the
    board.
    """
    runs = {run.pk: run for found in by_place.values() for run in found}
    versions = {task.task_version_id: task.task_version for task in tasks}
    found = Scoring.objects.filter(
        run__entry_runs__entry__version=version,
        task_version__in=versions,
        state=Scoring.State.COMPLETED,
    ).only("run_id", "task_version_id")
    found = found.annotate(manifest_hash=F("manifest__hash"))
    scorings: dict[tuple[int, int], Scoring] = {}
    for one in found.order_by("revision", "id"):
        run = runs.get(one.run_id)
        if run is None:
            # Linked since the runs were read; that asks for the board again.
            continue
        one.run, one.task_version = run, versions[one.task_version_id]
        # Later ones take the place of earlier ones.
        scorings[one.run_id, one.task_version_id] = one
    return scorings


def _cell(
    task: BenchmarkTask,
    runs: Sequence[Run],
    scorings: Mapping[tuple[int, int], Scoring],
    policy: str,
    attempts: int,
) -> TaskCell:
    valid = [run for run in runs if not run.invalid_reason]
    finished = [
        IncludedRun(run, scoring)
        for run in valid
        if run.state == Run.State.COMPLETED
        and (scoring := scorings.get((run.pk, task.task_version_id))) is not None
    ]
    if policy == BenchmarkVersion.EntryPolicy.FIRST_DECLARED:
        # The first one that completed: a cancelled or failed run is an attempt without a score.
        finished = finished[:1]
    first = finished[0].run.pk if finished else None
    return TaskCell(
        task=task,
        passed_over=[
            run for run in runs if run.invalid_reason and (first is None or run.pk < first)
        ],
        counted=finished,
        manifests=_manifests_of(finished),
        state="scored" if finished else _why_nothing(runs, valid),
        declared=len(runs),
        attempts=max(attempts, len(runs)),
    )


def _manifests_of(counted: Sequence[IncludedRun]) -> list[str]:
    hashes = [getattr(one.scoring, "manifest_hash", None) for one in counted]
    return [one for one in hashes if one] if all(hashes) else []


def _why_nothing(runs: Sequence[Run], valid: Sequence[Run]) -> str:
    states = {run.state for run in valid}
    if states & UNFINISHED:
        return "running"
    if Run.State.COMPLETED in states:
        return "unmarked"
    if Run.State.FAILED in states:
        return "failed"
    if Run.State.CANCELLED in states:
        return "cancelled"
    return "invalid" if runs else "missing"


def read_vectors(candidates: Sequence[Candidate]) -> Mapping[int, ScoreVector]:
    """Return the scores of all scorings that count, by the scoring's id; programs' have more to
    them, and are read by themselves. A few queries, however many rows there are.
    """
    return read_cell_vectors([cell for candidate in candidates for cell in candidate.cells])


def read_cell_vectors(cells: Sequence[TaskCell]) -> Mapping[int, ScoreVector]:
    """Return the same of some cells."""
    return VectorReader().read(
        counted.scoring
        for cell in cells
        if not kind_of(cell.task.task_version).runs_program
        for counted in cell.counted
    )


def join_cell_scores(cell: TaskCell, vectors: Mapping[int, ScoreVector]) -> ProgramScores:
    """Join the items' values over all runs that count: further runs are additional repeats.

    What the estimate uses and what is compared with other rows differ only for programs. `vectors`
    are those of `read_vectors`.
    """
    if kind_of(cell.task.task_version).runs_program:
        metric = metric_of(cell.task.task_version)
        return join_runs(
            [
                program_scores(counted.scoring, item_scores(counted.scoring), metric)
                for counted in cell.counted
            ]
        )
    scores = join([vectors[counted.scoring.pk] for counted in cell.counted])
    return ProgramScores(scores, scores)


def failed_requests(candidates: Sequence[Candidate]) -> dict[int, int]:
    """Return how many requests of each program's run failed, if any did. One query at most."""
    runs = [
        counted.run.pk
        for candidate in candidates
        for cell in candidate.cells
        for counted in cell.counted
        if kind_of(cell.task.task_version).runs_program
    ]
    if not runs:
        return {}
    reports = ProgramReport.objects.filter(run__in=runs)
    return {one.run_id: one.failed_requests for one in reports if one.failed_requests}
