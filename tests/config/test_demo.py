"""The demo as its pages show it, once a worker has answered everything."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from django.test import Client

from benchmarks_app.models import Benchmark
from leaderboards_app.models import Standings
from plumbmark.config.demo import load_demo
from plumbmark.config.demo.division import correct_wrong_key
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Call
from tasks_app.item_reports.actions import report_item, withdraw_report
from tasks_app.models import ItemReport
from tests.factories import settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    runtime.shutdown()


def read(client: Client, path: str) -> str:
    """Return the words of a page."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    words = unescape(re.sub(r"<[^>]*>", " ", answer.content.decode()))
    return " ".join(words.split())


def ranks_of(standings: Standings) -> dict[str, tuple[int, int]]:
    ranks = {
        row["contender"]["label"]: row["ranks"]["platform"]
        for row in standings.content["rows"]
        if row["status"] == "ranked"
    }
    return {label: (one["best"], one["worst"]) for label, one in ranks.items()}


def test_the_demo_shows_private_items_costs_and_a_correction_that_moves_ranks(
    client: Client, open_account: Callable[..., Any]
) -> None:
    assert load_demo()
    assert not load_demo()
    settle()

    benchmark = Benchmark.objects.get(slug="demo-private-items-and-costs")
    before, after = Standings.objects.filter(version__benchmark=benchmark).order_by("pk")
    page = read(client, benchmark.get_absolute_url())
    costs = {row["contender"]["label"]: row["cost_per_item"] for row in after.content["rows"]}

    assert "Its cost is a demo price" in page
    assert costs["Divides by 2, 3, 5, 7"] == 4 * costs["Divides by 2"] == 400_000
    assert sum(Call.objects.values_list("charged", flat=True)) == 120 * sum(costs.values())
    assert (
        "The best estimates for their cost: Divides by 2 to 31, Divides by 2, 3, 5, 7, "
        "Divides by 2, 3, 5 and 2 more" in page
    ), "one program costs as much as a better one"

    slices = read(client, f"/standings/{after.public_id}/slices/")
    assert "Hardest on average: private" in slices
    # Right about everything below 121, and not so beyond.
    assert re.search(r"Divides by 2, 3, 5, 7 (100\.0|81\.7) .{,20}(100\.0|81\.7)", slices)

    pair = ("Divides by 2, 3, 5, 7", "Divides by 2, 3, 5")
    assert [ranks_of(before)[one] for one in pair] == [(2, 3), (2, 3)]
    assert [ranks_of(after)[one] for one in pair] == [(2, 2), (3, 3)]
    history = read(client, f"{benchmark.get_absolute_url()}history/")
    assert "The key of the item number-91 of Prime or not was corrected" in history
    assert "version 1, 1 → version 2, 1" in history
    report = ItemReport.objects.get(kind=ItemReport.Kind.WRONG_KEY)
    told = read(client, report.get_absolute_url())
    assert "91 is 7 × 13" in told
    assert re.search(r"Divides by 2, 3, 5, 7 .{,40}2–3", told)

    # What people report there later is theirs to decide.
    latest = after.version.tasks.get().task_version
    reporter = open_account(handle="ada")
    again = report_item(
        version=latest,
        item=latest.items.filter(split="public").first(),
        kind=ItemReport.Kind.WRONG_KEY,
        reason="I doubt it.",
        by=reporter,
    )
    correct_wrong_key({"standings_id": after.pk})
    again.refresh_from_db()
    assert again.is_open
    withdraw_report(report=again, by=reporter)
