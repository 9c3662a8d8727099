"""Each index answers questions that no other one does: all of them cost bytes and time."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models

OURS = ("plumbmark", "tasks_app", "benchmarks_app", "leaderboards_app")


def own_models() -> Iterator[type[models.Model]]:
    for model in apps.get_models():
        if model.__module__.split(".")[0] in OURS:
            yield model


def first_fields(model: type[models.Model]) -> set[str]:
    """Return the fields with which a constraint or index of the whole table begins."""
    unique = [one for one in model._meta.constraints if isinstance(one, models.UniqueConstraint)]
    listed: list[Any] = [*unique, *model._meta.indexes]
    return {one.fields[0].lstrip("-") for one in listed if one.fields and one.condition is None}


def test_no_foreign_key_has_an_index_that_another_one_begins_with() -> None:
    twice = [
        f"{model._meta.label}.{field.name}"
        for model in own_models()
        for field in model._meta.local_fields
        if isinstance(field, models.ForeignKey)
        and field.db_index
        and not field.unique
        and field.name in first_fields(model)
    ]

    assert twice == []


@pytest.mark.django_db
def test_the_database_has_no_such_index_either() -> None:
    for model in own_models():
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
        columns = {
            name: one["columns"]
            for name, one in found.items()
            if (one["index"] or one["unique"]) and one["columns"]
        }
        for field in model._meta.local_fields:
            if isinstance(field, models.ForeignKey) and not field.db_index:
                alone = [name for name, listed in columns.items() if listed == [field.column]]
                named = {one.name for one in (*model._meta.indexes, *model._meta.constraints)}
                assert set(alone) <= named, (model, field.name)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("table", "column"),
    [("tasks_sample", "run_id"), ("tasks_samplescore", "scoring_id"), ("tasks_item", "version_id")],
)
def test_rows_are_still_found_by_their_owner(table: str, column: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("not applicable: the plan of an empty table is a scan on PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {column} = 1")
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert "USING INDEX" in plan
