"""A database at an earlier migration, to see what the later ones make of its rows."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

Target = tuple[str, str]
Migrate = Callable[..., Any]


@contextmanager
def migrations(*, from_start: bool = False) -> Iterator[Migrate]:
    """Yield a function that migrates the test's own database to the targets, or without any to the
    newest ones, and returns the models as they were then.

    With `from_start` it is a new database on SQLite: where much is before the target, to go forward
    takes half as long as to go back first. The test must be marked `django_db(transaction=True)`.
    """

    def migrate(*targets: Target) -> Any:
        executor = MigrationExecutor(connection)
        wanted = list(targets) or executor.loader.graph.leaf_nodes()
        executor.migrate(wanted)
        # Made anew: the first one's graph says what was applied before.
        return MigrationExecutor(connection).loader.project_state(wanted).apps

    if from_start and connection.vendor == "sqlite":
        with _new_database():
            yield migrate
        return
    try:
        yield migrate
    finally:
        migrate()


@contextmanager
def _new_database() -> Iterator[None]:
    usual = connection.settings_dict["NAME"]
    with tempfile.TemporaryDirectory() as folder:
        connection.close()
        connection.settings_dict["NAME"] = str(Path(folder) / "new.sqlite3")
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual
