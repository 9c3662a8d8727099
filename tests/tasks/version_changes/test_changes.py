"""Changes between two versions: definition and items, for those who may see them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from tasks_app.authoring import drafts, publication
from tasks_app.version_changes.queries import changed_items, count_changes, definition_change
from tests.tasks.words import ROWS, WITH_PRIVATE, jsonl

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def versions(ada: Any, make_task: Callable[..., Any]) -> Any:
    task = make_task(ada, definition=WITH_PRIVATE, rows=ROWS)
    first = task.latest_version
    rows = [
        {**ROWS[0], "answer": "13"},
        {**ROWS[1], "question": "Which word is <eight>?"},
        {"id": "q5", "question": "Say one.", "answer": "one", "split": "open"},
        {**ROWS[3], "answer": "something"},
    ]
    drafts.save_draft(
        task=task,
        definition_text=WITH_PRIVATE.replace("max_output_tokens: 64", "max_output_tokens: 32"),
        upload=SimpleUploadedFile("items.jsonl", jsonl(rows)),
        by=ada,
    )
    second = publication.publish_task(task=task, by=ada)
    return first, second


def keys(versions: Any, shown: str, *, to: Any) -> list[str]:
    return [one.key for one in changed_items(*versions, shown, page=1, to=to)]


def test_items_are_added_removed_changed_and_re_marked(
    ada: Any, versions: Any, open_account: Callable[..., Any]
) -> None:
    counts = count_changes(*versions, to=ada)

    assert (counts.added, counts.removed, counts.changed, counts.re_marked) == (1, 1, 1, 2)
    assert keys(versions, "added", to=ada) == ["q5"]
    assert keys(versions, "removed", to=ada) == ["q3"]
    assert keys(versions, "changed", to=ada) == ["q2"]
    assert keys(versions, "re-marked", to=ada) == ["q1", "q4"]
    # The private one is not there for others.
    bob = open_account("bob")
    assert keys(versions, "re-marked", to=bob) == ["q1"]
    assert count_changes(*versions, to=bob).re_marked == 1
    lines = definition_change(*versions, to=bob).lines
    assert [one for one in lines if "max_output" in one] == [
        "-  max_output_tokens: 64",
        "+  max_output_tokens: 32",
    ]


def test_the_page_shows_words_that_differ_and_the_api_has_the_same(
    ada: Any, versions: Any, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    first, second = versions
    address = reverse("tasks:version-changes", args=["ada", first.task.slug, 1, 2])

    # A version never changes, so items are counted once.
    assert Client().get(address).status_code == 200
    with django_assert_max_num_queries(8):
        page = Client().get(address, {"show": "changed"}).content.decode()
    assert "&lt;</ins>" in page
    assert "<code>q2</code>" in page
    assert "you may not see them" in page
    marked = Client().get(address, {"show": "re-marked"}).content.decode()
    assert "<del><code>thirteen</code></del>" in marked
    assert Client().get(address, {"show": "changed", "page": "2"}).status_code == 404
    assert address in Client().get(first.task.get_absolute_url()).content.decode()

    api = APIClient()
    found = api.get(
        f"/api/v1/task-versions/{second.public_id}/changes",
        {"since": first.public_id, "show": "changed"},
    ).json()
    assert found["counts"] == {"added": 1, "removed": 1, "changed": 1, "re_marked": 1}
    assert found["items"][0]["before"]["input"] == {"question": "Which word is eight?"}
    wrong = f"/api/v1/task-versions/{second.public_id}/changes"
    assert api.get(wrong, {"since": "nothing"}).status_code == 404
    query = {"since": first.public_id, "show": "all"}
    assert api.get(wrong, query).status_code == 422
    assert api.get(wrong, {**query, "show": "added", "page": "x"}).status_code == 422
