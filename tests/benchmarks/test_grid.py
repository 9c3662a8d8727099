"""The grid: which cells get a run, what they cost beside the quota, and what it remembers."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from benchmarks_app.grid.actions import plan_runs, start_runs
from benchmarks_app.models import Entry
from leaderboards_app.models import Standings
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput
from plumbmark.gateway.actions import ensure_baselines
from tasks_app.models import Run
from tasks_app.runs.contenders import contender_of_deployment
from tests.factories import publish_benchmark, publish_task, settle

pytestmark = pytest.mark.django_db(transaction=True)
GRID = "/benchmarks/ada/world/grid/"


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    from plumbmark.gateway.calls import runtime

    runtime.shutdown()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def board(ada: Any) -> Any:
    ensure_baselines()
    return publish_benchmark(ada, [publish_task(ada, "One", items=1), publish_task(ada, "Two")])


def baseline(ada: Any, number: int = 0) -> Any:
    return contender_of_deployment(deployment=ensure_baselines()[number], by=ada)


def states(board: Any, contender: Any, **given: Any) -> list[str]:
    return [one.state for one in plan_runs(version=board, contenders=[contender], **given)]


def test_each_policy_plans_its_cells_and_never_one_that_is_at_work(ada: Any, board: Any) -> None:
    contender = baseline(ada)
    assert states(board, contender) == ["missing", "missing"]
    assert states(board, contender, policy="failed") == []

    start_runs(version=board, contenders=[contender], namespace=ada.namespace, by=ada)
    assert states(board, contender, policy="all") == []

    first, second = Run.objects.order_by("id")
    Run.objects.filter(pk=first.pk).update(state="completed", created_at=now() - timedelta(days=9))
    Run.objects.filter(pk=second.pk).update(state="failed")
    assert states(board, contender) == ["failed"]
    assert states(board, contender, policy="failed") == ["failed"]
    assert states(board, contender, policy="all") == ["completed", "failed"]
    a_week_ago = now() - timedelta(days=7)
    assert states(board, contender, policy="older", before=a_week_ago) == ["completed", "failed"]
    a_month_ago = now() - timedelta(days=30)
    assert states(board, contender, policy="older", before=a_month_ago) == ["failed"]


def test_runs_of_others_fill_no_cell_of_a_board_that_does_not_show_them(
    ada: Any, open_account: Callable[..., Any]
) -> None:
    bob = open_account(handle="bob")
    theirs = publish_benchmark(bob, [publish_task(bob, "One", items=1)])
    contender = baseline(bob)
    start_runs(version=theirs, contenders=[contender], namespace=bob.namespace, by=bob)
    settle()
    task = theirs.tasks.get().task_version

    own = publish_benchmark(ada, [task])

    assert states(own, contender) == ["missing"]
    start_runs(version=own, contenders=[contender], namespace=ada.namespace, by=ada)
    settle()
    assert states(own, contender, policy="all") == ["completed"]
    [row] = Standings.objects.filter(version=own).latest("number").content["rows"]
    assert row["score"]["value"] is not None


def test_a_policy_that_plans_nothing_says_so(ada: Any, board: Any) -> None:
    with pytest.raises(Conflict, match="Nothing has failed"):
        start_runs(
            version=board,
            contenders=[baseline(ada)],
            namespace=ada.namespace,
            policy="failed",
            by=ada,
        )
    with pytest.raises(InvalidInput, match="which date"):
        plan_runs(version=board, contenders=[], policy="older")


def test_models_are_chosen_with_a_configuration_and_remembered(
    ada: Any, board: Any, client: Client
) -> None:
    client.force_login(ada)
    chosen = {
        "deployment": ["baseline/echo"],
        "temperature": "0.5",
        "reasoning_effort": "high",
        "policy": "missing",
    }

    page = client.post(GRID, chosen, follow=True)
    text = page.content.decode()
    assert "Start 2 runs?" in text
    assert "Left today" in text
    assert "reasoning effort high, temperature 0.5" in text
    assert not Run.objects.exists()

    client.post("/benchmarks/ada/world/start/", dict(page.wsgi_request.GET.lists()))
    assert {run.contender.configuration["reasoning_effort"] for run in Run.objects.all()} == {
        "high"
    }
    later = client.get(GRID).content.decode()
    assert "Start 2 runs?" not in later
    assert "data-running" in later
    checked = later.split('name="contender"')[1].split(">")[0]
    assert "checked" in checked

    settle()
    assert "data-running" not in client.get(GRID).content.decode()

    client.post(GRID, {"policy": "missing"})
    assert 'name="contender"' not in client.get(GRID).content.decode()


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"policy": "older"}, "Choose a day"),
        ({"policy": "sometimes"}, "Select a valid choice"),
        ({"deployment": "nobody/nothing"}, "Select a valid choice"),
        ({"temperature": "3"}, "less than or equal to 2"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_with_the_reason(
    ada: Any, board: Any, client: Client, sent: dict[str, str], message: str
) -> None:
    client.force_login(ada)
    answer = client.post(GRID, {"policy": "missing", **sent})
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert client.get(f"{GRID}?contender=nobody&policy=x&before=y").status_code == 200


def test_repeating_complete_cells_says_that_the_first_run_counts(
    ada: Any, board: Any, client: Client
) -> None:
    contender = baseline(ada)
    start_runs(version=board, contenders=[contender], namespace=ada.namespace, by=ada)
    Run.objects.update(state="completed")
    client.force_login(ada)

    page = client.get(f"{GRID}?contender={contender.public_id}&policy=all").content.decode()

    assert "2 cells have a complete run already" in page


def test_the_page_without_a_plan_costs_few_queries(
    ada: Any, board: Any, client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(2):
        Entry.objects.create(version=board, contender=baseline(ada, number), created_by=ada)
    client.force_login(ada)
    client.get(GRID)
    with django_assert_max_num_queries(14):
        client.get(GRID)


def test_the_api_takes_a_policy(ada: Any, board: Any, client: Client) -> None:
    client.force_login(ada)
    contender = baseline(ada)
    start_runs(version=board, contenders=[contender], namespace=ada.namespace, by=ada)
    Run.objects.update(state="completed")
    address = f"/api/v1/benchmark-versions/{board.public_id}"
    body = {"contenders": [contender.public_id], "policy": "all"}

    planned = client.post(f"{address}/missing", body, content_type="application/json")
    assert len(planned.json()) == 2
    started = client.post(f"{address}/start-missing", body, content_type="application/json")
    assert (started.status_code, len(started.json()["runs"])) == (201, 2)
    undated = {**body, "policy": "older"}
    refused = client.post(f"{address}/missing", undated, content_type="application/json")
    assert refused.status_code == 422
