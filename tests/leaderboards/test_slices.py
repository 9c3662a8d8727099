"""Slices: how the rows of a board did on parts of the items."""

from typing import Any

import pytest

from plumbmark.scoring.intervals import wilson
from tests.factories import publish_benchmark, publish_task, settle, submit
from tests.leaderboards.test_boards import enter

pytestmark = pytest.mark.django_db(transaction=True)

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer, slices: [topic, level]}
prompt:
  messages: [{role: user, content: "{question}"}]
scorers: [{type: exact}]
"""


def items(count: int = 40) -> list[dict[str, Any]]:
    """Return items: even ones are algebra, odd ones geometry; the last quarter alone is
    `secret`.
    """
    return [
        {
            "id": f"i{n}",
            "question": f"Say {n}",
            "answer": str(n),
            "topic": "<i>geometry</i>" if n % 2 else "algebra",
            "level": "secret" if n >= 30 else "hard" if n % 3 == 0 else "easy",
        }
        for n in range(count)
    ]


@pytest.fixture
def sliced(ada: Any) -> Any:
    """Return a board with two submitted rows: the first 20 of 40 items right, and the first 10."""
    version = publish_task(ada, "Sliced", definition=DEFINITION, data=items())
    board = publish_benchmark(ada, [version], "Sliced board")
    for name, right in (("good <b>", 20), ("poor", 10)):
        enter(board, submit(ada, version, name, right), ada)
    settle()
    return board


def document(board: Any) -> dict[str, Any]:
    from leaderboards_app.models import SliceResults, Standings

    newest = Standings.objects.filter(version=board).latest("number")
    found: dict[str, Any] = SliceResults.objects.get(standings=newest).content
    return found


def test_each_slice_has_the_estimate_of_its_items(sliced: Any) -> None:
    (task,) = document(sliced)["tasks"]
    topics, levels = task["columns"]

    assert topics["name"] == "topic"
    assert topics["values"] == [
        {"name": "algebra", "items": 20},
        {"name": "<i>geometry</i>", "items": 20},
    ]
    good, poor = topics["rows"]
    assert [good["label"], poor["label"]] == ["good <b>", "poor"]
    right = wilson(10, 20)
    assert good["cells"][0]["value"] == 0.5
    assert good["cells"][0]["low"] == pytest.approx(right.low, abs=1e-12)
    assert good["cells"][0]["high"] == pytest.approx(right.high, abs=1e-12)
    assert good["cells"][0]["scored"] == 20
    assert [cell["value"] for cell in poor["cells"]] == [0.25, 0.25]
    assert [one["name"] for one in levels["values"]] == ["easy", "hard", "secret"]
    assert [one["items"] for one in levels["values"]] == [20, 10, 10]
    hard = [n for n in range(30) if n % 3 == 0]
    assert levels["rows"][0]["cells"][1]["value"] == pytest.approx(
        sum(n < 20 for n in hard) / len(hard)
    )
    assert levels["rows"][0]["cells"][2]["value"] == 0.0


def test_what_only_private_items_have_is_not_listed_and_the_split_is_a_slice(sliced: Any) -> None:
    from leaderboards_app.models import SliceResults, Standings
    from leaderboards_app.standings.actions import refresh_board
    from tasks_app.models import Item

    version = sliced.tasks.get().task_version
    Item.objects.filter(version=version, position__gte=30).update(split="private")
    Standings.objects.filter(version=sliced).update(content_hash="h1:other")

    assert refresh_board(sliced) is not None

    newest = Standings.objects.filter(version=sliced).latest("number")
    (task,) = SliceResults.objects.get(standings=newest).content["tasks"]
    split, _topics, levels = task["columns"]
    assert split["name"] == ""
    assert [(one["name"], one["items"]) for one in split["values"]] == [
        ("public", 30),
        ("private", 10),
    ]
    assert split["rows"][0]["cells"][0]["value"] == pytest.approx(20 / 30)
    assert split["rows"][0]["cells"][1]["value"] == 0.0
    assert [one["name"] for one in levels["values"]] == ["easy", "hard"]
    assert levels["left_out"] == 1


def test_the_page_shows_every_slice_with_its_interval_and_warns_of_small_ones(
    sliced: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    from leaderboards_app.models import Standings

    newest = Standings.objects.filter(version=sliced).latest("number")
    address = f"/standings/{newest.public_id}/slices/"
    board = client.get(sliced.benchmark.get_absolute_url()).content.decode()
    assert f'href="{address}"' in board

    with django_assert_max_num_queries(8):
        page = client.get(address).content.decode()

    assert "good &lt;b&gt;" in page
    assert "&lt;i&gt;geometry&lt;/i&gt;" in page
    assert "good <b>" not in page
    assert "Hardest on average: secret (0.0)." in page
    assert "29.9 to 70.1" in page
    assert "heat__warning" in page
    one = client.get(f"{address}?slice=1-2-3").content.decode()
    assert "level = secret" in one
    assert "Fewer than 30: differences mean little." in one
    for nonsense in ("9-9", "1-2-0", "1-2-99", "1-2-x", "x", "1-2-3-4", "-", "1"):
        assert client.get(address, {"slice": nonsense}).status_code == 404
    answer = client.get(f"/api/v1/standings/{newest.public_id}/slices")
    assert answer.status_code == 200
    assert answer.json() == document(sliced)


def test_a_column_with_many_values_is_cut(ada: Any) -> None:
    rows = [
        {"id": f"i{n}", "question": "q", "answer": str(n), "topic": f"t{n % 40}", "level": "x"}
        for n in range(120)
    ]
    version = publish_task(ada, "Wide", definition=DEFINITION, data=rows)
    board = publish_benchmark(ada, [version], "Wide board")
    enter(board, submit(ada, version, "a", 60), ada)
    settle()

    (task,) = document(board)["tasks"]

    (topics,) = task["columns"]  # the other column has one value, which divides nothing
    assert len(topics["values"]) == 24
    assert topics["left_out"] == 16


def test_a_board_without_slices_has_no_page_of_them(board: Any, client: Any) -> None:
    from leaderboards_app.models import SliceResults, Standings

    newest = Standings.objects.get(version=board)

    assert not SliceResults.objects.exists()
    assert client.get(f"/standings/{newest.public_id}/slices/").status_code == 404
    assert client.get(f"/api/v1/standings/{newest.public_id}/slices").status_code == 404
    assert "/slices/" not in client.get(board.benchmark.get_absolute_url()).content.decode()


def test_slices_are_seen_by_whom_the_board_is_seen(sliced: Any, client: Any) -> None:
    from leaderboards_app.models import Standings

    newest = Standings.objects.filter(version=sliced).latest("number")
    sliced.benchmark.visibility = "private"
    sliced.benchmark.save()

    assert client.get(f"/standings/{newest.public_id}/slices/").status_code == 404
    assert client.get(f"/api/v1/standings/{newest.public_id}/slices").status_code == 404


def test_the_board_says_how_many_items_each_slice_has(sliced: Any, client: Any) -> None:
    from leaderboards_app.models import SliceResults

    (kept,) = SliceResults.objects.filter(standings__version=sliced).order_by("-pk")[:1]
    assert kept.counts[0] == {
        "task": "Sliced",
        "column": "topic",
        "values": [["algebra", 20], ["<i>geometry</i>", 20]],
        "left_out": 0,
    }
    page = client.get(sliced.benchmark.get_absolute_url()).content.decode()

    assert "Items by slice" in page
    assert "Sliced: topic" in page
    assert "&lt;i&gt;geometry&lt;/i&gt;" in page
    assert "<i>geometry" not in page
