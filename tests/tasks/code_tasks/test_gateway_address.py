"""Code tasks through pages and API: writing, checking, looking at what came of it."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from plumbmark.accounts.tokens import issue_token
from plumbmark.common.clock import now
from tasks_app.authoring.example import EXAMPLE_CODE
from tasks_app.models import Run, Task, TaskDraft
from tasks_app.workers import sandbox as sandboxing

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine"),
]

PRINTING = """\
import json
print("<b>bold</b>")
json.dump({"plumbmark": 1, "score": 0.5}, open("plumbmark.result.json", "w"))
"""


class Api:
    def __init__(self, user: Any) -> None:
        issued = issue_token(user=user, name="t", scopes=["read", "write"], expires_at=None)
        self._client = Client(headers={"Authorization": f"Bearer {issued.secret}"})

    def get(self, path: str) -> Any:
        return self._client.get(f"/api/v1/{path}")

    def post(self, path: str, body: Any = None) -> Any:
        return self._client.post(f"/api/v1/{path}", body, content_type="application/json")

    def put(self, path: str, **fields: Any) -> Any:
        from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

        return self._client.put(
            f"/api/v1/{path}", encode_multipart(BOUNDARY, fields), content_type=MULTIPART_CONTENT
        )


def finished(world: Any, run_id: int) -> Run:
    world.work()
    run = Run.objects.get(pk=run_id)
    assert run.is_finished, run.state
    return run


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_a_file_is_drafted_checked_tried_and_published_through_the_api(
    world: Any, gateway: None
) -> None:
    api = Api(world.ada)
    task = world.task("Files")
    path = f"tasks/{task.public_id}"
    file = SimpleUploadedFile("sums.py", EXAMPLE_CODE.encode())
    data = SimpleUploadedFile("rows.csv", b"1,2\n")

    draft = api.put(f"{path}/draft", code_file=file, settings="timeout_minutes: 5", attach=data)
    assert draft.status_code == 200, draft.content
    assert draft.json()["kind"] == "code"
    assert draft.json()["code_file"] == "sums.py"
    assert draft.json()["attached"] == ["rows.csv"]

    check = api.post(f"{path}/draft/check")
    assert check.status_code == 200
    assert check.json()["items"] == 1
    assert {one["severity"] for one in check.json()["findings"]} <= {"warning", "note"}

    tried = api.post(f"{path}/draft/try")
    assert tried.status_code == 202, tried.content
    run = finished(world, tried.json()["id"])
    assert (run.state, run.purpose) == ("completed", "try"), run.failure
    report = api.get(f"runs/{run.pk}/report").json()
    assert report["exit_code"] == 0
    assert report["requests"] == 3
    assert report["artifacts"] == ["plumbmark.result.json"]
    assert report["timeout_minutes"] == 5

    published = api.post(f"{path}/publish", {"visibility": "public"})
    assert published.status_code == 201
    assert published.json()["kind"] == "code"
    assert published.json()["definition"]["script"] == EXAMPLE_CODE

    # The same code again is the same version.
    assert api.post(f"{path}/publish", {}).status_code == 409

    dropped = api.put(f"{path}/draft", kind="declarative")
    assert dropped.json()["kind"] == "declarative"
    assert dropped.json()["attached"] == []


def test_errors_are_told_with_their_line_and_refuse_publication(world: Any) -> None:
    api = Api(world.ada)
    path = f"tasks/{world.task('Faulty').public_id}"

    api.put(f"{path}/draft", code="x = 1\nprint(x\n", settings="minutes: 5")
    assert api.post(f"{path}/draft/check").status_code == 422
    settings = api.post(f"{path}/publish", {}).json()
    assert "settings.minutes" in json.dumps(settings)

    api.put(f"{path}/draft", settings="")
    problem = api.post(f"{path}/publish", {}).json()["problems"][0]
    assert problem["line"] == 2


def test_log_and_files_can_be_followed_and_downloaded(world: Any, gateway: None) -> None:
    api = Api(world.ada)
    path = f"tasks/{world.task('Followed').public_id}"
    code = PRINTING + "open('page.html', 'w').write('<script>1</script>')\n"
    api.put(f"{path}/draft", code=code)
    run = finished(world, api.post(f"{path}/draft/try").json()["id"])

    log = api.get(f"runs/{run.pk}/log").json()
    assert log == {"text": "<b>bold</b>\n", "next": 1, "is_over": True}
    assert api.get(f"runs/{run.pk}/log?start=1").json()["text"] == ""
    assert api.get(f"runs/{run.pk}/log?start=x").status_code == 422
    files = api.get(f"runs/{run.pk}/artifacts").json()
    assert [one["path"] for one in files] == ["page.html", "plumbmark.result.json"]
    page = api.get(f"runs/{run.pk}/artifacts/{files[0]['id']}")
    assert page["Content-Type"] == "application/octet-stream"
    assert page["Content-Disposition"].startswith("attachment")
    assert body(page) == b"<script>1</script>"
    archive = zipfile.ZipFile(io.BytesIO(body(api.get(f"runs/{run.pk}/artifacts.zip"))))
    assert archive.read("page.html") == b"<script>1</script>"

    browser = Client()
    browser.force_login(world.ada, backend="django.contrib.auth.backends.ModelBackend")
    shown = browser.get(f"/runs/{run.pk}/").content.decode()
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert "<b>bold</b>" not in shown
    assert "page.html" in shown
    assert browser.get(f"/runs/{run.pk}/log/").status_code == 200
    assert body(browser.get(f"/runs/{run.pk}/files.zip")).startswith(b"PK")
    assert browser.get(f"/runs/{run.pk}/samples/0/").status_code == 200
    stranger = Client()
    for door in ("", "log/", "files.zip", f"files/{files[0]['id']}/"):
        assert stranger.get(f"/runs/{run.pk}/{door}").status_code == 404
    for door in ("log", "report", "artifacts", "artifacts.zip"):
        assert (
            Api(world.person("bob" + door.replace(".", "-")))
            .get(f"runs/{run.pk}/{door}")
            .status_code
            == 404
        )


def test_with_private_data_only_its_authors_see_code_log_and_files(
    world: Any, gateway: None
) -> None:
    api = Api(world.ada)
    task = world.task("Private")
    path = f"tasks/{task.public_id}"
    api.put(f"{path}/draft", code=PRINTING, settings="private: true")
    version = api.post(f"{path}/publish", {"visibility": "public"}).json()
    assert version["definition"]["script"] is None
    run = world.start(Task.objects.get(pk=task.pk).latest_version, purpose="declared")
    finished(world, run.pk)

    bob = Client()
    bob.force_login(world.person("bob"), backend="django.contrib.auth.backends.ModelBackend")
    page = bob.get(f"/runs/{run.pk}/")
    assert page.status_code == 200
    assert "bold" not in page.content.decode()
    assert bob.get(f"/runs/{run.pk}/log/").status_code == 404
    assert bob.get(f"/runs/{run.pk}/samples/0/").status_code == 404
    shown = bob.get(task.get_absolute_url())
    assert shown.status_code == 200
    assert "json.dump" not in shown.content.decode()
    assert api.get(f"runs/{run.pk}/log").status_code == 200

    failing = PRINTING + "raise ValueError('the secret row')\n"
    api.put(f"{path}/draft", code=failing)
    api.post(f"{path}/publish", {})
    run = world.start(Task.objects.get(pk=task.pk).latest_version, purpose="declared")
    failure = finished(world, run.pk).failure
    assert failure.startswith("The program ended with exit code 1.")
    assert "secret" not in failure


def test_the_files_of_a_try_go_with_it(world: Any, gateway: None) -> None:
    api = Api(world.ada)
    path = f"tasks/{world.task('Swept').public_id}"
    api.put(f"{path}/draft", code=PRINTING)
    run = finished(world, api.post(f"{path}/draft/try").json()["id"])
    (artifact,) = run.artifacts.all()
    assert Path(artifact.file.path).exists()

    Run.objects.filter(pk=run.pk).update(expires_at=now())
    world.sweep()

    assert not Run.objects.filter(pk=run.pk).exists()
    assert not Path(artifact.file.path).exists()


def test_the_editor_keeps_code_shows_findings_and_checks_it(world: Any, gateway: None) -> None:
    browser = Client()
    browser.force_login(world.ada, backend="django.contrib.auth.backends.ModelBackend")
    task = world.task("Edited")
    edit = f"{task.get_absolute_url()}edit/code/"
    assert "plumbmark.result.json" in browser.get(edit).content.decode()

    refused = browser.post(edit, {"code": "import numpy\nprint(", "then": "check"})
    assert refused.status_code == 422
    assert "line 2" in refused.content.decode()

    saved = browser.post(edit, {"code": PRINTING, "settings": "timeout_minutes: 3", "then": "save"})
    assert saved.status_code == 302
    assert browser.get(f"{task.get_absolute_url()}edit/").url == edit
    assert TaskDraft.objects.get(task=task).code_settings == "timeout_minutes: 3"

    checked = browser.post(edit, {"code": PRINTING, "then": "check"})
    assert checked.status_code == 302, checked.content
    run = finished(world, int(checked.url.rstrip("/").rpartition("/")[2]))
    assert run.state == "completed", run.failure
    assert browser.get(edit).status_code == 200

    assert browser.get(f"{task.get_absolute_url()}publish/").status_code == 200
    done = browser.post(f"{task.get_absolute_url()}publish/", {"visibility": "public"})
    assert done.status_code == 302
    assert "json.dump" in browser.get(task.get_absolute_url()).content.decode()
    assert browser.get(f"{task.get_absolute_url()}versions/1/items/").status_code == 200
    asked = browser.get(
        f"{task.get_absolute_url()}run/",
        {"deployment": "fake/arithmetic", "purpose": "exploratory", "spend_limit": "0.5"},
    ).content.decode()
    assert "0.50 USD" in asked
    assert "not known in advance" in asked


def test_without_a_sandbox_the_reason_is_told(world: Any, settings: Any) -> None:
    settings.SANDBOX_IS_ON = False
    api = Api(world.ada)
    path = f"tasks/{world.task('Nowhere').public_id}"
    api.put(f"{path}/draft", code=PRINTING)

    answer = api.post(f"{path}/draft/try")

    assert answer.status_code == 409
    assert "switched the sandbox off" in answer.content.decode()
