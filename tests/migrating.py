"""A database at an earlier migration, to see what the later ones make of its rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

Target = tuple[str, str]
Migrate = Callable[..., Any]


@contextmanager
def migrations() -> Iterator[Migrate]:
    """Yield a function that migrates the test's own database to the targets, or without any to the
    newest ones, and returns the models as they were then.

    The test must be marked `django_db(transaction=True)`.
    """

    def migrate(*targets: Target) -> Any:
        executor = MigrationExecutor(connection)
        wanted = list(targets) or executor.loader.graph.leaf_nodes()
        executor.migrate(wanted)
        # Made anew: the first one's graph says what was applied before.
        return MigrationExecutor(connection).loader.project_state(wanted).apps

    try:
        yield migrate
    finally:
        migrate()
