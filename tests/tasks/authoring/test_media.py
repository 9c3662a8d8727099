"""Images and audio on pages and in the API: shown in place, and only to who may see the item."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from plumbmark.gateway.models import CatalogueModel
from tasks_app.authoring import actions as authoring
from tasks_app.authoring import drafts, publication
from tasks_app.datasets import actions as attaching
from tasks_app.models import Attachment, AttachmentUse, Item, Task, TaskVersion
from tests.media_files import data_url, image, mp3, wav, zipped

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer, split: {column: split, private: [held]}}
prompt:
  messages:
    - role: user
      content:
        - text: "{question}"
        - image: "{photo}"
        - {audio: "{sound}", optional: true}
scorers: [{type: includes}]
"""
RED, BLUE, GREEN, BEEP = image(), image("JPEG", "blue"), image(colour="green"), wav()
FILES = {"red.png": RED, "blue.jpg": BLUE, "beep.wav": BEEP}
ROWS = [
    {
        "id": "a",
        "question": "Say <b>red</b>.",
        "photo": "red.png",
        "sound": "beep.wav",
        "answer": "red",
        "split": "open",
    },
    {
        "id": "b",
        "question": "Blue?",
        "photo": "blue.jpg",
        "sound": "",
        "answer": "b",
        "split": "held",
    },
    {
        "id": "c",
        "question": "Green?",
        "photo": data_url(GREEN),
        "sound": "",
        "answer": "g",
        "split": "open",
    },
]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account("bob")


@pytest.fixture
def task(ada: Any) -> Task:
    made = authoring.create_task(
        namespace=ada.namespace, facts=authoring.TaskFacts(title="Colours"), by=ada
    )
    uploads = [SimpleUploadedFile(name, data) for name, data in FILES.items()]
    attaching.attach_media(task=made, uploads=uploads, by=ada)
    rows = "\n".join(json.dumps(row) for row in ROWS).encode()
    drafts.save_draft(
        task=made,
        definition_text=DEFINITION,
        upload=SimpleUploadedFile("items.jsonl", rows),
        by=ada,
    )
    return made


@pytest.fixture
def version(task: Task, ada: Any) -> TaskVersion:
    return publication.publish_task(task=task, visibility="public", by=ada)


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def file_url(version: TaskVersion, key: str, number: int = 0, *, of: str = "") -> str:
    item = Item.objects.get(version=version, key=key)
    digest = of or item.attachments[number]["sha256"]
    return f"/task-versions/{version.public_id}/items/{item.position}/files/{digest}/"


def test_items_show_their_images_and_sounds(version: TaskVersion) -> None:
    page = Client().get("/tasks/ada/colours/versions/1/items/").content.decode()

    assert f'<img src="{file_url(version, "a")}" alt="red.png"' in page
    assert f'src="{file_url(version, "a", 1)}" aria-label="beep.wav"></audio>' in page
    assert "Say &lt;b&gt;red&lt;/b&gt;." in page
    assert "blue.jpg" not in page
    assert "data:image" not in page


