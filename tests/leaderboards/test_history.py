"""A board's past: what each snapshot changed, the figures over time, and the feeds."""

import datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from leaderboards_app.history.changes import describe_counts, list_changes, summarise
from leaderboards_app.history.timeline import Moment, draw_timeline, timeline_of
from tests.factories import settle, submit
from tests.leaderboards.rows import SHARE, content, keep, row

pytestmark = pytest.mark.django_db(transaction=True)

SVG = "{http://www.w3.org/2000/svg}"
ATOM = "{http://www.w3.org/2005/Atom}"


def named(label: str, value: float, **changes: Any) -> dict[str, Any]:
    """Return a row whose contender is told by its label."""
    found = row(label, value, **changes)
    found["contender"]["id"] = label
    best, worst = changes.get("rank", (1, 3))
    rank = {**found["ranks"]["all"], "best": best, "worst": worst}
    found["ranks"] = {"platform": rank, "all": rank}
    return found


def test_changes_are_listed_row_by_row() -> None:
    before = content(named("a", 0.5), named("b", 0.4), named("gone", 0.3), named("same", 0.2))
    after = content(
        named("a", 0.75, rank=(1, 1)),
        named("new", 0.6),
        named("b", 0.4, status="invalid"),
        named("same", 0.2),
    )

    found = list_changes(before, after)

    assert [(one.label, one.kind) for one in found] == [
        ("a", "changed"),
        ("new", "new"),
        ("b", "changed"),
        ("gone", "gone"),
    ]
    first = found[0]
    assert (first.score_before, first.score_after) == ("50.00 %", "75.00 %")
    assert (first.rank_before, first.rank_after) == ("1–3", "1")
    assert (found[2].status_before, found[2].status_after) == ("ranked", "invalid")
    assert not found[2].has_other_score
    counts = summarise(after, before)["changes"]
    assert counts == {"new": 1, "gone": 1, "scores": 1, "ranks": 1}
    assert describe_counts(counts) == "1 new row, 1 row gone, 1 score, 1 rank"
    assert describe_counts({"new": 0, "gone": 0, "scores": 0, "ranks": 0}) == "no row"


def test_a_summary_has_the_ranked_rows_alone() -> None:
    board = content(named("a", 0.5), named("line", 0.4, status="reference"))

    assert summarise(board, None)["points"] == [["a", "a", 0.5, 1, 3]]


def moments(*leaders: tuple[str, float]) -> list[Moment]:
    """Return snapshots of consecutive days, each with its first row and a second one."""
    day = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    return [
        Moment(
            f"s{number}",
            number,
            day + datetime.timedelta(days=number),
            [[label, label, value, 1, 2], ["other <b>", "other <b>", 0.1, 1, 2]],
        )
        for number, (label, value) in enumerate(leaders)
    ]


def test_the_finding_says_who_leads_and_since_when() -> None:
    found = timeline_of(moments(("a", 0.5), ("a", 0.6), ("b", 0.7), ("b", 0.7)), SHARE)

    assert found is not None
    assert [(one.label, one.score, one.moment.number) for one in found.leaders] == [
        ("a", "50.00 %", 0),
        ("b", "70.00 %", 2),
    ]
    assert found.finding == (
        "b has had the best estimate since 2026-03-03, after one change of the leader"
    )
    steady = timeline_of(moments(("a", 0.5), ("a", 0.6)), SHARE)
    assert steady is not None
    assert steady.finding == "a has had the best estimate since the first snapshot, 2026-03-01"
    assert timeline_of(moments(("a", 0.5)), SHARE) is None
    assert timeline_of([Moment("x", 1, steady.moments[0].at, [])] * 3, SHARE) is None


@pytest.mark.parametrize("of_ranks", [False, True])
@pytest.mark.parametrize("is_narrow", [False, True])
@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_a_better_score_is_drawn_higher(of_ranks: bool, is_narrow: bool, direction: str) -> None:
    found = timeline_of(moments(("a", 0.5), ("a", 0.6)), SHARE)
    assert found is not None

    metric = {**SHARE, "direction": direction}
    drawing = ElementTree.fromstring(
        draw_timeline(found, metric, "light", of_ranks=of_ranks, is_narrow=is_narrow)
    )

    groups = {group.findtext(f"{SVG}title"): group for group in drawing.findall(f"{SVG}g")}
    heights = {}
    for label, group in groups.items():
        circle = group.find(f"{SVG}circle")
        assert circle is not None
        heights[label] = float(circle.get("cy", "nan"))
    if of_ranks:
        assert heights["a"] == heights["other <b>"]
    else:
        assert (heights["a"] < heights["other <b>"]) == (direction == "higher")


