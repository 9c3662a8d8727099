"""Many rows of one model in one go, for the flush.

`bulk_create` spends about ten times as long in Python on each row as the database needs for it, and
every millisecond of that is taken from the event loop. Here a row is a plain tuple; values are
adapted per column once it is known which columns need it. Same tables, same constraints, any
backend of Django's.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models

from plumbmark.strict_json import wire

_ROWS = 64
"""In one statement at most."""


def _adapter(field: Any) -> Callable[[Any], Any] | None:
    """Return how values of a column must be changed for this backend, or None: not at all."""
    operations = connection.ops
    if isinstance(field, models.ForeignKey | models.OneToOneField):
        return _adapter(field.target_field)
    if isinstance(field, models.UUIDField):
        return None if connection.features.has_native_uuid_field else lambda value: value.hex
    if isinstance(field, models.DateTimeField):
        if connection.vendor == "sqlite":
            return _as_sqlite_writes_it
        return operations.adapt_datetimefield_value
    if isinstance(field, models.JSONField):
        # As text, which columns of either kind take.
        return lambda value: None if value is None else wire.dump_record(value).decode()
    return None


def _as_sqlite_writes_it(moment: datetime | None) -> str | None:
    """Write an aware time as Django's own adapter does, without asking the settings each time."""
    return None if moment is None else str(moment.astimezone(UTC).replace(tzinfo=None))


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows whose values stand in the order of the model's field names."""
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    adapters = [
        (place, adapt)
        for place, field in enumerate(fields)
        if (adapt := _adapter(field)) is not None
    ]
    adapted = []
    for row in rows:
        values = list(row)
        for place, adapt in adapters:
            values[place] = adapt(values[place])
        adapted.append(values)
    if not adapted:
        return
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    table = quote(model._meta.db_table)
    with connection.wrap_database_errors, connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # One command for all rows, where an INSERT is planned and answered row by row.
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for values in adapted:
                    copy.write_row(values)
        else:
            # Many rows in one statement: `executemany` gives up the interpreter's lock at each row,
            # and gets it back only when the event loop has nothing to do.
            row_placeholders = f"({', '.join('?' * len(fields))})"
            start = 0
            while start < len(adapted):
                # Powers of two, so that few statements are prepared and kept.
                size = min(_ROWS, 1 << ((len(adapted) - start).bit_length() - 1))
                chunk = adapted[start : start + size]
                start += size
                placeholders = ", ".join([row_placeholders] * len(chunk))
                statement = f"INSERT INTO {table} ({columns}) VALUES {placeholders}"  # noqa: S608
                # Bypasses Django's wrapper, which would search every statement for its own
                # placeholders.
                sqlite3.Cursor.execute(
                    cursor.cursor, statement, [value for values in chunk for value in values]
                )
