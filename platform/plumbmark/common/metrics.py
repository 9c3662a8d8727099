"""Metrics in Prometheus' format: what this process counts, and what the database tells of all.

A room defines what it counts in `OWN`, and registers with `register_figures` what it reads from the
database when somebody asks. Labels have few values: never a path, an id, or what people named.
Each process tells its own counts, with its name as the label `process`. Workers have no port: their
counts are stored with their reports, and the pages tell them.
"""

import hmac
import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from plumbmark.common.shared_work import SharedWork

log = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
FIGURES_KEPT_SECONDS = 10.0
MAX_FIGURES_SECONDS = 5.0
_PREFIX = "plumbmark_"

disable_created_metrics()  # type: ignore[no-untyped-call]

OWN = CollectorRegistry()
"""What this process counts."""
ProcessCollector(namespace="plumbmark", registry=OWN)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUESTS = Counter(
    "plumbmark_http_requests",
    "Requests that were answered, by the pattern of their address.",
    ["method", "route", "status"],
    registry=OWN,
)
_REQUEST_SECONDS = Histogram(
    "plumbmark_http_request_duration_seconds",
    "How long requests took, from their last byte to the answer's first (pages) or last (gateway).",
    ["method", "route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
    registry=OWN,
)
_requests: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
"""The counters of a method, route and status, which are few: finding them costs most."""


def note_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request. `route` is a pattern of ours, never what a client sent."""
    key = (method, route, status)
    found = _requests.get(key)
    if found is None:
        known = method if method in _METHODS else "other"
        found = (_REQUESTS.labels(known, route, str(status)), _REQUEST_SECONDS.labels(known, route))
        if known == method:
            _requests[key] = found
    found[0].inc()
    found[1].observe(seconds)


# --- who counts ---------------------------------------------------------------------------------

_name = ""


def host_name() -> str:
    return socket.gethostname()[:150]


def name_process(name: str) -> None:
    """Name this process in its metrics, for example `web-1`; otherwise it is its number."""
    global _name
    _name = name


def process_name() -> str:
    return f"{host_name()}:{_name or os.getpid()}"


def own_counts() -> list[dict[str, Any]]:
    """Return what this process counted, as plain data that can be stored."""
    return [
        {
            "name": family.name,
            "type": family.type,
            "help": family.documentation,
            "samples": [[one.name, one.labels, one.value] for one in family.samples],
        }
        for family in OWN.collect()
    ]


# --- figures from the database ------------------------------------------------------------------

Figures = Callable[[], Iterable[Metric]]
Counts = Callable[[], Iterable[tuple[str, Sequence[dict[str, Any]]]]]

_figures: dict[str, Figures] = {}
_counts_of_others: list[Counts] = []


def register_figures(name: str, figures: Figures) -> None:
    """Tell these figures too; they are read in few queries, and kept for ten seconds."""
    _figures[name] = figures


def register_counts(counts: Counts) -> None:
    """Tell the counts of processes without a port too: pairs of a process and its counts."""
    _counts_of_others.append(counts)


def gauge(
    name: str, help_text: str, values: "dict[tuple[str, ...], float] | float", *labels: str
) -> Metric:
    """Return a family of one value, or of one for each combination of labels."""
    family = GaugeMetricFamily(f"{_PREFIX}{name}", help_text, labels=labels)
    pairs = values.items() if isinstance(values, dict) else [((), values)]
    for key, value in pairs:
        family.add_metric(key, value)
    return family


def _read_database() -> tuple[list[Metric], list[tuple[str, Sequence[dict[str, Any]]]]]:
    families = [family for figures in _figures.values() for family in figures()]
    others = [pair for counts in _counts_of_others for pair in counts()]
    return families, others


_database = SharedWork(
    _read_database, kept_seconds=FIGURES_KEPT_SECONDS, max_seconds=MAX_FIGURES_SECONDS
)


# --- telling ------------------------------------------------------------------------------------


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def tell_own() -> bytes:
    """Return what this process counted, without a query."""
    return generate_latest(_Families(_merge([(process_name(), own_counts())])))


def tell_all() -> bytes:
    """Return the counts of this process and of the workers, and the figures of the database."""
    counts: list[tuple[str, Sequence[dict[str, Any]]]] = [(process_name(), own_counts())]
    families: list[Metric] = []
    is_up = True
    try:
        families, others = _database.result()
        counts += others
    except Exception:
        is_up = False
        log.warning("the metrics lack the figures of the database", exc_info=True)
    up = gauge("database_up", "1 if the figures of the database could be read.", float(is_up))
    return generate_latest(_Families([*_merge(counts), *families, up]))


def _merge(counts: Iterable[tuple[str, Sequence[dict[str, Any]]]]) -> list[Metric]:
    """Return one family for each name, with the samples of all processes."""
    families: dict[str, Metric] = {}
    for process, numbers in counts:
        for one in numbers:
            name = one["name"]
            family = families.setdefault(name, Metric(name, one["help"], one["type"]))
            if family.type != one["type"]:
                # Of a worker of another version.
                continue
            for sample_name, labels, value in one["samples"]:
                family.add_sample(sample_name, {**labels, "process": process}, value)
    return list(families.values())


def is_on() -> bool:
    return bool(settings.METRICS_TOKEN)


def may_read(authorization: str) -> bool:
    """Return whether the header carries the token of the metrics."""
    scheme, _, token = authorization.partition(" ")
    expected = settings.METRICS_TOKEN.encode()
    # Both are compared, whatever the scheme: the time taken tells nothing.
    is_right = hmac.compare_digest(token.strip().encode("utf-8", "replace"), expected)
    return bool(expected) and is_right and scheme.lower() == "bearer"
