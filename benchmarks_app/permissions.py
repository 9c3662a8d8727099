"""Who may see, edit and enter benchmarks. Deny by default."""

from benchmarks_app.models import Benchmark, BenchmarkVersion
from plumbmark.accounts.permissions import (
    Visitor,
    can_act_for,
    can_see_inside,
    is_person,
)
from tasks_app.models.tasks import Visibility


def can_view_benchmark(visitor: Visitor, benchmark: Benchmark) -> bool:
    if benchmark.visibility != Visibility.PRIVATE and benchmark.latest_version_id is not None:
        return True
    return benchmark.pinned_version_id is not None or can_see_inside(visitor, benchmark.namespace)


def sees_pinned_versions_alone(visitor: Visitor, benchmark: Benchmark) -> bool:
    """Return whether the visitor sees nothing of a private benchmark but the boards that stayed
    visible.
    """
    return benchmark.visibility == Visibility.PRIVATE and not can_see_inside(
        visitor, benchmark.namespace
    )


def can_edit_benchmark(visitor: Visitor, benchmark: Benchmark) -> bool:
    return can_act_for(visitor, benchmark.namespace)


def can_view_version(visitor: Visitor, version: BenchmarkVersion) -> bool:
    """Allow drafts for their authors only."""
    if version.state != BenchmarkVersion.State.PUBLISHED:
        return can_see_inside(visitor, version.benchmark.namespace)
    if version.pinned_at is not None:
        return True
    return can_view_benchmark(visitor, version.benchmark) and not sees_pinned_versions_alone(
        visitor, version.benchmark
    )


def can_enter(visitor: Visitor, version: BenchmarkVersion) -> bool:
    """Put a contender on the board."""
    if version.state != BenchmarkVersion.State.PUBLISHED:
        return False
    if can_act_for(visitor, version.benchmark.namespace):
        return True
    return (
        version.entrants == BenchmarkVersion.Entrants.ANYONE
        and is_person(visitor)
        and can_view_version(visitor, version)
        and not sees_pinned_versions_alone(visitor, version.benchmark)
    )
