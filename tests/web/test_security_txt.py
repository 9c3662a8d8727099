"""`security.txt` by RFC 9116, and how its contact is set."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from plumbmark.common.clock import shift_clock
from plumbmark.config import env

PATH = "/.well-known/security.txt"
SITE = "https://plumbmark.example"


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.SITE_URL, settings.SECURE_SITE = SITE, True
    settings.SECURITY_CONTACT = ["mailto:security@example.org", "https://example.org/report"]


def fields_of(client: Client) -> list[tuple[str, str]]:
    answer = client.get(PATH, HTTP_HOST="localhost:6666")
    assert answer.status_code == 200
    # Section 3: the type, and the encoding of the file.
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    text = answer.content.decode("utf-8")
    assert text.endswith("\n")
    return [
        (name, value) for name, _, value in (line.partition(": ") for line in text.splitlines())
    ]


def test_the_file_has_the_fields_of_the_rfc(client: Client) -> None:
    fields = fields_of(client)

    names = [name for name, _ in fields]
    assert set(names) <= {"Contact", "Expires", "Canonical", "Policy", "Preferred-Languages"}
    # Sections 2.5.3, 2.5.5 and 2.5.8: at least one contact, one expiry, at most one list.
    contacts = [value for name, value in fields if name == "Contact"]
    assert contacts == ["mailto:security@example.org", "https://example.org/report"]
    assert names.count("Expires") == names.count("Preferred-Languages") == 1
    values = dict(fields)
    assert values["Canonical"] == f"{SITE}{PATH}"
    assert values["Policy"] == f"{SITE}/help/#security"
    assert values["Preferred-Languages"] == "en"


def test_it_expires_within_a_year_of_every_request(client: Client) -> None:
    for days in (0, 400):
        with shift_clock(timedelta(days=days)):
            expires = datetime.strptime(dict(fields_of(client))["Expires"], "%Y-%m-%dT%H:%M:%S%z")

        left = expires - datetime.now(UTC) - timedelta(days=days)
        assert timedelta(days=100) < left < timedelta(days=365)


def test_web_addresses_that_are_not_https_are_left_out(client: Client, settings: Any) -> None:
    settings.SITE_URL, settings.SECURE_SITE = "http://127.0.0.1:8000", False

    assert not {"Canonical", "Policy"} & {name for name, _ in fields_of(client)}


def test_without_a_contact_there_is_no_file(client: Client, settings: Any) -> None:
    settings.SECURITY_CONTACT = []

    assert client.get(PATH).status_code == 404
    assert 'id="security"' not in client.get("/help/").content.decode()


def test_the_policy_is_on_the_help_page(client: Client) -> None:
    page = client.get("/help/").content.decode()

    assert 'id="security"' in page
    assert 'href="mailto:security@example.org"' in page


def test_the_setting_takes_addresses_and_uris(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "security@example.org, https://example.org/report,tel:+41-1-555")

    assert env.contacts("X") == [
        "mailto:security@example.org",
        "https://example.org/report",
        "tel:+41-1-555",
    ]


@pytest.mark.parametrize(
    "value",
    [
        "http://example.org/",
        "javascript:alert(1)",
        "ada",
        "a@example.org\nPolicy: x",
        "mailto:",
        "@",
    ],
)
def test_the_setting_refuses_what_the_file_cannot_hold(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("X", value)

    with pytest.raises(env.BadSetting, match="X must be"):
        env.contacts("X")
