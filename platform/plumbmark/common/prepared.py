"""Reads on hot paths, compiled to SQL once.

Building a query with the ORM and compiling it costs twenty times what the database needs to answer
a look-up by key. `Prepared` has the ORM compile it once for each database and from then on only
puts other values in. For look-ups by text alone, of columns that need no conversion (text, whole
numbers, booleans of PostgreSQL): the rows are as the driver gives them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import connection
from django.db.models import QuerySet


class Prepared:
    """`Prepared(lambda handle: Namespace.objects.filter(handle=handle).values_list("id"))`."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *names: str) -> None:
        """`build` gets each of `names` by keyword and returns a `values_list` query."""
        self._build = build
        self._names = names
        self._compiled: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def first(self, **values: str) -> tuple[Any, ...] | None:
        """The first row, or None."""
        compiled = self._compiled.get(connection.vendor)
        if compiled is None:
            compiled = self._compiled[connection.vendor] = self._compile()
        sql, parameters = compiled
        with connection.cursor() as cursor:
            cursor.execute(sql, [_put_in(given, values) for given in parameters])
            row: tuple[Any, ...] | None = cursor.fetchone()
        return row

    def _compile(self) -> tuple[str, tuple[Any, ...]]:
        marks = {name: f"prepared:{name}" for name in self._names}
        query = self._build(**marks)[:1].query
        sql, parameters = query.get_compiler(connection=connection).as_sql()
        names = {mark: name for name, mark in marks.items()}
        found = tuple(
            _Place(names[given]) if isinstance(given, str) and given in names else given
            for given in parameters
        )
        missing = set(self._names) - {given.name for given in found if isinstance(given, _Place)}
        if missing:
            raise TypeError(f"the query does not look up by {', '.join(sorted(missing))} as text")
        return sql, found


class _Place:
    """Where a value goes."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _put_in(given: Any, values: Mapping[str, str]) -> Any:
    return values[given.name] if isinstance(given, _Place) else given
