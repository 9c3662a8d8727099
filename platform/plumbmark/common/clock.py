"""The clock: all of the platform's times come from here, so that tests can freeze and shift them.

The age of leases goes by the database's clock, which all workers share, so that hosts whose clocks
differ agree on which worker is silent. Everything else goes by this process's UTC clock. An offset
moves both.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

_DAY_SECONDS = 86_400

_offset_seconds = 0.0
_frozen_at: float | None = None
_today = (0, date(1970, 1, 1))
"""Days since the epoch, and the date: needed twice in every model call."""


def timestamp() -> float:
    """Return the seconds since the epoch."""
    return (time.time() if _frozen_at is None else _frozen_at) + _offset_seconds


def now() -> datetime:
    """Return the time in UTC."""
    return moment(timestamp())


def moment(seconds: float) -> datetime:
    """Return the UTC time of a timestamp."""
    return datetime.fromtimestamp(seconds, UTC)


def today() -> date:
    """Return the UTC day."""
    global _today
    days, day = int(timestamp() // _DAY_SECONDS), _today
    if day[0] != days:
        day = _today = (days, moment(days * _DAY_SECONDS).date())
    return day[1]


def database_now(plus: timedelta = timedelta()) -> Combinable:
    """Return the database's time at the statement, plus a duration, as an expression."""
    if _frozen_at is not None:
        return Value(now() + plus, output_field=DateTimeField())
    shift = timedelta(seconds=_offset_seconds) + plus
    if not shift:
        return Now()
    return ExpressionWrapper(
        Now() + Value(shift, output_field=DurationField()), output_field=DateTimeField()
    )


def is_moved() -> bool:
    """Return whether a test stopped or moved the clocks. A query with the database's time that was
    compiled before or after then has another one.
    """
    return _frozen_at is not None or bool(_offset_seconds)


def set_offset(seconds: float) -> None:
    """Move both clocks to `seconds` after the real time. For tests."""
    global _offset_seconds
    _offset_seconds = seconds


@contextmanager
def shift_clock(by: timedelta) -> Iterator[None]:
    """Move both clocks forward by `by` inside. For tests."""
    before = _offset_seconds
    set_offset(before + by.total_seconds())
    try:
        yield
    finally:
        set_offset(before)


@contextmanager
def freeze_clock() -> Iterator[None]:
    """Stop both clocks inside; only `shift_clock` moves them. For tests."""
    global _frozen_at
    before = _frozen_at
    if _frozen_at is None:
        _frozen_at = time.time()
    try:
        yield
    finally:
        _frozen_at = before
