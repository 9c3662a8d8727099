"""Named reads of boards."""

from typing import Any

from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, When
from django.http import Http404

from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.permissions import (
    can_view_benchmark,
    can_view_version,
    sees_pinned_versions_alone,
)
from benchmarks_app.queries import (
    as_seen_by,
    benchmarks_at,
    benchmarks_for_anybody,
    published_versions_of,
    versions_for_anybody,
)
from leaderboards_app.models import Correction, Standings
from plumbmark.accounts.permissions import Visitor
from plumbmark.web.compiled_queries import CompiledModelQuery, CompiledQuery
from tasks_app.models.tasks import Visibility

_SHOWN_OF_A_BENCHMARK = (
    "public_id",
    "title",
    "claim",
    "tags",
    "visibility",
    "latest_version_id",
    "board_version_id",
    "pinned_version_id",
    "namespace__display_name",
)


def _newest_standings(version: Any) -> QuerySet[Standings, tuple[str]]:
    return (
        Standings.objects.filter(version=version).order_by("-number").values_list("public_id")[:1]
    )


_board = CompiledQuery(
    lambda handle, slug: (
        benchmarks_for_anybody()
        .filter(namespace__handle=handle, slug=slug)
        .annotate(
            seen_version=Case(
                When(visibility=Visibility.PRIVATE, then=F("pinned_version")),
                default=F("board_version"),
            )
        )
        .values_list(*_SHOWN_OF_A_BENCHMARK, Subquery(_newest_standings(OuterRef("seen_version"))))
    ),
    "handle",
    "slug",
)

_benchmark = CompiledModelQuery(
    lambda handle, slug: benchmarks_at(handle, slug).annotate(
        newest_standings=Subquery(_newest_standings(OuterRef("board_version"))),
        pinned_standings=Subquery(_newest_standings(OuterRef("pinned_version"))),
    ),
    "handle",
    "slug",
)

_snapshot = CompiledQuery(
    lambda public_id: Standings.objects.filter(
        public_id=public_id,
        version__in=versions_for_anybody(),
    ).values_list(
        "public_id",
        "withheld_at",
        *(f"version__benchmark__{field}" for field in _SHOWN_OF_A_BENCHMARK),
    ),
    "public_id",
)


def board_fingerprint(*, handle: str, slug: str) -> str | None:
    """Return a value that changes whenever a board's public page does; None if there is no such
    page.

    A published version and the newest snapshot never change: their ids identify them.
    """
    row = _board.first(handle=handle, slug=slug)
    return None if row is None else f"board {row}"


def snapshot_fingerprint(*, public_id: str) -> str | None:
    """Return the same for the page of a snapshot."""
    row = _snapshot.first(public_id=public_id)
    return None if row is None else f"snapshot {row}"


def board_at(*, handle: str, slug: str, to: Visitor) -> tuple[Benchmark, str | None]:
    """Return the benchmark at an address, and the public id of the newest snapshot of the version
    whose board the visitor sees.
    """
    benchmark = _benchmark.first(handle=handle, slug=slug)
    if benchmark is None or not can_view_benchmark(to, benchmark):
        raise Http404
    is_pinned = sees_pinned_versions_alone(to, benchmark)
    newest = "pinned_standings" if is_pinned else "newest_standings"
    return as_seen_by(to, benchmark), getattr(benchmark, newest, None)


def latest_standings_id(version: BenchmarkVersion) -> str | None:
    """Return the public id of the newest snapshot, without its content."""
    newest = _newest_standings(version).first()
    return newest[0] if newest else None


def standings_at(*, public_id: str, to: Visitor) -> Standings:
    """Return a snapshot by its permalink; 404 if the visitor may not see its benchmark."""
    standings = (
        Standings.objects.select_related("version__benchmark__namespace")
        .defer("content")
        .filter(public_id=public_id)
        .first()
    )
    if standings is None or not can_view_version(to, standings.version):
        raise Http404
    return standings


def following_snapshot(standings: Standings) -> Standings | None:
    """Return the next snapshot of the same board whose content is still there."""
    return (
        Standings.objects.filter(
            version=standings.version_id, number__gt=standings.number, withheld_at__isnull=True
        )
        .defer("content")
        .order_by("number")
        .first()
    )


def snapshots_of(version: BenchmarkVersion) -> QuerySet[Standings]:
    """Return all snapshots, newest first, without their contents."""
    return Standings.objects.filter(version=version).defer("content").order_by("-number")


def corrections_of(benchmark: Benchmark, *, to: Visitor) -> QuerySet[Correction]:
    """Return the corrections of the boards that the visitor may see, newest first."""
    corrections = Correction.objects.filter(benchmark=benchmark)
    if sees_pinned_versions_alone(to, benchmark):
        corrections = corrections.filter(
            Q(after=None) | Q(after__version__in=published_versions_of(benchmark, to=to))
        )
    return (
        corrections.select_related("before__version", "after__version", "by__namespace", "run")
        .defer("before__content", "after__content")
        .order_by("-id")
    )
