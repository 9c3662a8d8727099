"""Figures of runs, scorings, their shards, and workers."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Min, Model, Q
from prometheus_client.core import Metric

from plumbmark.common.clock import database_now
from plumbmark.common.metrics import gauge
from plumbmark.common.row_metrics import age_of
from tasks_app.models import Run, Scoring, ScoringShard, Shard
from tasks_app.models.leased_work import LeasedWork
from tasks_app.workers.reports import live_reports

_UNFINISHED = ("queued", "running", "paused")
_HELD = (LeasedWork.State.QUEUED, LeasedWork.State.LEASED)


def work_figures() -> Iterator[Metric]:
    """Return how much work waits, how much is done now, and by how many. Five queries."""
    yield from _unfinished("runs", "Runs", Run.objects.all())
    apart = Scoring.objects.filter(is_inline=False)
    yield from _unfinished("scorings", "Scorings that workers do apart from runs", apart)
    shards: dict[tuple[str, ...], float] = {}
    expired: dict[tuple[str, ...], float] = {}
    for of, model in (("run", Shard), ("scoring", ScoringShard)):
        found = _count_shards(model)
        for state in _HELD:
            shards[of, state.value] = found[state.value]
        expired[(of,)] = found["expired"]
    yield gauge(
        "shards",
        "Parts of runs and scorings, waiting or leased by a worker.",
        shards,
        "of",
        "state",
    )
    yield gauge(
        "shard_leases_expired",
        "Leased parts whose worker is silent; others take them.",
        expired,
        "of",
    )
    reports = live_reports()
    runs_code = sum(bool(report.facts.get("sandbox")) for report in reports)
    yield gauge(
        "workers",
        "Worker processes that reported within a minute, by whether they run code.",
        {("yes",): runs_code, ("no",): len(reports) - runs_code},
        "sandbox",
    )


def _unfinished(name: str, what: str, rows: Any) -> Iterator[Metric]:
    counts = {state: Count("id", filter=Q(state=state)) for state in _UNFINISHED}
    oldest = Min("created_at", filter=Q(state="queued"))
    found = rows.filter(state__in=_UNFINISHED).aggregate(**counts, oldest=oldest)
    values: dict[tuple[str, ...], float] = {(state,): found[state] for state in _UNFINISHED}
    yield gauge(name, f"{what}, by state; finished ones are not counted.", values, "state")
    yield gauge(
        f"{name}_oldest_queued_age_seconds",
        f"{what}: age of the oldest one that no worker has begun.",
        age_of(found["oldest"]),
    )


def _count_shards(model: type[Model]) -> dict[str, int]:
    is_leased = Q(state=LeasedWork.State.LEASED)
    found: dict[str, int] = model._default_manager.filter(state__in=_HELD).aggregate(
        queued=Count("id", filter=Q(state=LeasedWork.State.QUEUED)),
        leased=Count("id", filter=is_leased),
        expired=Count("id", filter=is_leased & Q(lease_expires_at__lt=database_now())),
    )
    return found


def worker_counts() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Return what live workers have counted, by their names. One query."""
    for report in live_reports(with_metrics=True):
        yield report.name, report.metrics
