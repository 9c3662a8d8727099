"""From a file to a task on pages and through the API, and what is refused on the way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tasks_app.models import DataFile, TableProfile, Task, TaskDraft
from tests.tasks.authoring.test_pages import client_of

pytestmark = pytest.mark.django_db

MARKED = b"".join(
    json.dumps({"question": f"{n} + 1?", "answer": f"One more.\n#### {n + 1}"}).encode() + b"\n"
    for n in range(20)
)
CHOICES = "Nr;Frage;A;B;Antwort\n" + "".join(
    f"{n};Wie heißt Größe {n}?;groß {n};klein {n};{'AB'[n % 2]}\n" for n in range(10)
)


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def client(ada: Any) -> Client:
    return client_of(ada)


def create(client: Client, **fields: Any) -> Any:
    return client.post("/tasks/new/", {"title": "Mine", "namespace": "", **fields})


def fields_of(client: Client, url: str) -> dict[str, Any]:
    """Return the form of the columns as a browser sends it unchanged."""
    form = client.get(url).context["form"]
    found = {"part": "columns"}
    for field in form:
        value = field.value()
        if value not in (None, "", [], False):
            found[field.html_name] = value
    return found


def files_on_disk(settings: Any) -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def test_a_file_becomes_a_task_with_one_button(client: Client) -> None:
    made = create(client, data_file=SimpleUploadedFile("test.jsonl", MARKED))
    page = client.get(made["Location"]).content.decode()

    assert made["Location"] == "/tasks/ada/mine/columns/"
    assert "20 answers end in `#### number`." in page
    written = client.post(made["Location"], fields_of(client, made["Location"]))
    assert written["Location"] == "/tasks/ada/mine/edit/"
    editor = client.get(written["Location"])
    assert [question.targets for question in editor.context["preview"].first] == [
        ["1"],
        ["2"],
        ["3"],
    ]
    assert not editor.context["preview"].problems


def test_a_semicolon_table_in_windows_1252_is_multiple_choice(client: Client) -> None:
    made = create(client, data_file=SimpleUploadedFile("m.csv", CHOICES.encode("cp1252")))
    page = client.get(made["Location"]).content.decode()
    client.post(made["Location"], fields_of(client, made["Location"]))
    draft = TaskDraft.objects.select_related("data_file__converted_from").get()
    question = client.get("/tasks/ada/mine/edit/").context["preview"].first[0]

    assert "Windows-1252" in page
    assert draft.data_file is not None
    assert draft.data_file.name == "m.jsonl"
    assert draft.data_file.converted_from is not None
    with draft.data_file.converted_from.file.open("rb") as original:
        assert original.read() == CHOICES.encode("cp1252")
    assert question.messages[0]["content"].startswith("Wie heißt Größe 0?\nA) groß 0\nB) klein 0")
    assert question.targets == ["A"]


def test_a_table_is_pasted(client: Client) -> None:
    made = create(client, pasted="question\tanswer\nWhat?\tthis\nWho?\tme\n")
    client.post(made["Location"], fields_of(client, made["Location"]))

    preview = client.get("/tasks/ada/mine/edit/").context["preview"]
    assert [question.targets for question in preview.first] == [["this"], ["me"]]


def test_a_file_that_is_no_table_creates_no_task(client: Client, settings: Any) -> None:
    before = files_on_disk(settings)
    refused = create(client, data_file=SimpleUploadedFile("a.pdf", b"%PDF-1.4"))

    assert refused.status_code == 422
    assert "is a PDF" in refused.content.decode()
    assert not Task.objects.exists()
    assert not DataFile.objects.exists()
    assert files_on_disk(settings) == before


def test_a_title_that_is_taken_leaves_no_file(client: Client, settings: Any) -> None:
    create(client)
    before = files_on_disk(settings)
    refused = create(client, data_file=SimpleUploadedFile("m.csv", CHOICES.encode("cp1252")))

    assert refused.status_code == 422
    assert not DataFile.objects.exists()
    assert files_on_disk(settings) == before


def test_a_wrong_guess_is_corrected_from_the_authors_own_file(client: Client) -> None:
    made = create(client, data_file=SimpleUploadedFile("a.csv", "q;a\nЖ?;ж\n".encode("koi8_r")))
    again = client.post(
        made["Location"], {"part": "reading", "encoding": "koi8_r", "has_head": "on"}
    )
    page = client.get(made["Location"]).content.decode()

    assert again.status_code == 302
    assert "Ж?" in page
    # The author's own, and what was read of it before and after.
    assert DataFile.objects.count() == 3
    assert TableProfile.objects.count() == 1


def test_reading_that_fails_changes_nothing(client: Client) -> None:
    made = create(client, data_file=SimpleUploadedFile("a.csv", "q;a\nä?;ö\n".encode("cp1252")))
    before = list(DataFile.objects.values_list("pk", flat=True))
    refused = client.post(
        made["Location"], {"part": "reading", "encoding": "utf-8", "has_head": "on"}
    )

    assert refused.status_code == 422
    assert "not of this encoding" in refused.content.decode()
    assert list(DataFile.objects.values_list("pk", flat=True)) == before


def test_roles_that_make_no_task_are_refused_beside_the_form(client: Client) -> None:
    made = create(client, data_file=SimpleUploadedFile("test.jsonl", MARKED))
    fields = {**fields_of(client, made["Location"]), "role-1": "question"}
    refused = client.post(made["Location"], fields)

    assert refused.status_code == 422
    assert "choose the column with the right answer" in refused.content.decode()
    assert TaskDraft.objects.get().definition_text == ""


def test_a_definition_that_is_there_is_kept(client: Client) -> None:
    made = create(client, data_file=SimpleUploadedFile("test.jsonl", MARKED))
    client.post(made["Location"], fields_of(client, made["Location"]))
    draft = TaskDraft.objects.get()
    draft.definition_text = draft.definition_text.replace("{question}", "Please: {question}")
    draft.save()
    fields = {**fields_of(client, made["Location"]), "after": "more."}
    client.post(made["Location"], fields)
    draft.refresh_from_db()

    assert "Please: {question}" in draft.definition_text
    assert "after: 'more.'" in draft.definition_text


def test_others_do_not_see_the_columns(client: Client, open_account: Callable[..., Any]) -> None:
    made = create(client, data_file=SimpleUploadedFile("test.jsonl", MARKED))

    assert client_of(open_account("bob")).get(made["Location"]).status_code == 404
    assert Client().get(made["Location"]).status_code == 302


def test_names_and_values_are_escaped(client: Client) -> None:
    table = "q<script>alert(1)</script>;a\n<img src=x onerror=y>;2\n"
    made = create(client, data_file=SimpleUploadedFile("a.csv", table.encode()))
    page = client.get(made["Location"]).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_api_describes_a_table_and_writes_the_definition(client: Client) -> None:
    create(client, data_file=SimpleUploadedFile("m.csv", CHOICES.encode("cp1252")))
    address = f"/api/v1/tasks/{Task.objects.get().public_id}/draft"
    table = client.get(f"{address}/table").json()

    assert table["file"] == "m.csv"
    assert table["rows"] == 10
    assert [column["name"] for column in table["columns"]] == ["Nr", "Frage", "A", "B", "Antwort"]
    assert table["roles"]["kind"] == "choices"
    body = {"kind": "choices", "question": ["Frage"], "answer": "Antwort", "options": ["A", "B"]}
    written = client.post(f"{address}/columns", body, content_type="application/json")
    assert written.status_code == 200, written.content
    assert "target: Antwort" in written.json()["definition"]
    assert client.post(f"{address}/check", content_type="application/json").status_code == 200


def test_the_api_names_every_role_at_fault(client: Client) -> None:
    create(client, data_file=SimpleUploadedFile("m.csv", CHOICES.encode("cp1252")))
    address = f"/api/v1/tasks/{Task.objects.get().public_id}/draft"
    body = {"kind": "answer", "question": ["Gone"]}
    refused = client.post(f"{address}/columns", body, content_type="application/json")
    again = client.post(f"{address}/table", {"encoding": "utf-8"}, content_type="application/json")

    assert refused.status_code == 422
    assert [one["path"] for one in refused.json()["problems"]] == ["question", "answer"]
    assert again.status_code == 422


def test_the_api_shows_no_draft_to_others(client: Client, open_account: Callable[..., Any]) -> None:
    create(client, data_file=SimpleUploadedFile("m.csv", CHOICES.encode("cp1252")))
    address = f"/api/v1/tasks/{Task.objects.get().public_id}/draft/table"

    assert client_of(open_account("bob")).get(address).status_code == 404
    assert Client().get(address).status_code in {401, 403}
