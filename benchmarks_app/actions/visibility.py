"""Who may see a benchmark, and which boards stay visible when it becomes private."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import ngettext

from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.permissions import can_edit_benchmark
from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import record_event
from tasks_app.authoring.visibility import declared_results
from tasks_app.models.tasks import Visibility


@dataclass(frozen=True, slots=True)
class LastingBoard:
    """A version whose board stays visible if its benchmark becomes private, and why."""

    number: int
    runs: int
    """Declared runs with results, or under way."""

    @property
    def reason(self) -> str:
        """Return a sentence for people."""
        text = ngettext(
            "The board of version %(number)s stays visible: it shows %(runs)s declared run.",
            "The board of version %(number)s stays visible: it shows %(runs)s declared runs.",
            self.runs,
        )
        return text % {"number": self.number, "runs": self.runs}


def lasting_boards(benchmark: Benchmark) -> list[LastingBoard]:
    """Return what stays visible if the benchmark becomes private, newest version first."""
    counts = (
        BenchmarkVersion.objects.filter(
            benchmark=benchmark,
            state=BenchmarkVersion.State.PUBLISHED,
            entries__entry_runs__run__in=declared_results(),
        )
        .order_by("-number")
        .values_list("number")
        .annotate(runs=Count("entries__entry_runs__run", distinct=True))
    )
    return [LastingBoard(number, runs) for number, runs in counts]


def set_benchmark_visibility(*, benchmark: Benchmark, visibility: str, by: User) -> Benchmark:
    """Change who may see a benchmark. Boards with results stay visible: see `lasting_boards`."""
    if not can_edit_benchmark(by, benchmark):
        raise NotAllowed("This benchmark belongs to somebody else.")
    if visibility not in Visibility.values:
        raise InvalidInput(
            [Problem(f"must be one of {', '.join(Visibility.values)}", "visibility")]
        )
    with transaction.atomic():
        locked = Benchmark.objects.select_for_update().get(pk=benchmark.pk)
        change_visibility(locked, visibility)
        locked.save(update_fields=["visibility", "pinned_version", "updated_at"])
        audit.record(
            "set-visibility", f"benchmark:{benchmark.public_id}", by=by, visibility=visibility
        )
        record_event("benchmark.updated", benchmark_id=benchmark.pk)
    benchmark.refresh_from_db()
    return benchmark


def show_board(version: BenchmarkVersion) -> None:
    """Let the benchmark's page show the board of this version, unless it shows a newer one's."""
    Benchmark.objects.filter(
        Q(board_version=None) | Q(board_version__number__lt=version.number),
        pk=version.benchmark_id,
    ).update(board_version=version)


def change_visibility(benchmark: Benchmark, visibility: str) -> None:
    """Set the visibility, and pin the boards that stay visible; the caller saves the benchmark."""
    if benchmark.visibility != Visibility.PRIVATE and visibility == Visibility.PRIVATE:
        numbers = [board.number for board in lasting_boards(benchmark)]
        versions = benchmark.versions.filter(number__in=numbers)
        versions.filter(pinned_at__isnull=True).update(pinned_at=now())
        pinned = benchmark.versions.filter(pinned_at__isnull=False)
        benchmark.pinned_version = pinned.order_by("number").last()
    benchmark.visibility = visibility
