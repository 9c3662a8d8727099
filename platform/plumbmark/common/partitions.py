"""Large tables as hash partitions, on PostgreSQL: an optional step, with the same rows after it.

Django does not know of it, and need not: the partitioned table has the name, the columns, the
constraints and the indexes of the one before, under their names. Two things PostgreSQL cannot keep,
because a unique index of a partitioned table must contain the column that it is divided by. The
primary key becomes (id, that column), and foreign keys to the id alone go. Ids still come from one
sequence (or are random), and `orphans_of` and `repeated_ids` look at what the database no longer
guarantees.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from plumbmark.common.errors import DomainError

LOCK_SECONDS = 30
"""Time to wait for whoever still uses the table."""


class CannotPartition(DomainError):
    code = "cannot-partition"


@dataclass(frozen=True, slots=True)
class PartitionedBy:
    """A table and the field that says which partition a row is in."""

    model: type[models.Model]
    field: str

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def column(self) -> str:
        field: Any = self.model._meta.get_field(self.field)
        return str(field.column)


@dataclass(frozen=True, slots=True)
class TableContents:
    """The rows of a table and the sum of their hashes: the same before and after."""

    rows: int
    checksum: int


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """The statements that replace a table, around the comparison of what is in both."""

    fill: Sequence[str]
    swap: Sequence[str]
    lost_references: Sequence[str]
    """Tables and names of the foreign keys that go."""


def is_partitioned(table: str) -> bool:
    return bool(
        _rows("SELECT 1 FROM pg_partitioned_table WHERE partrelid = to_regclass(%s)", table)
    )


def plan(target: PartitionedBy, parts: int) -> PartitionPlan:
    """Return the statements for a table as it is now."""
    table, column = target.table, target.column
    new, sequence = f"{table}__new", f"{table}__seq"
    fill = [
        f"CREATE TABLE {_name(new)} (LIKE {_name(table)} INCLUDING DEFAULTS INCLUDING CONSTRAINTS "
        "INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS) "
        f"PARTITION BY HASH ({_name(column)})",
        *(
            f"CREATE TABLE {_name(f'{table}_p{part:03}')} PARTITION OF {_name(new)} "
            f"FOR VALUES WITH (MODULUS {parts}, REMAINDER {part})"
            for part in range(parts)
        ),
        f"INSERT INTO {_name(new)} SELECT * FROM {_name(table)}",  # noqa: S608
    ]
    keeps_key = column in _primary_key(table)
    references = [] if keeps_key else _references_to(table)
    if keeps_key and _references_to(table):
        raise CannotPartition(f"foreign keys lead to {table}, and would have to be made anew")
    constraints, indexes = _constraints_of(table, column), _indexes_of(table, column)
    before, after = _sequence_statements(table, new, sequence)
    swap = [
        *before,
        *(
            f"ALTER TABLE {_name(other)} DROP CONSTRAINT {_name(name)}"
            for other, name in references
        ),
        f"DROP TABLE {_name(table)}",
        f"ALTER TABLE {_name(new)} RENAME TO {_name(table)}",
        *after,
        *constraints,
        *indexes,
        f"ANALYZE {_name(table)}",
    ]
    return PartitionPlan(fill, swap, [f"{other}.{name}" for other, name in references])


def partition(target: PartitionedBy, parts: int) -> TableContents:
    """Replace a table by a partitioned one with the same rows, in one transaction.

    Whoever uses the table waits meanwhile. If anything differs, or fails, nothing has changed.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        cursor.execute(f"LOCK TABLE {_name(target.table)} IN ACCESS EXCLUSIVE MODE")
        statements = plan(target, parts)
        for statement in statements.fill:
            cursor.execute(statement)
        before, after = contents(target.table), contents(f"{target.table}__new")
        if before != after:
            raise CannotPartition(
                f"{target.table} had {before.rows:,} rows and would have {after.rows:,}, or other "
                "ones; nothing is changed"
            )
        for statement in statements.swap:
            cursor.execute(statement)
    return after


def contents(table: str) -> TableContents:
    """Count a table's rows, and add up their hashes: the same in any order."""
    ((rows, checksum),) = _rows(
        "SELECT count(*), coalesce(sum(hashtextextended(one::text, 0)::numeric), 0) "  # noqa: S608
        f"FROM {_name(table)} AS one"
    )
    return TableContents(int(rows), int(checksum))


# --- what the database no longer checks ---------------------------------------------------------


