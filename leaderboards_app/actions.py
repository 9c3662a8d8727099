"""Asking for boards to be computed, and storing what came out."""

from collections.abc import Iterable, Sequence

from django.db import IntegrityError, transaction
from django.db.models import F

from benchmarks_app.actions.visibility import show_board
from benchmarks_app.models import BenchmarkVersion
from leaderboards_app.computation import compute_board
from leaderboards_app.corrections import Cause, note_corrections, statistics_differ
from leaderboards_app.models import BoardRefresh, Standings
from plumbmark.common.clock import now
from plumbmark.common.outbox import record_event
from plumbmark.common.queue import enqueue
from plumbmark.manifests import content_hash

REFRESH = "leaderboards_app.jobs.refresh_boards"


def request_refresh(version_ids: Iterable[int], *, reason: str, cause: Cause | None = None) -> None:
    """Note that boards are due. Requests for one board coalesce until it is computed.

    A `cause` is noted as a correction when the board is computed.
    """
    causes = [] if cause is None else [cause]
    is_new = False
    for version_id in version_ids:
        is_new = True
        try:
            with transaction.atomic():
                BoardRefresh.objects.create(
                    version_id=version_id, reasons=[reason], causes=causes, requested_at=now()
                )
        except IntegrityError:
            _request_again(version_id, reason, causes)
    if is_new:
        enqueue(REFRESH)


def _request_again(version_id: int, reason: str, causes: Sequence[Cause]) -> None:
    with transaction.atomic():
        row = BoardRefresh.objects.select_for_update().filter(version_id=version_id).first()
        if row is not None:
            reasons = row.reasons if reason in row.reasons else [*row.reasons, reason]
            BoardRefresh.objects.filter(pk=row.pk).update(
                requests=F("requests") + 1,
                reasons=reasons,
                causes=[*row.causes, *(cause for cause in causes if cause not in row.causes)],
            )


def refresh_board(version: BenchmarkVersion) -> Standings | None:
    """Compute a board that is due; a new snapshot only where its content differs.

    A request that came while computing leaves the board due.
    """
    refresh = BoardRefresh.objects.filter(version=version).first()
    seen = refresh.requests if refresh else 0
    reasons = refresh.reasons if refresh else []
    causes = refresh.causes if refresh else []
    content = compute_board(version)
    digest = content_hash(content)
    with transaction.atomic():
        BenchmarkVersion.objects.select_for_update().get(pk=version.pk)
        BoardRefresh.objects.filter(version=version, requests=seen).delete()
        latest = Standings.objects.filter(version=version).order_by("-number").first()
        if latest is not None and latest.content_hash == digest:
            note_corrections(version, latest, latest, causes)
            return None
        if latest is not None and statistics_differ(latest.content, content):
            reasons = ["statistics.changed", *reasons]
        standings = Standings.objects.create(
            version=version,
            number=latest.number + 1 if latest else 1,
            content_hash=digest,
            content=content,
            row_count=len(content["rows"]),
            reason=", ".join(reasons)[:300],
        )
        note_corrections(version, latest, standings, causes)
        if any(row["status"] == "ranked" for row in content["rows"]):
            show_board(version)
        record_event("standings.created", standings_id=standings.pk, version_id=version.pk)
    return standings
