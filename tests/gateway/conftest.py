"""A database of the gateway tests' own, so that its threads and child processes can share it.

A test that names `store` runs on SQLite (a file, WAL); one that names `any_store` runs on SQLite
and again on PostgreSQL. Neither uses pytest-django's transaction: leases, flushes and replays
commit on other threads and in other processes.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from plumbmark.common import clock
from plumbmark.config import env
from plumbmark.gateway.calls import runtime
from tests import postgres
from tests.emptying import empty
from tests.stack import migrated


@dataclass(frozen=True)
class Store:
    """A migrated database; `environment` makes a child process use it and its spool."""

    kind: str
    config: dict[str, Any]
    environment: dict[str, str]
    spool: Path


@contextmanager
def _using(config: dict[str, Any]) -> Iterator[None]:
    """Make every thread's default connection lead to another database."""
    before = connections.settings["default"]
    connections["default"].close()
    del connections["default"]
    connections.settings["default"] = {**before, "OPTIONS": {}, **config}
    try:
        yield
    finally:
        connections["default"].close()
        del connections["default"]
        connections.settings["default"] = before


@pytest.fixture(scope="session")
def sqlite_config(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("gateway") / "plumbmark.sqlite3"
    shutil.copy(migrated(), path)
    return env.database("NO_SUCH_VARIABLE", path)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip("there are no PostgreSQL binaries; install the dev extra")
    with postgres.new_database() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_config(postgres_url: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_TESTS_URL", postgres_url)
        return env.database("GATEWAY_TESTS_URL", Path())


@contextmanager
def _store(
    kind: str, config: dict[str, Any], folder: Path, settings: Any, blocker: Any, url: str
) -> Iterator[Store]:
    spool = folder / "spool"
    settings.SPOOL_DIR = spool
    variables = {**os.environ, "PLUMBMARK_SPOOL_DIR": str(spool), "PLUMBMARK_DATABASE_URL": url}
    if not url:
        variables["PLUMBMARK_STATE_DIR"] = str(Path(config["NAME"]).parent)
    with blocker.unblock(), _using(config):
        try:
            yield Store(kind, config, variables, spool)
        finally:
            runtime.shutdown()
            clock.set_offset(0)
            empty()


@pytest.fixture
def store(
    sqlite_config: Any, tmp_path: Path, settings: Any, django_db_blocker: Any
) -> Iterator[Store]:
    with _store("sqlite", sqlite_config, tmp_path, settings, django_db_blocker, "") as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def any_store(
    request: pytest.FixtureRequest, tmp_path: Path, settings: Any, django_db_blocker: Any
) -> Iterator[Store]:
    kind = request.param
    config = request.getfixturevalue(f"{kind}_config")
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""
    with _store(kind, config, tmp_path, settings, django_db_blocker, url) as made:
        yield made
