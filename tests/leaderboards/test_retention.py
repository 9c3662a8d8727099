"""Snapshots that stood only briefly lose their content; everything that counts stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks_app.actions.entries import enter
from benchmarks_app.models import BenchmarkTask
from leaderboards_app.models import Correction, Standings
from leaderboards_app.retention import BRIEF_STANDINGS
from plumbmark.common.clock import now
from plumbmark.common.retention import purge_policy
from tests.factories import settle, submit

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
"""More than 90 days ago."""


@pytest.fixture
def history(board: Any) -> Callable[..., list[Standings]]:
    """`history(*minutes after noon)` → snapshots 1, 2, … of those times, copies of a real one."""

    def make(*minutes: float, reason: str = "run.completed, scoring.completed") -> list[Standings]:
        real = Standings.objects.get()
        made = []
        for number, after in enumerate(minutes, start=1):
            row, _ = Standings.objects.update_or_create(
                version=board,
                number=number,
                defaults={
                    "content": real.content,
                    "content_hash": f"h1:{number:064}",
                    "row_count": real.row_count,
                    "reason": reason,
                },
            )
            at = NOON + timedelta(minutes=after)
            Standings.objects.filter(pk=row.pk).update(created_at=at)
            made.append(Standings.objects.get(pk=row.pk))
        return made

    return make


def withheld() -> list[int]:
    rows = Standings.objects.exclude(withheld_at=None).order_by("number")
    return list(rows.values_list("number", flat=True))


def test_states_between_go_and_the_first_the_last_of_a_day_and_the_newest_stay(
    history: Callable[..., list[Standings]],
) -> None:
    day = 24 * 60
    rows = history(0, 1, 2, 30, day, day + 5, day + 6, 2 * day)

    assert purge_policy(BRIEF_STANDINGS) == 4
    # 1 is the first, 4 and 7 are the last of their days, 8 is the newest.
    assert withheld() == [2, 3, 5, 6]
    gone = Standings.objects.get(number=2)
    assert (gone.content, gone.withheld_reason) == ({}, "retention")
    kept = ("public_id", "number", "content_hash", "row_count", "reason", "created_at")
    assert [getattr(gone, name) for name in kept] == [getattr(rows[1], name) for name in kept]
    assert purge_policy(BRIEF_STANDINGS) == 0


def test_what_stood_for_an_hour_stays(history: Callable[..., list[Standings]]) -> None:
    history(0, 10, 70, 129.9, 400)

    purge_policy(BRIEF_STANDINGS)
    assert withheld() == [3]


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "benchmark.published",
        "run.completed, run.invalidated",
        "entry.invalidated",
        "statistics.changed, run.completed",
        "run.completed, scoring.compl",
    ],
)
def test_what_somebody_made_on_purpose_stays(
    history: Callable[..., list[Standings]], reason: str
) -> None:
    history(0, 1, 2, 3, reason=reason)

    assert purge_policy(BRIEF_STANDINGS) == 0


def test_what_a_correction_names_stays(history: Callable[..., list[Standings]]) -> None:
    rows = history(0, 1, 2, 3, 4, 5, 6)
    Correction.objects.create(
        benchmark=rows[0].version.benchmark,
        kind="row-invalidated",
        reason="It was wrong.",
        before=rows[2],
        after=rows[4],
    )

    purge_policy(BRIEF_STANDINGS)
    assert withheld() == [2, 4, 6]


def test_recent_states_stay(history: Callable[..., list[Standings]], settings: Any) -> None:
    history(0, 1, 2, 3)
    settings.RETENTION_DAYS = {
        **settings.RETENTION_DAYS,
        "standings": (now() - NOON).days + 1,
    }
    assert purge_policy(BRIEF_STANDINGS) == 0
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "standings": None}
    assert purge_policy(BRIEF_STANDINGS) == 0


def test_its_address_says_that_it_is_withheld_with_hash_and_date(
    history: Callable[..., list[Standings]],
) -> None:
    rows = history(0, 1, 2, 3)
    client, url = Client(), rows[1].get_absolute_url()
    api = f"/api/v1/standings/{rows[1].public_id}"
    # Read before, so that this process has kept it; and with a tag that a client sends back.
    assert "Arbor" in client.get(url).content.decode()
    assert client.get(f"{url}figure.svg").status_code == 200
    tag = client.get(api)["ETag"]
    page_tag = client.get(url)["ETag"]

    purge_policy(BRIEF_STANDINGS)

    page = client.get(url, headers={"if-none-match": page_tag})
    shown = page.content.decode()
    assert page.status_code == 200
    assert f"Withheld: retention, since {now():%Y-%m-%d}" in shown
    assert rows[1].content_hash in shown
    assert "2025-03-04 12:01" in shown
    assert "Arbor" not in shown
    assert f'href="{rows[3].get_absolute_url()}"' in shown
    assert client.get(f"{url}figure.svg").status_code == 404
    answer = client.get(api, headers={"if-none-match": tag})
    assert answer.status_code == 200
    document = answer.json()
    assert (document["content"], document["withheld_reason"]) == (None, "retention")
    assert document["content_hash"] == rows[1].content_hash
    assert document["withheld_at"] is not None
    assert client.get(api, headers={"if-none-match": answer["ETag"]}).status_code == 304
    # What is kept is as it was.
    assert "Arbor" in client.get(rows[3].get_absolute_url()).content.decode()
    assert client.get(f"/api/v1/standings/{rows[3].public_id}").json()["content"]["rows"]


def test_history_and_lists_tell_it(history: Callable[..., list[Standings]], board: Any) -> None:
    history(0, 1, 2, 3)
    purge_policy(BRIEF_STANDINGS)

    shown = Client().get(f"/benchmarks/ada/{board.benchmark.slug}/history/").content.decode()
    listed = Client().get(f"/api/v1/benchmark-versions/{board.public_id}/standings").json()

    assert shown.count("withheld: retention") == 2
    assert [one["withheld_reason"] for one in listed["results"]] == [
        "",
        "retention",
        "retention",
        "",
    ]


def test_who_may_not_see_the_board_learns_nothing(
    history: Callable[..., list[Standings]], board: Any
) -> None:
    rows = history(0, 1, 2, 3)
    purge_policy(BRIEF_STANDINGS)
    board.benchmark.visibility = "private"
    board.benchmark.save()

    assert Client().get(rows[1].get_absolute_url()).status_code == 404


def test_the_board_goes_on_from_its_newest_state(
    history: Callable[..., list[Standings]], board: Any, ada: Any
) -> None:
    history(0, 1, 2, 3)
    purge_policy(BRIEF_STANDINGS)
    version = BenchmarkTask.objects.get(version=board).task_version
    run = submit(ada, version, "newcomer", 40)
    enter(version=board, contender=run.contender, by=ada)
    settle()

    numbers = Standings.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers)[:5] == [1, 2, 3, 4, 5]
    assert "newcomer" in Client().get(f"/benchmarks/ada/{board.benchmark.slug}/").content.decode()


def test_the_page_of_a_withheld_snapshot_takes_few_queries(
    history: Callable[..., list[Standings]],
) -> None:
    rows = history(*range(8))
    purge_policy(BRIEF_STANDINGS)
    counts = []
    for row in (rows[1], rows[5]):
        with CaptureQueriesContext(connection) as captured:
            Client().get(row.get_absolute_url())
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 4


@pytest.mark.browser
def test_the_page_of_a_withheld_snapshot_is_accessible_and_reads_on_a_phone(
    history: Callable[..., list[Standings]],
    browser_page: Any,
    new_page: Callable[..., Any],
    axe: Callable[[Any], None],
) -> None:
    rows = history(0, 1, 2, 3)
    purge_policy(BRIEF_STANDINGS)

    browser_page.goto(rows[1].get_absolute_url())
    axe(browser_page)
    narrow = new_page(width=320, javascript=False)
    narrow.goto(rows[1].get_absolute_url())
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 320
    narrow.get_by_role("link", name="See snapshot 4, the next one that is kept").click()
    assert narrow.url.endswith(rows[3].get_absolute_url())
