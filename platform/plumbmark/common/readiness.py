"""Whether this process can do its work, for load balancers and orchestrators."""

import logging
from collections.abc import Callable
from concurrent.futures import Future

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from plumbmark.common.shared_work import SharedWork

log = logging.getLogger(__name__)

MAX_SECONDS = 2.0
"""A database that takes longer to answer counts as away."""
_KEPT_SECONDS = 1.0
"""Anybody may ask, as often as they like."""
DATABASE = "database"
MIGRATIONS = "migrations"

_impairments: dict[str, Callable[[], bool]] = {}


def register_impairment(name: str, is_impaired: Callable[[], bool]) -> None:
    """Register what a process does its work without, worse: told, and no reason to send it none."""
    _impairments[name] = is_impaired


class Readiness:
    """The checks of one process."""

    def __init__(self) -> None:
        self._checks = SharedWork(self._check, kept_seconds=_KEPT_SECONDS, max_seconds=MAX_SECONDS)
        self._is_migrated = False
        """What is applied stays applied, and reading all migrations takes a tenth of a second."""
        self._told: tuple[str, ...] = ()

    def begin(self) -> tuple["Future[tuple[str, ...]]", float]:
        """Return the current check and the seconds to wait for it; after them, the database is
        away.
        """
        return self._checks.begin()

    def problems(self) -> tuple[str, ...]:
        """Return what keeps this process from its work; empty if it is ready."""
        try:
            return self._checks.result()
        except TimeoutError:
            return (DATABASE,)

    def _check(self) -> tuple[str, ...]:
        found: tuple[str, ...]
        try:
            found = () if self._has_all_migrations() else (MIGRATIONS,)
        except Exception as error:
            found = (DATABASE,)
            if self._told != found:
                log.warning("the database does not answer: %s", error)
        if self._told != found:
            log.warning("ready again" if not found else f"not ready: {', '.join(found)}")
        self._told = found
        return found

    def _has_all_migrations(self) -> bool:
        if self._is_migrated:
            return MigrationRecorder(connection).migration_qs.exists()
        executor = MigrationExecutor(connection)
        self._is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return self._is_migrated


def describe(problems: tuple[str, ...]) -> dict[str, object]:
    """Return the answer to whoever asked: strangers may, so it says only what is wrong."""
    if not problems:
        impaired = [name for name, is_impaired in _impairments.items() if is_impaired()]
        return {"status": "ready", **({"impaired": impaired} if impaired else {})}
    return {"status": "not ready", "problems": list(problems)}
