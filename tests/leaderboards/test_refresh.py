"""Boards are computed once for many requests, and equal content makes no snapshot."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from benchmarks_app.models import Benchmark, BenchmarkVersion
from leaderboards_app import jobs
from leaderboards_app.jobs import refresh_boards
from leaderboards_app.models import BoardRefresh, Standings
from leaderboards_app.standings.actions import refresh_board, request_refresh
from leaderboards_app.standings.computation import ComputedBoard
from plumbmark.common.attempts import MAX_ATTEMPTS
from plumbmark.common.clock import shift_clock
from plumbmark.common.models import FailedAttempt
from tests.leaderboards.rows import SHARE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def version(open_account: Callable[..., Any]) -> BenchmarkVersion:
    user = open_account(handle="ada")
    benchmark = Benchmark.objects.create(
        namespace=user.namespace, slug="board", title="Board", created_by=user
    )
    return BenchmarkVersion.objects.create(
        benchmark=benchmark,
        number=1,
        state=BenchmarkVersion.State.PUBLISHED,
        created_by=user,
    )


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the board would show: computing it is tested elsewhere."""
    shown: dict[str, Any] = {"tasks": [], "rows": [], "metric": SHARE}
    monkeypatch.setattr(
        "leaderboards_app.standings.actions.compute_board",
        lambda version: ComputedBoard(dict(shown), None),
    )
    return shown


def test_many_requests_make_one_snapshot(version: BenchmarkVersion, content: Any) -> None:
    for reason in ("run.queued", "run.completed", "scoring.completed", "run.completed"):
        request_refresh([version.pk], reason=reason)
    due = BoardRefresh.objects.get()
    assert due.requests == 4
    assert due.reasons == ["run.queued", "run.completed", "scoring.completed"]
    assert refresh_boards() == 1
    assert Standings.objects.count() == 1
    assert not BoardRefresh.objects.exists()
    assert refresh_boards() == 0


def test_a_board_that_fails_stalls_no_other_and_is_attempted_a_few_times(
    version: BenchmarkVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = BenchmarkVersion.objects.create(
        benchmark=version.benchmark,
        number=2,
        state=BenchmarkVersion.State.PUBLISHED,
        created_by=version.created_by,
    )
    attempts = []

    def compute(of: BenchmarkVersion) -> dict[str, Any]:
        if of.pk == version.pk:
            attempts.append(of.pk)
            raise ValueError("cannot convert float NaN to integer")
        return ComputedBoard({"tasks": [], "rows": [], "metric": SHARE}, None)

    monkeypatch.setattr("leaderboards_app.standings.actions.compute_board", compute)
    request_refresh([version.pk], reason="run.completed")
    request_refresh([second.pk], reason="run.completed")

    for hour in range(8):
        with shift_clock(timedelta(hours=hour)):
            refresh_boards()

    assert Standings.objects.get().version_id == second.pk
    assert len(attempts) == MAX_ATTEMPTS
    failure = FailedAttempt.objects.get()
    assert failure.is_given_up
    assert "cannot convert float NaN" in failure.reason

    # What changes on it is worth another attempt.
    request_refresh([version.pk], reason="run.invalidated")
    refresh_boards()
    assert len(attempts) == MAX_ATTEMPTS + 1


def test_equal_content_makes_no_second_snapshot(version: BenchmarkVersion, content: Any) -> None:
    assert refresh_board(version) is not None
    request_refresh([version.pk], reason="run.queued")
    assert refresh_boards() == 0
    assert not BoardRefresh.objects.exists()
    content["canary"] = "changed"
    request_refresh([version.pk], reason="run.completed")
    assert refresh_boards() == 1
    assert list(Standings.objects.order_by("number").values_list("number", flat=True)) == [1, 2]


def test_a_request_that_comes_while_computing_leaves_the_board_due(
    version: BenchmarkVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(of: BenchmarkVersion) -> dict[str, Any]:
        request_refresh([of.pk], reason="run.completed")
        return ComputedBoard({"tasks": [], "rows": [], "metric": SHARE}, None)

    monkeypatch.setattr("leaderboards_app.standings.actions.compute_board", compute)
    request_refresh([version.pk], reason="run.queued")
    assert refresh_board(version) is not None
    assert BoardRefresh.objects.filter(version=version).exists()


def test_a_board_is_computed_by_one_worker_and_another_board_by_another(
    version: BenchmarkVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = BenchmarkVersion.objects.create(
        benchmark=version.benchmark,
        number=2,
        state=BenchmarkVersion.State.PUBLISHED,
        created_by=version.created_by,
    )
    computed: list[int] = []
    go_on, started = threading.Event(), threading.Event()

    def compute(of: BenchmarkVersion) -> dict[str, Any]:
        computed.append(of.pk)
        if of.pk == version.pk and len(computed) == 1:
            started.set()
            assert go_on.wait(60)
        return ComputedBoard({"tasks": [], "rows": [], "metric": SHARE, "of": of.number}, None)

    def work() -> None:
        refresh_boards()
        connection.close()

    monkeypatch.setattr("leaderboards_app.standings.actions.compute_board", compute)
    request_refresh([version.pk], reason="run.completed")
    worker = threading.Thread(target=work)
    worker.start()
    assert started.wait(60)
    request_refresh([version.pk], reason="scoring.completed")
    request_refresh([second.pk], reason="run.completed")
    assert refresh_boards() == 1
    assert computed == [version.pk, second.pk]
    go_on.set()
    worker.join()

    # What was requested meanwhile is computed afterwards.
    assert BoardRefresh.objects.get().lease_token is None
    refresh_boards()
    assert computed == [version.pk, second.pk, version.pk]
    assert not BoardRefresh.objects.exists()


def test_the_board_of_a_dead_worker_is_computed_by_another(
    version: BenchmarkVersion, content: Any
) -> None:
    request_refresh([version.pk], reason="run.completed")
    assert jobs._claim(BoardRefresh.objects.get()) is not None
    assert refresh_boards() == 0
    with shift_clock(jobs.LEASE + timedelta(seconds=1)):
        assert refresh_boards() == 1


def test_a_board_waits_while_its_runs_are_at_work_and_shows_the_last_at_once(
    version: BenchmarkVersion, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work = True
    monkeypatch.setattr(jobs, "_is_at_work", lambda version_id: at_work)
    request_refresh([version.pk], reason="run.queued")
    assert refresh_boards() == 1  # the first at once

    content["canary"] = "changed"
    request_refresh([version.pk], reason="run.completed")
    assert refresh_boards() == 0
    assert BoardRefresh.objects.filter(version=version).exists()
    with shift_clock(jobs.PAUSE + timedelta(seconds=1)):
        assert refresh_boards() == 1

    content["canary"] = "changed again"
    request_refresh([version.pk], reason="run.completed")
    at_work = False
    assert refresh_boards() == 1
