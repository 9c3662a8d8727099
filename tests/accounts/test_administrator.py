import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from plumbmark.accounts import first_administrator
from plumbmark.accounts.first_administrator import administrator_link
from plumbmark.accounts.models import User

pytestmark = pytest.mark.django_db

FIRST = {"email": "root@example.org", "handle": "keeper", "password": "long enough words"}


@pytest.fixture
def link() -> str:
    made = administrator_link()
    assert made is not None
    return urlsplit(made).path


def test_the_link_makes_one_administrator_with_a_confirmed_address(
    client: Client, link: str
) -> None:
    assert client.get(link).status_code == 200

    answer = client.post(link, FIRST)

    user = User.objects.get()
    assert answer.status_code == 302
    assert user.is_staff
    assert user.is_superuser
    assert user.emailaddress_set.get().verified
    assert client.get("/people/keeper/").status_code == 200


def test_the_link_works_once(client: Client, link: str) -> None:
    client.post(link, FIRST)
    User.objects.update(is_staff=False)

    again = Client().post(link, {**FIRST, "email": "b@example.org", "handle": "second"})

    assert again.status_code == 404
    assert User.objects.count() == 1


def test_there_is_no_link_once_there_is_an_administrator(open_account: Any, link: str) -> None:
    open_account("ada", is_administrator=True)

    assert administrator_link() is None
    assert Client().get(link).status_code == 404


@pytest.mark.parametrize("address", ["10.0.0.5", "203.0.113.9", "::ffff:10.0.0.5", ""])
def test_the_link_is_unknown_to_other_machines(link: str, address: str) -> None:
    assert Client(REMOTE_ADDR=address).get(link).status_code == 404


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_the_link_works_from_every_loopback_address(link: str, address: str) -> None:
    assert Client(REMOTE_ADDR=address).get(link).status_code == 200


def test_the_link_does_not_work_through_a_proxy_on_this_machine(link: str) -> None:
    assert Client().get(link, HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 404


def test_a_newer_link_replaces_the_older(link: str) -> None:
    newer = administrator_link()

    assert newer is not None
    assert Client().get(link).status_code == 404
    assert Client().get(urlsplit(newer).path).status_code == 200


def test_the_link_expires(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_administrator, "LIFETIME", timedelta(seconds=-1))

    assert Client().get(link).status_code == 404


def test_the_token_is_kept_only_as_a_digest_that_its_owner_can_read(link: str) -> None:
    kept = Path(settings.STATE_DIR) / "administrator_link"

    assert re.fullmatch(r"[0-9a-f]{64}", kept.read_text())
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_refused_form_leaves_the_link_usable(client: Client, link: str) -> None:
    refused = client.post(link, {**FIRST, "password": "password"})

    assert refused.status_code == 422
    assert client.post(link, FIRST).status_code == 302
