"""The id of a request on answers of pages and of the API."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from plumbmark.web.request_ids import RequestIds


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/nothing", 404),
        ("/api/v1/tasks", 200),
        ("/api/v1/me", 401),
        ("/api/v1/nothing", 404),
        ("/api/v1/tasks/%00", 400),
        ("/api/v1/tasks?limit=x", 422),
    ],
)
def test_every_answer_has_the_id_of_its_request(client: Client, path: str, status: int) -> None:
    kept = client.get(path, headers={"X-Request-Id": "mine-1"})
    new = [client.get(path, headers={"X-Request-Id": sent}) for sent in ("", "a b")]

    assert kept.status_code == status
    assert kept["X-Request-Id"] == "mine-1"
    assert len({answer["X-Request-Id"] for answer in new}) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", answer["X-Request-Id"]) for answer in new)


def test_the_log_of_a_failure_names_the_request(caplog: Any) -> None:
    answered = RequestIds(lambda request: HttpResponse(status=503))
    request = RequestFactory().get("/tasks/%0aforged/", headers={"X-Request-Id": "mine-2"})

    assert answered(request)["X-Request-Id"] == "mine-2"
    assert caplog.messages == ["GET /tasks/\\nforged/ was answered with 503 (request mine-2)"]
