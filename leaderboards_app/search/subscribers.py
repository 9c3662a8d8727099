"""Keeping the index up to date when something happens below it."""

from typing import Any

from leaderboards_app.search.actions import index_things
from leaderboards_app.search.documents import Kind
from plumbmark.common.outbox import Subscriber, subscribe
from plumbmark.common.queue import enqueue

REPAIR = "leaderboards_app.jobs.repair_search"
INDEX_HELP = "leaderboards_app.jobs.index_guides"

_EVENTS = {
    "benchmark.updated": (Kind.BENCHMARK, "benchmark_id"),
    "benchmark.published": (Kind.BENCHMARK, "benchmark_id"),
    "task.updated": (Kind.TASK, "task_id"),
    "task.published": (Kind.TASK, "task_id"),
    "task.withdrawn": (Kind.TASK, "task_id"),
    "model.updated": (Kind.MODEL, "model_id"),
    "namespace.updated": (Kind.PERSON, "namespace_id"),
}


def register() -> None:
    for event, (kind, key) in _EVENTS.items():
        subscribe(event, "search.index", _index(kind, key))
    subscribe("leaderboards.derived", "search.index", lambda _payload: enqueue(REPAIR))


def _index(kind: str, key: str) -> Subscriber:
    def index(payload: dict[str, Any]) -> None:
        index_things(kind, [payload[key]])

    return index
