"""Attacks on accounts: forged addresses, mails that lead elsewhere, lockouts, stolen databases."""

import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from plumbmark.accounts.models import ApiToken
from plumbmark.accounts.tokens import issue_token
from plumbmark.rest import throttling

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


def anonymous(client: Client, **headers: str) -> int:
    return client.get("/api/v1/tasks", **headers).status_code  # type: ignore[arg-type]


def test_a_made_up_forwarded_address_evades_no_limit(client: Client, settings: Any) -> None:
    settings.API_ANONYMOUS_REQUESTS_PER_MINUTE = 3

    answers = [anonymous(client, HTTP_X_FORWARDED_FOR=f"10.0.0.{number}") for number in range(5)]

    assert answers == [200, 200, 200, 429, 429]


def test_behind_a_trusted_proxy_each_client_has_a_limit_of_its_own(
    client: Client, settings: Any
) -> None:
    settings.API_ANONYMOUS_REQUESTS_PER_MINUTE = 1
    settings.TRUSTED_PROXIES = 1

    assert anonymous(client, HTTP_X_FORWARDED_FOR="6.6.6.6, 10.0.0.1") == 200
    # What stands before the proxy's entry is the client's own writing.
    assert anonymous(client, HTTP_X_FORWARDED_FOR="7.7.7.7, 10.0.0.1") == 429
    assert anonymous(client, HTTP_X_FORWARDED_FOR="6.6.6.6, 10.0.0.2") == 200


def test_limits_are_counted_for_all_processes_together(client: Client, settings: Any) -> None:
    settings.API_ANONYMOUS_REQUESTS_PER_MINUTE = 2
    assert anonymous(client) == 200
    # What another process has, too: a mapping of the same file.
    throttling.counters.cache_clear()
    assert anonymous(client) == 200
    throttling.counters.cache_clear()

    assert anonymous(client) == 429


def test_sign_in_counts_the_address_that_the_setting_of_proxies_says(
    client: Client, open_account: Any, settings: Any
) -> None:
    open_account("ada")
    wrong = {"login": "ada@example.org", "password": "wrong"}
    for number in range(5):
        client.post("/accounts/login/", wrong, HTTP_X_FORWARDED_FOR=f"10.0.0.{number}")

    answer = client.post("/accounts/login/", wrong, HTTP_X_FORWARDED_FOR="10.0.0.99")

    assert "Too many failed login attempts" in answer.content.decode()


def test_a_stranger_locks_nobody_else_out(open_account: Any) -> None:
    open_account("ada")
    stranger, ada = Client(REMOTE_ADDR="10.0.0.1"), Client(REMOTE_ADDR="10.0.0.2")
    for _ in range(8):
        answer = stranger.post("/accounts/login/", {"login": "ada@example.org", "password": "no"})
    assert "Too many failed login attempts" in answer.content.decode()

    right = {"login": "ada@example.org", "password": PASSWORD}

    assert "Too many" in stranger.post("/accounts/login/", right).content.decode()
    assert ada.post("/accounts/login/", right).status_code == 302


@pytest.mark.parametrize("host", ["localhost:6666", "127.0.0.1:1", "LOCALHOST"])
def test_links_in_mails_lead_to_the_site_whatever_the_host_header_says(
    open_account: Any, settings: Any, host: str
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.SITE_URL = "https://plumbmark.example"
    open_account("ada")

    Client(HTTP_HOST=host).post("/accounts/password/reset/", {"email": "ada@example.org"})
    Client(HTTP_HOST=host).post("/accounts/password/reset/", {"email": "eve@example.org"})
    Client(HTTP_HOST=host).post(
        "/accounts/signup/",
        {"email": "bob@example.org", "handle": "bob", "password1": PASSWORD},
    )

    assert len(mail.outbox) == 3
    for sent in mail.outbox:
        links = re.findall(r"https?://[^/\s]+", sent.body)
        assert set(links) <= {"https://plumbmark.example"}
        assert host.lower() not in sent.body.lower()
    assert "https://plumbmark.example/accounts/password/reset/key/" in mail.outbox[0].body


def reset_password(client: Client, **fields: str) -> None:
    client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    link = re.search(r"https?://\S+/accounts/password/reset/key/\S+", mail.outbox[-1].body)
    assert link is not None
    page = client.get(link[0][link[0].index("/accounts/") :], follow=True)
    assert "Revoke my API tokens too" in page.content.decode()
    address = page.redirect_chain[-1][0]
    new = "a new horse for the battery"
    answer = client.post(address, {"password1": new, "password2": new, **fields})
    assert answer.status_code == 302, answer.content.decode()


@pytest.mark.parametrize(("fields", "left"), [({"revoke_tokens": "on"}, 0), ({}, 1)])
def test_a_reset_asks_whether_tokens_end_too(
    client: Client, open_account: Any, fields: dict[str, str], left: int
) -> None:
    ada = open_account("ada")
    issue_token(user=ada, name="laptop", scopes=["read"], expires_at=None)

    reset_password(client, **fields)

    assert ApiToken.objects.filter(user=ada, revoked_at=None).count() == left


def test_a_change_of_the_password_asks_too(client: Client, open_account: Any) -> None:
    ada = open_account("ada")
    issue_token(user=ada, name="laptop", scopes=["read"], expires_at=None)
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    assert "Revoke my API tokens too" in client.get("/accounts/password/change/").content.decode()
    new = "a new horse for the battery"
    change = {"oldpassword": PASSWORD, "password1": new, "password2": new}

    client.post("/accounts/password/change/", {**change, "revoke_tokens": "on"})

    assert not ApiToken.objects.filter(user=ada, revoked_at=None).exists()


def test_the_database_holds_no_key_of_a_session(client: Client, open_account: Any) -> None:
    client.force_login(open_account("ada"))
    cookie = client.cookies["sessionid"].value
    stored = Session.objects.get().session_key

    assert stored != cookie
    thief = Client()
    thief.cookies["sessionid"] = stored
    assert thief.get("/settings/profile/").status_code == 302
    assert client.get("/settings/profile/").status_code == 200
    client.post("/accounts/logout/")
    assert not Session.objects.exists()
    client.cookies["sessionid"] = cookie
    assert client.get("/settings/profile/").status_code == 302