def orphans_of(target: PartitionedBy) -> Iterator[tuple[str, int]]:
    """Yield columns that name rows of a table which do not exist, and how many do so."""
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if field.related_model is not target.model or not getattr(field, "db_constraint", True):
                continue
            assert isinstance(field, models.ForeignKey)
            key = _name(str(field.target_field.column))
            ((count,),) = _rows(
                f"SELECT count(*) FROM {_name(model._meta.db_table)} AS one "  # noqa: S608
                f"WHERE one.{_name(field.column)} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "
                f"{_name(target.table)} AS other WHERE other.{key} = one.{_name(field.column)})"
            )
            if count:
                yield f"{model._meta.db_table}.{field.column}", int(count)


def repeated_ids(target: PartitionedBy) -> int:
    """Return how many ids of a table more than one row has."""
    pk = target.model._meta.pk
    assert pk is not None
    ((count,),) = _rows(
        f"SELECT count(*) FROM (SELECT 1 FROM {_name(target.table)} "  # noqa: S608
        f"GROUP BY {_name(str(pk.column))} HAVING count(*) > 1) AS repeated"
    )
    return int(count)


# --- a table as the database describes it -------------------------------------------------------


def _primary_key(table: str) -> list[str]:
    found = _rows(
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "
        "AND a.attnum = ANY (i.indkey) WHERE i.indrelid = to_regclass(%s) AND i.indisprimary",
        table,
    )
    return [name for (name,) in found]


def _references_to(table: str) -> list[tuple[str, str]]:
    return _rows(
        "SELECT r.relname, c.conname FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid "
        "WHERE c.confrelid = to_regclass(%s) AND c.contype = 'f' AND c.conparentid = 0 "
        "ORDER BY 1, 2",
        table,
    )


def _constraints_of(table: str, column: str) -> list[str]:
    """Return what adds the keys of a table to its successor; CHECKs are copied with the columns."""
    found = _rows(
        "SELECT conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = to_regclass(%s) AND contype IN ('p', 'u', 'f') ORDER BY contype DESC",
        table,
    )
    statements = []
    for name, kind, definition in found:
        if kind == "p" and column not in _primary_key(table):
            columns = [*_primary_key(table), column]
            definition = f"PRIMARY KEY ({', '.join(map(_name, columns))})"
        elif kind == "u":
            _check_contains(name, definition, column)
        statements.append(f"ALTER TABLE {_name(table)} ADD CONSTRAINT {_name(name)} {definition}")
    return statements


def _indexes_of(table: str, column: str) -> list[str]:
    """Return what makes the indexes of a table that belong to no constraint."""
    found = _rows(
        "SELECT c.relname, i.indisunique, pg_get_indexdef(i.indexrelid) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass(%s) "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid "
        "AND k.contype IN ('p', 'u')) ORDER BY 1",
        table,
    )
    for name, is_unique, definition in found:
        if is_unique:
            _check_contains(name, definition, column)
    return [definition for _, _, definition in found]


def _check_contains(name: str, definition: str, column: str) -> None:
    columns = definition.partition("(")[2].partition(")")[0]
    if column not in {part.strip().strip('"') for part in columns.split(",")}:
        raise CannotPartition(f"{name} is unique without {column}, which no partition can check")


def _sequence_statements(table: str, new: str, sequence: str) -> tuple[list[str], list[str]]:
    """Return what lets ids go on where they are; identity columns came to partitions late."""
    found = _rows(
        "SELECT a.attname, s.relname FROM pg_attribute a "
        "JOIN pg_class s ON s.oid = pg_get_serial_sequence(quote_ident(%s), a.attname)::regclass "
        "WHERE a.attrelid = to_regclass(%s) AND a.attidentity <> ''",
        table,
        table,
    )
    before, after = [], []
    for column, old in found:
        before += [
            f"CREATE SEQUENCE {_name(sequence)} AS bigint",
            f"SELECT setval('{sequence}', last_value, is_called) FROM {_name(old)}",  # noqa: S608
            f"ALTER TABLE {_name(new)} ALTER COLUMN {_name(column)} "
            f"SET DEFAULT nextval('{sequence}')",
            f"ALTER SEQUENCE {_name(sequence)} OWNED BY {_name(new)}.{_name(column)}",
        ]
        # The default names it by its number, not by its name.
        after.append(f"ALTER SEQUENCE {_name(sequence)} RENAME TO {_name(old)}")
    return before, after


def _name(name: str) -> str:
    return connection.ops.quote_name(name)


def _rows(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def check_is_possible(targets: Iterable[PartitionedBy]) -> None:
    """Raise `CannotPartition` where the database is another, or lacks a table."""
    if connection.vendor != "postgresql":
        raise CannotPartition("only PostgreSQL has partitions; this is another database")
    for target in targets:
        if not _rows("SELECT to_regclass(%s)", target.table)[0][0]:
            raise CannotPartition(f"there is no table {target.table}: run manage.py migrate")
