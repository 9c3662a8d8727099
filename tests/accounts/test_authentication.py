import logging.config
from typing import Any

import pytest
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from plumbmark.accounts.tokens import issue_token, new_secret, revoke_token
from plumbmark.config import urls as site_urls

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Echo(APIView):
    def get(self, request: Request) -> Response:
        return Response({"user": request.user.pk})

    post = get


class Broken(APIView):
    def get(self, request: Request) -> Response:
        raise RuntimeError(f"sent {request.headers['Authorization']}")


class CallModels(Echo):
    required_scope = "gateway"


class WithItsOwnPermissions(Echo):
    permission_classes = (AllowAny,)


urlpatterns = [
    *site_urls.urlpatterns,
    path("echo/", Echo.as_view()),
    path("broken/", Broken.as_view()),
    path("own-permissions/", WithItsOwnPermissions.as_view()),
    path("call-models/", CallModels.as_view()),
]


@pytest.fixture
def client_with(open_account: Any) -> Any:
    def make(*scopes: str) -> APIClient:
        issued = issue_token(user=open_account(), name="test", scopes=scopes, expires_at=None)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
        return client

    return make


def test_a_token_with_read_reads_and_does_not_write(client_with: Any) -> None:
    client = client_with("read")

    assert client.get("/echo/").status_code == 200
    refused = client.post("/echo/")
    assert refused.status_code == 403
    assert "“write”" in refused.json()["detail"]


def test_a_token_with_only_write_does_not_read(client_with: Any) -> None:
    client = client_with("write")

    assert client.post("/echo/").status_code == 200
    assert client.get("/echo/").status_code == 403


def test_a_view_with_its_own_permissions_still_asks_for_the_scope(client_with: Any) -> None:
    assert client_with("read").post("/own-permissions/").status_code == 403
    assert client_with("write").post("/own-permissions/").status_code == 200


def test_a_view_may_name_its_scope(client_with: Any) -> None:
    assert client_with("read", "write").get("/call-models/").status_code == 403
    assert client_with("gateway").get("/call-models/").status_code == 200


def test_a_session_has_every_scope(open_account: Any) -> None:
    client = APIClient()
    client.force_login(open_account(), backend="django.contrib.auth.backends.ModelBackend")

    assert client.post("/echo/").status_code == 200


def test_without_credentials_one_may_read_only() -> None:
    assert APIClient().get("/echo/").status_code == 200
    assert APIClient().post("/echo/").status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer a b",
        "Bearer pmk_typo",
        pytest.param(f"Bearer {new_secret()}", id="unknown"),
        "bearer ä",
    ],
)
def test_bad_credentials_get_401_with_a_challenge(header: str) -> None:
    client = APIClient()

    answer = client.get("/echo/", HTTP_AUTHORIZATION=header)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Plumbmark"'
    assert "pmk_typo" not in answer.content.decode()


def test_a_revoked_token_gets_401(open_account: Any) -> None:
    user = open_account()
    issued = issue_token(user=user, name="test", scopes=["read"], expires_at=None)
    revoke_token(token=issued.token, by=user)

    answer = APIClient().get("/echo/", HTTP_AUTHORIZATION=f"Bearer {issued.secret}")

    assert answer.status_code == 401


def test_a_token_does_not_reach_the_log_even_from_a_traceback(
    open_account: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from django.conf import settings

    issued = issue_token(user=open_account(), name="test", scopes=["read"], expires_at=None)
    client = APIClient(raise_request_exception=False)
    logging.config.dictConfig(settings.LOGGING)

    client.get("/broken/", HTTP_AUTHORIZATION=f"Bearer {issued.secret}")

    written = capsys.readouterr().err
    assert "RuntimeError: sent Bearer pmk_" in written
    assert issued.secret not in written
    logging.config.dictConfig(settings.LOGGING)