def test_a_file_is_served_as_what_it_is_and_nothing_else(version: TaskVersion) -> None:
    answer = Client().get(file_url(version, "a"))

    assert answer.content == RED
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "sandbox"} <= set(policy)
    assert answer.headers["Content-Disposition"] == 'inline; filename="red.png"'
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = Client().get(file_url(version, "a"), headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_players_may_ask_for_a_part_of_a_sound(version: TaskVersion) -> None:
    path = file_url(version, "a", 1)

    gzip = {"Range": "bytes=10-1009", "Accept-Encoding": "gzip"}
    assert Client().get(path, headers=gzip).content == BEEP[10:1010]
    part = Client().get(path, headers={"Range": "bytes=10-19"})
    rest = Client().get(path, headers={"Range": "bytes=100-"})

    assert (part.status_code, part.content) == (206, BEEP[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(BEEP)}"
    assert rest.content == BEEP[100:]
    for nonsense in ("bytes=99999999-", "bytes=5-2", "bytes=-5", "bytes=0-1,5-6", "lines=1-2"):
        whole = Client().get(path, headers={"Range": nonsense})
        assert (whole.status_code, whole.content) == (200, BEEP), nonsense


def test_private_items_keep_their_files_to_their_authors(
    version: TaskVersion, ada: Any, bob: Any
) -> None:
    path = file_url(version, "b")
    digest = Item.objects.get(version=version, key="b").attachments[0]["sha256"]

    assert client_of(ada).get(path).content == BLUE
    for stranger in (Client(), client_of(bob)):
        assert stranger.get(path).status_code == 404
        # Not through an item that they may see, either.
        assert stranger.get(file_url(version, "a", of=digest)).status_code == 404
        api = f"/api/v1/task-versions/{version.public_id}/items"
        assert stranger.get(f"{api}/1/files/{digest}").status_code == 404
        assert stranger.get(f"{api}/0/files/{digest}").status_code == 404
        assert digest not in stranger.get(api).content.decode()


def test_an_unpublished_version_and_a_draft_show_theirs_to_the_author_alone(
    task: Task, ada: Any, bob: Any
) -> None:
    built = publication.build_version(task=task, by=ada)
    digest = AttachmentUse.objects.get(draft=task.draft, name="red.png").attachment.sha256
    paths = [file_url(built, "a"), f"/tasks/ada/colours/edit/files/{digest}/"]

    for path in paths:
        assert client_of(ada).get(path).content == RED
        assert client_of(bob).get(path).status_code == 404
        assert Client().get(path).status_code == 404
    nothing = "0" * 64
    assert client_of(ada).get(f"/tasks/ada/colours/edit/files/{nothing}/").status_code == 404


def test_a_withheld_file_and_a_withheld_item_are_not_there(version: TaskVersion, ada: Any) -> None:
    path = file_url(version, "a")
    Attachment.objects.update(withheld_at="2026-01-01T00:00Z")
    assert client_of(ada).get(path).status_code == 404

    Attachment.objects.update(withheld_at=None)
    Item.objects.update(withheld_at="2026-01-01T00:00Z")
    assert client_of(ada).get(path).status_code == 404


def test_the_editor_shows_the_files_and_those_inside_the_data(task: Task, ada: Any) -> None:
    page = client_of(ada).get("/tasks/ada/colours/edit/").content.decode()

    digest = AttachmentUse.objects.get(draft=task.draft, name="red.png").attachment.sha256
    assert f'<img src="/tasks/ada/colours/edit/files/{digest}/" alt="red.png"' in page
    assert f'<img src="{data_url(GREEN)}"'.replace("+", "&#x2B;") in page or data_url(GREEN) in page
    assert "3 files" in page
    assert 'name="remove_media" value="beep.wav"' in page


def test_files_come_with_the_form_and_leave_with_it(task: Task, ada: Any) -> None:
    client = client_of(ada)
    form = {"definition": DEFINITION, "then": "save"}

    client.post(
        "/tasks/ada/colours/edit/",
        {
            **form,
            "media": [
                SimpleUploadedFile("new.mp3", mp3()),
                SimpleUploadedFile("more.zip", zipped({"in/zip.gif": image("GIF")})),
            ],
            "remove_media": ["red.png"],
        },
    )

    assert set(task.draft.attachment_uses.values_list("name", flat=True)) == {
        "blue.jpg",
        "beep.wav",
        "new.mp3",
        "in/zip.gif",
    }
    page = client.get("/tasks/ada/colours/edit/").content.decode()
    assert "no attached file is called &#x27;red.png&#x27;" in page


def test_what_is_no_image_comes_back_with_the_text_that_was_typed(task: Task, ada: Any) -> None:
    answer = client_of(ada).post(
        "/tasks/ada/colours/edit/",
        {
            "definition": "my text",
            "then": "save",
            "media": [SimpleUploadedFile("page.png", b"<html>")],
        },
    )
    page = answer.content.decode()

    assert answer.status_code == 422
    assert "Images and audio" in page
    assert "&#x27;page.png&#x27; is an HTML page" in page
    assert "my text" in page
    task.draft.refresh_from_db()
    assert task.draft.definition_text == DEFINITION


def test_the_api_takes_lists_and_gives_files(task: Task, ada: Any) -> None:
    client = client_of(ada)
    path = f"/api/v1/tasks/{task.public_id}/draft"

    def put(**fields: Any) -> Any:
        body = encode_multipart(BOUNDARY, fields)
        return client.put(path, body, content_type=MULTIPART_CONTENT)

    refused = put(media=[SimpleUploadedFile("page.png", b"<html>")])
    assert refused.status_code == 422
    assert "'page.png' is an HTML page" in refused.json()["detail"]
    before = client.get(path).json()
    refused = put(
        media=[SimpleUploadedFile("new.png", RED)],
        definition="a: 1",
        data_file=SimpleUploadedFile("x" * 201, b"{}"),
    )
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["path"] == "data_file"
    assert client.get(path).json() == before  # nothing of a refused request is kept

    taken = put(media=[SimpleUploadedFile("x.zip", zipped({"q.mp3": mp3()}))]).json()
    assert [one["name"] for one in taken["media"]] == ["beep.wav", "blue.jpg", "q.mp3", "red.png"]
    assert taken["media"][3] | {"sha256": ""} == {
        "name": "red.png",
        "sha256": "",
        "media_type": "image/png",
        "bytes": len(RED),
        "width": 32,
        "height": 24,
        "duration_ms": None,
    }
    assert taken["media"][2]["duration_ms"] == 261
    gone = put(remove_media=["q.mp3"]).json()
    assert "q.mp3" not in {one["name"] for one in gone["media"]}

    checked = client.post(f"{path}/check").json()
    assert checked["first"][0]["messages"][0]["content"][1]["name"] == "red.png"
    published = client.post(
        f"/api/v1/tasks/{task.public_id}/publish",
        {"visibility": "public"},
        content_type="application/json",
    ).json()
    items = client.get(f"/api/v1/task-versions/{published['id']}/items").json()["results"]
    (photo, sound) = items[0]["attachments"]
    assert (photo["name"], sound["media_type"]) == ("red.png", "audio/wav")
    base = f"/api/v1/task-versions/{published['id']}/items/0/files"
    assert Client().get(f"{base}/{photo['sha256']}").content == RED
    assert items[2]["input"]["photo"].startswith("inline-")
    assert Client().get(f"{base.replace('/0/', '/9/')}/{photo['sha256']}").status_code == 404


def test_an_unused_file_makes_no_new_version_and_a_changed_one_does(
    task: Task, version: TaskVersion, ada: Any
) -> None:
    def attach(name: str, data: bytes) -> TaskVersion:
        upload = SimpleUploadedFile(name, data)
        attaching.attach_media(task=task, uploads=[upload], by=ada)
        return publication.build_version(task=task, by=ada)

    assert attach("unused.png", image(colour="black")) == version
    changed = attach("red.png", image(colour="darkred"))

    assert changed != version
    assert changed.question_hash != version.question_hash
    # The published one still has its own.
    assert Client().get(file_url(version, "a")).content == RED


def test_samples_show_what_was_sent(
    version: TaskVersion,
    task: Task,
    ada: Any,
    bob: Any,
    start: Callable[..., Any],
    work: Callable[[], None],
) -> None:
    task.refresh_from_db()
    run = start(task, ada)
    work()
    digest = Item.objects.get(version=version, key="a").attachments[0]["sha256"]
    private = Item.objects.get(version=version, key="b").attachments[0]["sha256"]

    page = Client().get(f"/runs/{run.pk}/samples/0/").content.decode()

    assert f'<img src="/runs/{run.pk}/samples/0/files/{digest}/" alt="red.png"' in page
    assert Client().get(f"/runs/{run.pk}/samples/0/files/{digest}/").content == RED
    hidden = f"/runs/{run.pk}/samples/1/files/{private}/"
    assert client_of(ada).get(hidden).content == BLUE
    assert client_of(bob).get(hidden).status_code == 404
    assert client_of(bob).get(hidden.replace("/1/files", "/0/files")).status_code == 404


def test_files_of_items_cost_the_page_no_query(
    version: TaskVersion, django_assert_num_queries: Any
) -> None:
    # The task, its version, the items, where the page before begins, and whether more are private.
    with django_assert_num_queries(5):
        page = Client().get("/tasks/ada/colours/versions/1/items/").content.decode()
    assert page.count("<img") == 2


def test_more_files_than_one_request_may_bring_are_refused_and_not_a_crash(
    task: Task, ada: Any, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    client = client_of(ada)

    def files() -> list[SimpleUploadedFile]:
        return [SimpleUploadedFile(f"{n}.png", image()) for n in range(3)]

    page = client.post("/tasks/ada/colours/edit/", {"then": "save", "media": files()})
    body = encode_multipart(BOUNDARY, {"media": files()})
    api = client.put(f"/api/v1/tasks/{task.public_id}/draft", body, content_type=MULTIPART_CONTENT)

    assert (page.status_code, api.status_code) == (400, 400)
    said = "At most 2 files are taken at once. Send them in several goes, or as a ZIP."
    assert said in page.content.decode()
    assert (api.json()["code"], api.json()["detail"]) == ("too-many-files", said)


def test_a_model_that_sees_no_images_is_refused_before_the_price(
    version: TaskVersion, ada: Any, echo: Any
) -> None:
    CatalogueModel.objects.filter(pk=echo.model_id).update(modalities=["text"])
    query = {"version": version.public_id, "deployment": echo.slug, "purpose": "exploratory"}

    answer = client_of(ada).get("/tasks/ada/colours/run/", query)

    assert answer.status_code == 422
    assert "hold audio and images, and" in answer.content.decode()
