"""Choices of a reader of a board: filters, columns, orders, and the figures that follow."""

import re
from html import unescape
from typing import Any
from xml.etree import ElementTree

import pytest

from leaderboards_app.board.arrangement import arrange
from leaderboards_app.figures.scatter import scatter_of
from tests.leaderboards.rows import content, keep, row

pytestmark = pytest.mark.django_db(transaction=True)

SVG = "{http://www.w3.org/2000/svg}"
BOARD = content(
    row(
        "small", 0.5, cost=1_000, latency=200, facts={"open_weights": True, "modalities": ["text"]}
    ),
    row(
        "large",
        0.9,
        cost=2_000_000,
        latency=4_000,
        maker="Lithos",
        date="2026-05-01",
        facts={"open_weights": False, "modalities": ["image", "text"], "effort": "high"},
    ),
    row("costly", 0.7, cost=9_000_000, latency=100, maker="Lithos"),
)


@pytest.mark.parametrize(
    ("query", "labels", "said"),
    [
        ({}, ["large", "costly", "small"], []),
        ({"maker": "Lithos"}, ["large", "costly"], ["Maker: Lithos"]),
        ({"weights": "open"}, ["small"], ["Weights: open weights"]),
        ({"weights": "closed"}, ["large"], ["Weights: closed weights"]),
        ({"modality": "image"}, ["large"], ["Takes in: image"]),
        ({"effort": "high"}, ["large"], ["Reasoning effort: high"]),
        ({"max_cost": "0.002"}, ["large", "small"], ["at most $0.002 per item"]),
        ({"max_cost": "$0"}, [], ["at most $0 per item"]),
        ({"since": "2026-06-01"}, ["costly", "small"], ["since 2026-06-01"]),
        ({"q": " AL "}, ["small"], ["name contains “AL”"]),
        (
            {"maker": "Lithos", "weights": "closed"},
            ["large"],
            ["Maker: Lithos", "Weights: closed weights"],
        ),
    ],
)
def test_a_filter_keeps_its_rows_and_says_what_it_is(
    query: dict[str, str], labels: list[str], said: list[str]
) -> None:
    found = arrange(BOARD, query)

    assert [one["contender"]["label"] for one in found.main] == labels
    assert [one.text for one in found.filters.active] == said
    assert found.is_filtered == bool(said)


@pytest.mark.parametrize(
    "query",
    [
        {"maker": "Nobody"},
        {"weights": "half"},
        {"max_cost": "much"},
        {"max_cost": "-1"},
        {"max_cost": "nan"},
        {"max_cost": "inf"},
        {"since": "yesterday"},
        {"since": "2026-13-01"},
        {"q": "  "},
        {"sort": "task-9"},
        {"sort": "task-0"},
        {"sort": "task-²"},
        {"sort": "-"},
        {"scope": "x"},
    ],
)
def test_what_a_board_does_not_know_is_ignored(query: dict[str, str]) -> None:
    found = arrange(BOARD, query)

    assert [one["contender"]["label"] for one in found.main] == ["large", "costly", "small"]
    assert not found.is_filtered


def test_rows_are_ordered_by_a_task() -> None:
    board = content(
        row("first", 0.9, tasks=[0.8, 0.2]), row("second", 0.8, tasks=[0.7, 0.9]), tasks=2
    )

    found = arrange(board, {"sort": "-task-2"})

    assert [one["contender"]["label"] for one in found.main] == ["second", "first"]
    assert found.sort == "task-2"


def test_the_front_has_the_rows_that_no_other_beats_on_both() -> None:
    found = scatter_of("cost", arrange(BOARD, {}), BOARD)

    assert found is not None
    assert [point.label for point in found.points if point.is_on_front] == ["large", "small"]
    assert found.title == "The best estimates for their cost: large and small"
    quick = scatter_of("latency", arrange(BOARD, {}), BOARD)
    assert quick is not None
    assert quick.title == "The best estimates for their latency: large and costly"


def test_a_row_at_the_same_cost_with_a_lower_score_is_not_on_the_front() -> None:
    board = content(row("worse", 0.6, cost=5), row("better", 0.8, cost=5), row("dear", 0.7, cost=9))

    found = scatter_of("cost", arrange(board, {}), board)

    assert found is not None
    assert [point.label for point in found.points if point.is_on_front] == ["better"]
    assert found.title == "better has the best estimate and the lowest cost"


def test_less_is_better_where_the_metric_says_so() -> None:
    board = content(
        row("low", 0.2, cost=5), row("high", 0.9, cost=4), direction="lower", upper=None, lower=None
    )

    found = scatter_of("cost", arrange(board, {}), board)

    assert found is not None
    assert found.title == "The best estimates for their cost: low and high"
    assert [point.label for point in found.points] == ["low", "high"]


