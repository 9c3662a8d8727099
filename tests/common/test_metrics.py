"""Who may read the metrics, and what they say of rows and requests."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from leaderboards_app.metrics import board_figures
from leaderboards_app.models import BoardRefresh
from plumbmark.background.metrics import job_figures
from plumbmark.background.models import Job
from plumbmark.common import metrics
from plumbmark.common.attempts import attempt_each
from plumbmark.common.clock import freeze_clock, now, shift_clock
from plumbmark.common.models import OutboxEvent, WorkerReport
from plumbmark.common.outbox import record_event
from plumbmark.common.row_metrics import shared_figures
from plumbmark.config import env
from plumbmark.gateway.metrics import LedgerTotals, gateway_figures
from plumbmark.gateway.models import LedgerLine
from tasks_app.models import Run, Shard
from tasks_app.workers.metrics import work_figures, worker_counts
from tests.exposition import Exposition
from tests.factories import publish_benchmark, publish_task, submit

TOKEN = "a-token-of-the-metrics"


def describe() -> Exposition:
    return Exposition(metrics.tell_own().decode())


def figures(of: Any) -> dict[tuple[str, ...], float]:
    """Return values by name and labels, without the prefix."""
    return {
        (one.name.removeprefix("plumbmark_"), *one.labels.values()): one.value
        for family in of()
        for one in family.samples
    }


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN} ", 200),
        ("", 401),
        ("Bearer", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        ("Bearer tökén", 401),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_only_the_token_opens_the_metrics(
    client: Client, settings: Any, sent: str, status: int
) -> None:
    settings.METRICS_TOKEN = TOKEN

    answer = client.get("/metrics", headers={"Authorization": sent}, HTTP_HOST="10.0.0.7")

    assert answer.status_code == status
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert (b"plumbmark_" in answer.content) == (status == 200)
    assert not answer.cookies


@pytest.mark.django_db
@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}"])
def test_without_the_setting_there_are_no_metrics(client: Client, settings: Any, sent: str) -> None:
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"Authorization": sent}).status_code == 404


def test_a_token_that_can_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "short")

    with pytest.raises(env.BadSetting, match="X must have at least 16 characters"):
        env.secret("X", min_length=16)


@pytest.mark.django_db
def test_requests_are_counted_by_pattern_and_never_by_what_was_sent(client: Client) -> None:
    before = describe()

    client.get("/people/hidden-name/")
    client.get("/api/v1/tasks/hidden-name")
    client.get("/hidden-name")
    client.generic("HIDDEN", "/help/")
    client.get("/healthz")

    after = describe()

    def grown(**labels: str) -> float:
        name = "plumbmark_http_requests_total"
        return after.sum(name, **labels) - before.sum(name, **labels)

    assert grown() == 4
    assert grown(route="(none)", status="404") == 1
    assert grown(method="other", route="/help/") == 1
    assert not [value for value in after.label_values if "hidden" in value.lower()]
    seconds = "plumbmark_http_request_duration_seconds"
    assert after.sum(f"{seconds}_count") - before.sum(f"{seconds}_count") == 4


@pytest.mark.django_db
def test_a_failure_of_a_periodic_job_is_counted_and_listed() -> None:
    name = "plumbmark_periodic_job_failures_total"
    before = describe().sum(name, job="a job of a test")

    attempt_each("a job of a test", ["item"], lambda item: 1 / 0)

    assert describe().sum(name, job="a job of a test") == before + 1
    assert figures(shared_figures)["failed_attempts", "retried"] == 1


@pytest.mark.django_db
def test_the_outbox_tells_how_long_its_oldest_event_waits() -> None:
    with freeze_clock():
        assert figures(shared_figures)["outbox_oldest_age_seconds",] == 0
        for _ in range(3):
            record_event("test.happened")
        oldest, failed, done = OutboxEvent.objects.order_by("id")
        OutboxEvent.objects.filter(pk=failed.pk).update(failed_at=now())
        OutboxEvent.objects.filter(pk=done.pk).update(delivered_at=now())
        OutboxEvent.objects.filter(pk=oldest.pk).update(created_at=now())
        with shift_clock(timedelta(seconds=90)):
            found = figures(shared_figures)

    assert found["outbox_events", "waiting"] == found["outbox_events", "failed"] == 1
    assert found["outbox_oldest_age_seconds",] == 90


@pytest.mark.django_db
def test_runs_shards_boards_jobs_and_workers_are_told(
    open_account: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    ada = open_account(handle="ada")
    version = publish_task(ada, items=60)
    board = publish_benchmark(ada, [version])
    run = submit(ada, version, "best", 59)
    BoardRefresh.objects.all().delete()
    before = figures(work_figures)
    with freeze_clock():
        Run.objects.filter(pk=run.pk).update(state="queued", created_at=now())
        hour = timedelta(hours=1)
        Shard.objects.create(run=run, index=7, start=0, stop=1)
        Shard.objects.create(
            run=run, index=8, start=1, stop=2, state="leased", lease_expires_at=now() - hour
        )
        Shard.objects.create(
            run=run, index=9, start=2, stop=3, state="leased", lease_expires_at=now() + hour
        )
        for state in ("queued", "running", "completed"):
            Job.objects.create(
                kind="x", namespace=ada.namespace, created_by=ada, subject="x", state=state
            )
        Job.objects.update(created_at=now())
        BoardRefresh.objects.create(version=board, requested_at=now())
        counts = metrics.own_counts()
        for name, facts, seen in (("a", {"sandbox": "x"}, now()), ("b", {}, now() - hour)):
            WorkerReport.objects.create(
                name=name, facts=facts, started_at=now(), seen_at=seen, metrics=counts
            )
        with shift_clock(timedelta(seconds=30)):
            with django_assert_num_queries(5):
                work = figures(work_figures)
            with django_assert_num_queries(1):
                jobs = figures(job_figures)
            with django_assert_num_queries(1):
                boards = figures(board_figures)
            with django_assert_num_queries(1):
                others = list(worker_counts())

    assert work["runs", "queued"] == before["runs", "queued"] + 1
    assert work["runs_oldest_queued_age_seconds",] == 30
    assert work["shards", "run", "queued"] == before["shards", "run", "queued"] + 1
    assert work["shards", "run", "leased"] == before["shards", "run", "leased"] + 2
    assert work["shard_leases_expired", "run"] == 1
    assert (work["workers", "yes"], work["workers", "no"]) == (1, 0)
    assert (jobs["jobs", "queued"], jobs["jobs", "running"]) == (1, 1)
    assert jobs["jobs_oldest_queued_age_seconds",] == 30
    assert boards == {("board_refreshes",): 1, ("board_refreshes_oldest_age_seconds",): 30}
    assert [name for name, _ in others] == ["a"]
    assert others[0][1] == counts


def line(payer: Any, charged: int, *, age: timedelta = timedelta(), **fields: Any) -> LedgerLine:
    return LedgerLine.objects.create(
        **{
            "payer": payer,
            "kind": "settle",
            "reason": "x",
            "charged": charged,
            "provider_cost": charged,
            "day": now().date(),
            "at": now() - age,
            **fields,
        }
    )


@pytest.mark.django_db
def test_each_line_of_the_ledger_is_added_up_once(
    open_account: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    payer = open_account(handle="ada").namespace
    totals, old = LedgerTotals(), timedelta(hours=1)
    line(payer, 1, age=old)
    line(payer, 20, age=old)
    # Its transaction began before the next line's, and what it charged is seen after it.
    late = line(payer, 0)
    line(payer, 300)
    line(payer, 0, kind="loss", provider_cost=7)
    line(payer, 0, kind="reserve", amount=9999)
    with django_assert_num_queries(2):
        assert totals.read()[0] == 321
    LedgerLine.objects.filter(pk=late.pk).update(charged=4000)

    assert totals.read() == (4321, {"settle": 321, "loss": 7})
    # What is old is not read again.
    LedgerLine.objects.filter(at__lt=now() - old / 2).update(charged=10**9)
    assert totals.read()[0] == 4321
    with shift_clock(old):
        assert totals.read()[0] == totals.read()[0] == 4321
        line(payer, 50000)
        assert totals.read()[0] == 54321


@pytest.mark.django_db
def test_money_is_told_in_dollars(open_account: Callable[..., Any], monkeypatch: Any) -> None:
    monkeypatch.setattr("plumbmark.gateway.metrics._totals", LedgerTotals())
    line(open_account(handle="ada").namespace, 2_500_000_000)

    found = figures(gateway_figures)

    assert found["charged_dollars_total",] == 2.5
    assert found["provider_cost_dollars_total", "settle"] == 2.5
    assert found["budget_leases",] == 0


def test_a_worker_of_another_version_breaks_no_scrape() -> None:
    odd = {"name": "plumbmark_calls", "type": "gauge", "help": "Other.", "samples": [["x", {}, 1]]}
    new = {
        "name": "plumbmark_new",
        "type": "gauge",
        "help": "N.",
        "samples": [["plumbmark_new", {}, 1]],
    }
    families = metrics._merge([("a", metrics.own_counts()), ("b", [odd, new])])

    text = metrics.generate_latest(metrics._Families(families)).decode()

    found = Exposition(text)
    assert found.sum("plumbmark_new", process="b") == 1
    assert found.families["plumbmark_calls"].type == "counter"
