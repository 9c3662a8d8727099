"""Rows of boards side by side, and the board's own verdict beside the test taken alone."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import CARD, publish_benchmark, publish_task, settle, submit
from tests.leaderboards.comparing import publish_sliced, submit_outputs_of
from tests.leaderboards.test_boards import enter, newest
from tests.leaderboards.test_comparisons import MAX_QUERIES, page_of, text_of
from tests.tasks.authoring.test_pages import client_of

pytestmark = pytest.mark.django_db(transaction=True)

RIGHT = {"top": 59, "next": 57, "close": 52, "mid": 49, "low": 20, "last": 17}


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


def enter_all(board: Any, user: Any, *versions: Any) -> None:
    """Return six rows: some that a test tells apart, alone or on the board, and some that none
    does.
    """
    for name, right in RIGHT.items():
        runs = [
            submit(user, version, name, right * version.item_count // 60) for version in versions
        ]
        enter(board, runs[0], user)
    settle()


@pytest.fixture
def single(ada: Any) -> Any:
    version = publish_task(ada, items=60)
    board = publish_benchmark(ada, [version], "Single")
    enter_all(board, ada, version)
    return board


@pytest.fixture
def several(ada: Any) -> Any:
    versions = [publish_task(ada, f"T{n}", items=n) for n in (60, 30, 20)]
    board = publish_benchmark(ada, versions, "Several")
    enter_all(board, ada, *versions)
    return board


def ids_of(board: Any) -> dict[str, str]:
    return {
        row["contender"]["label"]: row["contender"]["id"] for row in newest(board).content["rows"]
    }


def address(board: Any, *names: str, **query: str) -> str:
    ids = ids_of(board)
    rows = ",".join(ids[name] for name in names)
    further = "".join(f"&{name}={value}" for name, value in query.items())
    permalink = reverse("leaderboards:compare_rows", args=[newest(board).public_id])
    return f"{permalink}?rows={rows}{further}"


def api(board: Any, *names: str) -> str:
    ids = ids_of(board)
    rows = ",".join(ids[name] for name in names)
    return f"/api/v1/standings/{newest(board).public_id}/comparison?rows={rows}"


@pytest.mark.parametrize("kind", ["single", "several"])
def test_the_verdicts_of_all_pairs_are_those_of_the_ranks(
    kind: str, request: pytest.FixtureRequest
) -> None:
    board = request.getfixturevalue(kind)
    ranks = {
        row["contender"]["label"]: row["ranks"]["all"] for row in newest(board).content["rows"]
    }

    found = Client().get(api(board, *RIGHT)).json()

    labels = {one: name for name, one in ids_of(board).items()}
    apart = dict.fromkeys(RIGHT, 0)
    alone = 0
    for pair in found["pairs"]:
        assert pair["board"]["pairs"] == 15
        is_apart = pair["result"]["p_value"] <= pair["board"]["limit"]
        assert pair["board"]["told_apart"] == is_apart
        alone += pair["result"]["p_value"] <= 0.05
        for side in ("first", "second"):
            apart[labels[pair[side]]] += is_apart
    assert apart == {name: rank["above"] + rank["below"] for name, rank in ranks.items()}
    # Some pairs are told apart, some are not, and some only if they are taken alone.
    assert 0 < sum(apart.values()) // 2 < alone < 15


def test_a_pair_of_a_weighted_mean_is_the_sum_of_its_tasks(several: Any) -> None:
    (pair,) = Client().get(api(several, "top", "low")).json()["pairs"]

    by_task = [task["result"]["difference"] for task in pair["tasks"]]
    assert pair["result"]["difference"] == pytest.approx(sum(by_task) / 3)
    assert pair["result"]["method"] == "weighted-t"
    assert pair["result"]["n_common"] == 110
    assert pair["result"]["low"] > 0
    assert [len(task["first_runs"]) for task in pair["tasks"]] == [1, 1, 1]


def test_the_page_says_why_rows_are_a_tie_and_what_the_board_says(single: Any) -> None:
    tie = text_of(page_of(address(single, "close", "mid")))
    alone = text_of(page_of(address(single, "top", "close")))
    clear = text_of(page_of(address(single, "top", "last")))

    assert "The board leaves them a tie too: among its 15 pairs" in tie
    assert "Taken alone, A (top) scores higher than B (close)" in alone
    assert "The board tells them apart" in clear
    assert "adjusted for all of its 15 pairs" in clear


def test_a_difference_that_the_board_does_not_take_for_proven(ada: Any) -> None:
    """5 of 5 discordant items: p is 0.031 alone, and no board of six rows is content with that."""
    version = publish_task(ada, items=60)
    board = publish_benchmark(ada, [version])
    for name, right in {"a": 30, "b": 35, "c": 31, "d": 32, "e": 33, "f": 34}.items():
        enter(board, submit(ada, version, name, right), ada)
    settle()

    text = text_of(page_of(address(board, "b", "a")))

    assert "Taken alone, A (b) scores higher than B (a) (p = 0.031)." in text
    assert (
        "The board leaves them a tie: it tests 15 pairs together, and takes a difference for "
        "proven where p is at most 0.0033." in text
    )


def test_rows_are_chosen_from_a_list_that_leads_to_ties(single: Any) -> None:
    permalink = reverse("leaderboards:compare_rows", args=[newest(single).public_id])
    board = page_of(single.benchmark.get_absolute_url())
    page = page_of(permalink)

    assert f'href="{permalink}?scope=all"' in board
    assert page.count('type="checkbox"') == 6
    ties = re.findall(r'href="([^"]+)">Why a tie\?', page)
    assert ties
    for one in ties:
        assert "They are a tie" in text_of(page_of(one.replace("&amp;", "&"))) or "leaves them" in (
            page_of(one.replace("&amp;", "&"))
        )
    chosen = page_of(f"{address(single, 'top', 'low')}&pick=1")
    assert chosen.count(" checked") == 2
    rows = "&".join(f"rows={one}" for one in list(ids_of(single).values())[:3])
    assert "3 models compared" in page_of(f"{permalink}?{rows}")


def test_a_range_of_ranks_leads_to_why_it_is_a_tie(single: Any) -> None:
    permalink = reverse("leaderboards:compare_rows", args=[newest(single).public_id])
    board = page_of(f"{single.benchmark.get_absolute_url()}?scope=all")
    ranked = [row for row in newest(single).content["rows"] if row["ranks"]["all"]]

    cells = re.findall('<tr><td><a href="([^"?]+)[?]([^"]+)">([0-9]+)–([0-9]+)</a>', board)
    assert len(cells) >= 2
    for path, query, best, worst in cells:
        assert path == permalink
        asked = parse_qs(query.replace("&amp;", "&"))
        row = ranked[int(asked["tie"][0]) - 1]
        assert (row["ranks"]["all"]["best"], row["ranks"]["all"]["worst"]) == (
            *(int(best), int(worst)),
        )
        answer = Client().get(permalink, {"scope": "all", "tie": asked["tie"]})
        compared = parse_qs(urlsplit(answer["Location"]).query)["rows"][0].split(",")
        assert row["contender"]["id"] in compared
        assert row["contender"]["label"] in text_of(page_of(answer["Location"]))
    for nonsense in ("0", "99", "-1", "x", "1e3", "9" * 40):
        assert "Why a tie?" in page_of(f"{permalink}?scope=all&tie={nonsense}")
    assert 'type="checkbox"' in page_of(f"{permalink}?scope=nothing&tie=1")


def test_one_row_and_rows_of_elsewhere_are_refused_with_the_list(single: Any) -> None:
    permalink = reverse("leaderboards:compare_rows", args=[newest(single).public_id])
    one = ids_of(single)["top"]
    for rows in (one, f"{one},nobody", f"{one},<script>", ",".join("abcdefgh")):
        page = page_of(f"{permalink}?rows={rows}", status=422)
        assert "These cannot be compared" in page
        assert 'type="checkbox"' in page
        assert "<script>&" not in page
        found = Client().get(f"/api/v1/standings/{newest(single).public_id}/comparison?rows={rows}")
        assert found.status_code == 422
        assert found.json()["problems"][0]["path"] == "rows"
    assert Client().get("/standings/nothing/compare/").status_code == 404


def test_a_row_without_a_task_is_compared_on_the_tasks_that_it_has(ada: Any) -> None:
    one, other = (publish_task(ada, f"T{n}", items=30) for n in "12")
    board = publish_benchmark(ada, [one, other])
    for name in ("whole", "part"):
        enter(board, submit(ada, one, name, 20), ada)
    submit(ada, other, "whole", 10)
    settle()

    (pair,) = Client().get(api(board, "whole", "part")).json()["pairs"]
    page = page_of(address(board, "whole", "part"))

    assert pair["result"] is None
    assert pair["board"] is None
    assert [task["result"] is None for task in pair["tasks"]] == [False, True]
    assert "One of them lacks a task" in page


def test_scores_that_have_changed_since_have_no_verdict(single: Any) -> None:
    from tasks_app.models import PackedScores, SampleScore

    scoring = newest(single).content["rows"][0]["tasks"][0]["runs"][0]
    SampleScore.objects.filter(scoring__run=scoring).update(value=0.0)
    PackedScores.objects.all().delete()

    found = Client().get(api(single, "top", "low")).json()

    assert found["scores_changed"]
    assert found["pairs"][0]["board"] is None
    assert "Scored anew since these standings" in page_of(address(single, "top", "low"))


def test_a_scoring_after_the_snapshot_changes_nothing_of_it(ada: Any, single: Any) -> None:
    from plumbmark.common.clock import now, shift_clock
    from tasks_app.models import Run, Scoring

    standings = newest(single)
    run = Run.objects.get(pk=standings.content["rows"][0]["tasks"][0]["runs"][0])
    before = Client().get(api(single, "top", "low")).json()
    with shift_clock(timedelta(minutes=5)):
        Scoring.objects.create(
            run=run,
            task_version=run.task_version,
            state=Scoring.State.COMPLETED,
            marking_hash=run.marking_hash,
            platform_version="0",
            samples_total=run.samples_total,
            finished_at=now(),
        )

    assert Client().get(api(single, "top", "low")).json() == before


def test_a_board_that_one_may_not_see_is_not_found(ada: Any, bob: Any) -> None:
    version = publish_sliced(ada)
    board = publish_benchmark(ada, [version])
    for name in ("a", "b"):
        enter(board, submit_outputs_of(ada, version, name, range(9)), ada)
    settle()
    path = address(board, "a", "b")
    assert "A against B" in page_of(path)

    from benchmarks_app.models import Benchmark
    from tasks_app.models import Task

    Benchmark.objects.filter(pk=board.benchmark_id).update(visibility="private")
    assert Client().get(path).status_code == 404
    assert client_of(ada).get(path).status_code == 200
    Benchmark.objects.filter(pk=board.benchmark_id).update(visibility="public")
    # The board is public, and its runs are not.
    Task.objects.filter(pk=version.task_id).update(visibility="private")
    type(version).objects.filter(pk=version.pk).update(pinned_at=None)
    for client in (Client(), client_of(bob)):
        assert client.get(path).status_code == 404
        assert client.get(api(board, "a", "b")).status_code == 404


def test_pages_of_boards_take_few_queries(
    single: Any, several: Any, django_assert_max_num_queries: Any
) -> None:
    for board in (single, several):
        for names in (("top", "low"), tuple(RIGHT)):
            for path in (address(board, *names), api(board, *names)):
                with django_assert_max_num_queries(MAX_QUERIES):
                    page_of(path)


def test_weights_are_those_of_the_board(ada: Any) -> None:
    from benchmarks_app.actions import authoring

    versions = [publish_task(ada, f"T{n}", items=40) for n in "12"]
    benchmark = authoring.create_benchmark(
        namespace=ada.namespace, title="Weighted", claim="What is measured.", by=ada
    )
    draft = authoring.draft_of(benchmark=benchmark, by=ada)
    authoring.compose_draft(
        version=draft,
        members=[
            authoring.Member(versions[0], Decimal(3)),
            authoring.Member(versions[1], Decimal(1)),
        ],
        card=CARD,
        by=ada,
    )
    board = authoring.publish_benchmark(version=draft, by=ada)
    for name, first, second in (("a", 40, 0), ("b", 20, 20)):
        run = submit(ada, versions[0], name, first)
        submit(ada, versions[1], name, second)
        enter(board, run, ada)
    settle()

    (pair,) = Client().get(api(board, "a", "b")).json()["pairs"]

    assert pair["result"]["difference"] == pytest.approx(0.75 * 0.5 - 0.25 * 0.5)
