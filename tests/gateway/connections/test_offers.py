"""Offers to staff of what is found on the machine at the first start."""

import dataclasses
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from plumbmark.config.management.commands.up import Command
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.catalogue.credentials import secret_of
from plumbmark.gateway.connections.offers import find_offers
from plumbmark.gateway.connections.providers import KINDS
from plumbmark.gateway.models import Credential, ProviderConnection
from tests.fake_provider.process import FakeProvider
from tests.gateway.connections.odd_server import reply, serving
from tests.gateway.connections.test_providers_api import api_of

__all__ = ["api_of"]

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-environment-0123456789"  # not a credential of anything
ADD = "/staff/providers/new/openai/"


@pytest.fixture(autouse=True)
def _only_our_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    nowhere = dataclasses.replace(KINDS["ollama"], address="http://127.0.0.1:9/v1")
    monkeypatch.setitem(KINDS, "ollama", nowhere)
    yield
    runtime.shutdown()


@pytest.fixture
def openai(fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """OpenAI, played by the fake provider, whose key is in the environment."""
    fake_provider.configure(key=KEY, models={"gpt-4o": "echo"})
    here = dataclasses.replace(KINDS["openai"], address=fake_provider.url)
    monkeypatch.setitem(KINDS, "openai", here)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return fake_provider


@pytest.fixture
def staff(open_account: Callable[..., Any]) -> Client:
    client = Client()
    client.force_login(open_account("keeper", is_administrator=True))
    return client


def terminal() -> str:
    command = Command(stdout=io.StringIO())
    command._tell_offers("http://localhost:8000")
    return str(command.stdout.getvalue())


def test_nothing_is_offered_where_nothing_is_found(staff: Client) -> None:
    assert find_offers() == []
    assert terminal() == ""
    assert "Found on this machine" not in staff.get("/staff/providers/").content.decode()
    assert "Add a provider" in staff.get("/people/keeper/").content.decode()


def test_a_key_in_the_environment_connects_its_provider_without_being_stored(
    openai: FakeProvider, staff: Client
) -> None:
    assert terminal() == (
        f"OPENAI_API_KEY is set: connect its models at http://localhost:8000{ADD}\n"
    )
    for page in ("/staff/providers/", "/people/keeper/"):
        text = staff.get(page).content.decode()
        assert f'href="{ADD}"' in text
        assert KEY not in text
    form = staff.get(ADD).content.decode()
    assert "Use the key in OPENAI_API_KEY" in form
    assert KEY not in form

    answer = staff.post(ADD, {"name": "OpenAI", "key_in_environment": "on", "key": ""})

    made = ProviderConnection.objects.get()
    assert answer.headers["Location"] == f"/staff/providers/{made.public_id}/models/"
    assert [model["id"] for model in made.listed_models] == ["gpt-4o"]
    credential = Credential.objects.get()
    assert credential.environment_variable == "OPENAI_API_KEY"
    assert not credential.encrypted_secret
    assert secret_of(credential) == KEY
    assert find_offers() == []
    assert terminal() == ""
    assert "Models to connect" not in staff.get("/people/keeper/").content.decode()


def test_a_key_that_is_typed_in_counts_more(openai: FakeProvider, staff: Client) -> None:
    answer = staff.post(
        ADD, {"name": "OpenAI", "key_in_environment": "on", "key": "sk-wrong-key-01"}
    )

    assert answer.status_code == 422
    assert "refuses the key" in answer.content.decode()
    assert not Credential.objects.exists()


def test_the_platform_s_variables_are_for_the_platform_alone(
    openai: FakeProvider, open_account: Callable[..., Any], settings: Any
) -> None:
    settings.ALLOWED_PROVIDER_ADDRESSES = ["127.0.0.1"]
    ada = Client()
    ada.force_login(open_account("ada"))

    assert "Models to connect" not in ada.get("/people/keeper/").content.decode()
    own = "/settings/providers/new/openai/"
    assert "OPENAI_API_KEY" not in ada.get(own).content.decode()
    refused = ada.post(own, {"name": "Mine", "key_in_environment": "on", "key": ""})
    assert refused.status_code == 422
    assert ada.post(ADD, {"name": "Mine", "key_in_environment": "on"}).status_code == 404
    assert not ProviderConnection.objects.exists()


def test_the_api_reads_only_variables_that_it_names(
    openai: FakeProvider, open_account: Callable[..., Any], api_of: Callable[..., Any]
) -> None:
    settled = {"kind": "openai", "key_in_environment": True}
    keeper = api_of("keeper", is_administrator=True)
    post = lambda body: keeper.post("/api/v1/providers", body, format="json")  # noqa: E731

    for body in (settled, {**settled, "for_platform": True, "kind": "mistral"}):
        refused = post(body)
        assert refused.status_code == 422
        assert refused.json()["problems"][0]["path"] == "key_in_environment"
    made = post({**settled, "for_platform": True})

    assert made.status_code == 201
    assert made.json()["provider"]["has_key"] is True
    assert KEY not in made.content.decode()


def test_a_running_ollama_is_offered(monkeypatch: pytest.MonkeyPatch, staff: Client) -> None:
    with serving(reply(b"{}")) as server:
        here = dataclasses.replace(KINDS["ollama"], address=server.url)
        monkeypatch.setitem(KINDS, "ollama", here)

        assert "Ollama is running: connect its models at" in terminal()
        assert server.url in staff.get("/staff/providers/").content.decode()