def test_a_name_with_characters_that_no_xml_has_is_drawn() -> None:
    found = timeline_of(moments(("a\x01", 0.5), ("a\x01", 0.6)), SHARE)
    assert found is not None

    drawing = ElementTree.fromstring(draw_timeline(found, SHARE, "light"))

    titles = [group.findtext(f"{SVG}title") for group in drawing.findall(f"{SVG}g")]
    assert titles == ["a\ufffd", "other <b>"]


def test_a_new_row_is_in_the_history_with_its_page_and_in_the_feed(
    board: Any, ada: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    from leaderboards_app.models import Standings

    run = submit(ada, board.tasks.get().task_version, "late <i>", 1)
    _enter(board, run, ada)
    settle()
    newest = Standings.objects.filter(version=board).latest("number")
    address = str(board.benchmark.get_absolute_url())

    with django_assert_max_num_queries(8):
        page = client.get(f"{address}history/").content.decode()
    with django_assert_max_num_queries(8):
        changes = client.get(f"/standings/{newest.public_id}/changes/").content.decode()
    with django_assert_max_num_queries(4):
        feed = client.get(f"{address}feed.atom")

    assert newest.summary["changes"]["new"] == 1
    assert "1 new row" in page
    assert "a run was completed" in page or "an entry was changed" in page
    assert "has had the best estimate since the first snapshot" in page
    assert "late &lt;i&gt;" in changes
    assert "late <i>" not in changes
    tree = ElementTree.fromstring(feed.content)
    entries = tree.findall(f"{ATOM}entry")
    assert len(entries) == Standings.objects.filter(version=board).count()
    assert "1 new row" in (entries[0].findtext(f"{ATOM}summary") or "")
    for name in ("scores", "ranks"):
        assert client.get(f"{address}history/{name}.svg").status_code == 200
    assert client.get(f"{address}history/nonsense.svg").status_code == 404
    listed = client.get(f"/api/v1/standings/{newest.public_id}/changes").json()
    assert [one["kind"] for one in listed if one["label"] == "late <i>"] == ["new"]


def _enter(board: Any, run: Any, by: Any) -> None:
    from tests.leaderboards.test_boards import enter

    enter(board, run, by)


def test_the_first_snapshot_of_a_board_has_only_new_rows(board: Any, client: Any) -> None:
    from leaderboards_app.models import Standings

    first = Standings.objects.get(version=board, number=1)

    changes = client.get(f"/standings/{first.public_id}/changes/").content.decode()

    assert "every row of it is new" in changes
    assert "mid &lt;b&gt;" in changes


def test_what_is_withheld_is_said(board: Any, client: Any) -> None:
    from leaderboards_app.models import Standings
    from plumbmark.common.clock import now

    first = Standings.objects.get(version=board, number=1)
    keep(board, content(named("a", 0.5), named("b", 0.4)))
    second = Standings.objects.get(version=board, number=2)
    Standings.objects.filter(pk=first.pk).update(
        content={}, summary=None, withheld_at=now(), withheld_reason="retention"
    )

    page = client.get(f"/standings/{second.public_id}/changes/")
    assert page.status_code == 200
    assert "Withheld: retention" in page.content.decode()
    assert client.get(f"/api/v1/standings/{second.public_id}/changes").status_code == 404
    assert client.get(f"{board.benchmark.get_absolute_url()}history/").status_code == 200


def test_feeds_and_figures_are_for_those_who_see_the_board(
    board: Any, ada: Any, client: Any
) -> None:
    address = str(board.benchmark.get_absolute_url())
    keep(board, content(named("a", 0.5), named("b", 0.4)))
    assert client.get(f"{address}feed.atom").status_code == 200
    assert client.get("/people/ada/feed.atom").status_code == 200
    task = board.tasks.get().task_version.task
    assert "Version 1" in client.get(f"{task.get_absolute_url()}feed.atom").content.decode()

    board.benchmark.visibility = "private"
    board.benchmark.save()

    client.force_login(ada)  # a feed is fetched without a session: it is for everybody or nobody
    assert client.get(f"{address}feed.atom").status_code == 404
    assert "World" not in client.get("/people/ada/feed.atom").content.decode()
    client.logout()
    assert client.get(f"{address}history/scores.svg").status_code == 404
    assert client.get("/people/nobody/feed.atom").status_code == 404
    assert client.get("/tasks/ada/nothing/feed.atom").status_code == 404
