"""Providers in the REST API: the same steps, the same limits."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from plumbmark.gateway import queries
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.catalogue.credentials import fingerprint_of
from plumbmark.gateway.models import ProviderConnection
from tests.fake_provider.process import FakeProvider
from tests.gateway.connections.odd_server import reply, serving

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-secret-0123456789abcdef"  # not a credential of anything
PROVIDERS = "/api/v1/providers"


@pytest.fixture(autouse=True)
def _runtime_ends(settings: Any) -> Iterator[None]:
    settings.ALLOWED_PROVIDER_ADDRESSES = ["127.0.0.1"]
    yield
    runtime.shutdown()


@pytest.fixture
def api_of(open_account: Callable[..., Any]) -> Callable[..., APIClient]:
    def make(handle: str, **more: Any) -> APIClient:
        client = APIClient()
        client.force_authenticate(open_account(handle, **more))
        return client

    return make


def write(client: APIClient, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(path, body, format="json")


def test_all_steps(fake_provider: FakeProvider, api_of: Callable[..., APIClient]) -> None:
    fake_provider.configure(key=KEY, models={"sum": "arithmetic", "x": "echo"})
    keeper = api_of("keeper", is_administrator=True)
    body = {"kind": "other", "name": "Lab", "base_url": fake_provider.url, "key": KEY}

    made = write(keeper, "post", PROVIDERS, {**body, "for_platform": True})

    assert made.status_code == 201
    assert KEY not in made.content.decode()
    document = made.json()
    assert document["provider"]["key_fingerprint"] == fingerprint_of(KEY)
    assert document["provider"]["namespace"] is None
    assert [one["id"] for one in document["listed_models"]] == ["sum", "x"]
    base = f"{PROVIDERS}/{document['provider']['id']}"
    chosen = write(keeper, "put", f"{base}/models", {"models": ["sum"]}).json()
    assert [(one["deployment"], one["price_source"]) for one in chosen["models"]] == [
        ("lab/sum", None)
    ]
    price = {
        "model": "sum",
        "input_nanodollars_per_mtok": 500_000_000,
        "output_nanodollars_per_mtok": 3_000_000_000,
    }
    priced = write(keeper, "put", f"{base}/prices", {"prices": [price]}).json()
    assert priced["models"][0]["input_nanodollars_per_mtok"] == 500_000_000
    assert priced["models"][0]["price_source"] == "admin"
    assert queries.callable_deployments(to=None).count() == 1
    off = write(keeper, "post", f"{base}/switch-off").json()
    assert (off["provider"]["is_active"], off["provider"]["models_on"]) == (False, 0)
    assert write(keeper, "put", f"{base}/models", {"models": []}).status_code == 409
    assert write(keeper, "post", f"{base}/switch-on").json()["provider"]["models_on"] == 1
    assert write(keeper, "post", f"{base}/refresh").status_code == 200
    refused = write(keeper, "put", f"{base}/key", {"key": "another-key-0123456789"})
    assert refused.status_code == 502
    assert "refuses the key" in refused.json()["detail"]
    assert write(keeper, "put", f"{base}/key", {"key": KEY}).status_code == 200
    gone = write(keeper, "post", f"{base}/erase-key").json()
    assert gone["provider"]["has_key"] is False
    assert write(keeper, "post", f"{base}/switch-on").status_code == 409
    assert keeper.get(PROVIDERS).json()["results"][0]["name"] == "Lab"


def test_a_person_sees_and_changes_their_own_alone(
    fake_provider: FakeProvider, api_of: Callable[..., APIClient]
) -> None:
    fake_provider.configure(models={"sum": "arithmetic"})
    ada, bob = api_of("ada"), api_of("bob")
    keeper = api_of("keeper", is_administrator=True)
    body = {"kind": "other", "base_url": fake_provider.url}

    made = write(ada, "post", PROVIDERS, body).json()["provider"]

    assert made["namespace"] == "ada"
    base = f"{PROVIDERS}/{made['id']}"
    for other in (bob, keeper):
        assert other.get(PROVIDERS).json()["results"] == []
        assert other.get(base).status_code == 404
        for path in ("refresh", "switch-off", "erase-key"):
            assert write(other, "post", f"{base}/{path}").status_code == 404
    assert write(ada, "post", PROVIDERS, {**body, "for_platform": True}).status_code == 403
    assert write(ada, "post", PROVIDERS, {**body, "namespace": "bob"}).status_code == 422
    assert APIClient().get(PROVIDERS).status_code == 401
    assert ProviderConnection.objects.count() == 1


def test_bad_bodies_are_refused(api_of: Callable[..., APIClient]) -> None:
    ada = api_of("ada")
    other = {"kind": "other", "base_url": "https://10.0.0.1/v1"}

    for body in (
        {},
        {"kind": "nothing"},
        {"kind": "openai"},
        {"kind": "openai", "key": "k", "base_url": "https://x/v1"},
        {"kind": "other"},
        other,
        {**other, "key": "k" * 501},
        {**other, "unknown": 1},
        {**other, "name": "\u0000"},
    ):
        answer = write(ada, "post", PROVIDERS, body)
        assert answer.status_code in {400, 422}, (body, answer.content)
    assert not ProviderConnection.objects.exists()


def test_a_provider_that_answers_garbage_is_a_502_in_words(
    api_of: Callable[..., APIClient],
) -> None:
    ada = api_of("ada")
    with serving(reply(b"garbage")) as server:
        answer = write(ada, "post", PROVIDERS, {"kind": "other", "base_url": server.url})

    assert answer.status_code == 502
    assert answer.json()["code"] == "not-json"
    assert "did not answer with JSON" in answer.json()["detail"]


def test_bad_models_and_prices_are_refused(
    fake_provider: FakeProvider, api_of: Callable[..., APIClient]
) -> None:
    fake_provider.configure(models={"sum": "arithmetic"})
    ada = api_of("ada")
    made = write(ada, "post", PROVIDERS, {"kind": "other", "base_url": fake_provider.url})
    base = f"{PROVIDERS}/{made.json()['provider']['id']}"

    for body in ({"models": "sum"}, {"models": ["x" * 151]}, {"models": [3, None]}, {}):
        assert write(ada, "put", f"{base}/models", body).status_code in {400, 422}, body
    price = {"input_nanodollars_per_mtok": 1, "output_nanodollars_per_mtok": 1}
    for prices in ([{"model": "none", **price}], [{"model": "sum"}], "x", [{**price, "model": "s",
                   "input_nanodollars_per_mtok": -1}]):  # fmt: skip
        answer = write(ada, "put", f"{base}/prices", {"prices": prices})
        assert answer.status_code in {400, 422}, prices


def test_the_kinds_are_listed(api_of: Callable[..., APIClient]) -> None:
    names = [one["name"] for one in api_of("ada").get("/api/v1/provider-kinds").json()]

    assert names == [
        *("openai", "anthropic", "google", "mistral", "deepseek", "xai", "openrouter", "groq"),
        *("together", "azure", "vertex", "ollama", "vllm", "llamacpp", "other"),
    ]
