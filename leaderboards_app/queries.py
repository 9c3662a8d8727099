"""Named reads of boards."""

from django.db.models import QuerySet
from django.http import Http404

from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.permissions import can_view_version
from leaderboards_app.models import Correction, Standings
from plumbmark.accounts.permissions import Visitor


def latest_standings_id(version: BenchmarkVersion) -> str | None:
    """The public id of the newest snapshot, without its content."""
    return (
        Standings.objects.filter(version=version)
        .order_by("-number")
        .values_list("public_id", flat=True)
        .first()
    )


def standings_at(*, public_id: str, to: Visitor) -> Standings:
    """A snapshot by its permalink; 404 where the visitor may not see its benchmark."""
    standings = (
        Standings.objects.select_related("version__benchmark__namespace")
        .defer("content")
        .filter(public_id=public_id)
        .first()
    )
    if standings is None or not can_view_version(to, standings.version):
        raise Http404
    return standings


def snapshots_of(version: BenchmarkVersion) -> QuerySet[Standings]:
    """All snapshots, the newest first, without their contents."""
    return Standings.objects.filter(version=version).defer("content").order_by("-number")


def corrections_of(benchmark: Benchmark) -> QuerySet[Correction]:
    return (
        Correction.objects.filter(benchmark=benchmark)
        .select_related("before__version", "after__version", "by__namespace")
        .defer("before__content", "after__content")
        .order_by("-id")
    )
