"""No page of authoring asks more than a few queries, however much there is to show."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks_app.actions.authoring import draft_of
from benchmarks_app.grid.actions import start_runs
from benchmarks_app.suites.actions import create_suite
from plumbmark.gateway.actions import ensure_baselines
from tasks_app.authoring import drafts
from tasks_app.draft_trials.actions import start_trial
from tasks_app.runs.contenders import contender_of_deployment
from tests.factories import DEFINITION, publish_benchmark, publish_task, settle

pytestmark = pytest.mark.django_db(transaction=True)

MAX_QUERIES = 8
"""With the session's and the user's."""
MORE = {
    "run-confirmed": 9,
    "grid-planned": 10,
    "task edit": 9,
    "task edit as text": 9,
    "task settings": 9,
}
"""Pages of what a run, or a grid of runs, will cost: prices, items and quota come on top. The
editor lists earlier saves too, and the settings an offer.
"""


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    from plumbmark.gateway.calls import runtime

    runtime.shutdown()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


def addresses_of(board: Any, contenders: list[Any], suite: Any, trial: Any) -> dict[str, str]:
    """Return the pages of authoring by a name for each."""
    benchmark = board.benchmark
    task = board.tasks.order_by("position").first().task_version.task
    at = [task.namespace.handle, task.slug]
    of_benchmark = [benchmark.namespace.handle, benchmark.slug]
    models = {"models": [one.deployment.slug for one in contenders[:4]]}
    run = {"deployment": contenders[0].deployment.slug, "purpose": "declared"}
    chosen = {"contender": [one.public_id for one in contenders], "policy": "all"}
    plain = "detail edit columns scorers publish settings item-table run try preflight submit"
    found = {f"task {name}": reverse(f"tasks:{name}", args=at) for name in plain.split()}
    of_version = "version items lab rescore judges"
    for name in of_version.split():
        url_name = "item-lab" if name == "lab" else name
        found[f"version {name}"] = reverse(f"tasks:{url_name}", args=[*at, 1])
    for name in ["edit", "publish", "grid", "submit"]:
        found[f"benchmark {name}"] = reverse(f"benchmarks:{name}", args=of_benchmark)
    return found | {
        "task list": reverse("tasks:list"),
        "task new": reverse("tasks:new"),
        "task edit as text": reverse("tasks:edit", args=at, query={"view": "text"}),
        "task table sorted": reverse("tasks:item-table", args=at, query={"sort": "-answer"}),
        "task row": reverse("tasks:row-edit", args=[*at, 1]),
        "task new row": reverse("tasks:row-add", args=at),
        "task reports": reverse("tasks:item-reports", args=at),
        "task copy": reverse("tasks:copy", args=[*at, 1]),
        "task changes": reverse("tasks:version-changes", args=[*at, 1, 2]),
        "preflight of four": reverse("tasks:preflight", args=at, query=models),
        "try of four": reverse("tasks:try", args=at, query=models),
        "run-confirmed": reverse("tasks:run", args=at, query=run),
        "trial": trial.get_absolute_url(),
        "playground": reverse("tasks:playground"),
        "grid-planned": reverse("benchmarks:grid", args=of_benchmark, query=chosen),
        "benchmark search": reverse("benchmarks:edit", args=of_benchmark, query={"q": "Spare"}),
        "benchmark list": reverse("benchmarks:list"),
        "benchmark new": reverse("benchmarks:new"),
        "suite list": reverse("suites:list"),
        "suite new": reverse("suites:new"),
        "suite": reverse("suites:detail", args=[suite.public_id]),
        "suite edit": reverse("suites:edit", args=[suite.public_id]),
    }


def test_pages_of_authoring_take_few_queries_and_the_same_with_more_to_show(ada: Any) -> None:
    contenders = [contender_of_deployment(deployment=one, by=ada) for one in ensure_baselines()[:4]]
    versions = [publish_task(ada, f"Task {number}", items=5) for number in range(3)]
    publish_task(ada, "Spare")
    task = versions[0].task
    drafts.save_draft(
        task=task,
        definition_text=DEFINITION.replace("{question}", "{question}!"),
        upload=_rows(6),
        by=ada,
    )
    versions[0] = publish_again(task, ada)
    board = publish_benchmark(ada, versions)
    draft_of(benchmark=board.benchmark, by=ada)
    suite = create_suite(namespace=ada.namespace, name="Small", contenders=contenders[:2], by=ada)
    start_runs(version=board, contenders=contenders[:2], namespace=ada.namespace, by=ada)
    trial = start_trial(
        version=versions[0], contenders=contenders[:2], namespace=ada.namespace, by=ada
    )
    settle()
    client = Client()
    client.force_login(ada)
    before = count_queries(client, addresses_of(board, contenders, suite, trial))
    assert {name: n for name, n in before.items() if n > MORE.get(name, MAX_QUERIES)} == {}

    # More contenders, runs, entries, suites, tries, tasks and versions.
    start_runs(version=board, contenders=contenders, namespace=ada.namespace, policy="all", by=ada)
    for number in range(3):
        publish_task(ada, f"Spare {number}")
        create_suite(namespace=ada.namespace, name=f"Suite {number}", contenders=contenders, by=ada)
        start_trial(version=versions[0], contenders=contenders, namespace=ada.namespace, by=ada)
    settle()
    after = count_queries(client, addresses_of(board, contenders, suite, trial))

    assert {name: (before[name], n) for name, n in after.items() if n > before[name]} == {}


def publish_again(task: Any, by: Any) -> Any:
    from tasks_app.authoring.publication import publish_task as publish

    return publish(task=task, visibility="public", by=by)


def count_queries(client: Client, addresses: dict[str, str]) -> dict[str, int]:
    """Return how many queries each page takes that was opened before."""
    counts = {}
    for name, address in addresses.items():
        assert client.get(address).status_code == 200, address
        with CaptureQueriesContext(connection) as counted:
            client.get(address)
        counts[name] = len(counted)
    return counts


def _rows(count: int) -> SimpleUploadedFile:
    lines = [
        json.dumps({"id": f"i{n}", "question": f"What is {n}?", "answer": str(n)})
        for n in range(count)
    ]
    return SimpleUploadedFile("items.jsonl", "\n".join(lines).encode())
