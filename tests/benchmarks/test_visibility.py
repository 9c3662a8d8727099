"""What stays visible when a task or a benchmark becomes private, to strangers, owners and staff."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.gateway.calls import runtime
from tests.factories import publish_benchmark, publish_task, rows, settle, submit
from tests.tasks.authoring.test_pages import client_of

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1"


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    runtime.shutdown(5)


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


def hide_task(task: Any, by: Any) -> None:
    from tasks_app.authoring.visibility import set_task_visibility

    set_task_visibility(task=task, visibility="private", by=by)


def publish_again(user: Any, task: Any, title: str, **how: Any) -> Any:
    """Publish a version with other questions."""
    import json

    from django.core.files.uploadedfile import SimpleUploadedFile

    from tasks_app.authoring import drafts, publication

    lines = "\n".join(json.dumps(row) for row in rows(3, title))
    upload = SimpleUploadedFile("items.jsonl", lines.encode())
    drafts.save_draft(task=task, upload=upload, by=user)
    return publication.publish_task(task=task, by=user, **how)


def board_of(user: Any, version: Any, *runs: Any, **rules: Any) -> Any:
    from benchmarks_app.actions.entries import enter

    made = publish_benchmark(user, [version], **rules)
    for run in runs:
        enter(version=made, contender=run.contender, by=user)
    settle()
    return made


def statuses(visitor: Client, addresses: list[str]) -> dict[str, int]:
    return {address: visitor.get(address).status_code for address in addresses}


def unlike(status: int, found: dict[str, int]) -> dict[str, int]:
    return {address: other for address, other in found.items() if other != status}


def addresses_of(version: Any, run: Any) -> list[str]:
    return [
        version.task.get_absolute_url(),
        version.get_absolute_url(),
        f"{API}/tasks/{version.task.public_id}",
        f"{API}/task-versions/{version.public_id}",
        f"{API}/task-versions/{version.public_id}/items",
        run.get_absolute_url(),
        f"{API}/runs/{run.pk}",
        f"{API}/runs/{run.pk}/samples",
        f"{run.get_absolute_url()}samples/0/",
    ]


def test_declared_runs_stay_visible_when_their_task_becomes_private(ada: Any, bob: Any) -> None:
    version = publish_task(ada)
    run = submit(bob, version, "some model", 3)
    settle()
    hide_task(version.task, ada)

    for visitor in (Client(), client_of(bob), client_of(ada)):
        assert unlike(200, statuses(visitor, addresses_of(version, run))) == {}
        listed = visitor.get(f"{API}/runs").json()["results"]
        assert [one["id"] for one in listed] == [run.pk]
    assert "has become private" in Client().get(version.task.get_absolute_url()).content.decode()


def test_a_private_version_hides_no_results_and_is_not_seen_itself(ada: Any, bob: Any) -> None:
    version = publish_task(ada)
    run = submit(bob, version, "some model", 3)
    settle()
    second = publish_again(ada, version.task, "Others", visibility="private")
    secret = submit(ada, second, "her model", 1)
    settle()

    for visitor in (Client(), client_of(bob)):
        assert unlike(200, statuses(visitor, addresses_of(version, run))) == {}
        task = visitor.get(f"{API}/tasks/{version.task.public_id}").json()
        assert task["latest_version"] == 1
        seen = visitor.get(f"{API}/tasks/{version.task.public_id}/versions").json()["results"]
        assert [one["number"] for one in seen] == [1]
        page = visitor.get(version.task.get_absolute_url()).content.decode()
        assert "her model" not in page
        assert "Version 2" not in page
        hidden = [second.get_absolute_url(), *addresses_of(second, secret)[3:]]
        assert unlike(404, statuses(visitor, hidden)) == {}
    own = client_of(ada).get(f"{API}/tasks/{version.task.public_id}").json()
    assert own["latest_version"] == 2


def test_a_task_without_results_is_hidden_whatever_strangers_benchmarks_contain(
    ada: Any, bob: Any
) -> None:
    version = publish_task(ada)
    made = publish_benchmark(bob, [version])
    settle()
    hide_task(version.task, ada)

    assert Client().get(version.get_absolute_url()).status_code == 404
    assert client_of(bob).get(version.get_absolute_url()).status_code == 404
    assert client_of(ada).get(version.get_absolute_url()).status_code == 200
    assert Client().get(made.benchmark.get_absolute_url()).status_code == 200


def test_what_stays_visible_is_said_before(ada: Any, bob: Any) -> None:
    version = publish_task(ada)
    said = "Version 1 stays visible at its address: it has 2 declared runs."
    settings_page = f"{version.task.get_absolute_url()}settings/"
    assert "stays visible" not in client_of(ada).get(settings_page).content.decode()

    for name in ("one", "two"):
        submit(bob, version, name, 3)
    settle()

    assert said in client_of(ada).get(settings_page).content.decode()
    detail = client_of(ada).get(f"{API}/tasks/{version.task.public_id}").json()
    assert detail["lasting_versions"] == [{"number": 1, "runs": 2, "reason": said}]


def test_a_run_that_was_cancelled_before_its_first_answer_keeps_nothing_visible(
    ada: Any, bob: Any
) -> None:
    from tasks_app.authoring.visibility import lasting_versions
    from tasks_app.models import Run, Sample

    version = publish_task(ada)
    run = submit(bob, version, "some model", 3)
    settle()
    Run.objects.filter(pk=run.pk).update(state="cancelled")
    assert [one.number for one in lasting_versions(version.task)] == [1]

    Sample.objects.filter(run=run).delete()

    assert lasting_versions(version.task) == []


@pytest.mark.parametrize("how", ["set", "publish"])
def test_a_board_with_results_stays_visible_when_its_benchmark_becomes_private(
    ada: Any, bob: Any, how: str
) -> None:
    from benchmarks_app.actions import authoring
    from benchmarks_app.actions.entries import enter
    from benchmarks_app.actions.visibility import set_benchmark_visibility

    version = publish_task(ada)
    made = board_of(ada, version, submit(ada, version, "some model", 3))
    benchmark = made.benchmark
    address = benchmark.get_absolute_url()
    if how == "set":
        set_benchmark_visibility(benchmark=benchmark, visibility="private", by=ada)
    else:
        other = publish_task(ada, "Other numbers")
        draft = authoring.draft_of(benchmark=benchmark, by=ada)
        authoring.compose_draft(version=draft, members=[authoring.Member(other)], by=ada)
        second = authoring.publish_benchmark(version=draft, visibility="private", by=ada)
        run = submit(ada, other, "secret model", 2)
        enter(version=second, contender=run.contender, by=ada)
        settle()
        hidden = [
            f"{address}versions/2/",
            f"{API}/benchmark-versions/{second.public_id}",
            f"{API}/benchmark-versions/{second.public_id}/leaderboard",
            second.standings.get().get_absolute_url(),
        ]
        for visitor in (Client(), client_of(bob)):
            assert unlike(404, statuses(visitor, hidden)) == {}
        assert "secret model" in client_of(ada).get(address).content.decode()
    snapshot = made.standings.latest("number").get_absolute_url()
    seen = [
        address,
        snapshot,
        f"{address}history/",
        f"{API}/benchmarks/{benchmark.public_id}",
        f"{API}/benchmark-versions/{made.public_id}/leaderboard",
        f"{API}/benchmarks/{benchmark.public_id}/corrections",
    ]

    for visitor in (Client(), client_of(bob)):
        assert unlike(200, statuses(visitor, seen)) == {}
        page = visitor.get(address).content.decode()
        assert "some model" in page
        assert "secret model" not in page
        assert "secret model" not in visitor.get(f"{address}history/").content.decode()
        versions = visitor.get(f"{API}/benchmarks/{benchmark.public_id}/versions").json()
        assert [one["number"] for one in versions["results"]] == [1]
        listed = visitor.get(f"{API}/benchmarks").json()["results"]
        assert benchmark.public_id not in [one["id"] for one in listed]


def test_a_benchmark_without_results_is_hidden_and_shown_again(ada: Any, bob: Any) -> None:
    from benchmarks_app.actions.visibility import set_benchmark_visibility

    made = publish_benchmark(ada, [publish_task(ada)])
    benchmark, address = made.benchmark, made.benchmark.get_absolute_url()
    settle()
    assert Client().get(address).status_code == 200

    set_benchmark_visibility(benchmark=benchmark, visibility="private", by=ada)
    assert statuses(Client(), [address]) == {address: 404}
    assert client_of(ada).get(address).status_code == 200

    set_benchmark_visibility(benchmark=benchmark, visibility="public", by=ada)
    assert statuses(Client(), [address]) == {address: 200}
    with pytest.raises(NotAllowed):
        set_benchmark_visibility(benchmark=benchmark, visibility="private", by=bob)
    with pytest.raises(InvalidInput, match="visibility"):
        set_benchmark_visibility(benchmark=benchmark, visibility="hidden", by=ada)


def test_what_stays_of_a_benchmark_is_said_before(ada: Any) -> None:
    version = publish_task(ada)
    made = board_of(ada, version, submit(ada, version, "some model", 3))
    said = "The board of version 1 stays visible: it shows 1 declared run."

    detail = client_of(ada).get(f"{API}/benchmarks/{made.benchmark.public_id}").json()
    page = client_of(ada).get(f"{made.benchmark.get_absolute_url()}edit/").content.decode()

    assert detail["lasting_versions"] == [{"number": 1, "runs": 1, "reason": said}]
    assert said in page


# --- Withdrawal -------------------------------------------------------------------------------


def test_an_owner_withdraws_content_and_the_scores_stay(ada: Any, bob: Any) -> None:
    from tasks_app.authoring.withdrawal import withdraw_content
    from tasks_app.models import Item, Run, Sample, SampleScore, Scoring

    version = publish_task(ada, items=4)
    run = submit(bob, version, "some model", 3)
    made = board_of(bob, version, run)
    hashes = list(Item.objects.filter(version=version).values_list("hash", flat=True))
    before = Scoring.objects.get(run=run).value

    withdraw_content(version=version, reason="The licence forbids it.", by=ada)

    item = Item.objects.filter(version=version).first()
    assert item is not None
    assert (item.input, item.target, item.withheld_reason) == ({}, None, "The licence forbids it.")
    assert list(Item.objects.filter(version=version).values_list("hash", flat=True)) == hashes
    assert set(Sample.objects.filter(run=run).values_list("output", flat=True)) == {""}
    values = SampleScore.objects.filter(sample__run=run).order_by("sample__ordinal")
    assert list(values.values_list("value", "answer")) == [(1.0, "")] * 3 + [(0.0, "")]
    assert Scoring.objects.get(run=run).value == before == 0.75
    assert Run.objects.get(pk=run.pk).state == "completed"
    for visitor in (Client(), client_of(bob), client_of(ada)):
        found = statuses(visitor, addresses_of(version, run))
        assert unlike(200, found) == {}
        pages = [visitor.get(address).content.decode() for address in found]
        assert not [page for page in pages if "Numbers: say" in page]
        assert "The licence forbids it." in pages[0]
        board = visitor.get(f"{API}/benchmark-versions/{made.public_id}/leaderboard").json()
        assert [row["score"]["value"] for row in board["content"]["rows"]] == [0.75]
        shown = visitor.get(f"{API}/task-versions/{version.public_id}").json()
        assert (shown["definition"], shown["withheld_reason"]) == ({}, "The licence forbids it.")


def test_withdrawn_content_is_neither_run_nor_scored_nor_submitted_to(ada: Any) -> None:
    from tasks_app.authoring.withdrawal import withdraw_content
    from tasks_app.runs.submissions import submit_outputs
    from tasks_app.scorings.actions import rescore_run, rescore_runs_of

    version = publish_task(ada)
    run = submit(ada, version, "some model", 3)
    settle()
    version = withdraw_content(version=version, reason="A person asked.", by=ada)
    run.task_version = version

    for refused in (
        lambda: rescore_run(run=run, version=version, by=ada),
        lambda: rescore_runs_of(version=version, by=ada),
        lambda: submit_outputs(
            version=version, model_name="x", namespace=ada.namespace, rows=[], by=ada
        ),
        lambda: withdraw_content(version=version, reason="Again.", by=ada),
    ):
        with pytest.raises(Conflict, match="withdrawn"):
            refused()


def test_the_owner_and_staff_withdraw_for_a_reason(
    ada: Any, bob: Any, open_account: Callable[..., Any]
) -> None:
    version = publish_task(ada)
    address = f"{API}/task-versions/{version.public_id}/withdraw"
    staff = open_account(handle="root-2", is_administrator=True)
    tries = itertools.count()

    def answer(user: Any, **body: Any) -> tuple[int, str]:
        visitor = Client() if user is None else client_of(user)
        reply = visitor.post(address, body, content_type="application/json")
        return reply.status_code, f"{next(tries)} {reply.content.decode()}"

    assert answer(None, reason="x")[0] in {401, 403}
    assert answer(bob, reason="x")[0] == 403
    assert answer(ada, reason=" ")[0] in {400, 422}
    assert answer(ada)[0] in {400, 422}
    status, said = answer(staff, reason="A court's order.")
    assert (status, "A court's order." in said) == (200, True)
    assert answer(ada, reason="Again.")[0] == 409


def test_the_settings_page_withdraws(ada: Any) -> None:
    version = publish_task(ada)
    page = f"{version.task.get_absolute_url()}settings/"
    form = {"part": "withdrawal", "version": version.public_id}

    refused = client_of(ada).post(page, form)
    done = client_of(ada).post(page, {**form, "reason": "Not mine to share."})

    assert (refused.status_code, done.status_code) == (422, 302)
    version.refresh_from_db()
    assert version.withheld_reason == "Not mine to share."
    shown = client_of(ada).get(page).content.decode()
    assert "Withdraw content" not in shown


def test_a_run_under_way_is_cancelled_when_its_content_is_withdrawn(ada: Any) -> None:
    from plumbmark.gateway.actions import ensure_baselines
    from plumbmark.gateway.models import Deployment
    from tasks_app.authoring.withdrawal import withdraw_content
    from tasks_app.runs.contenders import contender_of_deployment
    from tasks_app.runs.start import start_run

    ensure_baselines()
    deployment = Deployment.objects.get(slug="baseline/echo")
    contender = contender_of_deployment(deployment=deployment, configuration={}, by=ada)
    version = publish_task(ada)
    run = start_run(
        version=version, contender=contender, purpose="declared", namespace=ada.namespace, by=ada
    )

    version = withdraw_content(version=version, reason="A mistake.", by=ada)
    settle()

    run.refresh_from_db()
    assert (run.state, run.samples_done) == ("cancelled", 0)
    assert "withdrawn: A mistake." in str(run.log)
    with pytest.raises(Conflict, match="was withdrawn by its owner: A mistake"):
        start_run(
            version=version,
            contender=contender,
            purpose="declared",
            namespace=ada.namespace,
            by=ada,
        )
