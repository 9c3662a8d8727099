"""Counting how often boards are read: one number for each benchmark and day, and nothing of who.

Views count in memory that all processes share (Redis, or a file where there is none); a job carries
the numbers into the database, so that no reader waits for a write.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from redis.exceptions import RedisError

from benchmarks_app.models import Benchmark
from leaderboards_app.models import DailyReadings
from plumbmark.common.clock import now
from plumbmark.common.shared_counters import SharedCounters
from tasks_app.models.tasks import Visibility

log = logging.getLogger(__name__)

STORE = "leaderboards_app.jobs.store_readings"
KEPT_DAYS = 90
_COUNTED_DAYS = 2
"""Today and the day before: the last readings of a day are stored on the next."""
_PROGRAMS = re.compile(
    r"bot|crawl|spider|slurp|preview|headless|monitor|curl|wget|python|java/|go-http|okhttp|axios",
    re.IGNORECASE,
)
"""Parts of the names by which programs that read pages call themselves."""
_BATCH = 500


def count_reading(
    request: HttpRequest, response: HttpResponseBase, *, handle: str, slug: str
) -> None:
    """Count a benchmark's page as read once more, if a person got to see it."""
    if response.status_code not in (200, 304) or not _is_by_a_person(request):
        return
    try:
        _increment(f"{handle}/{slug}", now().date())
    except (RedisError, OSError):
        # A number that is one too low is no reason to show no page.
        log.warning("a reading was not counted", exc_info=True)


def _is_by_a_person(request: HttpRequest) -> bool:
    """Return whether a request is neither fetched in advance, nor a part of a page, nor made by a
    program that says that it is one.
    """
    if request.method != "GET" or "HX-Request" in request.headers:
        return False
    fetched_ahead = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    if any("pre" in request.headers.get(name, "").lower() for name in fetched_ahead):
        return False
    agent = request.headers.get("User-Agent", "")
    return bool(agent) and not _PROGRAMS.search(agent)


@cache
def counters() -> SharedCounters:
    """Return the counters of this machine, where there is no Redis."""
    assert settings.RATES_FILE is not None
    return SharedCounters(settings.RATES_FILE.with_name("readings"))


def _key(name: str, day: date) -> str:
    return f"readings:{day.isoformat()}:{name}"


def _increment(name: str, day: date) -> None:
    if settings.RATES_FILE is not None:
        counters().increment(name, day.toordinal())
        return
    shared, key = caches["default"], _key(name, day)
    shared.add(key, 0, timeout=(_COUNTED_DAYS + 1) * 24 * 3600)
    try:
        shared.incr(key)
    except ValueError:  # expired between the two
        return


def _counted(names: Sequence[str], day: date) -> Mapping[str, int]:
    """Return what was counted on a day, by name."""
    if settings.RATES_FILE is not None:
        return {name: counters().count_of(name, day.toordinal()) for name in names}
    found = caches["default"].get_many([_key(name, day) for name in names])
    return {name: int(found.get(_key(name, day), 0)) for name in names}


def store_readings() -> int:
    """Carry the counts of today and yesterday into the database; return how many rows changed.

    A stored number never falls, also if the counters were lost.
    """
    today = now().date()
    DailyReadings.objects.filter(day__lt=today - timedelta(days=KEPT_DAYS)).delete()
    public = Benchmark.objects.filter(
        visibility=Visibility.PUBLIC, latest_version__isnull=False, archived_at__isnull=True
    )
    places = list(public.order_by("pk").values_list("pk", "namespace__handle", "slug"))
    stored = 0
    for start in range(0, len(places), _BATCH):
        part = {pk: f"{handle}/{slug}" for pk, handle, slug in places[start : start + _BATCH]}
        for days in range(_COUNTED_DAYS):
            stored += _store(part, today - timedelta(days=days))
    return stored


def _store(names: Mapping[int, str], day: date) -> int:
    counts = _counted(list(names.values()), day)
    known = dict(
        DailyReadings.objects.filter(day=day, benchmark__in=list(names)).values_list(
            "benchmark_id", "count"
        )
    )
    changed = [
        DailyReadings(benchmark_id=pk, day=day, count=counts[name])
        for pk, name in names.items()
        if counts[name] > known.get(pk, 0)
    ]
    DailyReadings.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["benchmark", "day"], update_fields=["count"]
    )
    return len(changed)
