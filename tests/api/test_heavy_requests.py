"""Attacks by work: requests that are small to send and long to answer."""

import json
import threading
import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from plumbmark.common import heavy_work
from plumbmark.common.errors import MAX_PROBLEMS, InvalidInput, Problem
from tasks_app.authoring import actions as authoring
from tasks_app.datasets import actions as attaching
from tasks_app.models import Task
from tests.media_files import image

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(open_account: Any, client: Client) -> Client:
    client.force_login(open_account("ada"))
    return client


def post(api: Client, path: str, body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return api.post(f"/api/v1/{path}", text, content_type="application/json")


def test_an_object_with_a_million_keys_is_refused_in_few_words(api: Client) -> None:
    few = post(api, "tasks", {"title": "A", "b": 1, "c": 1})
    assert [one["path"] for one in few.json()["problems"]] == ["b", "c"]
    many = json.dumps(dict.fromkeys(map(str, range(800_000)), 1))
    began = time.process_time()
    json.loads(many)
    floor = time.process_time() - began

    began = time.process_time()
    answer = post(api, "tasks", many)

    assert answer.status_code == 422
    assert len(answer.content) < 20_000
    # Ten times what reading it takes; before it was more than fifty times, and 120 MB of answer.
    assert time.process_time() - began < 10 * floor + 1


@pytest.mark.parametrize("element", ["a", 1, {}, ["a"]])
def test_a_list_without_end_is_refused_before_its_elements_are_read(
    api: Client, element: Any
) -> None:
    answer = post(api, "tasks", {"title": "A", "tags": [element] * 500_000})

    assert answer.status_code == 422
    assert "has 500,000 elements; at most 1,000 are taken" in answer.json()["detail"]
    assert len(answer.content) < 2000


def test_wrong_elements_of_a_list_are_told_up_to_a_limit(api: Client) -> None:
    answer = post(api, "tasks", {"title": "A", "tags": [{}] * 900})

    assert answer.status_code == 422
    assert len(answer.json()["problems"]) == MAX_PROBLEMS


def test_problems_of_an_input_are_bounded_wherever_they_come_from() -> None:
    error = InvalidInput([Problem(f"wrong {number}") for number in range(100_000)])

    assert len(error.problems) == MAX_PROBLEMS + 1
    assert str(error.problems[-1]) == "… and 99,900 more problems"


# --- work that takes seconds --------------------------------------------------------------------


@pytest.fixture
def task(open_account: Any, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(attaching, "HEAVY_BYTES", 1)
    ada = open_account("ada")
    return authoring.create_task(
        namespace=ada.namespace, facts=authoring.TaskFacts(title="Cats"), by=ada
    )


def attach(client: Client, task: Task) -> Any:
    client.force_login(task.created_by)
    content = encode_multipart(BOUNDARY, {"media": SimpleUploadedFile("cat.png", image())})
    return client.put(
        f"/api/v1/tasks/{task.public_id}/draft", content, content_type=MULTIPART_CONTENT
    )


def test_a_person_has_one_large_upload_worked_on_at_a_time(task: Task, client: Client) -> None:
    with heavy_work.heavy_work(owner=task.namespace_id, is_heavy=True):
        answer = attach(client, task)
        upload = SimpleUploadedFile("cat.png", image())
        page = client.post(f"{task.get_absolute_url()}edit/", {"definition": "", "media": upload})

    assert answer.status_code == 503
    assert answer.json()["code"] == "busy"
    assert answer.headers["Retry-After"] == "10"
    assert "Another large file of yours" in answer.json()["detail"]
    assert page.status_code == 503
    assert "Another large file of yours" in page.content.decode()
    assert attach(client, task).status_code == 200


def test_a_process_works_on_few_large_files_at_once(task: Task, client: Client) -> None:
    go_on, started = threading.Event(), threading.Barrier(heavy_work.MAX_AT_ONCE + 1)

    def occupy() -> None:
        with heavy_work._places:
            started.wait(60)
            go_on.wait(60)

    others = [threading.Thread(target=occupy) for _ in range(heavy_work.MAX_AT_ONCE)]
    for other in others:
        other.start()
    started.wait(60)
    answer = attach(client, task)
    go_on.set()
    for other in others:
        other.join()

    assert answer.status_code == 503
    assert "Try again in a few seconds" in answer.json()["detail"]
    assert attach(client, task).status_code == 200
