"""A draft's definition as fields in the API, beside the pages that do the same."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tasks_app.authoring.drafts import FIRST_ROWS, save_draft
from tasks_app.authoring.preview import preview_of
from tasks_app.models import Task, TaskDraft
from tasks_app.starting_points.actions import create_task_from_starting_point
from tests.factories import DEFINITION as WORDS
from tests.tasks.authoring.test_pages import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def task(ada: Any) -> Task:
    return create_task_from_starting_point(
        namespace=ada.namespace, starting_point="question-and-answer", by=ada
    )


@pytest.fixture
def client(ada: Any) -> Client:
    return client_of(ada)


def change(client: Client, task: Task, *changes: tuple[str, Any]) -> Any:
    rows = ({"place": place, "value": value} for place, value in changes)
    body = {"changes": [{k: v for k, v in row.items() if v is not None} for row in rows]}
    address = f"/api/v1/tasks/{task.public_id}/draft/fields"
    return client.patch(address, body, "application/json")


def test_fields_say_what_the_text_says(client: Client, task: Task) -> None:
    found = client.get(f"/api/v1/tasks/{task.public_id}/draft/fields").json()

    fields = {one["place"]: one for one in found["fields"]}
    assert fields["prompt.system"]["value"] == "Answer with one word."
    assert fields["scorers[0].normalise"]["value"] == ["trim", "case", "final_stop"]
    assert "accents" in fields["scorers[0].normalise"]["options"]
    assert fields["scorers[1].whole_words"]["value"] is True
    assert fields["main"]["options"] == ["exact", "includes"]


def test_changes_go_to_their_places_and_all_else_stays(client: Client, task: Task) -> None:
    before = TaskDraft.objects.get(task=task).definition_text
    answer = change(
        client,
        task,
        ("sampling.temperature", 0.5),
        ("prompt.system", None),
        ("scorers[2]", {"type": "numeric"}),
    )

    expected = before.replace("temperature: 0", "temperature: 0.5")
    expected = expected.replace("  system: Answer with one word.\n", "")
    expected = expected.replace("main:", "  - type: numeric\nmain:")
    assert answer.status_code == 200
    assert answer.json()["definition"] == expected


@pytest.mark.parametrize(
    "place", ["", "a..b", "scorers[9].type", "scorers.type", "prompt.system.more", "main[0]"]
)
def test_a_place_that_is_none_changes_nothing(client: Client, task: Task, place: str) -> None:
    before = TaskDraft.objects.get(task=task).definition_text
    answer = change(client, task, ("repeats", 3), (place, 1))

    assert answer.status_code == 422
    assert TaskDraft.objects.get(task=task).definition_text == before


def test_nobody_else_sees_or_changes_them(task: Task, open_account: Callable[..., Any]) -> None:
    stranger = client_of(open_account("bob"))
    address = f"/api/v1/tasks/{task.public_id}/draft"

    assert stranger.get(f"{address}/fields").status_code == 404
    assert change(stranger, task, ("repeats", 2)).status_code == 404
    assert stranger.post(f"{address}/prompts", {}, "application/json").status_code == 404


def test_prompts_of_any_item_by_id_and_by_number(client: Client, task: Task) -> None:
    address = f"/api/v1/tasks/{task.public_id}/draft/prompts"

    def ask(**body: Any) -> Any:
        return client.post(address, body, "application/json")

    by_id, by_number = ask(item="repeat").json(), ask(item="4").json()
    assert (by_id["start"], [one["key"] for one in by_id["items"]]) == (3, ["repeat", "warm"])
    assert [one["key"] for one in by_number["items"]] == ["warm"]
    assert ask(item="unheard").status_code == 404
    assert ask(definition="plumbmark: 2").status_code == 422


def test_the_page_goes_from_form_to_text_with_what_was_typed(client: Client, task: Task) -> None:
    address = f"{task.get_absolute_url()}edit/"
    text = TaskDraft.objects.get(task=task).definition_text
    sent = {"view": "form", "definition": text, "f-prompt-system": "Be brief."}

    shown = client.post(address, {**sent, "then": "text"}).content.decode()
    back = client.post(address, {**sent, "view": "form", "then": "form", "go": "#2"})
    saved = client.post(address, {**sent, "then": "save"})

    assert "system: Be brief." in shown
    assert "Not saved yet." in shown
    assert back.context["preview"].start == 2
    assert saved.status_code == 302
    assert TaskDraft.objects.get(task=task).definition_text == text.replace(
        "Answer with one word.", "Be brief."
    )


@pytest.mark.parametrize("name", ["items.jsonl", "items.csv"])
def test_typing_checks_no_more_rows_than_the_first_and_those_shown(task: Task, name: str) -> None:
    draft = TaskDraft.objects.get(task=task)
    rows = [{"id": f"q{n}", "question": f"Say {n}.", "answer": str(n)} for n in range(1, 501)]
    rows[299]["answer"] = ""  # No right answer.
    rows[399]["id"] = 'q"400é'
    lines = [json.dumps(one) for one in rows]
    if name.endswith(".csv"):
        quoted = [[one.replace('"', '""') for one in row.values()] for row in rows]
        lines = ["id,question,answer", *(f'"{a}","{b}","{c}"' for a, b, c in quoted)]
    save_draft(
        task=task,
        definition_text=WORDS,
        upload=SimpleUploadedFile(name, "\n".join(lines).encode()),
        replaces_fitting_file=True,
        by=task.created_by,
    )
    draft.refresh_from_db()

    def keys(item: str) -> list[str]:
        preview = preview_of(draft, item=item)
        assert preview.items == FIRST_ROWS
        assert not preview.is_whole
        return [one.key for one in preview.first]

    assert keys("") == ["q1", "q2", "q3"]
    assert keys("#199") == keys("q199") == ["q199", "q200", "q201"]
    assert keys("#450") == keys("450") == keys("q450") == ["q450", "q451", "q452"]
    assert keys('q"400é')[0] == 'q"400é'
    assert keys("q500") == ["q500"]
    assert preview_of(draft, item="q501").not_found == "q501"
    assert preview_of(draft, item="#501").not_found == "#501"
    (problem,) = preview_of(draft, item="q299").problems
    assert "no right answer" in problem.message
    assert problem.line == (301 if name.endswith(".csv") else 300)


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(
    client: Client, task: Task
) -> None:
    address = f"{task.get_absolute_url()}edit/"
    text = TaskDraft.objects.get(task=task).definition_text
    sent = {"view": "form", "definition": text, "f-prompt-output_schema": "{type"}

    page = client.post(address, sent)

    assert page.status_code == 422
    assert "{type</textarea>" in page.content.decode()
    assert "This is not JSON" in page.content.decode()
    assert TaskDraft.objects.get(task=task).definition_text == text


def test_the_editor_asks_few_queries(
    client: Client, task: Task, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    address = f"{task.get_absolute_url()}edit/"
    client.get(address)

    with django_assert_max_num_queries(9):
        client.get(address)
