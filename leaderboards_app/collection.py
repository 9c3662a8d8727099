"""The content of a board: entries, the runs that count, their scores. Read in a few queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    by_place: dict[tuple[int, int], list[Run]] = defaultdict(list)
    links = EntryRun.objects.filter(entry__version=version).select_related(
        "run__namespace", "run__task_version", "run__invalidated_by__namespace"
    )
    for link in links.order_by("run_id"):
        by_place[link.entry_id, link.benchmark_task_id].append(link.run)
    scorings = _scorings(version, tasks)
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


def _scorings(
    version: BenchmarkVersion, tasks: Sequence[BenchmarkTask]
) -> Mapping[tuple[int, int], Scoring]:
    """Return the newest completed scoring by run and scoring version, for every run of the
    board.
    """
    found = Scoring.objects.filter(
        run__entry_runs__entry__version=version,
        task_version__in=[task.task_version_id for task in tasks],
        state=Scoring.State.COMPLETED,
    ).select_related("run", "task_version")
    # Later ones take the place of earlier ones.
    return {(one.run_id, one.task_version_id): one for one in found.order_by("revision", "id")}


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
        state="scored" if finished else _why_nothing(runs, valid),
        declared=len(runs),
        attempts=max(attempts, len(runs)),
    )


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
    cells = [cell for candidate in candidates for cell in candidate.cells]
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
        run.pk for one in candidates for run in one.runs if kind_of(run.task_version).runs_program
    ]
    if not runs:
        return {}
    reports = ProgramReport.objects.filter(run__in=runs)
    return {one.run_id: one.failed_requests for one in reports if one.failed_requests}
