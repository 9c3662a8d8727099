"""The board's page: what it costs, what it shows, what a reader can ask of it."""

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import publish_benchmark, publish_task, settle

pytestmark = pytest.mark.django_db(transaction=True)


def address(board: Any) -> str:
    return str(board.benchmark.get_absolute_url())


def _rank(pattern: dict[str, Any], chance: random.Random, rows: int) -> dict[str, Any]:
    """Return a range of ranks, and a narrower one of the row alone."""
    best, low, high, worst = sorted(chance.randint(1, max(4, rows)) for _ in range(4))
    return {**pattern, "best": best, "worst": worst, "marginal": {"best": low, "worst": high}}


def grow(board: Any, count: int) -> None:
    """Return a snapshot with many more rows, as a bigger board would have."""
    from leaderboards_app.models import Standings

    newest = Standings.objects.get(version=board)
    content = newest.content
    pattern = content["rows"][1]
    chance = random.Random(20261121)
    for number in range(count):
        low, value, high = sorted(chance.random() for _ in range(3))
        content["rows"].append(
            {
                **pattern,
                "contender": {**pattern["contender"], "label": f"model {number}"},
                "score": {**pattern["score"], "low": low, "value": value, "high": high},
                "cost_per_item": chance.randint(10_000, 90_000_000),
                "median_latency_ms": chance.randint(200, 9_000),
                "attempts": chance.randint(1, 4),
                "ranks": {"platform": None, "all": _rank(pattern["ranks"]["all"], chance, count)},
            }
        )
    Standings.objects.create(
        version=board,
        number=newest.number + 1,
        content_hash="h1:grown",
        content=content,
        row_count=len(content["rows"]),
    )


