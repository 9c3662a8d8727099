"""Asking for boards to be computed, and storing what came out."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from benchmarks_app.actions.visibility import show_board
from benchmarks_app.models import BenchmarkVersion
from benchmarks_app.queries import members_of
from leaderboards_app.board.excerpts import cut_excerpt
from leaderboards_app.history.changes import summarise
from leaderboards_app.models import (
    BoardRefresh,
    ScoringOrders,
    SliceResults,
    Standings,
    Weightings,
)
from leaderboards_app.scorings.computation import compute_scoring_orders
from leaderboards_app.slices.computation import count_items
from leaderboards_app.standings.computation import compute_board
from leaderboards_app.standings.corrections import (
    Cause,
    last_of_earlier_version,
    note_corrections,
    statistics_differ,
)
from leaderboards_app.standings.results import store_results
from plumbmark.common.clock import now
from plumbmark.common.outbox import record_event
from plumbmark.common.queue import enqueue
from plumbmark.manifests import content_hash
from plumbmark.manifests.run_manifests import chain_hash

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
        enqueue(REFRESH, merges=True)


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


def _chain_hash(latest: Standings | None) -> str | None:
    if latest is None:
        return None
    return chain_hash(
        content=latest.content_hash, number=latest.number, previous=latest.previous_hash
    )


def _keep_orders(standings: Standings, orders: dict[str, Any] | None) -> None:
    """Store the orders by other scorings: a scoring that changes no board adds one."""
    kept = ScoringOrders.objects.filter(standings=standings)
    if orders is None:
        kept.delete()
    elif [one.content for one in kept] != [orders]:
        ScoringOrders.objects.update_or_create(
            standings=standings, defaults={"content": orders, "computed_at": now()}
        )


def refresh_board(version: BenchmarkVersion) -> Standings | None:
    """Compute a board that is due; a new snapshot only where its content differs.

    A request that came while computing leaves the board due.
    """
    refresh = BoardRefresh.objects.filter(version=version).first()
    seen = refresh.requests if refresh else 0
    reasons = refresh.reasons if refresh else []
    causes = refresh.causes if refresh else []
    board = compute_board(version)
    content = board.content
    orders = compute_scoring_orders(content, [one.task_version for one in members_of(version)])
    digest = content_hash(content)
    with transaction.atomic():
        BenchmarkVersion.objects.select_for_update().get(pk=version.pk)
        BoardRefresh.objects.filter(version=version, requests=seen).delete()
        latest = Standings.objects.filter(version=version).order_by("-number").first()
        if latest is not None and latest.content_hash == digest:
            note_corrections(version, latest, latest, causes)
            _keep_orders(latest, orders)
            return None
        if latest is not None and statistics_differ(latest.content, content):
            reasons = ["statistics.changed", *reasons]
        earlier = latest
        if latest is None and any("report" in cause for cause in causes):
            # The version differs by a corrected key alone, so its rows are compared with before.
            earlier = last_of_earlier_version(version)
        before = earlier.content if earlier is not None and not earlier.is_withheld else None
        standings = Standings.objects.create(
            version=version,
            number=latest.number + 1 if latest else 1,
            content_hash=digest,
            previous_hash=_chain_hash(latest),
            content=content,
            excerpt=cut_excerpt(content),
            summary=summarise(content, before),
            row_count=len(content["rows"]),
            reason=", ".join(reasons)[:300],
        )
        if board.slices is not None:
            SliceResults.objects.create(
                standings=standings, content=board.slices, counts=count_items(board.slices)
            )
        if board.weightings is not None:
            Weightings.objects.create(standings=standings, content=board.weightings)
        _keep_orders(standings, orders)
        note_corrections(version, latest, standings, causes)
        store_results(standings)
        if any(row["status"] == "ranked" for row in content["rows"]):
            show_board(version)
        record_event("standings.created", standings_id=standings.pk, version_id=version.pk)
    return standings
