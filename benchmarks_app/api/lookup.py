"""Finding what a request names, among what the caller may see."""

from collections.abc import Sequence

from rest_framework.request import Request

from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.permissions import can_view_benchmark, can_view_version
from benchmarks_app.queries import as_seen_by
from plumbmark.accounts.visible import find_visible
from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.models import Contender
from tasks_app.runs.queries import visible_contenders


def get_benchmark_or_404(public_id: str, request: Request) -> Benchmark:
    rows = Benchmark.objects.select_related(
        "namespace", "latest_version", "pinned_version", "board_version"
    )
    benchmark = find_visible(rows, public_id, to=request.user, allows=can_view_benchmark)
    return as_seen_by(request.user, benchmark)


def get_benchmark_version_or_404(public_id: str, request: Request) -> BenchmarkVersion:
    rows = BenchmarkVersion.objects.select_related("benchmark__namespace").prefetch_related(
        "tasks__task_version__task__latest_version"
    )
    return find_visible(rows, public_id, to=request.user, allows=can_view_version)


def find_contenders(ids: Sequence[str], request: Request) -> list[Contender]:
    found = {
        contender.public_id: contender
        for contender in visible_contenders(to=request.user, is_listed=False)
        .filter(public_id__in=ids)
        .select_related("deployment__model", "deployment__owner")
    }
    problems = [
        Problem(f"there is no contender {one[:40]!r}", f"contenders[{index}]")
        for index, one in enumerate(ids)
        if one not in found
    ]
    if problems:
        raise InvalidInput(problems)
    return [found[one] for one in dict.fromkeys(ids)]
