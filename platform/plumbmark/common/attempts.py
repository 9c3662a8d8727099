"""Periodic work, item by item: an item that fails keeps no other item from being done.

A failure is logged and stored as a `FailedAttempt` with its reason. The item is attempted again
after pauses that grow, and no more than a few times. Then it is given up: `give_up` writes that
into the item's own row. Without it the stored failure stays, and the item is skipped until staff
delete the failure in the administration.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TypeVar

from django.db import DatabaseError
from prometheus_client import Counter

from plumbmark.common.clock import now
from plumbmark.common.metrics import OWN
from plumbmark.common.models import FailedAttempt

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 4
_PAUSES = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10))
"""After the first attempt, the second, and every later one."""

_FAILURES = Counter(
    "plumbmark_periodic_job_failures",
    "Attempts of periodic jobs at an item that failed.",
    ["job"],
    registry=OWN,
)

T = TypeVar("T")
R = TypeVar("R")


def attempt_each(
    job: str,
    items: Iterable[T],
    work: Callable[[T], R],
    *,
    key: Callable[[T], object] = str,
    give_up: Callable[[T, str], object] | None = None,
    max_attempts: int | None = MAX_ATTEMPTS,
    max_items: int | None = None,
) -> list[R]:
    """Call `work` on each item; return the results of those that did not fail.

    `job` and `key` name an item in the stored failures. `give_up` gets an item that failed
    `max_attempts` times, and the reason. If that is None, no item is given up, only attempted less
    and less often. `max_items` bounds how many are attempted; items that wait do not count.
    """
    failures = {one.item: one for one in FailedAttempt.objects.filter(job=job)}
    results: list[R] = []
    attempted = 0
    for item in items:
        if attempted == max_items:
            break
        name = str(key(item))[: FailedAttempt.MAX_ITEM]
        failure = failures.get(name)
        if failure is not None and not failure.is_due(now()):
            continue
        attempted += 1
        try:
            results.append(work(item))
        except Exception as error:
            log.exception("%s failed on %s", job, name)
            _FAILURES.labels(job).inc()
            failure = failure or FailedAttempt(job=job, item=name)
            _store_failure(failure, error, max_attempts)
            if failure.is_given_up and give_up is not None:
                _give_up(failure, give_up, item)
        else:
            if failure is not None:
                failure.delete()
    return results


def run_steps(job: str, steps: Mapping[str, Callable[[], object]]) -> None:
    """Run every step; one that fails is logged, stored, and run less often until it succeeds."""
    attempt_each(job, steps, lambda name: steps[name](), max_attempts=None)


def _store_failure(failure: FailedAttempt, error: Exception, max_attempts: int | None) -> None:
    failure.attempts += 1
    failure.reason = describe_error(error)
    failure.attempted_at = now()
    if max_attempts is not None and failure.attempts >= max_attempts:
        failure.next_attempt_at = None
    else:
        pause = _PAUSES[min(failure.attempts, len(_PAUSES)) - 1]
        failure.next_attempt_at = now() + pause
    try:
        failure.save()
    except DatabaseError:
        # The database is away, which is likely to be why the item failed as well.
        log.exception("the failure of %s on %s could not be stored", failure.job, failure.item)


def _give_up(failure: FailedAttempt, give_up: Callable[[T, str], object], item: T) -> None:
    why = f"It failed {failure.attempts} times, the last time with {failure.reason}"
    try:
        give_up(item, why)
        # The item's row says it now. Whoever brings it back gets all attempts again.
        failure.delete()
    except Exception:
        log.exception("%s could not be given up on %s", failure.job, failure.item)


def describe_error(error: Exception) -> str:
    """Return an error in one line that the database can store."""
    text = " ".join(str(error).replace("\0", "").split())
    text = text.encode(errors="replace").decode()
    return f"{type(error).__name__}: {text}"[: FailedAttempt.MAX_REASON]
