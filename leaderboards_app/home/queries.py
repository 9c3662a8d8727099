"""Named reads of the home page. Each of the public lists shows everybody the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce

from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.queries import visible_benchmarks
from leaderboards_app.history.changes import describe_counts
from leaderboards_app.models import ContenderResult, DailyReadings, Standings
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from plumbmark.common.clock import now
from tasks_app.item_reports.queries import waiting_reports
from tasks_app.models import Run, Task
from tasks_app.transfer_offers.queries import received_offers

MAX_LISTED = 5
MAX_OWN = 6
MAX_RUNS = 12
READ_DAYS = 30
"""The days whose readings make a benchmark one of the most read."""
_FAILED_DAYS = 14
"""Time that a failed run waits for somebody to look at it."""
_SNAPSHOTS = 100
"""The newest snapshots among which the boards that moved are looked for."""
_PICTURE_ROWS = 6
_NOBODY = AnonymousUser()


def public_benchmarks() -> QuerySet[Benchmark]:
    return visible_benchmarks(to=_NOBODY)


@dataclass(frozen=True, slots=True)
class MovedBoard:
    """A board whose newest snapshot differs from the one before."""

    benchmark: Benchmark
    version_id: int
    public_id: str
    """Of the snapshot."""
    at: datetime
    changes: Mapping[str, int]

    @property
    def words(self) -> str:
        """Return what changed: `1 new row, 3 ranks`."""
        return describe_counts(self.changes)


def moved_boards() -> Sequence[MovedBoard]:
    """Return the public benchmarks whose standings changed last, newest change first. One query."""
    snapshots = (
        Standings.objects.filter(
            number__gt=1,
            summary__isnull=False,
            version_id=F("version__benchmark__board_version_id"),
            version__benchmark__in=public_benchmarks().order_by().values("pk"),
        )
        .select_related("version__benchmark__namespace")
        .only(
            *("public_id", "created_at", "version__number"),
            *("version__benchmark__public_id", "version__benchmark__title"),
            "version__benchmark__claim",
            *("version__benchmark__slug", "version__benchmark__namespace__handle"),
        )
        .annotate(changes=KeyTransform("changes", "summary"))
        .order_by("-pk")
    )
    found: dict[int, MovedBoard] = {}
    for one in snapshots[:_SNAPSHOTS]:
        changes: Mapping[str, int] = one.changes or {}
        if one.version_id not in found and any(changes.values()):
            found[one.version_id] = MovedBoard(
                one.version.benchmark, one.version_id, one.public_id, one.created_at, changes
            )
    return list(found.values())[:MAX_LISTED]


@dataclass(frozen=True, slots=True)
class ListedBenchmarks:
    """Public benchmarks, with the attributes `first_published` and `readings_lately`."""

    newest: Sequence[Any]
    """Those whose first version was published last."""
    most_read: Sequence[Any]


def listed_benchmarks() -> ListedBenchmarks:
    """Return the newest public benchmarks, and those that were read most lately. One query."""
    first = BenchmarkVersion.objects.filter(
        benchmark=OuterRef("pk"), state=BenchmarkVersion.State.PUBLISHED
    ).order_by("number")
    public = public_benchmarks().annotate(
        first_published=Subquery(first.values("published_at")[:1])
    )
    newest = public.order_by(F("first_published").desc(nulls_last=True), "-pk").values("pk")
    since = now().date() - timedelta(days=READ_DAYS)
    counts = (
        DailyReadings.objects.filter(day__gt=since)
        .order_by()
        .values("benchmark")
        .annotate(total=Sum("count"))
    )
    most_read = counts.filter(benchmark__in=public_benchmarks().order_by().values("pk")).order_by(
        "-total", "benchmark"
    )
    found = list(
        public.annotate(
            readings_lately=Subquery(counts.filter(benchmark=OuterRef("pk")).values("total"))
        )
        .filter(
            Q(pk__in=newest[:MAX_LISTED]) | Q(pk__in=most_read.values("benchmark")[:MAX_LISTED])
        )
        .order_by(F("first_published").desc(nulls_last=True), "-pk")
    )
    read = sorted(
        (one for one in found if one.readings_lately),
        key=lambda one: (-one.readings_lately, one.pk),
    )
    return ListedBenchmarks(found[:MAX_LISTED], read[:MAX_LISTED])


def rows_of_picture(version_id: int) -> list[ContenderResult]:
    """Return the first ranked rows of a board's newest snapshot with an interval. One query."""
    return list(
        ContenderResult.objects.filter(
            version=version_id, status="ranked", low__isnull=False, best_rank__isnull=False
        )
        .select_related("contender")
        .order_by("best_rank", "worst_rank", "pk")[:_PICTURE_ROWS]
    )


@dataclass(frozen=True, slots=True)
class OwnWork:
    """The things of a person and their teams, newest change first."""

    benchmarks: Sequence[Benchmark]
    tasks: Sequence[Task]
    at_work: Sequence[Run]
    waiting: Sequence[Run]
    """Runs that need somebody: paused ones, and failed ones of the last days."""
    open_reports: int
    """Reports on items of theirs that wait for a decision."""
    offered: Sequence[Task]
    """Tasks that others offer to them, with the id of the offer as `offer`."""


def own_work(visitor: Visitor) -> OwnWork:
    """Return what is theirs and what waits for them. Three queries."""
    mine: Any = namespaces_inside_of(visitor).values("pk")
    benchmarks = Benchmark.objects.filter(namespace__in=mine, archived_at__isnull=True)
    # Beside the tasks: whoever has none has no reports on them.
    waiting = waiting_reports(visitor).order_by().values("status")
    counted = Subquery(waiting.annotate(count=Count("pk")).values("count"))
    offers = received_offers(to=visitor)
    found = Task.objects.filter(
        Q(namespace__in=mine, archived_at__isnull=True) | Q(pk__in=offers.order_by().values("task"))
    )
    offer = Subquery(offers.filter(task=OuterRef("pk")).values("public_id")[:1])
    tasks: list[Any] = list(
        found.annotate(open_reports=Coalesce(counted, 0), offer=offer)
        .select_related("namespace")
        .order_by(F("offer").asc(nulls_last=True), "-updated_at", "-pk")[: 2 * MAX_OWN]
    )
    runs = Run.objects.filter(
        Q(state__in=[Run.State.QUEUED, Run.State.RUNNING, Run.State.PAUSED])
        | Q(
            state=Run.State.FAILED,
            invalid_reason="",
            finished_at__gt=now() - timedelta(days=_FAILED_DAYS),
        ),
        namespace__in=mine,
    ).select_related("task_version__task__namespace", "contender")
    shown = list(runs.order_by("-pk")[:MAX_RUNS])
    is_waiting = {Run.State.PAUSED, Run.State.FAILED}
    return OwnWork(
        list(benchmarks.select_related("namespace").order_by("-updated_at", "-pk")[:MAX_OWN]),
        [task for task in tasks if not task.offer][:MAX_OWN],
        [run for run in shown if run.state not in is_waiting],
        [run for run in shown if run.state in is_waiting],
        tasks[0].open_reports if tasks else 0,
        [task for task in tasks if task.offer][:MAX_OWN],
    )
