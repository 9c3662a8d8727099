"""Divides the large tables of PostgreSQL into partitions by run: see docs/operators/scaling.md."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from plumbmark.common import partitions
from plumbmark.common.errors import DomainError
from plumbmark.common.partitions import PartitionedBy
from plumbmark.gateway.models import Call, Exchange
from tasks_app.models import Sample, SampleCall, SampleScore

TABLES = (
    # What names others comes first, so that fewer references are left to check.
    PartitionedBy(Exchange, "call"),
    PartitionedBy(SampleScore, "scoring"),
    PartitionedBy(SampleCall, "sample"),
    # A run has one grant, and a scoring one run.
    PartitionedBy(Call, "grant"),
    PartitionedBy(Sample, "run"),
)
MAX_PARTS = 256


class Command(BaseCommand):
    help = (
        "Divide the tables of samples, scores, calls and exchanges into partitions, on PostgreSQL. "
        "Each table in a transaction of its own, in which its rows are copied and compared; tables "
        "that are divided already are left alone, so an interrupted command is started again. Stop "
        "the other processes first: they would wait. Needs as much free disk as the largest table "
        "takes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--partitions", type=int, default=32, help="how many of each table")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--dry-run", action="store_true", help="print the statements")
        what.add_argument(
            "--check",
            action="store_true",
            help="look for what the database no longer refuses: rows that name others which do "
            "not exist, and ids that come twice",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        parts = options["partitions"]
        if not 2 <= parts <= MAX_PARTS:
            raise CommandError(f"--partitions must be from 2 to {MAX_PARTS}")
        try:
            partitions.check_is_possible(TABLES)
            if options["check"]:
                self._check()
                return
            for target in TABLES:
                self._partition(target, parts, is_dry=options["dry_run"])
        except DomainError as error:
            raise CommandError(error.message) from error
        except OperationalError as error:
            raise CommandError(
                f"{error}".strip() + "\nNothing of this table is changed. Stop the processes that "
                "use the database, and start the command again."
            ) from error

    def _partition(self, target: PartitionedBy, parts: int, *, is_dry: bool) -> None:
        if partitions.is_partitioned(target.table):
            self.stdout.write(f"{target.table} is divided already")
            return
        if is_dry:
            plan = partitions.plan(target, parts)
            self.stdout.write(";\n".join([*plan.fill, *plan.swap, ""]))
            return
        done = partitions.partition(target, parts)
        self.stdout.write(
            f"{target.table}: {done.rows:,} rows in {parts} partitions by {target.column}"
        )

    def _check(self) -> None:
        problems = []
        for target in TABLES:
            for column, count in partitions.orphans_of(target):
                problems.append(f"{column}: {count:,} name no row of {target.table}")
            if repeated := partitions.repeated_ids(target):
                problems.append(f"{target.table}: {repeated:,} ids come more than once")
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write("every row that is named exists, and no id comes twice")
