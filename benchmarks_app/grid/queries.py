"""Contenders by tasks of a version, and who can be entered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery

from benchmarks_app.models import BenchmarkTask, BenchmarkVersion, Entry
from benchmarks_app.queries import declared_runs_for, members_of
from plumbmark.accounts.models import User
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from plumbmark.manifests import content_hash
from tasks_app.models import Contender, Run
from tasks_app.runs.queries import visible_contenders

GRID_ROWS = 25
MAX_CONTENDERS = 100
"""Contenders that are chosen at once."""
RunsByPlace = Mapping[tuple[int, str], tuple[Run, bool]]
"""The newest run by contender and question hash, and whether one of that place is valid."""


@dataclass(frozen=True, slots=True)
class RunCell:
    """One contender on one task: its newest declared run that the board may show, if any."""

    run: Run | None
    has_valid: bool = False
    """There is a declared run, this or an earlier one, that is completed or at work."""

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

    tasks: Sequence[BenchmarkTask]
    contenders: Sequence[Contender]
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
        """Return whether some run may still change what is shown."""
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


def grid_of(version: BenchmarkVersion) -> Grid:
    """Return the grid of all contenders in three queries, whatever its size."""
    tasks = list(members_of(version))
    contenders = list(contenders_on(version))
    return make_grid(tasks, contenders, newest_runs(version, tasks, contenders))


def newest_runs(
    version: BenchmarkVersion, tasks: Sequence[BenchmarkTask], contenders: Iterable[Contender]
) -> RunsByPlace:
    """Return the newest declared run of each contender on each task that the board may show. One
    query.
    """
    declared = declared_runs_for(version)
    newest = (
        declared.filter(
            contender__in=[contender.pk for contender in contenders],
            question_hash__in=[task.task_version.question_hash for task in tasks],
        )
        .order_by()
        .values("contender_id", "question_hash")
        .annotate(newest=Max("id"))
        .values("newest")
    )
    valid = declared.filter(
        contender=OuterRef("contender"), question_hash=OuterRef("question_hash"), invalid_reason=""
    ).exclude(state__in=[Run.State.FAILED, Run.State.CANCELLED])
    rows = Run.objects.filter(pk__in=newest).annotate(has_valid=Exists(valid))
    return {(run.contender_id, run.question_hash): (run, run.has_valid) for run in rows}


def make_grid(
    tasks: Sequence[BenchmarkTask], contenders: Sequence[Contender], runs: RunsByPlace
) -> Grid:
    """Return the cells of these contenders, from runs that were read."""
    cells = {
        (contender.pk, task.pk): RunCell(
            *runs.get((contender.pk, task.task_version.question_hash), (None, False))
        )
        for contender in contenders
        for task in tasks
    }
    return Grid(tasks, contenders, cells)


@dataclass(frozen=True, slots=True)
class ShownContenders:
    """The contenders on a page of the grid."""

    page: Sequence[Contender]
    """One page of those that are entered."""
    number: int
    """Of the page, from 1."""
    count: int
    """Of all that are entered."""
    chosen: Sequence[Contender]
    """Those that were asked for, in that order, as far as they can be called."""
    enterable: Sequence[Contender]
    """Those with declared runs on the benchmark's questions that have not entered."""


def read_contenders(
    version: BenchmarkVersion, *, page: int, chosen: Sequence[str], to: Visitor
) -> ShownContenders:
    """Return the contenders that the grid shows: all of them in one query, or two where the page
    is beyond the last. `chosen` are ids.
    """
    entered = contenders_on(version).order_by("label", "id")
    start = (page - 1) * GRID_ROWS
    rows = list(
        Contender.objects.annotate(
            is_on_page=Q(pk__in=entered.values("pk")[start : start + GRID_ROWS]),
            is_chosen=Q(pk__in=callable_contenders(chosen, to=to).order_by().values("pk")),
            is_enterable=Q(pk__in=_enterable(version, to).order_by().values("pk")),
            entered=Subquery(
                Entry.objects.filter(version=version)
                .order_by()
                .values("version")
                .values(n=Count("contender", distinct=True))
            ),
        )
        .filter(Q(is_on_page=True) | Q(is_chosen=True) | Q(is_enterable=True))
        .select_related("deployment__model", "deployment__owner")
        .order_by("label", "id")
    )
    on_page = [one for one in rows if one.is_on_page]
    if page > 1 and not on_page:
        last = max(1, -(-entered.count() // GRID_ROWS))
        if last < page:
            return read_contenders(version, page=last, chosen=chosen, to=to)
    by_id = {one.public_id: one for one in rows if one.is_chosen}
    return ShownContenders(
        page=on_page,
        number=page,
        count=(rows[0].entered or 0) if rows else 0,
        chosen=[by_id[one] for one in dict.fromkeys(chosen) if one in by_id],
        enterable=[one for one in rows if one.is_enterable],
    )


def callable_contenders(ids: Sequence[str], *, to: Visitor) -> QuerySet[Contender]:
    """Return the contenders with these ids that can be called and that the person sees."""
    return (
        visible_contenders(to=to, is_listed=False)
        .filter(public_id__in=ids[: MAX_CONTENDERS + 1], deployment__isnull=False)
        .select_related("deployment__model", "deployment__owner")
    )


def _enterable(version: BenchmarkVersion, to: Visitor) -> QuerySet[Contender]:
    runs = declared_runs_for(version).filter(
        question_hash__in=version.tasks.values("task_version__question_hash"),
    )
    if version.entrants != BenchmarkVersion.Entrants.OWNER:
        inside = namespaces_inside_of(to) if isinstance(to, User) else ()
        runs = runs.filter(namespace__in=inside)
    with_runs = Contender.objects.filter(pk__in=runs.order_by().values("contender_id"))
    return with_runs.exclude(entries__version=version)
