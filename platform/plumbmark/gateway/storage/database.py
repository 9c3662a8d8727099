"""The one thread of this process on which the gateway talks to the database.

The event loop never waits for a query, and the connection is checked and closed here, because
the request signals that do so elsewhere never fire on this thread.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from django.db import close_old_connections, connections

from plumbmark.common.call_stack import call_on_long_stack

log = logging.getLogger(__name__)

T = TypeVar("T")

_Job = tuple[Callable[[], Any], "Future[Any]"]


class DatabaseThread:
    """Runs functions one after another on its own thread with its own connection."""

    def __init__(self, name: str = "gateway-database") -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # A daemon, and no executor of the standard library: those refuse work once the interpreter
        # ends, which is when the last flush comes.
        self._thread = threading.Thread(
            target=call_on_long_stack, args=(self._work,), name=name, daemon=True
        )
        self._thread.start()

    async def run(self, function: Callable[[], T]) -> T:
        """Run on the thread; exceptions come back to the caller."""
        future: Future[T] = Future()
        self._jobs.put((function, future))
        return await asyncio.wrap_future(future)

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Close the connection and end the thread after what is queued."""
        self._jobs.put(None)
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                break
            function, future = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                close_old_connections()
                result = function()
            except BaseException as error:
                self._drop_broken_connection()
                future.set_exception(error)
            else:
                future.set_result(result)
            # Keep no reference while waiting for the next job.
            del job, function, future
        connections.close_all()

    def _drop_broken_connection(self) -> None:
        try:
            close_old_connections()
        except Exception:
            log.warning("a broken database connection could not be closed", exc_info=True)
