"""Work that many may ask for at once, done once for all of them, within a time limit."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from django.db import connection

T = TypeVar("T")


class SharedWork(Generic[T]):
    """Runs `work` at most every `kept_seconds`, on a thread and a database connection of its own.

    A database that hangs costs whoever asks no more than `max_seconds`, and the process one thread.
    """

    def __init__(self, work: Callable[[], T], *, kept_seconds: float, max_seconds: float) -> None:
        self._work = work
        self._kept_seconds = kept_seconds
        self._max_seconds = max_seconds
        self._lock = threading.Lock()
        self._current: Future[T] | None = None
        self._began = 0.0

    def begin(self) -> tuple["Future[T]", float]:
        """Return the current work, started if there is none, and the seconds to wait for it."""
        with self._lock:
            at = time.monotonic()
            current = self._current
            if current is None or (
                current.done()
                and (at - self._began > self._kept_seconds or current.exception() is not None)
            ):
                self._current, self._began = current, _ = Future(), at
                current.set_running_or_notify_cancel()
                threading.Thread(
                    target=self._run, args=(current,), name="shared-work", daemon=True
                ).start()
            return current, max(0.0, self._began + self._max_seconds - at)

    def result(self) -> T:
        """Return what the work brought; TimeoutError if that took too long."""
        current, seconds = self.begin()
        return current.result(timeout=seconds)

    def _run(self, current: "Future[T]") -> None:
        try:
            result = self._work()
        except Exception as error:
            current.set_exception(error)
        else:
            current.set_result(result)
        finally:
            connection.close()