def test_release_dates_show_the_best_estimate_of_their_time() -> None:
    board = content(
        row("a", 0.5, facts={"released_on": "2025-01-10"}),
        row("b", 0.4, facts={"released_on": "2025-06-01"}),
        row("c", 0.8, facts={"released_on": "2026-02-03"}),
        row("no date", 0.9),
    )

    found = scatter_of("released", arrange(board, {}), board)

    assert found is not None
    assert [point.label for point in found.front] == ["c", "a"]
    assert found.left_out == 1
    expected = "The best estimate went from 50.00 % (2025-01-10) to 80.00 % (2026-02-03)"
    assert found.title == expected


@pytest.mark.parametrize(
    "board",
    [
        content(),
        content(row("alone", 0.5, cost=5)),
        content(row("a", 0.5, cost=5), row("b", 0.6)),
        content(row("a", 0.5, cost=5), row("b", 0.6, cost=5)),
        content(row("a", 0.5, cost=5), row("b", 0.6, cost=7, status="reference")),
    ],
)
def test_no_figure_where_there_is_nothing_to_compare(board: dict[str, Any]) -> None:
    assert scatter_of("cost", arrange(board, {}), board) is None
    assert scatter_of("nonsense", arrange(board, {}), board) is None


def test_free_models_are_drawn_on_a_scale_that_has_a_zero(board: Any, client: Any) -> None:
    from leaderboards_app.figures.scatter import draw_scatter

    free = content(row("free", 0.5, cost=0), row("<b>", 0.6, cost=9_000_000_000))
    found = scatter_of("cost", arrange(free, {}), free)
    assert found is not None

    for is_narrow in (False, True):
        drawing = ElementTree.fromstring(
            draw_scatter(found, free["metric"], "light", is_narrow=is_narrow)
        )
        titles = [group.findtext(f"{SVG}title") for group in drawing.findall(f"{SVG}g")]
        assert sorted(titles, key=str) == [
            "<b>: 60.00 % (55.0 to 65.0), $9.00",
            "free: 50.00 % (45.0 to 55.0), $0",
        ]


def heads(page: str) -> list[str]:
    found = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", page.split("</thead>")[0], re.S)
    seen = (
        re.sub(r'<span class="visually-hidden">.*?</span>', "", one, flags=re.S) for one in found
    )
    return [unescape(re.sub(r"<[^>]+>", "", one)).strip() for one in seen]


def test_columns_are_those_that_say_something_until_a_reader_chooses(
    board: Any, client: Any
) -> None:
    address = keep(board, BOARD)

    def shown(query: str) -> list[str]:
        return heads(client.get(address + query).content.decode())

    assert shown("") == ["Rank", "Model", "Accuracy", "Cost per item", "Latency", "Date"]
    assert shown("?columns=") == ["Rank", "Model", "Accuracy"]
    assert shown("?columns=&columns=attempts&columns=items") == [
        "Rank",
        "Model",
        "Accuracy",
        "Items",
        "Attempts",
    ]
    assert shown("?columns=nonsense,cost") == ["Rank", "Model", "Accuracy", "Cost per item"]


def test_many_tasks_are_folded_until_a_reader_asks(board: Any, client: Any) -> None:
    many = content(row("a", 0.5, tasks=[0.1] * 6), row("b", 0.7, tasks=[0.2] * 6), tasks=6)
    address = keep(board, many)

    page = client.get(address).content.decode()

    assert "The scores of 6 tasks are folded." in page
    assert "Task 6" not in heads(page)
    link = re.search(r'href="(\?columns=tasks[^"]*)#standings"', page)
    assert link is not None
    assert "Task 6" in heads(client.get(address + unescape(link[1])).content.decode())


def test_each_active_filter_has_a_link_that_takes_it_away(board: Any, client: Any) -> None:
    address = keep(board, BOARD)

    page = client.get(f"{address}?maker=Lithos&q=l&page=1").content.decode()

    chips = dict(re.findall(r'<a class="chip" href="([^"]*)">\s*([^<]*?)\s*<', page))
    assert {unescape(url): unescape(text) for url, text in chips.items()} == {
        "?q=l#standings": "Maker: Lithos",
        "?maker=Lithos#standings": "name contains “l”",
    }
    assert "Ranks are those of the whole board" in page


