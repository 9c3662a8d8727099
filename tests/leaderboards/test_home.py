"""The home page: its lists, its picture, what it shows to whom, and the count of readings."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leaderboards_app.home import readings
from leaderboards_app.home.picture import draw_board, draw_example
from leaderboards_app.home.queries import (
    listed_benchmarks,
    moved_boards,
    own_work,
    rows_of_picture,
)
from leaderboards_app.models import DailyReadings
from plumbmark.common.clock import now
from tests.factories import publish_benchmark, publish_task, settle, submit

pytestmark = pytest.mark.django_db(transaction=True)

READER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"}


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


def read(client: Any, benchmark: Any, times: int = 1, **headers: str) -> Any:
    for _ in range(times):
        answer = client.get(benchmark.get_absolute_url(), headers=READER | headers)
    return answer


def enter(board: Any, ada: Any, name: str, right: int) -> None:
    """Submit a row and show it on the board."""
    from benchmarks_app.actions.entries import enter

    version = board.tasks.get().task_version
    enter(version=board, contender=submit(ada, version, name, right).contender, by=ada)
    settle()


def test_a_board_has_moved_when_a_snapshot_follows_another(board: Any, ada: Any) -> None:
    assert board.standings.count() == 1
    assert moved_boards() == []

    enter(board, ada, "later", 45)

    (moved,) = moved_boards()
    newest = board.standings.order_by("-number").first()
    assert moved.benchmark == board.benchmark
    assert moved.public_id == newest.public_id
    assert moved.changes["new"] == 1
    assert "1 new row" in moved.words


def test_boards_that_moved_come_with_the_last_change_first(board: Any, ada: Any) -> None:
    other = publish_benchmark(ada, [publish_task(ada, "Other", items=60)], "Other")
    settle()
    enter(other, ada, "one", 20)
    enter(other, ada, "two", 40)
    assert [one.benchmark.title for one in moved_boards()] == ["Other"]

    enter(board, ada, "later", 45)

    assert [one.benchmark.title for one in moved_boards()] == ["World", "Other"]


def test_only_public_benchmarks_are_on_the_lists(board: Any, ada: Any, client: Any) -> None:
    from benchmarks_app.actions.visibility import set_benchmark_visibility

    enter(board, ada, "later", 45)
    read(client, board.benchmark, 3)
    readings.store_readings()
    assert moved_boards()
    assert listed_benchmarks().newest
    assert listed_benchmarks().most_read

    set_benchmark_visibility(benchmark=board.benchmark, visibility="unlisted", by=ada)

    assert moved_boards() == []
    assert listed_benchmarks().newest == []
    assert listed_benchmarks().most_read == []
    assert "World" not in client.get("/", headers=READER).content.decode()
    client.force_login(ada)
    assert "World" in client.get("/", headers=READER).content.decode()


def test_newest_is_by_the_first_publication(ada: Any) -> None:
    for title in ("One", "Two", "Three"):
        publish_benchmark(ada, [publish_task(ada, f"Task {title}")], title)
    from benchmarks_app.models import BenchmarkVersion

    BenchmarkVersion.objects.filter(benchmark__title="One").update(
        published_at=now() + timedelta(hours=1)
    )

    assert [one.title for one in listed_benchmarks().newest] == ["One", "Three", "Two"]


def test_the_picture_has_the_first_rows_with_their_ranges(board: Any) -> None:
    picture = draw_board(rows_of_picture(board.pk))

    assert picture is not None
    assert (picture.rows[0].label, picture.rows[0].rank) == ("best", "1")
    assert picture.rows[0].low < 59 / 60 < picture.rows[0].high
    assert [one.label for one in picture.rows] == ["best", "mid <b>", "low"]
    assert picture.least == min(one.low for one in picture.rows)
    assert picture.finding == "best is first, ahead of all others."


def test_a_site_without_boards_has_an_example(client: Any) -> None:
    page = client.get("/").content.decode()

    assert "Model A" in page
    assert draw_example().finding.split(":")[0] in page
    assert "No benchmarks yet" in page


def test_names_in_the_picture_are_escaped(board: Any, client: Any) -> None:
    page = client.get("/").content.decode()

    assert "mid &lt;b&gt;" in page
    assert "mid <b>" not in page


def test_readings_are_counted_and_stored_by_day(board: Any, ada: Any, client: Any) -> None:
    read(client, board.benchmark, 3)
    assert not DailyReadings.objects.exists()

    assert readings.store_readings() == 1
    (row,) = DailyReadings.objects.all()
    assert (row.benchmark, row.day, row.count) == (board.benchmark, now().date(), 3)
    assert readings.store_readings() == 0

    read(client, board.benchmark, 2)
    readings.store_readings()
    row.refresh_from_db()
    assert row.count == 5
    assert "read 5 times in 30 days" in client.get("/", headers=READER).content.decode()


def test_a_page_from_the_cache_and_a_304_are_readings_too(board: Any, client: Any) -> None:
    first = read(client, board.benchmark)
    again = read(client, board.benchmark, **{"If-None-Match": first["ETag"]})
    assert again.status_code == 304

    readings.store_readings()
    assert DailyReadings.objects.get().count == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"User-Agent": "curl/8.5.0"},
        {"User-Agent": "python-requests/2.32"},
        {"User-Agent": ""},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
        {"HX-Request": "true"},
    ],
)
def test_programs_and_pages_fetched_ahead_are_not_counted(
    board: Any, client: Any, headers: dict[str, str]
) -> None:
    assert read(client, board.benchmark, **headers).status_code == 200
    client.head(board.benchmark.get_absolute_url(), headers=READER)

    readings.store_readings()
    assert not DailyReadings.objects.exists()


def test_what_is_not_there_is_not_counted(board: Any, client: Any) -> None:
    client.get("/benchmarks/ada/nothing/", headers=READER)
    assert readings.counters().count_of("ada/nothing", now().date().toordinal()) == 0


def test_a_stored_number_never_falls(board: Any, client: Any) -> None:
    read(client, board.benchmark, 4)
    readings.store_readings()
    readings.counters().clear()
    read(client, board.benchmark)

    assert readings.store_readings() == 0
    assert DailyReadings.objects.get().count == 4


def test_old_readings_are_deleted_and_do_not_count(board: Any) -> None:
    today = now().date()
    for days, count in ((readings.KEPT_DAYS + 1, 7), (31, 5), (29, 2)):
        DailyReadings.objects.create(
            benchmark=board.benchmark, day=today - timedelta(days=days), count=count
        )
    readings.store_readings()

    assert sorted(DailyReadings.objects.values_list("count", flat=True)) == [2, 5]
    (found,) = listed_benchmarks().most_read
    assert found.readings_lately == 2


def test_a_person_sees_what_is_theirs_and_what_waits(
    board: Any, ada: Any, bob: Any, client: Any
) -> None:
    from tasks_app.models import Run

    publish_task(bob, "Secret of bob", visibility="private")
    run = Run.objects.filter(namespace=ada.namespace).first()
    Run.objects.filter(pk=run.pk).update(state="failed", finished_at=now())

    client.force_login(ada)
    page = client.get("/").content.decode()

    assert [one.pk for one in own_work(ada).waiting] == [run.pk]
    assert f'href="{run.get_absolute_url()}"' in page
    assert "Secret of bob" not in page
    assert own_work(bob).waiting == []
    Run.objects.filter(pk=run.pk).update(finished_at=now() - timedelta(days=15))
    assert own_work(ada).waiting == []


def test_the_home_page_takes_as_many_queries_for_many_things(
    board: Any, ada: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        made = publish_benchmark(ada, [publish_task(ada, f"Task {number}")], f"World {number}")
        read(client, made.benchmark)
    enter(board, ada, "later", 45)
    readings.store_readings()
    with django_assert_max_num_queries(5):
        client.get("/")
    client.force_login(ada)
    client.get("/")
    with django_assert_max_num_queries(8):
        client.get("/")


def test_the_cached_home_page_follows_every_list(board: Any, ada: Any, client: Any) -> None:
    first = client.get("/", headers=READER)
    assert client.get("/", headers={"If-None-Match": first["ETag"]}).status_code == 304

    enter(board, ada, "later", 45)
    second = client.get("/", headers=READER)
    assert second["ETag"] != first["ETag"]
    assert "Moved lately" in second.content.decode()

    read(client, board.benchmark)
    readings.store_readings()
    third = client.get("/", headers=READER)
    assert third["ETag"] != second["ETag"]
    assert "read once in 30 days" in third.content.decode()


def test_programs_get_the_same_lists(
    board: Any, ada: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    enter(board, ada, "later", 45)
    read(client, board.benchmark, 2)
    readings.store_readings()
    with django_assert_max_num_queries(2):
        found = client.get("/api/v1/highlights").json()

    (moved,) = found["moved"]
    assert moved["benchmark"]["title"] == "World"
    assert moved["benchmark"]["id"] == board.benchmark.public_id
    assert moved["changes"]["new"] == 1
    assert moved["standings"] == board.standings.order_by("-number").first().public_id
    assert [one["title"] for one in found["newest"]] == ["World"]
    assert [one["readings"] for one in found["most_read"]] == [2]
