"""A bound on requests whose work takes a web process seconds: checking or importing a large file.

Python's threads share one processor's worth of time, so several at once would slow every page down.
Each process takes a few, and each person one at a time; others are told to come back.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import caches

from plumbmark.common.errors import Busy

HEAVY_BYTES = 4 * 1024 * 1024
"""A file from this size on is heavy."""
JOB_BYTES = 1024 * 1024
"""A file of rows from this size on is not worked on in a request at all: a job does it."""
HEAVY_ITEMS = 10_000
MAX_AT_ONCE = 2
"""In one process; fewer than it has threads, so that pages always find one."""
_MAX_SECONDS = 180
"""After this long somebody may start again although nothing said that the work has ended."""

_places = threading.BoundedSemaphore(MAX_AT_ONCE)


@contextmanager
def heavy_work(*, owner: int | str, is_heavy: bool) -> Iterator[None]:
    """Do work for a namespace with this id, or for a reader; `Busy` where too much is under way.

    Work that is not heavy is done at once.
    """
    if not is_heavy:
        yield
        return
    key = f"heavy-work:{owner}"
    if not caches["default"].add(key, True, timeout=_MAX_SECONDS):
        raise Busy(
            "Another large file of yours is being worked on. Wait until it is finished, then try "
            "again."
        )
    try:
        if not _places.acquire(blocking=False):
            raise Busy(
                "Large files of other people are being worked on. Try again in a few seconds."
            )
        try:
            yield
        finally:
            _places.release()
    finally:
        caches["default"].delete(key)
