"""Named reads of benchmarks."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet
from django.http import Http404

from benchmarks_app.models import (
    Benchmark,
    BenchmarkTask,
    BenchmarkVersion,
    Entry,
)
from benchmarks_app.permissions import (
    can_view_benchmark,
    can_view_version,
    sees_pinned_versions_alone,
)
from plumbmark.accounts.models import Namespace
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from tasks_app.models import Run
from tasks_app.models.tasks import Visibility


@dataclass(frozen=True, slots=True)
class ListedBenchmark:
    """A benchmark as lists show it."""

    benchmark: Benchmark
    task_count: int
    """Of the latest version, as the next."""
    entry_count: int


def visible_benchmarks(*, to: Visitor) -> QuerySet[Benchmark]:
    """Return published public benchmarks, and the visitor's own in any state; newest change
    first.
    """
    public = Q(visibility=Visibility.PUBLIC, latest_version__isnull=False)
    return (
        Benchmark.objects.filter(public | Q(namespace__in=namespaces_inside_of(to)))
        .filter(archived_at__isnull=True)
        .select_related("namespace", "latest_version")
        .order_by("-updated_at", "-id")
    )


def benchmarks_for_anybody() -> QuerySet[Benchmark]:
    """Return the benchmarks that `can_view_benchmark` shows to anyone with the address."""
    return Benchmark.objects.filter(
        Q(latest_version__isnull=False) & ~Q(visibility=Visibility.PRIVATE)
        | Q(pinned_version__isnull=False)
    )


def versions_for_anybody() -> QuerySet[BenchmarkVersion]:
    """Return the versions that `can_view_version` shows to anyone with the address."""
    return BenchmarkVersion.objects.filter(state=BenchmarkVersion.State.PUBLISHED).filter(
        ~Q(benchmark__visibility=Visibility.PRIVATE) | Q(pinned_at__isnull=False)
    )


def as_seen_by(visitor: Visitor, benchmark: Benchmark) -> Benchmark:
    """Return the benchmark with the newest version that the visitor may see as its latest one."""
    if sees_pinned_versions_alone(visitor, benchmark):
        benchmark.latest_version = benchmark.board_version = benchmark.pinned_version
    return benchmark


def published_versions_of(benchmark: Benchmark, *, to: Visitor) -> QuerySet[BenchmarkVersion]:
    """Return published versions that the visitor may see, newest first."""
    versions = benchmark.versions.filter(state=BenchmarkVersion.State.PUBLISHED)
    if sees_pinned_versions_alone(to, benchmark):
        versions = versions.filter(pinned_at__isnull=False)
    return versions.order_by("-number")


def add_counts(benchmarks: Iterable[Benchmark]) -> list[ListedBenchmark]:
    """Return the benchmarks of one page with the facts that a list shows. Two queries.

    Counted for these alone: in the query that chooses them, the database would count the tasks and
    entries of every benchmark first.
    """
    shown = list(benchmarks)
    versions = [one.latest_version_id for one in shown if one.latest_version_id is not None]
    tasks, entries = (
        dict(
            model.objects.filter(version__in=versions)
            .order_by()
            .values_list("version_id")
            .annotate(n=Count("pk"))
        )
        for model in (BenchmarkTask, Entry)
    )
    return [
        ListedBenchmark(
            benchmark=one,
            task_count=tasks.get(one.latest_version_id, 0),
            entry_count=entries.get(one.latest_version_id, 0),
        )
        for one in shown
    ]


def benchmarks_at(handle: str, slug: str) -> QuerySet[Benchmark]:
    """Return the one at an address, or none, without checks: the result must pass the
    permissions.
    """
    related = ("namespace", "latest_version", "pinned_version", "board_version")
    return Benchmark.objects.select_related(*related).filter(namespace__handle=handle, slug=slug)


def benchmark_at(*, handle: str, slug: str, to: Visitor) -> Benchmark:
    """Return the benchmark at an address; 404 if the visitor may not see it."""
    benchmark = benchmarks_at(handle, slug).first()
    if benchmark is None or not can_view_benchmark(to, benchmark):
        raise Http404
    return as_seen_by(to, benchmark)


def version_of(*, benchmark: Benchmark, number: int, to: Visitor) -> BenchmarkVersion:
    version = (
        BenchmarkVersion.objects.select_related("benchmark__namespace")
        .filter(benchmark=benchmark, number=number)
        .first()
    )
    if version is None or not can_view_version(to, version):
        raise Http404
    return version


def members_of(version: BenchmarkVersion) -> QuerySet[BenchmarkTask]:
    return _with_tasks(version.tasks.all())


def _with_tasks(rows: QuerySet[BenchmarkTask]) -> QuerySet[BenchmarkTask]:
    return rows.select_related(
        "task_version__task__namespace", "task_version__task__latest_version"
    ).order_by("position")


def newest_members_at(*, handle: str, slug: str, to: Visitor) -> list[BenchmarkTask]:
    """Return the tasks of the newest version that the visitor may see, with version and benchmark;
    404 where there is none. One query, unless the visitor sees pinned versions alone.
    """
    rows = BenchmarkTask.objects.filter(
        version__benchmark__namespace__handle=handle,
        version__benchmark__slug=slug,
        version=F("version__benchmark__latest_version"),
    )
    related = ("namespace", "latest_version", "pinned_version", "board_version")
    members = list(
        _with_tasks(rows).select_related(*(f"version__benchmark__{name}" for name in related))
    )
    if members and can_view_version(to, members[0].version):
        version = members[0].version
    else:
        benchmark = benchmark_at(handle=handle, slug=slug, to=to)
        if benchmark.latest_version is None:
            raise Http404
        version = benchmark.latest_version
        version.benchmark = benchmark
        members = list(members_of(version))
    for one in members:
        one.version = version
    return members


def entries_of(version: BenchmarkVersion) -> QuerySet[Entry]:
    return version.entries.select_related("contender__model", "created_by__namespace").order_by(
        "id"
    )


def count_benchmarks(namespace: Namespace) -> int:
    return Benchmark.objects.filter(namespace=namespace).count()


def declared_runs_for(version: BenchmarkVersion) -> QuerySet[Run]:
    """Return the declared runs, on whatever questions, that the board of this version may show:
    where only its owner enters contenders, those of the owner alone.
    """
    runs = Run.objects.filter(purpose=Run.Purpose.DECLARED)
    if version.entrants == BenchmarkVersion.Entrants.OWNER:
        runs = runs.filter(namespace=version.benchmark.namespace_id)
    return runs
