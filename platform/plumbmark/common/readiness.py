"""Whether this process can do its work, for load balancers and orchestrators.

Anybody may ask, as often as they like: a check is shared by all that ask within a second. It runs
on a thread and a connection of its own, so that a database that hangs costs the caller no more than
`MAX_SECONDS`, and the process one thread.
"""

import logging
import threading
import time
from concurrent.futures import Future

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

log = logging.getLogger(__name__)

MAX_SECONDS = 2.0
"""A database that takes longer to answer counts as away."""
_KEPT_SECONDS = 1.0
DATABASE = "database"
MIGRATIONS = "migrations"


class Readiness:
    """The checks of one process, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._check: Future[tuple[str, ...]] | None = None
        self._began = 0.0
        self._is_migrated = False
        """What is applied stays applied, and reading all migrations takes a tenth of a second."""
        self._told: tuple[str, ...] = ()

    def begin(self) -> tuple["Future[tuple[str, ...]]", float]:
        """Return the current check, started if there is none, and the seconds to wait for it."""
        with self._lock:
            at = time.monotonic()
            is_stale = at - self._began > _KEPT_SECONDS
            if self._check is None or (is_stale and self._check.done()):
                self._check, self._began = Future(), at
                self._check.set_running_or_notify_cancel()
                threading.Thread(
                    target=self._run, args=(self._check,), name="readiness", daemon=True
                ).start()
            return self._check, max(0.0, self._began + MAX_SECONDS - at)

    def problems(self) -> tuple[str, ...]:
        """Return what keeps this process from its work; empty if it is ready."""
        check, seconds = self.begin()
        try:
            return check.result(timeout=seconds)
        except TimeoutError:
            return (DATABASE,)

    def _run(self, check: "Future[tuple[str, ...]]") -> None:
        try:
            found = () if self._has_all_migrations() else (MIGRATIONS,)
        except Exception as error:
            found = (DATABASE,)
            if self._told != found:
                log.warning("the database does not answer: %s", error)
        finally:
            connection.close()
        if self._told != found:
            log.warning("ready again" if not found else f"not ready: {', '.join(found)}")
        self._told = found
        check.set_result(found)

    def _has_all_migrations(self) -> bool:
        if self._is_migrated:
            return MigrationRecorder(connection).migration_qs.exists()
        executor = MigrationExecutor(connection)
        self._is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return self._is_migrated


def describe(problems: tuple[str, ...]) -> dict[str, object]:
    """Return the answer to whoever asked: strangers may, so it says only what is wrong."""
    if not problems:
        return {"status": "ready"}
    return {"status": "not ready", "problems": list(problems)}
