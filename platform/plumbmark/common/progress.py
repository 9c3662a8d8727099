"""How far long work is. The work reports; whoever started it decides where that goes.

Work that nobody watches reports to nobody, which costs a comparison. The watcher may raise: that
ends the work at that place, as a cancelled job does.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Report = Callable[[str, int, int | None], None]
"""Gets the step in words, how much of it is done, and of how much, if that is known."""

T = TypeVar("T")

_report: ContextVar[Report | None] = ContextVar("report", default=None)
_EVERY = 100


@contextmanager
def watch_progress(report: Report) -> Iterator[None]:
    """Send what is reported inside to `report`."""
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)


def is_watched() -> bool:
    """Return whether somebody watches: what a report needs may take time to find out."""
    return _report.get() is not None


def report_progress(step: str, done: int = 0, total: int | None = None) -> None:
    report = _report.get()
    if report is not None:
        report(step, done, total)


def count_progress(step: str, things: Iterable[T], total: int | None = None) -> Iterator[T]:
    """Give the things on and report every hundredth, in the units that they are counted in."""
    report = _report.get()
    if report is None:
        yield from things
        return
    report(step, 0, total)
    for number, thing in enumerate(things, 1):
        yield thing
        if number % _EVERY == 0:
            report(step, number, total)