def test_figures_have_addresses_that_follow_the_filters(board: Any, client: Any) -> None:
    address = keep(board, BOARD)
    page = client.get(f"{address}?maker=Lithos").content.decode()
    images = [unescape(one) for one in re.findall(r'(?:src|srcset)="([^"]+\.svg[^"]*)"', page)]
    figures = [one for one in images if "/figure" in one]

    assert {re.sub(r".*/(figures?/?\w*)\.svg.*", r"\1", one) for one in figures} == {
        "figure",
        "figures/cost",
        "figures/latency",
    }
    for one in figures:
        response = client.get(one)
        assert response.status_code == 200
        drawing = ElementTree.fromstring(response.content)
        assert len(drawing.findall(f"{SVG}g")) == 2
        assert int(drawing.get("width", "0")) <= (344 if "size=narrow" in one else 760)
    base = figures[0].split("figure")[0]
    assert client.get(f"{base}figures/scores.svg").status_code == 200
    assert client.get(f"{base}figures/nonsense.svg").status_code == 404
    assert client.get(f"{base}figures/released.svg").status_code == 404


def test_a_snapshot_has_what_was_known_of_a_model(board: Any, ada: Any, client: Any) -> None:
    import datetime

    from benchmarks_app.models import Entry
    from leaderboards_app.models import Standings
    from leaderboards_app.standings.actions import refresh_board
    from plumbmark.gateway.models import CatalogueModel

    model = CatalogueModel.objects.create(
        slug="arbor/oak",
        maker="Arbor",
        name="oak",
        open_weights=True,
        modalities=["text", "image"],
        licence="MIT",
        released_on=datetime.date(2026, 2, 3),
    )
    contender = Entry.objects.filter(version=board).first().contender
    contender.model = model
    contender.configuration = {"reasoning_effort": "low"}
    contender.save()

    refresh_board(board)

    newest = Standings.objects.filter(version=board).order_by("-number").first()
    assert newest is not None
    (facts,) = [
        one["contender"]["facts"] for one in newest.content["rows"] if "facts" in one["contender"]
    ]
    assert facts == {
        "effort": "low",
        "open_weights": True,
        "modalities": ["image", "text"],
        "licence": "MIT",
        "released_on": "2026-02-03",
    }


def test_a_long_board_opens_from_its_excerpt_as_it_does_from_the_whole(
    board: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    from leaderboards_app.board.excerpts import cut_excerpt
    from leaderboards_app.board.snapshots import forget_snapshots
    from leaderboards_app.models import Standings

    rows = [
        row(
            f"model {number}",
            0.1 + 0.8 * number / 450,
            cost=(number * 7919) % 90_000 + 1,
            maker="Arbor" if number % 2 else "Lithos",
            status="reference" if number % 50 == 7 else "ranked",
            facts={"open_weights": number % 3 == 0},
        )
        for number in reversed(range(450))  # by score, as snapshots are
    ] + [row(f"apart {number}", 0.5, status="incomplete") for number in range(210)]
    for one in rows:
        one["contender"]["id"] = one["contender"]["label"]
    address = keep(board, content(*rows))
    whole = client.get(address).content.decode()
    newest = Standings.objects.filter(version=board).latest("number")
    assert newest.excerpt is None

    newest.excerpt = cut_excerpt(newest.content)
    newest.save()
    forget_snapshots()
    client.force_login(board.benchmark.created_by)  # pages of strangers are kept
    with django_assert_max_num_queries(5):
        opened = client.get(address).content.decode()
    client.logout()

    def main(page: str) -> str:
        return page[page.index('id="standings"') : page.index('id="about-heading"')]

    assert main(opened) == main(whole)
    assert "1 to 200 of 450" in whole
    assert "10 more rows are in the JSON standings only." in whole
    second = client.get(f"{address}?page=3").content.decode()
    assert "401 to 450 of 450" in second
    assert cut_excerpt(content(*rows[:200])) is None


def test_a_board_whose_runs_are_at_work_says_so(board: Any, client: Any) -> None:
    from leaderboards_app.models import Standings

    waiting = row("late", 0.5, status="pending")
    waiting["score"] = None
    waiting["reason"] = "Task 1: still running"
    waiting["tasks"] = [{**waiting["tasks"][0], "state": "running", "value": None, "runs": []}]
    address = keep(board, content(row("a", 0.5), row("b", 0.7), waiting))

    page = client.get(address).content.decode()

    assert "1 run of this board is queued or at work." in page
    assert "live-board.js" in page
    assert re.search(r"<live-board[^>]* data-running", page)
    newest = Standings.objects.filter(version=board).latest("number")
    permalink = client.get(newest.get_absolute_url()).content.decode()
    assert "data-running" not in permalink  # a snapshot never changes
    keep(board, content(row("a", 0.5), row("b", 0.7)))
    done = client.get(address).content.decode()
    assert "at work" not in done
    assert "live-board.js" not in done
