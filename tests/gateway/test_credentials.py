"""Secrets at rest, and where a user's deployment may be."""

from typing import Any

import pytest

from plumbmark.gateway.catalogue.base_urls import BadBaseUrl, check_base_url
from plumbmark.gateway.catalogue.credentials import (
    CredentialUnreadable,
    put_secret,
    secret_of,
)
from plumbmark.gateway.forms import CredentialForm, DeploymentForm
from plumbmark.gateway.models import Credential
from plumbmark.gateway.providers.addresses import is_public_address
from plumbmark.gateway.providers.base import Target
from tests.gateway import rows
from tests.gateway.conftest import Store

SECRET = "sk-0123456789-abcdefgh"  # not a credential of anything


def stored() -> Credential:
    credential = Credential(name="mine")
    put_secret(credential, SECRET)
    return credential


def test_a_secret_comes_back_and_is_not_stored_in_clear() -> None:
    credential = stored()

    assert secret_of(credential) == SECRET
    assert SECRET.encode() not in bytes(credential.encrypted_secret or b"")
    assert credential.hint == "efgh"
    assert SECRET not in repr(credential) + str(credential)


def test_a_short_secret_gives_no_hint() -> None:
    credential = Credential(name="mine")
    put_secret(credential, "short")

    assert credential.hint == ""


def test_a_ciphertext_cannot_be_moved_to_another_credential() -> None:
    other = Credential(name="other", encrypted_secret=stored().encrypted_secret)

    with pytest.raises(CredentialUnreadable, match="Enter the secret again"):
        secret_of(other)


def test_another_key_of_the_platform_cannot_read_it(settings: Any) -> None:
    credential = stored()
    settings.CREDENTIALS_KEY = "another key"

    with pytest.raises(CredentialUnreadable):
        secret_of(credential)


def test_an_environment_variable_is_read_when_it_is_needed(monkeypatch: Any) -> None:
    credential = Credential(name="env", environment_variable="GATEWAY_TEST_KEY")
    with pytest.raises(CredentialUnreadable, match="GATEWAY_TEST_KEY"):
        secret_of(credential)

    monkeypatch.setenv("GATEWAY_TEST_KEY", f"{SECRET}\n")

    assert secret_of(credential) == SECRET


def test_a_secret_that_would_break_a_header_is_refused() -> None:
    credential = Credential(name="mine")
    put_secret(credential, "sk-1\r\nX-Evil: 1")

    with pytest.raises(CredentialUnreadable, match="header"):
        secret_of(credential)


def test_a_target_does_not_show_its_secret() -> None:
    assert SECRET not in repr(Target("https://x", "m", 1, {}, SECRET))


def test_the_form_takes_a_secret_and_never_shows_it(store: Store) -> None:
    form = CredentialForm({"name": "mine", "secret": SECRET})
    assert form.is_valid(), form.errors
    credential = form.save()

    again = CredentialForm({"name": "renamed", "secret": ""}, instance=credential)

    assert again.is_valid(), again.errors
    assert secret_of(again.save()) == SECRET
    assert SECRET not in again.as_p() + form.as_p()


@pytest.mark.parametrize(
    "data",
    [
        {"name": "x"},
        {"name": "x", "secret": SECRET, "environment_variable": "Y"},
    ],
)
def test_the_form_wants_exactly_one_source(store: Store, data: dict[str, str]) -> None:
    assert not CredentialForm(data).is_valid()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
    ],
)
def test_private_addresses_are_known_in_every_spelling(address: str) -> None:
    assert not is_public_address(address)


def test_public_addresses_are_let_through() -> None:
    assert is_public_address("93.184.215.14")
    assert is_public_address("2606:2800:21f:cb07:6820:80da:af6b:8b2c")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "example.com/v1",
        "https://",
        "https://user:pass@example.com/v1",
        "https://example.com/v1?key=1",
        "https://example.com:port/v1",
    ],
)
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadBaseUrl):
        check_base_url(url, is_users=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.215.14/v1",
        "https://127.0.0.1/v1",
        "https://localhost/v1",
        "https://2130706433/v1",
        "https://[::1]/v1",
    ],
)
def test_a_users_base_url_must_be_public_and_encrypted(url: str) -> None:
    with pytest.raises(BadBaseUrl):
        check_base_url(url, is_users=True)


def test_the_platforms_own_may_be_next_door_and_users_too_where_settings_say_so(
    settings: Any,
) -> None:
    assert check_base_url("http://127.0.0.1:8001/v1/", is_users=False) == (
        "http://127.0.0.1:8001/v1"
    )
    settings.ALLOW_PRIVATE_PROVIDERS = True
    assert check_base_url("http://127.0.0.1:8001/v1", is_users=True)


def test_the_deployment_form_refuses_a_private_address_for_a_user(store: Store) -> None:
    owner = rows.namespace()
    existing = rows.deployment("https://x/v1")
    form = DeploymentForm(
        {
            "slug": "mine/model",
            "model": existing.model_id,
            "provider": "openai",
            "base_url": "https://127.0.0.1/v1",
            "upstream_id": "m",
            "owner": owner.pk,
            "max_concurrency": 4,
            "options": "{}",
        }
    )

    assert not form.is_valid()
    assert "private network" in str(form.errors["base_url"])
