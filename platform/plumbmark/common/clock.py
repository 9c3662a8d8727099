"""The time, in one place, so that tests can hold it.

Lease times come from the database's clock, which all workers share; everything else from ours. An
offset moves both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

_offset = timedelta()
_held: datetime | None = None


def now() -> datetime:
    return (_held or timezone.now()) + _offset


def database_now(plus: timedelta = timedelta()) -> Combinable:
    """The database's time at the statement, plus a duration, as an expression."""
    shift = _offset + plus
    if _held is not None:
        return Value(_held + shift, output_field=DateTimeField())
    if not shift:
        return Now()
    return ExpressionWrapper(
        Now() + Value(shift, output_field=DurationField()), output_field=DateTimeField()
    )


@contextmanager
def shift_clock(by: timedelta) -> Iterator[None]:
    """Inside, it is `by` later than it is. For tests."""
    global _offset
    before, _offset = _offset, _offset + by
    try:
        yield
    finally:
        _offset = before


@contextmanager
def freeze_clock() -> Iterator[None]:
    """Inside, no time passes but what it is `shift_clock` by. For tests."""
    global _held
    before, _held = _held, _held or timezone.now()
    try:
        yield
    finally:
        _held = before
