"""Trying scorers on outputs: the page, and the API."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from plumbmark.background.models import Job
from plumbmark.background.work import work_on_next_job
from plumbmark.gateway.calls import runtime
from tasks_app.models import SampleScore
from tasks_app.workers import sandbox

pytestmark = pytest.mark.django_db

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages:
    - {role: user, content: "{question}"}
scorers:
  - {type: exact, normalise: [case]}
  - {type: token_f1}
  - {type: includes}
  - type: python
    source: |
      def score(output, target, item):
          return 1
"""
ROWS = [
    {"id": "q1", "question": "Capital?", "answer": "New York"},
    {"id": "q2", "question": "Number?", "answer": 12},
]


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def task(ada: Any, make_task: Callable[..., Any]) -> Any:
    return make_task(ada, definition=DEFINITION, rows=ROWS, publish="")


@pytest.fixture
def page(ada: Any, task: Any) -> Callable[..., Any]:
    client = Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("tasks:scorers", args=[task.namespace.handle, task.slug])
    return lambda **values: client.post(address, values) if values else client.get(address)


def verdicts(response: Any) -> list[dict[str, float | None]]:
    return [
        {one.scorer: one.value for one in result.verdicts} for result in response.context["results"]
    ]


def test_the_page_says_what_each_scorer_reads_and_why(page: Callable[..., Any]) -> None:
    assert page().status_code == 200

    found = page(outputs="in new york <b>", layout="one", item="q1")

    # Precision 2/4 by SQuAD's words in, new, york, b; recall 2/2.
    assert verdicts(found) == [
        {"exact": 0, "token_f1": pytest.approx(2 / 3), "includes": 0, "python": None}
    ]
    text = found.content.decode()
    assert "in new york &lt;b&gt;" in text
    assert "2 shared of 4 words in the answer" in text
    assert "runs a program in the sandbox" in text
    assert SampleScore.objects.count() == 0


def test_lines_and_json_lines(page: Callable[..., Any]) -> None:
    lines = page(outputs="It is 12.\r\n\r\nIt is 13.", layout="lines", item="q2")
    assert [one["includes"] for one in verdicts(lines)] == [1, 0]

    rows = [
        {"output": "12", "item": "q2"},
        {"output": "new york", "item": "q1"},
        {"output": "7", "target": ["6", 7]},
    ]
    found = page(outputs="\n".join(map(json.dumps, rows)), layout="jsonl", item="")
    assert [one["exact"] for one in verdicts(found)] == [1, 1, 1]

    own = page(outputs="b", layout="one", item="q1", target="a\nb")
    assert verdicts(own)[0]["exact"] == 1

    none = page(outputs="b", layout="one", item="")
    assert verdicts(none)[0]["exact"] is None
    assert "there is no target to compare with" in none.content.decode()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"outputs": "{", "layout": "jsonl"}, "Line 1 is no JSON"),
        ({"outputs": "[]", "layout": "jsonl"}, "Line 1 must be an object"),
        ({"outputs": '{"output": "a", "item": "q9"}', "layout": "jsonl"}, "is not the id"),
        ({"outputs": '{"output": "a", "item": 1}', "layout": "jsonl"}, "the item must be the id"),
        ({"outputs": '{"output": "a", "target": {}}', "layout": "jsonl"}, "target must be a text"),
        ({"outputs": "a\n" * 51, "layout": "lines"}, "t most 50 outputs"),
        ({"outputs": "a", "layout": "one", "run": "nothing"}, "Select a valid choice"),
    ],
)
def test_bad_outputs_are_refused_with_the_line(
    page: Callable[..., Any], values: dict[str, str], message: str
) -> None:
    response = page(**values)
    assert response.status_code == 422
    assert message in response.content.decode().replace("&#x27;", "'")


def test_only_editors_try_scorers(task: Any, open_account: Callable[..., Any]) -> None:
    client = APIClient()
    client.force_authenticate(open_account("bob"))
    url = f"/api/v1/tasks/{task.public_id}/draft/scorers"
    response = client.post(url, {"outputs": [{"output": "a"}]}, format="json")
    assert response.status_code == 404


def test_the_api_says_the_same(task: Any, ada: Any) -> None:
    client = APIClient()
    client.force_authenticate(ada)
    url = f"/api/v1/tasks/{task.public_id}/draft/scorers"

    response = client.post(url, {"outputs": [{"output": "New York", "item": "q1"}]}, format="json")

    assert response.status_code == 200, response.json()
    (result,) = response.json()["results"]
    assert (result["item"], result["target"]) == ("q1", "New York")
    assert result["verdicts"][0] == {
        "scorer": "exact",
        "type": "exact",
        "value": 1.0,
        "answer": "new york",
        "explanation": "The answer equals “New York”.",
        "start": 0,
        "end": 8,
    }
    for body in ({}, {"outputs": [{"output": "a"}] * 51}, {"run": "nothing"}, {"run": 9}):
        assert client.post(url, body, format="json").status_code in (400, 422), body


