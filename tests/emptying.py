"""Emptying a database between two tests."""

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.test import TransactionTestCase

_KEPT = (ContentType, Permission)
"""What migrations fill and no test writes: Django's own way makes it anew after every test, which
takes longer than many a test."""


def empty(alias: str = "default") -> None:
    """Delete every row that a test may have written. Numbers are not given again.

    PostgreSQL's TRUNCATE, which Django takes, makes new files for each table and index: hundreds,
    for a handful of rows. Foreign keys are looked at when the transaction ends.
    """
    connection = connections[alias]
    kept = {model._meta.db_table for model in _KEPT}
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        for table in sorted(set(tables) - kept):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


def empty_after_transactional_tests() -> None:
    """Empty the tables, in place of Django's flush."""

    def tear_down(self: Any) -> None:
        for alias in self._databases_names(include_mirrors=False):
            empty(alias)

    assert apps.ready
    TransactionTestCase._fixture_teardown = tear_down  # type: ignore[method-assign]
