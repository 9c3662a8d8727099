"""Further scorers of a task as columns of its boards."""

import re
from typing import Any

import pytest
from django.test import Client

from tasks_app.models import Scoring
from tasks_app.scorings.secondary import join_estimates
from tests.factories import publish_benchmark, publish_task, settle
from tests.leaderboards.test_boards import enter, newest

pytestmark = pytest.mark.django_db(transaction=True)


DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "{question}"}]
scorers:
  - type: exact
  - type: includes
    name: has-it
    metric: {name: mentions, format: points}
  - type: includes
    name: again
"""


def submit_texts(user: Any, version: Any, name: str, outputs: list[str]) -> Any:
    from tasks_app.runs.submissions import submit_outputs

    return submit_outputs(
        version=version,
        model_name=name,
        maker="",
        namespace=user.namespace,
        rows=[{"id": f"i{n}", "output": text} for n, text in enumerate(outputs)],
        by=user,
    )


@pytest.fixture
def version(ada: Any) -> Any:
    return publish_task(ada, items=10, definition=DEFINITION)


@pytest.fixture
def measured(ada: Any, version: Any) -> Any:
    """`exact` is right on the whole answer, `has-it` on one that contains it."""
    board = publish_benchmark(ada, [version], "Measured")
    terse = [str(n) if n < 6 else "none" for n in range(10)]
    wordy = [str(n) if n < 3 else f"it is {n}" for n in range(10)]
    for name, outputs in (("terse", terse), ("wordy", wordy)):
        enter(board, submit_texts(ada, version, name, outputs), ada)
    settle()
    return board


def labels(text: str) -> list[str]:
    return re.findall(r'scope="row">(\w+)', text)


def test_a_scoring_keeps_the_estimate_of_each_further_scorer(measured: Any) -> None:
    by_label = {
        one.run.contender.label: one.estimate["secondary"]
        for one in Scoring.objects.select_related("run__contender")
    }

    assert {label: one["has-it"]["value"] for label, one in by_label.items()} == {
        "terse": 0.6,
        "wordy": 1.0,
    }
    # Wilson's interval of 6 of 10.
    assert by_label["terse"]["has-it"]["low"] == pytest.approx(0.3127, abs=1e-4)
    assert by_label["terse"]["has-it"]["high"] == pytest.approx(0.8318, abs=1e-4)
    assert by_label["terse"]["has-it"]["scored"] == 10


def test_the_board_has_them_as_sortable_columns(measured: Any, client: Client) -> None:
    address = measured.benchmark.get_absolute_url()
    content = newest(measured).content

    page = client.get(address).content.decode()
    by_further = client.get(f"{address}?sort=-metric-1-1").content.decode()

    assert [one["name"] for one in content["tasks"][0]["secondary"]] == ["mentions", "accuracy"]
    assert content["rows"][0]["tasks"][0]["secondary"][0]["value"] == 0.6
    # The scorer's name stands for a metric whose name another has too.
    assert re.findall(r'data-l="(\w+)"', page) == ["Mentions", "Again"] * 2
    assert "60.0" in page
    table = page[page.index('id="standings"') :]
    assert labels(table)[:2] == ["terse", "wordy"]
    assert labels(by_further[by_further.index('id="standings"') :])[:2] == ["wordy", "terse"]


def test_they_are_in_files_and_in_the_api(measured: Any, client: Client) -> None:
    standings = newest(measured)

    lines = client.get(f"{standings.get_absolute_url()}standings.csv").content.decode().splitlines()
    api = client.get(f"/api/v1/standings/{standings.public_id}").json()

    head = next(line for line in lines if line.startswith(("rank_best", "\ufeffrank_best")))
    columns = head.split(",")
    row = next(line for line in lines if ",terse," in line).split(",")
    assert row[columns.index("task_1_metric_1")] == "0.6"
    assert api["content"]["rows"][0]["tasks"][0]["secondary"][0]["value"] == 0.6


def test_the_page_of_a_run_shows_them(measured: Any, ada: Any, client: Client) -> None:
    client.force_login(ada)
    run = newest(measured).content["rows"][0]["tasks"][0]["runs"][0]

    page = re.sub(r"\s+", " ", client.get(f"/runs/{run}/").content.decode())

    assert "has-it" in page
    assert "60.00 points" in page


def test_a_task_with_one_scorer_has_the_content_that_it_had(board: Any) -> None:
    content = newest(board).content

    assert "secondary" not in content["tasks"][0]
    assert all("secondary" not in cell for row in content["rows"] for cell in row["tasks"])
    assert all("secondary" not in one.estimate for one in Scoring.objects.all())


def test_scorings_from_before_change_no_content(measured: Any) -> None:
    """A board of scorings that know no further estimates is computed to the same content."""
    from leaderboards_app.standings.computation import compute_board

    for one in Scoring.objects.all():
        one.estimate = {key: value for key, value in one.estimate.items() if key != "secondary"}
        one.save()

    content = compute_board(measured).content

    assert "secondary" not in content["tasks"][0]
    assert all("secondary" not in cell for row in content["rows"] for cell in row["tasks"])


def test_several_runs_are_joined_by_their_samples() -> None:
    one = {"value": 0.5, "low": 0.3, "high": 0.7, "scored": 10, "unscored": 0}
    other = {"value": 0.8, "low": 0.6, "high": 0.9, "scored": 5, "unscored": 5}

    assert join_estimates([one]) == one
    assert join_estimates([one, other]) == {
        "value": 0.6,
        "low": None,
        "high": None,
        "scored": 15,
        "unscored": 5,
    }


def test_the_api_writes_numbers_as_pages_do_if_asked(measured: Any, client: Client) -> None:
    address = f"/api/v1/standings/{newest(measured).public_id}"

    plain, shown = client.get(address), client.get(f"{address}?display=true")

    assert plain.json()["display"] is None
    first = shown.json()["display"][0]
    assert (first["score"], first["tasks"]) == ("60.00 %", ["60.00 %"])
    assert first["secondary"] == [["60.00 points", "60.00 %"]]
    assert plain["ETag"] != shown["ETag"]
    assert plain.json()["content"] == shown.json()["content"]
