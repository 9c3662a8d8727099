"""Which benchmarks use a task or a run, for their pages."""

from collections.abc import Iterable

from django.db.models import Exists, F, OuterRef

from benchmarks_app.models import Benchmark, BenchmarkTask, EntryRun
from benchmarks_app.queries import visible_benchmarks
from plumbmark.accounts.permissions import Visitor
from tasks_app.authoring.uses import UsePage
from tasks_app.models import Run, Task

_SHOWN = 20


def benchmarks_with_task(task: Task, visitor: Visitor) -> list[UsePage]:
    """Return the benchmarks whose newest version has a version of the task. One query."""
    members = BenchmarkTask.objects.filter(
        version=OuterRef("latest_version"), task_version__task=task
    )
    return _uses(visible_benchmarks(to=visitor).filter(Exists(members))[:_SHOWN])


def benchmarks_with_run(run: Run, visitor: Visitor) -> list[UsePage]:
    """Return the benchmarks on which the run is entered. One query."""
    entered = EntryRun.objects.filter(
        run=run,
        entry__version__benchmark=OuterRef("pk"),
        entry__version__number__lte=OuterRef("newest"),
    )
    benchmarks = visible_benchmarks(to=visitor).annotate(newest=F("latest_version__number"))
    return _uses(benchmarks.filter(Exists(entered))[:_SHOWN])


def _uses(benchmarks: Iterable[Benchmark]) -> list[UsePage]:
    return [UsePage(one.title, one.get_absolute_url()) for one in benchmarks]