@pytest.mark.django_db(transaction=True)
def test_outputs_of_an_earlier_run(
    ada: Any,
    make_task: Callable[..., Any],
    start: Callable[..., Any],
    work: Callable[[], None],
) -> None:
    task = make_task(ada)
    run = start(task, ada)
    work()
    client = APIClient()
    client.force_authenticate(ada)

    url = f"/api/v1/tasks/{task.public_id}/draft/scorers"
    response = client.post(url, {"run": run.pk}, format="json")

    # The echo is right where the question holds the answer, as in the run.
    stored = list(SampleScore.objects.order_by("sample__ordinal").values_list("value", flat=True))
    assert [one["verdicts"][0]["value"] for one in response.json()["results"]] == stored
    assert stored == [1, 1, 0, 0]


LENGTH = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages:
    - {role: user, content: "{question}"}
scorers:
  - type: python
    source: |
      def score(output, target, item):
          return len(output) == len(str(target))
  - {type: exact}
"""

in_the_sandbox = pytest.mark.skipif(
    not sandbox.is_here(), reason="no sandbox holds on this machine"
)


@in_the_sandbox
@pytest.mark.django_db(transaction=True)
def test_programs_are_tried_in_the_sandbox_by_a_job(
    ada: Any, make_task: Callable[..., Any], open_account: Callable[..., Any]
) -> None:
    task = make_task(ada, definition=LENGTH, rows=ROWS, publish="")
    client = Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("tasks:scorers", args=["ada", task.slug])
    assert "Run in the sandbox" in client.get(address).content.decode()
    lines = '{"output": "Old York", "item": "q1"}\n{"output": "12", "item": "q2"}'

    started = client.post(address, {"outputs": lines, "layout": "jsonl", "then": "sandbox"})

    waiting = client.get(started["Location"])
    assert "waiting for a worker" in waiting.content.decode()
    work_on_next_job()
    runtime.shutdown()
    found = client.get(started["Location"])
    assert [
        [(one.scorer, one.value) for one in result.verdicts] for result in found.context["results"]
    ] == [[("python", 1), ("exact", 0)], [("python", 1), ("exact", 1)]]
    # The outputs are there to be changed, and nothing else of the trial stays.
    assert "Old York" in found.context["form"]["outputs"].value()
    assert SampleScore.objects.count() == 0
    # It is a trial of this task, for its editors alone.
    other = make_task(ada, title="Other", definition=LENGTH, rows=ROWS, publish="")
    trial = started["Location"].partition("?")[2]
    assert client.get(f"/tasks/ada/{other.slug}/scorers/?{trial}").status_code == 404
    client.force_login(open_account("bob"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(started["Location"]).status_code in (403, 404)


@in_the_sandbox
@pytest.mark.django_db(transaction=True)
def test_the_api_starts_the_job_too(ada: Any, make_task: Callable[..., Any]) -> None:
    task = make_task(ada, definition=LENGTH, rows=ROWS, publish="")
    client = APIClient()
    client.force_authenticate(ada)
    url = f"/api/v1/tasks/{task.public_id}/draft/scorers"
    body = {"outputs": [{"output": "12345678", "item": "q1"}], "sandbox": True}

    started = client.post(url, body, format="json")
    work_on_next_job()
    runtime.shutdown()

    assert started.status_code == 202, started.json()
    job = client.get(f"/api/v1/jobs/{started.json()['id']}").json()
    assert [one["value"] for one in job["result"]["results"][0]["verdicts"]] == [1, 0]
    unknown = {"outputs": [{"output": "a", "item": "q9"}], "sandbox": True}
    assert client.post(url, unknown, format="json").status_code == 422


def test_without_a_sandbox_the_page_and_the_api_say_why(
    task: Any, ada: Any, page: Callable[..., Any], settings: Any
) -> None:
    settings.SANDBOX_IS_ON = False

    text = page().content.decode()
    assert "cannot be tried here" in text
    assert "switched the sandbox off" in text
    assert "Run in the sandbox" not in text
    refused = page(outputs="a", layout="one", item="q1", then="sandbox")
    assert refused.status_code == 422
    assert Job.objects.count() == 0
    client = APIClient()
    client.force_authenticate(ada)
    url = f"/api/v1/tasks/{task.public_id}/draft/scorers"
    body = {"outputs": [{"output": "a"}], "sandbox": True}
    assert client.post(url, body, format="json").status_code == 409
