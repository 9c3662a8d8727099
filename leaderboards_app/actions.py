"""Asking for boards to be computed, and storing what came out."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from benchmarks_app.models import BenchmarkVersion
from leaderboards_app.computation import compute_board
from leaderboards_app.models import BoardRefresh, Correction, Standings
from plumbmark.common.clock import now
from plumbmark.common.outbox import record_event
from plumbmark.common.queue import enqueue
from plumbmark.manifests import content_hash


def request_refresh(version_ids: Iterable[int], *, reason: str) -> None:
    """Note that boards are due. Requests for one board coalesce until it is computed."""
    is_new = False
    for version_id in version_ids:
        is_new = True
        try:
            with transaction.atomic():
                BoardRefresh.objects.create(
                    version_id=version_id, reasons=[reason], requested_at=now()
                )
        except IntegrityError:
            _request_again(version_id, reason)
    if is_new:
        enqueue("leaderboards_app.jobs.refresh_boards")


def _request_again(version_id: int, reason: str) -> None:
    with transaction.atomic():
        row = BoardRefresh.objects.select_for_update().filter(version_id=version_id).first()
        if row is not None:
            reasons = row.reasons if reason in row.reasons else [*row.reasons, reason]
            BoardRefresh.objects.filter(pk=row.pk).update(
                requests=F("requests") + 1, reasons=reasons
            )


def refresh_board(version: BenchmarkVersion) -> Standings | None:
    """Compute a board that is due; a new snapshot only where its content differs.

    A request that came while computing leaves the board due.
    """
    refresh = BoardRefresh.objects.filter(version=version).first()
    seen = refresh.requests if refresh else 0
    reasons = refresh.reasons if refresh else []
    content = compute_board(version)
    digest = content_hash(content)
    with transaction.atomic():
        BenchmarkVersion.objects.select_for_update().get(pk=version.pk)
        BoardRefresh.objects.filter(version=version, requests=seen).delete()
        latest = Standings.objects.filter(version=version).order_by("-number").first()
        if latest is not None and latest.content_hash == digest:
            return None
        if latest is not None and _statistics_differ(latest.content, content):
            reasons = ["statistics.changed", *reasons]
        standings = Standings.objects.create(
            version=version,
            number=latest.number + 1 if latest else 1,
            content_hash=digest,
            content=content,
            row_count=len(content["rows"]),
            reason=", ".join(reasons)[:300],
        )
        _note_corrections(version, latest, standings, reasons)
        record_event("standings.created", standings_id=standings.pk, version_id=version.pk)
    return standings


def _note_corrections(
    version: BenchmarkVersion, before: Standings | None, after: Standings, reasons: Iterable[str]
) -> None:
    """Add to the public log what took something away or changed a row's validity."""
    if before is None:
        return
    if _statistics_differ(before.content, after.content):
        Correction.objects.create(
            benchmark=version.benchmark,
            kind="statistics-changed",
            reason=(
                f"Intervals and ranks are computed by version {after.content['statistics']} of the "
                "statistics. The scores are the same."
            ),
            before=before,
            after=after,
        )
    known = {row["entry"]: row for row in before.content["rows"]}
    for row in after.content["rows"]:
        was = known.get(row["entry"])
        if was is None or row["status"] == was["status"]:
            continue
        if row["status"] == "invalid" or was["status"] == "invalid":
            Correction.objects.create(
                benchmark=version.benchmark,
                kind="row-invalidated" if row["status"] == "invalid" else "row-restored",
                reason=f"{row['contender']['label']}: {row['reason']}",
                before=before,
                after=after,
            )
    if "run.invalidated" in reasons:
        Correction.objects.create(
            benchmark=version.benchmark,
            kind="run-invalidated",
            reason="A run was marked as invalid.",
            before=before,
            after=after,
        )


def _statistics_differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether two contents were computed by different versions of the statistics."""
    return bool(before.get("statistics", 1) != after.get("statistics", 1))
