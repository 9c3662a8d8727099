"""A wrong file never takes the place of a right one unasked."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from plumbmark.common.errors import InvalidInput
from tasks_app.authoring import drafts
from tasks_app.models import DataFile, Task, TaskDraft
from tests.tasks.words import DEFINITION, ROWS, jsonl

pytestmark = pytest.mark.django_db

WRONG = {
    "other columns": (b"city,country\nParis,France\n", "cities.csv"),
    "no table": (b"\x89PNG\r\n\x1a\n" + bytes(100), "cat.png"),
    "empty": (b"", "items.jsonl"),
    "a wrong row": (jsonl(ROWS) + b"null\n", "items2.jsonl"),
}


@pytest.fixture
def task(make_task: Any, open_account: Any) -> Task:
    task: Task = make_task(open_account("ada"), publish="")
    return task


def file_of(task: Task) -> str:
    draft = TaskDraft.objects.select_related("data_file").get(task=task)
    return "" if draft.data_file is None else draft.data_file.name


def save(task: Task, content: bytes, name: str, **given: Any) -> None:
    upload = SimpleUploadedFile(name, content)
    drafts.save_draft(task=task, upload=upload, by=task.created_by, **given)


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_file_is_refused_and_the_right_one_stays(task: Task, kind: str) -> None:
    content, name = WRONG[kind]

    with pytest.raises(InvalidInput) as error:
        save(task, content, name, definition_text=DEFINITION + "# changed\n")

    first, *others = error.value.problems
    assert f"{name!r} does not fit the definition, and 'items.jsonl' does" in first.message
    assert others
    assert file_of(task) == "items.jsonl"
    assert "# changed" not in TaskDraft.objects.get(task=task).definition_text
    assert DataFile.objects.count() == 1, "the refused file is not kept"


@pytest.mark.parametrize("kind", WRONG)
def test_it_is_taken_where_the_author_says_so(task: Task, kind: str) -> None:
    content, name = WRONG[kind]

    save(task, content, name, replaces_fitting_file=True)

    assert file_of(task) == name


def test_a_file_is_judged_by_the_definition_that_comes_with_it(task: Task) -> None:
    definition = DEFINITION.replace("{question}", "{riddle}")
    content = jsonl([{"id": "r1", "riddle": "What has keys?", "answer": "piano"}])

    save(task, content, "riddles.jsonl", definition_text=definition)

    assert file_of(task) == "riddles.jsonl"


def test_a_wrong_file_may_take_the_place_of_a_wrong_one(task: Task) -> None:
    content, name = WRONG["other columns"]
    save(task, content, name, replaces_fitting_file=True)

    save(task, b"town\nParis\n", "towns.csv")

    assert file_of(task) == "towns.csv"


def test_the_first_file_is_taken_whatever_it_is(task: Task) -> None:
    TaskDraft.objects.filter(task=task).update(data_file=None)

    save(task, *WRONG["no table"])

    assert file_of(task) == "cat.png"


def test_page_and_api_say_it_and_offer_the_way_out(task: Task, client: Client) -> None:
    client.force_login(task.created_by)
    address = f"{task.get_absolute_url()}edit/"
    content, name = WRONG["other columns"]

    def send(**given: Any) -> Any:
        upload = SimpleUploadedFile(name, content)
        return client.post(address, {"definition": DEFINITION, "data_file": upload, **given})

    assert "replaces_fitting_file" not in client.get(address).content.decode()
    page = send()
    assert page.status_code == 422
    assert "does not fit the definition" in page.content.decode()
    assert 'name="replaces_fitting_file"' in page.content.decode()
    assert file_of(task) == "items.jsonl"
    assert send(replaces_fitting_file="on").status_code == 302
    assert file_of(task) == name
