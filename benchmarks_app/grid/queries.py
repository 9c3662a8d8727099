"""Contenders by tasks of a version, and who can be entered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Max, QuerySet

from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from benchmarks_app.queries import declared_runs_for, members_of
from plumbmark.accounts.models import User
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from plumbmark.manifests import content_hash
from tasks_app.models import Contender, Run


@dataclass(frozen=True, slots=True)
class RunCell:
    """One contender on one task: its newest declared run that the board may show, if any."""

    run: Run | None

    @property
    def state(self) -> str:
        """`missing`, `failed`, `running` (also queued and paused), `invalid` or `completed`."""
        if self.run is None or self.run.state == Run.State.CANCELLED:
            return "missing"
        if self.run.invalid_reason:
            return "invalid"
        if self.run.state in {Run.State.QUEUED, Run.State.RUNNING, Run.State.PAUSED}:
            return "running"
        return str(self.run.state)


@dataclass(frozen=True, slots=True)
class Grid:
    """Contenders x tasks of a version."""

    tasks: list[BenchmarkTask]
    contenders: list[Contender]
    cells: Mapping[tuple[int, int], RunCell]
    """By contender id and benchmark task id."""

    @property
    def rows(self) -> list[tuple[Contender, list[RunCell]]]:
        return [
            (contender, [self.cells[contender.pk, task.pk] for task in self.tasks])
            for contender in self.contenders
        ]

    @property
    def is_at_work(self) -> bool:
        """Whether some run may still change what is shown."""
        return any(cell.state == "running" for cell in self.cells.values())

    @property
    def snapshot(self) -> str:
        """A short hash of what is shown, so that a page that follows the runs sees changes."""
        states = [
            [contender.pk, *([cell.state, cell.run and cell.run.samples_done] for cell in cells)]
            for contender, cells in self.rows
        ]
        return content_hash(states)[-16:]

    @property
    def done_count(self) -> int:
        """The number of cells with a completed run."""
        return sum(cell.state == Run.State.COMPLETED for cell in self.cells.values())


def contenders_on(version: BenchmarkVersion) -> QuerySet[Contender]:
    """Return the contenders that are entered, by their labels."""
    return (
        Contender.objects.filter(entries__version=version)
        .select_related("deployment__model")
        .order_by("label", "id")
    )


def grid_of(version: BenchmarkVersion, contenders: Iterable[Contender] | None = None) -> Grid:
    """Return the grid of all contenders, or of these, in three queries, whatever its size."""
    tasks = list(members_of(version))
    contenders = list(contenders_on(version) if contenders is None else contenders)
    newest = (
        declared_runs_for(version)
        .filter(
            contender__in=[contender.pk for contender in contenders],
            question_hash__in=[task.task_version.question_hash for task in tasks],
        )
        .order_by()
        .values("contender_id", "question_hash")
        .annotate(newest=Max("id"))
        .values("newest")
    )
    by_place = {
        (run.contender_id, run.question_hash): run for run in Run.objects.filter(pk__in=newest)
    }
    cells = {
        (contender.pk, task.pk): RunCell(
            by_place.get((contender.pk, task.task_version.question_hash))
        )
        for contender in contenders
        for task in tasks
    }
    return Grid(tasks, contenders, cells)


def enterable_contenders(version: BenchmarkVersion, *, to: Visitor) -> QuerySet[Contender]:
    """Return contenders with declared runs on the benchmark's questions that have not entered."""
    runs = declared_runs_for(version).filter(
        question_hash__in=version.tasks.values("task_version__question_hash"),
    )
    if version.entrants != BenchmarkVersion.Entrants.OWNER:
        inside = namespaces_inside_of(to) if isinstance(to, User) else ()
        runs = runs.filter(namespace__in=inside)
    return (
        Contender.objects.filter(pk__in=runs.order_by().values("contender_id"))
        .exclude(entries__version=version)
        .order_by("label")
    )
