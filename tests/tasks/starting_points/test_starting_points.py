"""Kinds to start from, on the page and in the API. That each runs is in test_examples.py."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tasks_app.authoring.drafts import check_draft
from tasks_app.models import Task, TaskDraft
from tasks_app.starting_points.catalogue import STARTING_POINTS
from tests.tasks.authoring.test_pages import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(open_account: Callable[..., Any]) -> Client:
    return client_of(open_account("ada"))


def test_one_click_makes_a_draft_with_its_data(client: Client) -> None:
    page = client.get("/tasks/new/").content.decode()
    made = client.post("/tasks/new/", {"starting_point": "image-question"})
    draft = TaskDraft.objects.get(task__slug="image-question")

    assert all(f'value="{kind.slug}"' in page for kind in STARTING_POINTS)
    assert made["Location"] == "/tasks/ada/image-question/edit/"
    assert draft.attachment_uses.count() == 4
    with check_draft(draft) as (_, imported):
        assert (imported.count, imported.warnings) == (3, [])


def test_the_same_kind_twice_gets_another_title(client: Client) -> None:
    for _ in range(3):
        client.post("/tasks/new/", {"starting_point": "tool-use"})

    assert sorted(Task.objects.values_list("title", flat=True)) == [
        "Tool use",
        "Tool use 2",
        "Tool use 3",
    ]


def test_a_kind_that_nobody_knows_is_refused_by_page_and_api(client: Client) -> None:
    page = client.post("/tasks/new/", {"starting_point": "poem"})
    answer = client.post(
        "/api/v1/tasks", {"title": "A", "starting_point": "poem"}, "application/json"
    )

    assert page.status_code == answer.status_code == 422
    assert "must be one of question-and-answer" in page.content.decode()
    assert not Task.objects.exists()


def test_the_api_lists_kinds_and_creates_a_task_from_one(client: Client) -> None:
    listed = client.get("/api/v1/task-starting-points").json()
    made = client.post(
        "/api/v1/tasks",
        {"title": "Rubrics", "starting_point": "model-judge", "judge": "lab/critic"},
        "application/json",
    )
    draft = TaskDraft.objects.get(task__public_id=made.json()["id"])

    assert [one["slug"] for one in listed] == [kind.slug for kind in STARTING_POINTS]
    assert listed[6]["needs_judge"]
    assert made.status_code == 201
    assert "judges: [lab/critic]" in draft.definition_text
    assert draft.data_file is not None
