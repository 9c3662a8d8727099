"""Large tables of PostgreSQL in partitions: converted with their rows, and used after it.

On a database that is migrated and not partitioned; the tests run in this order, in one process
(`test_on_postgres.py`), and leave it partitioned for the tests after them.
"""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.models import QuerySet

from plumbmark.common import partitions
from plumbmark.common.partitions import TableContents
from plumbmark.gateway import queries
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Call, Exchange
from tasks_app.management.commands.partition_tables import TABLES
from tasks_app.models import Run, Sample, SampleCall, SampleScore, Scoring
from tasks_app.runs.queries import samples_of, with_scores
from tasks_app.scorings.actions import rescore_runs_of
from tasks_app.scorings.estimates import item_scores
from tests.tasks.world import DEFINITION

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'",
        reason="not applicable: SQLite has no partitions",
    ),
]

PARTS = 8
CONTAINS = DEFINITION.replace("[{type: exact}]", "[{type: includes}]")


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("partition_tables", "--partitions", str(PARTS), *arguments, stdout=out)
    return out.getvalue()


def completed_run(world: Any, version: Any) -> Run:
    run: Run = world.start(version)
    world.work()
    runtime.shutdown()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
    return run


def all_contents() -> dict[str, TableContents]:
    return {target.table: partitions.contents(target.table) for target in TABLES}


def parts_read(rows: QuerySet[Any]) -> dict[str, int]:
    """Return how many partitions of each table the plan of a query reads."""
    plan = rows.explain()
    found: dict[str, set[str]] = {}
    for table, part in re.findall(r"\b((?:tasks|gateway)_[a-z]+)_p(\d{3})\b", plan):
        found.setdefault(table, set()).add(part)
    return {table: len(parts) for table, parts in found.items()}


def test_a_dry_run_changes_nothing(world: Any) -> None:
    completed_run(world, world.version(5))
    before = all_contents()

    said = command("--dry-run")

    assert "PARTITION BY HASH" in said
    assert not any(partitions.is_partitioned(target.table) for target in TABLES)
    assert all_contents() == before


