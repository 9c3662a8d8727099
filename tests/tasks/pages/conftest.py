"""Tasks, runs and people for the tests of pages. Runs are really run, by the keyless baselines."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

DEFINITION = """\
plumbmark: 1
description: |
  Number **words**.
data:
  id: id
  target: answer
prompt:
  system: Answer with one word.
  messages:
    - role: user
      content: "{question}"
scorers:
  - type: includes
sampling:
  max_output_tokens: 64
"""
# The echo baseline says the question back, so it is right where the question holds the answer.
ROWS = [
    {"id": "q1", "question": "Say thirteen.", "answer": "thirteen", "split": "open"},
    {"id": "q2", "question": "Which word is eight?", "answer": "eight", "split": "open"},
    {"id": "q3", "question": "What is a dozen?", "answer": "twelve", "split": "open"},
    {"id": "q4", "question": "Say <b>bold</b>.", "answer": "nothing", "split": "held"},
]
WITH_PRIVATE = DEFINITION.replace(
    "  target: answer\n", "  target: answer\n  split: {column: split, private: [held]}\n"
)


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def make_task(db: None) -> Callable[..., Any]:
    """`make_task(user, title="Words", definition=…, rows=…, publish="public")` → a task."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from tasks_app.authoring import actions as authoring
    from tasks_app.authoring import drafts, publication

    def make(
        user: Any,
        title: str = "Number words",
        definition: str = DEFINITION,
        rows: list[dict[str, Any]] = ROWS,
        publish: str = "public",
        **facts: Any,
    ) -> Any:
        task = authoring.create_task(
            namespace=user.namespace, facts=authoring.TaskFacts(title=title, **facts), by=user
        )
        drafts.save_draft(
            task=task,
            definition_text=definition,
            upload=SimpleUploadedFile("items.jsonl", jsonl(rows)),
            by=user,
        )
        if publish:
            publication.publish_task(task=task, visibility=publish, by=user)
        task.refresh_from_db()
        return task

    return make


@pytest.fixture
def echo(db: None) -> Any:
    """The baseline that says the question back."""
    from plumbmark.gateway.actions import ensure_baselines
    from plumbmark.gateway.models import Deployment

    ensure_baselines()
    return Deployment.objects.get(slug="baseline/echo")


@pytest.fixture
def start(echo: Any) -> Callable[..., Any]:
    """`start(task, user, purpose="declared")` → a queued run of the latest version."""
    from tasks_app.runs.contenders import contender_of_deployment
    from tasks_app.runs.start import start_run

    def begin(task: Any, user: Any, purpose: str = "declared") -> Any:
        return start_run(
            version=task.latest_version,
            contender=contender_of_deployment(deployment=echo, by=user),
            purpose=purpose,
            namespace=user.namespace,
            by=user,
        )

    return begin


@pytest.fixture
def work(transactional_db: None) -> Iterator[Callable[[], None]]:
    """`work()` does what a worker would, until nothing is due."""
    from plumbmark.gateway.calls import runtime
    from tasks_app import jobs as bells

    def until_done() -> None:
        for _ in range(20):
            if bells.work() == "nothing due":
                return

    yield until_done
    runtime.shutdown()
