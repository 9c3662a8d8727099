"""What holds of every endpoint, whatever it is about."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from rest_framework.test import APIClient

from plumbmark.accounts.tokens import issue_token
from plumbmark.rest.throttling import counters

pytestmark = pytest.mark.django_db

DEFINITION = """\
plumbmark: 1
data: {target: answer}
prompt:
  messages: [{role: user, content: "{question} é"}]
scorers: [{type: exact}]
"""


@pytest.fixture
def api(open_account: Callable[..., Any]) -> APIClient:
    issued = issue_token(
        user=open_account("ada"), name="test", scopes=["read", "write"], expires_at=None
    )
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
    return client


@pytest.mark.parametrize("path", ["", "nothing", "tasks/", "runs/abc", "runs/-1", "runs/1.5"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_endpoint_answers_programs_in_their_own_form(
    api: APIClient, path: str, method: str
) -> None:
    answer = getattr(api, method)(f"/api/v1/{path}")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert f"There is no endpoint /api/v1/{path}; /api/v1/docs" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "method", "accept", "status"),
    [
        ("docs", "options", "text/html", 405),
        ("docs", "post", "*/*", 405),
        ("docs/try", "get", "application/json", 406),
        ("schema", "post", "*/*", 405),
        ("schema", "get", "text/nothing", 406),
        ("tasks", "get", "text/nothing", 406),
    ],
)
def test_an_error_is_json_where_answers_are_not(
    api: APIClient, path: str, method: str, accept: str, status: int
) -> None:
    answer = getattr(api, method)(f"/api/v1/{path}", headers={"Accept": accept})

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert json.loads(answer.content)["status"] == status


def test_the_description_is_generated_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", fail_on_warn=True, file=str(tmp_path / "openapi.yaml"))


def test_every_answer_tells_how_many_requests_are_left(api: APIClient, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    counters().clear()
    answers = [api.get(f"/api/v1/{path}") for path in ("tasks", "runs/999", "tasks")]

    assert [answer.status_code for answer in answers] == [200, 404, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"2"}
    assert 0 < int(answers[2].headers["RateLimit-Reset"]) <= 61


def test_a_null_character_in_an_address_is_told(api: APIClient) -> None:
    answer = api.get("/api/v1/tasks/%00")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert "null character" in answer.json()["detail"]


def test_a_body_that_is_too_large_says_how_large_it_may_be(api: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20

    answer = api.post("/api/v1/tasks", {"title": "x" * 2**21}, format="json")

    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"
    assert "At most 1 MiB are accepted" in answer.json()["detail"]


@pytest.mark.parametrize("limit", ["abc", "0", "-1", "", "1e3", "²"])
def test_a_limit_that_is_none_is_told(api: APIClient, limit: str) -> None:
    answer = api.get("/api/v1/tasks", {"limit": limit})

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["path"] == "limit"
    assert api.get("/api/v1/tasks", {"limit": "99999999999"}).status_code == 200


@pytest.mark.parametrize(
    "position",
    ["p=x", "p=1.5", "p=", "p=%00", "p=nan", "p=" + "9" * 30, "p=-" + "9" * 5000, "p=2026-01-01"],
)
@pytest.mark.parametrize("path", ["tasks", "deployments", "models", "runs", "benchmarks"])
def test_a_cursor_that_was_never_given_out_is_told(
    api: APIClient, path: str, position: str
) -> None:
    answer = api.get(f"/api/v1/{path}", {"cursor": base64.b64encode(position.encode()).decode()})

    assert answer.status_code == 404
    assert answer.json()["detail"] == "Invalid cursor"


def test_a_definition_may_be_sent_as_a_file_as_the_documentation_does(api: APIClient) -> None:
    task = api.post("/api/v1/tasks", {"title": "Capitals"}, format="json").json()

    answer = api.put(
        f"/api/v1/tasks/{task['id']}/draft",
        {"definition": SimpleUploadedFile("definition.yaml", DEFINITION.encode())},
    )

    assert answer.status_code == 200, answer.json()
    assert answer.json()["definition"] == DEFINITION


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: \xff", "not UTF-8 from byte 4 on"),
        (b"a: " + b"x" * 2**21, "at most 1,048,576"),
        (b"a: " + b"x" * 2**18, "larger than 128 KiB"),
        (b"a: \x00", "ull character"),
    ],
)
def test_a_file_that_is_no_definition_is_told(api: APIClient, content: bytes, message: str) -> None:
    task = api.post("/api/v1/tasks", {"title": "Capitals"}, format="json").json()

    answer = api.put(
        f"/api/v1/tasks/{task['id']}/draft",
        {"definition": SimpleUploadedFile("definition.yaml", content)},
    )

    assert answer.status_code == 422
    assert message in answer.json()["detail"]
