"""Reads on hot paths, compiled to SQL once.

Building a query with the ORM and compiling it costs twenty times what the database needs to answer
a look-up by key. These queries are compiled by the ORM once for each thread's connection, and
afterwards only get other values. Only for look-ups by text, or by numbers where they are named as
such.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import local
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from plumbmark.common import clock

_NUMBERS_FROM = 2_000_000_000
"""Stand for numbers while a query is compiled; columns of every size hold them."""

M = TypeVar("M", bound=Model)
Build = Callable[..., QuerySet[Any, Any]]
"""Gets each name by keyword and returns the query."""


class CompiledQuery:
    """`Prepared(lambda handle: Namespace.objects.filter(handle=handle).values_list("id"))`."""

    def __init__(self, build: Build, *names: str) -> None:
        """Prepare a query; `build` returns a `values_list` query that looks up by all of
        `names`.
        """
        self._plans = _Plans(build, names)

    def first(self, **values: str) -> tuple[Any, ...] | None:
        """Return the first row as the ORM would, or None."""
        return self._plans.plan().first(values)


class CompiledRowsQuery:
    """The same for a query of several rows, which looks up by numbers."""

    def __init__(self, build: Build, *names: str, most: int | None = None) -> None:
        """Prepare a query that returns at most `most` rows; None: all of them."""
        self._plans = _Plans(build, (), names, most)

    def rows(self, **values: int) -> list[tuple[Any, ...]]:
        return self._plans.plan().rows(values)


class CompiledModelQuery(Generic[M]):
    """The same for a query of models, with what it annotates and selects of related ones."""

    def __init__(
        self, build: Callable[..., QuerySet[M]], *names: str, numbers: tuple[str, ...] = ()
    ) -> None:
        self._plans = _Plans(build, names, numbers)

    def first(self, **values: str | int) -> M | None:
        """Return the first object, or None."""
        plan = self._plans.plan()
        row = plan.first(values)
        if row is None:
            return None
        if plan.reader is None:
            plan.reader = _ModelReader(plan.compiler)
        found: M = plan.reader.read(row)
        return found


class _Plans:
    """A query's plan in each thread: a compiler belongs to a connection, which has one thread."""

    def __init__(
        self,
        build: Build,
        names: tuple[str, ...],
        numbers: tuple[str, ...] = (),
        most: int | None = 1,
    ) -> None:
        self._build = build
        self._names = names
        self._numbers = numbers
        self._most = most
        self._own = local()

    def plan(self) -> "_Plan":
        connection = connections[DEFAULT_DB_ALIAS]
        if clock.is_moved():
            # The database's time would be compiled into it as it is now.
            return self._compile(connection)
        plan: _Plan | None = getattr(self._own, "plan", None)
        if plan is None or plan.compiler.connection is not connection:
            plan = self._own.plan = self._compile(connection)
        return plan

    def _compile(self, connection: Any) -> "_Plan":
        placeholders: dict[str, str | int] = {name: f"prepared:{name}" for name in self._names}
        placeholders |= {name: _NUMBERS_FROM + n for n, name in enumerate(self._numbers)}
        query = self._build(**placeholders)
        if self._most is not None:
            query = query[: self._most]
        compiler = query.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        names = {placeholder: name for name, placeholder in placeholders.items()}
        found = tuple(
            _Place(names[parameter])
            if isinstance(parameter, str | int) and parameter in names
            else parameter
            for parameter in parameters
        )
        missing = set(placeholders) - {
            parameter.name for parameter in found if isinstance(parameter, _Place)
        }
        if missing:
            raise TypeError(
                f"the query does not look up by {', '.join(sorted(missing))} as text or number"
            )
        return _Plan(compiler, sql, found)


@dataclass(slots=True)
class _Plan:
    compiler: SQLCompiler
    sql: str
    parameters: tuple[Any, ...]
    reader: "_ModelReader | None" = None

    def first(self, values: Mapping[str, str | int]) -> tuple[Any, ...] | None:
        with self.compiler.connection.cursor() as cursor:
            cursor.execute(self.sql, self._fill(values))
            row = cursor.fetchone()
        if row is None:
            return None
        return tuple(next(iter(self.compiler.results_iter([[row]], tuple_expected=True))))

    def rows(self, values: Mapping[str, int]) -> list[tuple[Any, ...]]:
        with self.compiler.connection.cursor() as cursor:
            cursor.execute(self.sql, self._fill(values))
            rows = cursor.fetchall()
        return [tuple(row) for row in self.compiler.results_iter([rows], tuple_expected=True)]

    def _fill(self, values: Mapping[str, str | int]) -> list[Any]:
        return [values[one.name] if isinstance(one, _Place) else one for one in self.parameters]


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a value in a compiled query."""

    name: str


class _ModelReader:
    """Builds objects from rows, with the related ones that the query selects, as the ORM does."""

    def __init__(self, compiler: SQLCompiler) -> None:
        self._alias = compiler.using or DEFAULT_DB_ALIAS
        self._part: Any = _Part(compiler.klass_info, compiler.select)
        self._annotated: Mapping[str, int] = compiler.annotation_col_map or {}

    def read(self, row: tuple[Any, ...]) -> Any:
        found = self._part.read(self._alias, row)
        for name, position in self._annotated.items():
            setattr(found, name, row[position])
        return found


class _Part:
    """The columns of a row that make one object."""

    def __init__(self, klass_info: Any, select: Any) -> None:
        fields = klass_info["select_fields"]
        self._model = klass_info["model"]
        self._columns = slice(fields[0], fields[-1] + 1)
        self._names = [column[0].target.attname for column in select[self._columns]]
        self._key = self._columns.start + self._names.index(self._model._meta.pk.attname)
        self._related = [
            (_Part(info, select), info["local_setter"], info["remote_setter"])
            for info in klass_info.get("related_klass_infos", ())
        ]

    def read(self, alias: str, row: tuple[Any, ...]) -> Any:
        if row[self._key] is None:
            return None
        found = self._model.from_db(alias, self._names, row[self._columns])
        for part, tell_this, tell_other in self._related:
            other = part.read(alias, row)
            tell_this(found, other)
            if other is not None:
                tell_other(other, found)
        return found
