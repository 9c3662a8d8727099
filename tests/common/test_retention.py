"""Policies of retention: batches, bad rows, crashes, counts, the audit trail, the command."""

import os
import subprocess
import sys
import threading
import tracemalloc
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from plumbmark.common import retention
from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import now, shift_clock, today
from plumbmark.common.jobs import purge
from plumbmark.common.models import AuditEvent, FailedAttempt, OutboxEvent, PurgeCount
from plumbmark.common.retention import (
    PurgeFailed,
    RetentionPolicy,
    delete_rows,
    describe_policies,
    policies,
    purge_policy,
)

ROOT = Path(__file__).resolve().parents[2]
STATUS = "/staff/status/"

pytestmark = pytest.mark.django_db(transaction=True)


def events(count: int, *, days: float, is_delivered: bool = True) -> list[OutboxEvent]:
    at = now() - timedelta(days=days)
    return OutboxEvent.objects.bulk_create(
        OutboxEvent(kind="test.said", payload={"n": n}, delivered_at=at if is_delivered else None)
        for n in range(count)
    )


def old_events(before: Any) -> QuerySet[OutboxEvent]:
    return OutboxEvent.objects.filter(delivered_at__lt=before).order_by("pk")


def policy(purge: Any = delete_rows) -> RetentionPolicy:
    return RetentionPolicy("outbox", "Delivered events", old_events, "delivered_at", purge)


@pytest.fixture
def only_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_policies", {"outbox": policy()})


def test_what_was_delivered_long_ago_goes_and_nothing_else() -> None:
    events(3, days=31)
    young = events(2, days=29)
    waiting = events(1, days=400, is_delivered=False)

    assert purge() == 3
    left = set(OutboxEvent.objects.values_list("pk", flat=True))
    assert left == {event.pk for event in (*young, *waiting)}
    assert purge() == 0


def test_an_empty_setting_keeps_for_ever(settings: Any) -> None:
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "outbox": None}
    events(1, days=10_000)

    assert purge() == 0
    assert OutboxEvent.objects.count() == 1


def test_old_failures_are_forgotten() -> None:
    def fail(item: str) -> None:
        raise ValueError(item)

    with shift_clock(timedelta(days=-40)):
        attempt_each("test", ["old"], fail)
    attempt_each("test", ["young"], fail)

    assert purge() == 1
    assert FailedAttempt.objects.get().item == "young"


def test_the_audit_trail_is_kept_unless_the_setting_says_otherwise(settings: Any) -> None:
    with shift_clock(timedelta(days=-800)):
        AuditEvent.objects.create(action="publish", thing="task:1")
    AuditEvent.objects.update(at=now() - timedelta(days=800))
    AuditEvent.objects.create(action="publish", thing="task:2")

    assert purge() == 0
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "audit": 700}
    assert purge() == 1
    assert AuditEvent.objects.get().thing == "task:2"


def test_there_is_one_line_of_audit_for_each_policy_and_day(only_outbox: None) -> None:
    for count in (3, 4):
        events(count, days=31)
        purge()
    assert not AuditEvent.objects.exists()
    assert PurgeCount.objects.get().rows == 7
    first_day = today()

    with shift_clock(timedelta(days=1)):
        events(2, days=31)
        for _ in range(3):
            purge()
        line = AuditEvent.objects.get()
    assert (line.actor, line.action, line.thing) == (None, "purge", "retention:outbox")
    assert line.details == {"day": first_day.isoformat(), "rows": 7}
    assert list(PurgeCount.objects.order_by("day").values_list("rows", "is_audited")) == [
        (7, True),
        (2, False),
    ]


def test_a_policy_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rows: QuerySet[Any]) -> int:
        raise OperationalError("the disk is full")

    failing = RetentionPolicy("failures", "x", old_events, "delivered_at", fail)
    monkeypatch.setattr(retention, "_policies", {"failures": failing, "outbox": policy()})
    events(5, days=31)

    assert purge() == 5
    assert "the disk is full" in FailedAttempt.objects.get(item="failures").reason


def test_a_row_that_cannot_go_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = events(1200, days=31)[700].pk

    def delete(rows: QuerySet[Any]) -> int:
        if rows.filter(pk=bad).exists():
            raise ValueError("it is protected")
        return delete_rows(rows)

    with pytest.raises(PurgeFailed, match=f"1 rows could not be purged, the first: {bad}: Value"):
        purge_policy(policy(delete))
    assert OutboxEvent.objects.get().pk == bad
    assert PurgeCount.objects.get().rows == 1199


def test_a_batch_that_breaks_off_leaves_rows_and_counts_as_they_were() -> None:
    events(3, days=31)

    def break_off(rows: QuerySet[Any]) -> int:
        delete_rows(rows)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purge_policy(policy(break_off))
    assert OutboxEvent.objects.count() == 3
    assert not PurgeCount.objects.exists()
    assert purge_policy(policy()) == 3


def test_two_purges_at_once_count_every_row_once() -> None:
    events(3000, days=31)
    ready = threading.Barrier(2)
    purged: list[int] = []

    def run() -> None:
        ready.wait(60)
        purged.append(purge_policy(policy()))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(purged) == 2
    assert sum(purged) == 3000 == PurgeCount.objects.get().rows
    assert not OutboxEvent.objects.exists()


