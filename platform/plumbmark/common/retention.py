"""Retention: what grows without end goes after a time that operators set.

A room that owns such rows registers a policy with `register_policy` in `AppConfig.ready`. A
periodic job purges what is due in small batches, each in one transaction with its count. To purge
is to delete rows, to merge them, or to replace their content by the reason `RETENTION`: hashes
stay. How much was purged is written to the audit trail once for each policy and day.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F, Max, QuerySet
from django.utils.translation import gettext as _
from prometheus_client import Counter

from plumbmark.common import audit
from plumbmark.common.attempts import attempt_each, describe_error
from plumbmark.common.clock import now, today
from plumbmark.common.metrics import OWN
from plumbmark.common.models import PurgeCount, Withholdable

log = logging.getLogger(__name__)

RETENTION = "retention"
"""The reason of content that a policy withholds."""
BATCH = 500
"""Rows of one transaction at most."""
MAX_KEYS = 20_000
"""Looked up at once, so that memory does not grow with what is due."""
MAX_SECONDS = 240.0
"""Of one run of the periodic job, for all policies together."""
_MAX_PAUSE_SECONDS = 1.0
_MAX_LOGGED = 10
"""Rows of a policy that fail: what is wrong with the first is wrong with most."""

_PURGED = Counter(
    "plumbmark_purged_rows",
    "Rows that were deleted, merged or emptied by retention.",
    ["policy"],
    registry=OWN,
)


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """One kind of rows: how long they are kept, and how they go."""

    name: str
    """Also its key in the setting `RETENTION_DAYS`."""
    title: Any
    """For people: a text, or a lazy translation."""
    due: Callable[[datetime], QuerySet[Any]]
    """Return the rows that may go if they are from before a time, in the order of their going."""
    age: str
    """The column that tells how old a row is."""
    purge: Callable[[QuerySet[Any]], int]
    """Purge these rows, within the transaction of the caller; return how many."""

    @property
    def setting(self) -> str:
        return f"PLUMBMARK_RETENTION_{self.name.upper()}_DAYS"

    @property
    def days(self) -> int | None:
        """Return how many days rows are kept; None: for ever."""
        days: int | None = settings.RETENTION_DAYS[self.name]
        return days

    def due_rows(self) -> QuerySet[Any] | None:
        """Return what is due now; None where it is kept for ever."""
        return None if self.days is None else self.due(now() - timedelta(days=self.days))


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """A policy with what is due by it now and what it purged lately."""

    policy: RetentionPolicy
    due: int
    is_capped: bool
    """There are more than were counted."""
    oldest: datetime | None
    purged_today: int
    purged_on: Any
    """The last day on which something was purged."""


_policies: dict[str, RetentionPolicy] = {}


def register_policy(policy: RetentionPolicy) -> None:
    """Let the periodic job follow a policy."""
    _policies[policy.name] = policy


def policies() -> list[RetentionPolicy]:
    return [_policies[name] for name in sorted(_policies)]


def withheld_note(row: Withholdable) -> str:
    """Return what a reader is told in place of withheld content."""
    if row.withheld_reason != RETENTION or row.withheld_at is None:
        return _("Withheld: %(reason)s") % {"reason": row.withheld_reason}
    return _("Withheld: retention, since %(date)s") % {"date": f"{row.withheld_at:%Y-%m-%d}"}


def describe_policies(*, most: int | None = None) -> list[PolicyStatus]:
    """Return how each policy stands. `most` bounds how many rows are counted of each."""
    last = PurgeCount.objects.order_by().values_list("policy").annotate(Max("day"))
    last_days = dict(last)
    rows_today = dict(PurgeCount.objects.filter(day=today()).values_list("policy", "rows"))
    return [
        PolicyStatus(
            policy,
            *_measure_due(policy, most),
            purged_today=rows_today.get(policy.name, 0),
            purged_on=last_days.get(policy.name),
        )
        for policy in policies()
    ]


def _measure_due(policy: RetentionPolicy, most: int | None) -> tuple[int, bool, datetime | None]:
    """Return how many rows are due, whether there are more than were counted, and the oldest."""
    rows = policy.due_rows()
    if rows is None:
        return 0, False, None
    due = rows.count() if most is None else rows.order_by()[: most + 1].count()
    if not due:
        return 0, False, None
    # Where the column has an index, this reads one row.
    oldest = rows.order_by(policy.age).values_list(policy.age, flat=True).first()
    return (due, False, oldest) if most is None else (min(due, most), due > most, oldest)


# --- purging --------------------------------------------------------------------------------------


class PurgeFailed(Exception):
    """Some rows could not be purged; all others were."""


def purge_all(*, max_seconds: float = MAX_SECONDS) -> int:
    """Purge what is due; return how many rows. A policy that fails stops no other.

    Each policy gets an equal share of the time that is left, so that none starves the rest.
    """
    note_past_days()
    until = time.monotonic() + max_seconds
    followed = [policy for policy in policies() if policy.days is not None]
    left = len(followed)

    def purge(policy: RetentionPolicy) -> int:
        nonlocal left
        share = (until - time.monotonic()) / max(1, left)
        left -= 1
        return purge_policy(policy, max_seconds=share)

    name = "follow a retention policy"
    return sum(attempt_each(name, followed, purge, key=lambda one: one.name, max_attempts=None))


def purge_policy(policy: RetentionPolicy, *, max_seconds: float | None = None) -> int:
    """Purge what is due by one policy, within a time; return how many rows.

    Rows that fail are passed over. `PurgeFailed` then says so, after all others are done.
    """
    if policy.days is None:
        return 0
    before = now() - timedelta(days=policy.days)
    until = None if max_seconds is None else time.monotonic() + max_seconds
    done = 0
    failures: list[str] = []
    while True:
        keys = list(policy.due(before).values_list("pk", flat=True)[:MAX_KEYS])
        purged = 0
        for start in range(0, len(keys), BATCH):
            began = time.monotonic()
            if until is not None and began >= until:
                break
            purged += _purge_keys(policy, before, keys[start : start + BATCH], failures)
            # SQLite has one writer: others get as much time as this job takes.
            time.sleep(min(time.monotonic() - began, _MAX_PAUSE_SECONDS))
        done += purged
        is_late = until is not None and time.monotonic() >= until
        if is_late or not purged or len(keys) < MAX_KEYS:
            break
    if failures:
        raise PurgeFailed(f"{len(failures)} rows could not be purged, the first: {failures[0]}")
    return done


def _purge_keys(
    policy: RetentionPolicy, before: datetime, keys: Sequence[Any], failures: list[str]
) -> int:
    """Purge a batch; where that fails, row by row, so that one bad row keeps no other."""
    try:
        with transaction.atomic():
            # Asked again: another process may have purged or used them meanwhile.
            purged = policy.purge(policy.due(before).filter(pk__in=keys))
            if purged:
                _count(policy, purged)
    except OperationalError:
        # The database is away, or busy: that holds for every row.
        raise
    except Exception as error:
        if len(keys) > 1:
            return sum(_purge_keys(policy, before, [key], failures) for key in keys)
        if len(failures) < _MAX_LOGGED:
            log.exception("%s: row %s could not be purged", policy.name, keys[0])
        failures.append(f"{keys[0]}: {describe_error(error)}")
        return 0
    _PURGED.labels(policy.name).inc(purged)
    return purged


def _count(policy: RetentionPolicy, purged: int) -> None:
    count, _ = PurgeCount.objects.get_or_create(policy=policy.name, day=today())
    PurgeCount.objects.filter(pk=count.pk).update(rows=F("rows") + purged)


def note_past_days() -> int:
    """Write what past days purged to the audit trail; return how many lines."""
    past = PurgeCount.objects.filter(day__lt=today(), is_audited=False).order_by("day", "policy")
    return sum(attempt_each("audit a purge", past, _audit, key=lambda count: count.pk))


def _audit(count: PurgeCount) -> bool:
    with transaction.atomic():
        if not PurgeCount.objects.filter(pk=count.pk, is_audited=False).update(is_audited=True):
            return False
        count.refresh_from_db(fields=["rows"])
        audit.record(
            "purge",
            f"retention:{count.policy}",
            by=None,
            day=count.day.isoformat(),
            rows=count.rows,
        )
    return True


def delete_rows(rows: QuerySet[Any]) -> int:
    """Delete rows; return how many of them, without what went with them."""
    _, by_model = rows.delete()
    return by_model.get(rows.model._meta.label, 0)
