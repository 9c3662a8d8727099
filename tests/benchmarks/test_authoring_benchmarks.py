"""Composing, publishing and entering benchmarks: what is refused, and what is left behind."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from benchmarks_app.models import Entry
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from tasks_app.runs.contenders import submitted_contender
from tests.factories import CARD, publish_benchmark, publish_task, settle, submit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    from plumbmark.gateway.calls import runtime

    runtime.shutdown()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


def draft(user: Any, **given: Any) -> Any:
    from benchmarks_app.actions import authoring

    benchmark = authoring.create_benchmark(
        namespace=user.namespace, title="World", claim=given.pop("claim", "A claim."), by=user
    )
    version = authoring.draft_of(benchmark=benchmark, by=user)
    return authoring.compose_draft(version=version, by=user, **given)


def paths(error: pytest.ExceptionInfo[InvalidInput]) -> set[str]:
    return {problem.path for problem in error.value.problems}


def test_publication_asks_for_the_card_the_claim_and_a_task(ada: Any) -> None:
    from benchmarks_app.actions.authoring import publish_benchmark as publish

    version = draft(ada, claim="", card={"measures": "Something."})

    with pytest.raises(InvalidInput) as error:
        publish(version=version, by=ada)

    assert paths(error) == {
        "claim",
        "tasks",
        "card.intended_use",
        "card.limits",
        "card.provenance",
        "card.licence",
        "card.contact",
    }
    version.refresh_from_db()
    assert version.state == "draft"


@pytest.mark.parametrize("weight", ["0", "-1", "1001", "NaN", "Infinity"])
def test_weights_of_zero_and_worse_are_refused(ada: Any, weight: str) -> None:
    from benchmarks_app.actions.authoring import Member, compose_draft

    version = draft(ada)
    member = Member(publish_task(ada), Decimal(weight))

    with pytest.raises(InvalidInput) as error:
        compose_draft(version=version, members=[member], by=ada)

    assert paths(error) == {"tasks[0].weight"}
    assert not version.tasks.exists()


def test_a_task_cannot_stand_in_a_draft_twice(ada: Any) -> None:
    from benchmarks_app.actions.authoring import Member

    member = Member(publish_task(ada))

    with pytest.raises(InvalidInput) as error:
        draft(ada, members=[member, member])

    assert paths(error) == {"tasks[1]"}


def test_another_persons_private_task_cannot_be_taken(ada: Any, bob: Any) -> None:
    from benchmarks_app.actions.authoring import Member

    hidden = publish_task(bob, visibility="private")

    with pytest.raises(InvalidInput) as error:
        draft(ada, members=[Member(hidden)])

    assert paths(error) == {"tasks[0]"}


def test_a_public_benchmark_takes_no_private_task(ada: Any) -> None:
    from benchmarks_app.actions.authoring import Member
    from benchmarks_app.actions.authoring import publish_benchmark as publish
    from tasks_app.authoring.visibility import set_task_visibility

    task = publish_task(ada, visibility="private").task
    version = draft(ada, members=[Member(task.latest_version)], card=CARD)
    with pytest.raises(InvalidInput, match="private"):
        publish(version=version, by=ada)

    set_task_visibility(task=task, visibility="public", by=ada)
    publish(version=version, by=ada)

    assert version.benchmark.latest_version == version


def test_metrics_without_bounds_are_barred_from_averages(ada: Any) -> None:
    from benchmarks_app.actions.authoring import Member
    from benchmarks_app.actions.authoring import publish_benchmark as publish
    from tests.factories import DEFINITION

    free = publish_task(
        ada,
        "Free",
        definition=DEFINITION.replace(
            "{type: exact}",
            "{type: python, source: 'def score(output, target, item): return 1.0', "
            "metric: {name: points, bounds: [0, null]}}",
        ),
    )
    version = draft(ada, members=[Member(free), Member(publish_task(ada))], card=CARD)

    with pytest.raises(InvalidInput, match="no bounds for points"):
        publish(version=version, by=ada)


def test_two_tasks_with_the_same_questions_are_one_too_many(ada: Any) -> None:
    from benchmarks_app.actions.authoring import Member
    from benchmarks_app.actions.authoring import publish_benchmark as publish
    from tests.factories import rows

    one = publish_task(ada, "One", data=rows(3))
    other = publish_task(ada, "Other", data=rows(3))
    version = draft(ada, members=[Member(one), Member(other)], card=CARD)

    with pytest.raises(InvalidInput, match="the same questions as One"):
        publish(version=version, by=ada)


def test_strangers_neither_edit_nor_enter(ada: Any, bob: Any) -> None:
    from benchmarks_app.actions import authoring, entries

    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    run = submit(bob, version, "bobs", 4)

    with pytest.raises(NotAllowed):
        authoring.draft_of(benchmark=board.benchmark, by=bob)
    with pytest.raises(NotAllowed):
        entries.enter(version=board, contender=run.contender, by=bob)


def test_anyone_may_enter_where_the_rules_say_so(ada: Any, bob: Any) -> None:
    from benchmarks_app.actions.entries import enter
    from leaderboards_app.models import Standings

    version = publish_task(ada)
    board = publish_benchmark(ada, [version], entrants="anyone")
    run = submit(bob, version, "bobs", 4)
    enter(version=board, contender=run.contender, by=bob)
    settle()

    rows = Standings.objects.get(version=board).content["rows"]
    assert [row["contender"]["label"] for row in rows] == ["bobs"]


def test_a_later_declared_run_belongs_to_the_row_wanted_or_not(ada: Any) -> None:
    from benchmarks_app.actions.entries import enter
    from benchmarks_app.models import EntryRun

    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    enter(version=board, contender=submit(ada, version, "model", 1).contender, by=ada)
    settle()

    submit(ada, version, "model", 4)
    settle()

    assert EntryRun.objects.filter(entry__version=board).count() == 2


def test_starting_what_is_missing_tells_the_cost_first_and_starts_each_cell_once(ada: Any) -> None:
    from benchmarks_app.grid.actions import plan_runs, start_runs
    from plumbmark.gateway.actions import ensure_baselines
    from tasks_app.models import Run
    from tasks_app.runs.contenders import contender_of_deployment

    one, other = publish_task(ada, "One"), publish_task(ada, "Other")
    board = publish_benchmark(ada, [one, other])
    contenders = [
        contender_of_deployment(deployment=deployment, by=ada)
        for deployment in ensure_baselines()[:2]
    ]

    missing = plan_runs(version=board, contenders=contenders)
    assert len(missing) == 4
    assert all(cell.bound.is_priced and cell.bound.samples == 4 for cell in missing)

    started = start_runs(version=board, contenders=contenders, namespace=ada.namespace, by=ada)
    assert len(started) == 4
    assert {run.purpose for run in started} == {"declared"}
    with pytest.raises(Conflict, match="Nothing is missing"):
        start_runs(version=board, contenders=contenders, namespace=ada.namespace, by=ada)
    assert Run.objects.count() == 4


def test_the_pages_lead_from_a_title_to_a_board(ada: Any, client: Any) -> None:
    """Without JavaScript: new, edit, publish, grid, start."""
    from benchmarks_app.models import Benchmark
    from plumbmark.gateway.actions import ensure_baselines

    version = publish_task(ada)
    ensure_baselines()
    client.force_login(ada)

    made = client.post(
        "/benchmarks/new/", {"title": "By hand", "claim": "Claim.", "namespace": "ada"}
    )
    assert made["Location"] == "/benchmarks/ada/by-hand/edit/"
    assert client.get(made["Location"]).status_code == 200
    fields = {
        "title": "By hand",
        "claim": "Claim.",
        "tags": "words, hands",
        "entry_policy": "first-declared",
        "entrants": "owner",
        "unscored_allowed": "0.01",
        "add": version.public_id,
        "then": "add",
    }
    assert client.post(made["Location"], fields).status_code == 302
    refused = client.post("/benchmarks/ada/by-hand/publish/", {"visibility": "public"})
    assert refused.status_code == 422
    assert "is required for publication" in refused.content.decode()

    assert Benchmark.objects.get().versions.get().tasks.count() == 1
    weight = f"member-{version.public_id}-weight"
    fields |= {f"card_{key}": value for key, value in CARD.items()}
    fields |= {weight: "0", "add": "", "member": version.public_id, "then": "save"}
    bad = client.post(made["Location"], fields)
    assert bad.status_code == 422
    assert "Must be more than 0" in bad.content.decode()
    fields[weight] = "2"
    assert client.post(made["Location"], fields).status_code == 302
    published = client.post("/benchmarks/ada/by-hand/publish/", {"visibility": "public"})
    assert published["Location"] == "/benchmarks/ada/by-hand/"

    asked = {"deployment": "baseline/echo", "policy": "missing"}
    grid = client.post("/benchmarks/ada/by-hand/grid/", asked, follow=True).content.decode()
    assert "Start 1 run?" in grid
    contender = grid.split('type="hidden" name="contender" value="')[1].split('"')[0]
    started = client.post("/benchmarks/ada/by-hand/start/", {"contender": contender})
    assert started.status_code == 302
    settle()

    assert "Echo" in client.get("/benchmarks/ada/by-hand/").content.decode()
    assert "completed" in client.get("/benchmarks/ada/by-hand/grid/").content.decode()


def test_the_grid_is_paged_and_costs_the_same_however_many_are_entered(
    open_account: Callable[..., Any], client: Client, django_assert_max_num_queries: Any
) -> None:
    ada = open_account("ada")
    made = publish_benchmark(ada, [publish_task(ada, items=1)])
    for number in range(30):
        contender = submitted_contender(
            namespace=ada.namespace, label=f"m{number:02}", maker="", description="", by=ada
        )
        Entry.objects.create(version=made, contender=contender, created_by=ada)
    client.force_login(ada)
    address = f"{made.benchmark.get_absolute_url()}grid/"

    with django_assert_max_num_queries(25):
        first = client.get(address).content.decode()
    second = client.get(f"{address}?page=2").content.decode()

    assert "m00" in first
    assert "1 to 25 of 30" in first
    assert "m29" not in first.split('id="grid"')[1].split("</table>")[0]
    assert "m29" in second.split('id="grid"')[1].split("</table>")[0]
