"""The time, with an offset that tests hold.

Periods go by this process's UTC clock; the age of leases by the database's, so that hosts whose
clocks differ agree on who is silent.
"""

import time
from datetime import UTC, date, datetime, timedelta

from django.db.models import DateTimeField, DurationField, Expression, ExpressionWrapper, Value
from django.db.models.functions import Now

_offset = 0.0
_DAY_SECONDS = 86_400
_today = (0, date(1970, 1, 1))
"""Days since the epoch, and the date: asked for twice in every call."""


def set_offset(seconds: float) -> None:
    """Move both clocks by so many seconds; for tests."""
    global _offset
    _offset = seconds


def timestamp() -> float:
    """Seconds since the epoch."""
    return time.time() + _offset


def now() -> datetime:
    return datetime.fromtimestamp(timestamp(), UTC)


def moment(seconds: float) -> datetime:
    """The UTC time of a timestamp."""
    return datetime.fromtimestamp(seconds, UTC)


def today() -> date:
    """The UTC day."""
    global _today
    days, day = int(timestamp() // _DAY_SECONDS), _today
    if day[0] != days:
        day = _today = (days, moment(days * _DAY_SECONDS).date())
    return day[1]


def database_now(shift: timedelta = timedelta()) -> Expression | Now:
    """The database's clock in an expression, shifted."""
    shift += timedelta(seconds=_offset)
    if not shift:
        return Now()
    return ExpressionWrapper(
        Now() + Value(shift, output_field=DurationField()), output_field=DateTimeField()
    )
