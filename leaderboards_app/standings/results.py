"""Rows of the newest snapshots in a table of their own, so that a model's results can be found.

They are derived: a snapshot replaces the rows of the one before, and `rebuild_results` makes all
anew.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery

from benchmarks_app.models import Entry
from leaderboards_app.models import ContenderResult, Standings
from tasks_app.models import Contender

_BATCH = 500


def store_results(standings: Standings) -> int:
    """Replace the results of the snapshot's version by its rows; return how many there are."""
    rows = standings.content["rows"]
    contenders = dict(
        Entry.objects.filter(version=standings.version_id).values_list("pk", "contender_id")
    )
    ranked = {
        scope: sum(row["ranks"][scope] is not None for row in rows) for scope in ("all", "platform")
    }
    results = [
        _result(standings, row, contenders[row["entry"]], ranked)
        for row in rows
        if row["entry"] in contenders
    ]
    with transaction.atomic():
        ContenderResult.objects.filter(version=standings.version_id).delete()
        ContenderResult.objects.bulk_create(results, _BATCH)
    return len(results)


def rebuild_results() -> int:
    """Store the results of every board anew; return how many there are."""
    newer = Standings.objects.filter(version=OuterRef("version")).order_by("-number")
    newest = Standings.objects.filter(pk=Subquery(newer.values("pk")[:1]), withheld_at=None)
    with transaction.atomic():
        ContenderResult.objects.exclude(standings__in=newest).delete()
    return sum(store_results(standings) for standings in newest.iterator(chunk_size=1))


def _result(
    standings: Standings, row: Mapping[str, Any], contender_id: int, ranked: Mapping[str, int]
) -> ContenderResult:
    score = row["score"] or {}
    # As the board shows it at first: what the platform ran has ranks of its own.
    scope = "platform" if row["contender"]["kind"] == Contender.Kind.RUN else "all"
    rank = row["ranks"][scope] or {}
    return ContenderResult(
        version_id=standings.version_id,
        contender_id=contender_id,
        standings=standings,
        status=row["status"],
        value=score.get("value"),
        low=score.get("low"),
        high=score.get("high"),
        best_rank=rank.get("best"),
        worst_rank=rank.get("worst"),
        ranked_rows=ranked[scope],
        metric=standings.content["metric"],
        cost_per_item=row["cost_per_item"],
        median_latency_ms=row["median_latency_ms"],
        date=row["date"],
        model_changed=row["model_changed"],
    )