def test_a_board_costs_at_most_four_queries_whatever_its_rows(
    board: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(4):
        assert client.get(address(board)).status_code == 200

    grow(board, 200)

    with django_assert_max_num_queries(4):
        assert "model 199" in client.get(address(board)).content.decode()


def test_a_board_costs_a_person_four_queries_once_its_snapshot_is_known(
    board: Any, ada: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    client.force_login(ada)

    with django_assert_max_num_queries(5):  # the snapshot, once for each process
        client.get(address(board))
    with django_assert_max_num_queries(4):
        page = client.get(address(board))

    assert "Run models" in page.content.decode()


def test_the_list_costs_at_most_four_queries_whatever_its_length(
    board: Any, ada: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        publish_benchmark(ada, [board.tasks.get().task_version], f"Another {number}")

    with django_assert_max_num_queries(4):
        assert "Another 11" in client.get("/benchmarks/").content.decode()


def test_a_reader_who_has_the_board_already_gets_a_304(
    board: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    first = client.get(address(board))

    with django_assert_max_num_queries(1):
        again = client.get(address(board), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    with django_assert_max_num_queries(1):
        assert client.get(address(board)).content == first.content

    grow(board, 1)
    changed = client.get(address(board), headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200


def test_a_kept_board_follows_every_change_that_it_shows(board: Any, ada: Any, client: Any) -> None:
    from benchmarks_app.actions import authoring

    def shown() -> str:
        return str(client.get(address(board)).content.decode())

    assert shown() == shown()

    authoring.update_benchmark(benchmark=board.benchmark, claim="Another claim.", by=ada)
    assert "Another claim." in shown()
    ada.namespace.display_name = "Ada L."
    ada.namespace.save()
    assert "Ada L." in shown()
    grow(board, 1)
    assert "model 0" in shown()
    board.benchmark.visibility = "private"
    board.benchmark.save()
    assert client.get(address(board)).status_code == 404


def test_a_kept_board_is_never_given_to_or_taken_from_a_person(
    board: Any, ada: Any, client: Any, open_account: Callable[..., Any]
) -> None:
    strangers = client.get(address(board)).content.decode()
    client.force_login(ada)
    adas = client.get(address(board))
    client.force_login(open_account(handle="bob"))
    bobs = client.get(address(board))
    client.logout()
    client.cookies.clear()

    assert "ada@example.org" in adas.content.decode()
    assert "bob@example.org" in bobs.content.decode()
    assert not adas.has_header("ETag")
    assert "Cookie" in adas["Vary"]
    assert client.get(address(board)).content.decode() == strangers
    assert "@example.org" not in strangers


def test_the_permalink_of_a_snapshot_is_kept_as_well(
    board: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    from leaderboards_app.models import Standings

    permalink = Standings.objects.get(version=board).get_absolute_url()
    first = client.get(permalink)

    with django_assert_max_num_queries(1):
        again = client.get(permalink, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    board.benchmark.visibility = "private"
    board.benchmark.save()
    assert client.get(permalink).status_code == 404


def test_a_board_of_200_rows_is_small_on_the_wire(board: Any, client: Any) -> None:
    import gzip

    grow(board, 197)
    response = client.get(address(board), headers={"Accept-Encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    page = gzip.decompress(response.content)
    assert b"model 196" in page
    assert len(response.content) < 12 * 1024
    table = page[page.index(b"<tbody>") : page.index(b"</tbody>")]
    assert len(gzip.compress(table)) < 8 * 1024


def test_a_board_of_thousands_of_rows_is_read_in_pages(board: Any, client: Any) -> None:
    grow(board, 4_997)

    def labels(query: str) -> list[str]:
        page = client.get(address(board) + query).content.decode()
        return re.findall(r'<th scope="row">([^<]+)', page.split("</tbody>")[0])

    pages = [labels(f"?scope=all&page={number}") for number in range(1, 26)]

    assert [len(page) for page in pages] == [200] * 25
    assert len({label for page in pages for label in page}) == 5_000
    assert labels("?scope=all&page=99") == pages[-1]
    assert labels("?scope=all&page=x") == pages[0]
    second = client.get(address(board) + "?scope=all&sort=cost&page=2").content.decode()
    assert "201 to 400 of 5,000" in second
    assert 'rel="next" href="?scope=all&amp;sort=cost&amp;page=3"' in second
    assert 'href="?scope=all&amp;sort=-cost"' in second  # another order begins at its first page


def test_names_are_escaped_and_scores_lead_to_their_runs(board: Any, client: Any) -> None:
    text = client.get(address(board)).content.decode()

    assert "mid &lt;b&gt;" in text
    assert "mid <b>" not in text
    assert "98.33 %" in text
    assert 'href="/runs/' in text
    assert "submitted, unverified" in text


def test_filters_and_orders_are_plain_links_and_never_change_ranks(board: Any, client: Any) -> None:
    all_rows = client.get(address(board)).content.decode()
    filtered = client.get(address(board) + "?maker=Lithos&scope=all").content.decode()
    sorted_up = client.get(address(board) + "?sort=score&scope=all").content.decode()
    nonsense = client.get(address(board) + "?sort=%00x&scope=y&maker=z&q=zzz").status_code

    assert '"row">best<' in all_rows
    assert '"row">best<' not in filtered
    assert '<tr><td>2<th scope="row">mid &lt;b&gt;<small>Lithos' in filtered
    assert sorted_up.index('"row">low<') < sorted_up.index('"row">best<')
    assert 'aria-sort="ascending"' in sorted_up
    assert nonsense == 400  # the null character; the rest is ignored
    assert client.get(address(board) + "?sort=x&scope=y&maker=z&q=zzz").status_code == 200


def test_snapshots_have_permalinks_that_do_not_change(board: Any, client: Any) -> None:
    from leaderboards_app.models import Standings

    first = Standings.objects.get(version=board)
    grow(board, 3)

    page = client.get(first.get_absolute_url())
    assert page.status_code == 200
    assert "model 2" not in page.content.decode()
    assert "model 2" in client.get(address(board)).content.decode()
    history = client.get(address(board) + "history/").content.decode()
    assert first.get_absolute_url() in history


def test_a_private_board_is_unseen_by_others(ada: Any, client: Any, open_account: Any) -> None:
    from benchmarks_app.actions import authoring
    from tests.factories import CARD

    version = publish_task(ada, visibility="private")
    benchmark = authoring.create_benchmark(
        namespace=ada.namespace, title="Secret", claim="Hidden.", by=ada
    )
    draft = authoring.draft_of(benchmark=benchmark, by=ada)
    authoring.compose_draft(version=draft, members=[authoring.Member(version)], card=CARD, by=ada)
    authoring.publish_benchmark(version=draft, visibility="private", by=ada)
    settle()

    assert client.get(benchmark.get_absolute_url()).status_code == 404
    assert b"Secret" not in client.get("/benchmarks/").content
    assert client.get(f"/api/v1/benchmarks/{benchmark.public_id}").status_code == 404
    client.force_login(open_account(handle="bob"))
    assert client.get(benchmark.get_absolute_url()).status_code == 404
    client.force_login(ada)
    assert client.get(benchmark.get_absolute_url()).status_code == 200