def test_a_table_that_would_differ_stays_as_it_is(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = world.version(5)
    completed_run(world, version)
    before = all_contents()
    count = partitions.contents

    def lose_one(table: str) -> TableContents:
        found = count(table)
        return TableContents(found.rows - table.endswith("__new"), found.checksum)

    with monkeypatch.context() as patch:
        patch.setattr(partitions, "contents", lose_one)
        with pytest.raises(CommandError, match="nothing is changed"):
            command()

    assert not any(partitions.is_partitioned(target.table) for target in TABLES)
    assert all_contents() == before
    completed_run(world, version)


def test_a_database_in_use_is_divided_with_every_row(world: Any) -> None:
    task = world.task()
    run = completed_run(world, world.version(30, task=task))
    version = world.version(30, task=task, definition=CONTAINS)
    rescore_runs_of(version=version, by=world.ada)
    world.work()
    before = all_contents()
    assert before["tasks_sample"].rows == before["gateway_call"].rows == 30
    assert before["tasks_samplescore"].rows == 60

    said = command()

    assert f"tasks_sample: 30 rows in {PARTS} partitions by run_id" in said
    assert all(partitions.is_partitioned(target.table) for target in TABLES)
    assert all_contents() == before
    assert "every row that is named exists" in command("--check")
    assert command().count("is divided already") == len(TABLES)

    # Everything goes on: ids, runs, scorings, and what is unique.
    last = max(Sample.objects.values_list("pk", flat=True))
    again = completed_run(world, version)
    assert min(Sample.objects.filter(run=again).values_list("pk", flat=True)) > last
    assert Scoring.objects.get(run=again).value == 1.0
    assert Sample.objects.filter(run=run).count() == Sample.objects.filter(run=again).count() == 30
    assert len({sample.pk for sample in Sample.objects.all()}) == 60
    assert "every row that is named exists" in command("--check")


def test_what_is_unique_stays_unique(world: Any) -> None:
    run = completed_run(world, world.version(3))
    sample = Sample.objects.filter(run=run).first()
    assert sample is not None
    call = Call.objects.filter(grant=run.grant).first()
    assert call is not None
    score = SampleScore.objects.filter(sample=sample).get()

    sample.pk = None
    with pytest.raises(IntegrityError, match=r"\(run_id, ordinal\)"), transaction.atomic():
        sample.save(force_insert=True)
    score.pk = None
    with pytest.raises(IntegrityError, match=r"\(scoring_id, sample_id\)"), transaction.atomic():
        score.save(force_insert=True)
    call.pk = Call._meta.pk.get_default()
    with pytest.raises(IntegrityError, match=r"\(grant_id, key\)"), transaction.atomic():
        call.save(force_insert=True)
    call.charged = call.provider_cost + 1
    with pytest.raises(IntegrityError, match="call_is_not_overcharged"), transaction.atomic():
        Call.objects.filter(grant=run.grant).update(charged=call.charged)
    with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
        Sample.objects.filter(run=run).update(item=2**40)


def test_queries_of_a_run_read_one_partition(world: Any) -> None:
    run = completed_run(world, world.version(30))
    scoring = Scoring.objects.get(run=run)
    sample = Sample.objects.filter(run=run).first()
    assert sample is not None
    call = Call.objects.filter(grant=run.grant).first()
    assert call is not None
    one = {"tasks_sample": 1}
    both = {"tasks_sample": 1, "tasks_samplescore": 1}

    assert parts_read(samples_of(run, to=world.ada)) == one
    assert parts_read(with_scores(samples_of(run, to=world.ada), scoring)) == both
    assert parts_read(Sample.objects.filter(run=run, ordinal__in=range(20))) == one
    scored = SampleScore.objects.filter(scoring=scoring, sample__run=run.pk)
    assert parts_read(scored.order_by("sample__ordinal")) == both
    assert parts_read(SampleCall.objects.filter(sample=sample)) == {"tasks_samplecall": 1}
    assert parts_read(Call.objects.filter(grant=run.grant)) == {"gateway_call": 1}
    assert parts_read(Exchange.objects.filter(call=call.pk)) == {"gateway_exchange": 1}
    # By its id alone, a call may be anywhere.
    assert parts_read(Call.objects.filter(pk=call.pk)) == {"gateway_call": PARTS}
    assert len(item_scores(scoring)) == 30
    assert run.grant_id is not None
    keys = [f"{ordinal}/0" for ordinal in range(30)]
    assert isinstance(queries.recorded_answers(grant_id=run.grant_id, keys=keys), dict)


def test_a_deleted_run_takes_its_rows_along_and_no_others(world: Any) -> None:
    version = world.version(20)
    kept, gone = completed_run(world, version), completed_run(world, version)

    gone.delete()

    for rows in (
        Sample.objects.filter(run=gone.pk),
        SampleScore.objects.filter(scoring__run=gone.pk),
    ):
        assert not rows.exists()
    assert Sample.objects.filter(run=kept).count() == 20
    assert SampleScore.objects.filter(scoring__run=kept).count() == 20
    assert SampleCall.objects.count() == 20
    assert "every row that is named exists" in command("--check")


def test_a_check_finds_what_the_database_no_longer_refuses(world: Any) -> None:
    run = completed_run(world, world.version(4))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tasks_sample WHERE run_id = %s", [run.pk])

    with pytest.raises(CommandError, match=r"tasks_samplescore\.sample_id: 4 name no row") as found:
        command("--check")
    assert "tasks_samplecall.sample_id: 4" in str(found.value)


def test_migrations_work_on_partitioned_tables(world: Any) -> None:
    version = world.version(4)
    completed_run(world, version)
    added = models.IntegerField(null=True)
    added.set_attributes_from_name("added")
    index = models.Index(fields=["run", "outcome"], name="sample_by_outcome")
    constraint = models.CheckConstraint(
        condition=models.Q(ordinal__lt=10**9), name="sample_ordinal_is_low"
    )

    call_command("migrate", verbosity=0)
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    with connection.schema_editor() as editor:
        editor.add_field(Sample, added)
        editor.add_index(Sample, index)
        editor.add_constraint(Sample, constraint)
    with connection.schema_editor() as editor:
        editor.remove_constraint(Sample, constraint)
        editor.remove_index(Sample, index)
        editor.remove_field(Sample, added)
    with connection.schema_editor() as editor:
        # As the migrations of other tables do that lose an index of theirs.
        names = editor._constraint_names(Call, ["grant_id"], index=True)  # type: ignore[attr-defined]
    assert names
    completed_run(world, version)