def test_rows_that_are_used_again_before_their_batch_stay() -> None:
    rows = events(600, days=31)

    def delete(due: QuerySet[Any]) -> int:
        # As another process would, between the look-up and the second batch.
        OutboxEvent.objects.filter(pk=rows[-1].pk).update(delivered_at=now())
        return delete_rows(due)

    assert purge_policy(policy(delete)) == 599
    assert OutboxEvent.objects.get().pk == rows[-1].pk


def test_a_run_of_the_job_ends_in_time_and_the_next_goes_on() -> None:
    events(1100, days=31)

    assert purge_policy(policy(), max_seconds=0) == 0
    assert purge_policy(policy(), max_seconds=600) == 1100


def test_memory_does_not_grow_with_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand rows, in batches: none holds the database long, none fills the memory."""
    for _ in range(20):
        events(5000, days=31)
    monkeypatch.setattr(retention, "_MAX_PAUSE_SECONDS", 0.0)
    sizes: list[int] = []

    def delete(rows: QuerySet[Any]) -> int:
        gone = delete_rows(rows)
        sizes.append(gone)
        return gone

    tracemalloc.start()
    try:
        assert purge_policy(policy(delete)) == 100_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert max(sizes) == retention.BATCH
    assert len(sizes) == 200
    assert peak < 20 * 2**20


# --- what staff are told ------------------------------------------------------------------------


def listed(*arguments: str) -> str:
    out = StringIO()
    call_command("purge", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_lists_what_is_due_and_purges_nothing_when_asked_to_list() -> None:
    events(3, days=31)
    oldest = now() - timedelta(days=45)
    OutboxEvent.objects.filter(pk=events(1, days=45)[0].pk).update(delivered_at=oldest)

    said = listed("--dry-run", "--policy", "outbox")

    assert said == (
        "outbox: Delivered events\n"
        "  kept: 30 days (PLUMBMARK_RETENTION_OUTBOX_DAYS)\n"
        f"  due: 4 rows, the oldest from {oldest:%Y-%m-%d}\n"
    )
    assert "kept: for ever (PLUMBMARK_RETENTION_AUDIT_DAYS)" in listed("--dry-run")
    assert OutboxEvent.objects.count() == 4
    assert "outbox: 4 rows purged\n" in listed()
    assert "audit: kept for ever (PLUMBMARK_RETENTION_AUDIT_DAYS is empty)\n" in listed()
    assert not OutboxEvent.objects.exists()


def test_the_command_names_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rows: QuerySet[Any]) -> int:
        raise ValueError("no")

    monkeypatch.setattr(retention, "_policies", {"outbox": policy(fail)})
    events(1, days=31)

    with pytest.raises(CommandError, match="outbox: PurgeFailed: 1 rows could not be purged"):
        listed()
    with pytest.raises(CommandError, match=r"There is no policy nothing\. There are: outbox\."):
        listed("--policy", "nothing")


def test_every_policy_has_a_setting_and_every_setting_a_policy(settings: Any) -> None:
    assert {one.name for one in policies()} == set(settings.RETENTION_DAYS)


def test_staff_see_how_the_policies_stand(client: Any, open_account: Any) -> None:
    events(2, days=31)
    purge()
    events(3, days=31)
    staff = open_account(handle="warden")
    staff.is_staff = True
    staff.save()
    client.force_login(staff)

    page = client.get(STATUS).content.decode()
    with CaptureQueriesContext(connection) as captured:
        client.get(STATUS)
    before = len(captured)
    events(300, days=31)
    with CaptureQueriesContext(connection) as captured:
        client.get(STATUS)

    row = page[page.index("Delivered events") : page.index("Snapshots of boards that")]
    assert "PLUMBMARK_RETENTION_OUTBOX_DAYS" in row
    assert "30 days" in " ".join(row.split())
    counts = [one.split(">")[1].split("<")[0].strip() for one in row.split("is-number")[1:3]]
    assert counts == ["3", "2"]
    assert f'datetime="{today().isoformat()}"' in row
    assert "for ever" in page
    assert len(captured) == before


def test_many_rows_are_not_all_counted_for_a_page() -> None:
    events(30, days=31)

    found = {one.policy.name: one for one in describe_policies(most=10)}["outbox"]

    assert (found.due, found.is_capped) == (10, True)


# --- the settings -------------------------------------------------------------------------------


def days_from(value: str | None, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    name = "PLUMBMARK_RETENTION_JOBS_DAYS"
    environment = {key: kept for key, kept in os.environ.items() if "PLUMBMARK" not in key}
    environment |= {"PLUMBMARK_STATE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT / "platform")}
    if value is not None:
        environment[name] = value
    program = "from plumbmark.config import settings; print(settings.RETENTION_DAYS['jobs'])"
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("value", "days"), [(None, "30"), ("", "None"), (" 7 ", "7"), ("1", "1")])
def test_days_are_read(value: str | None, days: str, tmp_path: Path) -> None:
    assert days_from(value, tmp_path).stdout.strip() == days


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "ever", "99999999999999999999", "٣"])
def test_nonsense_is_refused_at_the_start(value: str, tmp_path: Path) -> None:
    done = days_from(value, tmp_path)

    assert done.returncode != 0
    assert (
        "PLUMBMARK_RETENTION_JOBS_DAYS must be a whole number of days from 1 to 36500, or empty to "
        f"keep it for ever, not {value!r}" in done.stderr
    )
