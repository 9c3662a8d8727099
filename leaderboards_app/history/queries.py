"""Named reads of a board's past."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.db.models.fields.json import KeyTransform

from benchmarks_app.models import Benchmark, BenchmarkVersion
from benchmarks_app.queries import published_versions_of
from leaderboards_app.board.snapshots import snapshot_of
from leaderboards_app.history.changes import RowChange, list_changes
from leaderboards_app.history.timeline import MAX_SNAPSHOTS, Moment
from leaderboards_app.models import Correction, Standings
from leaderboards_app.standings.corrections import ITEM_CORRECTED
from plumbmark.accounts.permissions import Visitor
from plumbmark.common.retention import withheld_note

MAX_LISTED = 200


def snapshots_of_benchmark(benchmark: Benchmark, *, to: Visitor) -> QuerySet[Standings]:
    """Return the snapshots of all versions that the visitor may see, newest first, without their
    contents.
    """
    versions = published_versions_of(benchmark, to=to)
    return (
        Standings.objects.filter(version__in=versions)
        .select_related("version__benchmark__namespace")
        .defer("content", "excerpt", "summary")
        .annotate(changes=KeyTransform("changes", "summary"))
        .order_by("-id")
    )


def moments_of(version: BenchmarkVersion) -> Sequence[Moment]:
    """Return the last snapshots of a version that have a summary, oldest first. One query."""
    rows = (
        Standings.objects.filter(version=version, summary__isnull=False)
        .order_by("-number")
        .values_list("public_id", "number", "created_at", KeyTransform("points", "summary"))
    )
    return [
        Moment(public_id, number, at, points or [])
        for public_id, number, at, points in reversed(rows[:MAX_SNAPSHOTS])
    ]


def metric_of_board(version: BenchmarkVersion) -> dict[str, Any] | None:
    """Return the scale of a board's score; None if it has no snapshot with content. One query."""
    newest = (
        Standings.objects.filter(version=version, withheld_at__isnull=True)
        .order_by("-number")
        .values_list(KeyTransform("metric", "content"), flat=True)
        .first()
    )
    return newest or None


def snapshot_before(standings: Standings) -> Standings | None:
    """Return the snapshot that this one took the place of.

    None for the first of a version, unless that version differs by a corrected key alone.
    """
    if standings.number == 1:
        correction = (
            Correction.objects.filter(
                benchmark=standings.version.benchmark_id, kind=ITEM_CORRECTED, after=standings
            )
            .select_related("before__version__benchmark")
            .defer("before__content", "before__excerpt", "before__summary")
            .first()
        )
        return None if correction is None else correction.before
    return (
        Standings.objects.filter(version=standings.version_id, number=standings.number - 1)
        .defer("content", "excerpt", "summary")
        .first()
    )


@dataclass(frozen=True, slots=True)
class WithheldSnapshot:
    """A snapshot whose rows are no longer kept, so that nothing can be compared with them."""

    note: str


def changes_of(standings: Standings) -> list[RowChange] | WithheldSnapshot:
    """Return the rows that a snapshot changed. Four queries at most."""
    before = snapshot_before(standings)
    for one in (standings, before):
        if one is not None and one.is_withheld:
            return WithheldSnapshot(withheld_note(one))
    content = snapshot_of(standings.public_id).content
    if before is None:
        # Before the first snapshot there was no row.
        return list_changes({"rows": [], "metric": content["metric"]}, content)
    return list_changes(snapshot_of(before.public_id).content, content)
