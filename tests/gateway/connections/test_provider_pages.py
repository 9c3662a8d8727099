"""The pages on which staff connect providers for the platform, and people their own."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from plumbmark.common.models import AuditEvent
from plumbmark.gateway import queries
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.catalogue.credentials import fingerprint_of, secret_of
from plumbmark.gateway.models import Credential, Deployment, PriceCard, ProviderConnection
from tests.fake_provider.process import FakeProvider
from tests.gateway.connections.odd_server import reply, serving

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-secret-0123456789abcdef"  # not a credential of anything
OTHER_KEY = "sk-another-0123456789abcdef"


@pytest.fixture(autouse=True)
def _runtime_ends() -> Iterator[None]:
    yield
    runtime.shutdown()


@pytest.fixture
def staff(open_account: Callable[..., Any]) -> Client:
    client = Client()
    client.force_login(open_account("keeper", is_administrator=True))
    return client


def connect(client: Client, url: str, *, at: str = "/staff/providers", **fields: str) -> Any:
    values = {"name": "Fake", "base_url": url, "key": KEY, **fields}
    return client.post(f"{at}/new/other/", values)


def only() -> ProviderConnection:
    return ProviderConnection.objects.get()


def test_staff_connect_a_provider_choose_models_and_set_prices(
    staff: Client, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(key=KEY, models={"gpt-4o": "echo", "sum": "arithmetic", "x": "echo"})

    answer = connect(staff, fake_provider.url)

    connection = only()
    base = f"/staff/providers/{connection.public_id}/"
    assert answer.headers["Location"] == f"{base}models/"
    assert [model["id"] for model in connection.listed_models] == ["gpt-4o", "sum", "x"]
    assert not Deployment.objects.exists()
    assert "gpt-4o" in staff.get(f"{base}models/").content.decode()

    staff.post(f"{base}models/", {"models": ["sum", "x"], "more": "typed-in\n"})

    assert set(connection.deployments.values_list("slug", flat=True)) == {
        "fake/sum", "fake/x", "fake/typed-in",
    }  # fmt: skip
    page = staff.get(base).content.decode()
    assert "no price: refused" in page
    names = re.findall(r'name="name" value="([^"]+)"', page)
    assert names == ["sum", "typed-in", "x"]

    prices = {
        "name": names,
        "input-0": "2.50",
        "output-0": "10",
        "cached-0": "1.25",
        "free-2": "on",
    }
    staff.post(f"{base}prices/", prices)

    card = current_price_card(connection.deployments.get(upstream_id="sum").pk)
    assert card is not None
    assert (card.input_per_mtok, card.cached_input_per_mtok, card.output_per_mtok) == (
        2_500_000_000, 1_250_000_000, 10_000_000_000,
    )  # fmt: skip
    free = current_price_card(connection.deployments.get(upstream_id="x").pk)
    assert free is not None
    assert (free.input_per_mtok, free.output_per_mtok) == (0, 0)
    assert not PriceCard.objects.filter(deployment__upstream_id="typed-in").exists()
    assert 'value="2.5"' in staff.get(base).content.decode()
    staff.post(f"{base}prices/", prices)
    assert PriceCard.objects.count() == 2
    assert AuditEvent.objects.filter(action="provider.connect").exists()


def test_prices_and_facts_of_known_models_are_filled_in(staff: Client) -> None:
    connection = ProviderConnection.objects.create(
        name="OpenRouter",
        slug="openrouter",
        kind="openrouter",
        wire_format="openai",
        base_url="https://openrouter.ai/api/v1",
        listed_models=[{"id": "openai/gpt-4o", "context_tokens": 128_000}],
    )

    staff.post(f"/staff/providers/{connection.public_id}/models/", {"models": ["openai/gpt-4o"]})

    deployment = Deployment.objects.select_related("model").get()
    assert deployment.slug == "openrouter/openai/gpt-4o"
    assert (deployment.model.slug, deployment.model.context_tokens) == ("openai/gpt-4o", 128_000)
    card = current_price_card(deployment.pk)
    assert card is not None
    assert (card.source, card.matched_provider) == (PriceCard.Source.LIBRARY, "openrouter")
    assert card.input_per_mtok > 0


def test_models_of_local_servers_are_free(staff: Client, fake_provider: FakeProvider) -> None:
    fake_provider.configure(models={"sum": "arithmetic"})
    values = {"name": "Small", "base_url": fake_provider.url, "key": ""}
    staff.post("/staff/providers/new/llamacpp/", values)

    staff.post(f"/staff/providers/{only().public_id}/models/", {"models": ["sum"]})

    deployment = Deployment.objects.get()
    card = current_price_card(deployment.pk)
    assert card is not None
    assert (card.input_per_mtok, card.output_per_mtok) == (0, 0)
    assert deployment.max_concurrency == 1
    assert only().credential is None


def test_the_key_is_never_shown_and_recognised_by_its_fingerprint(
    staff: Client, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(key=KEY, models={"sum": "arithmetic"})
    connect(staff, fake_provider.url)
    connection = only()
    base = f"/staff/providers/{connection.public_id}/"

    assert connection.credential is not None
    assert secret_of(connection.credential) == KEY
    for path in ("/staff/providers/", base, f"{base}models/"):
        page = staff.get(path).content.decode()
        assert KEY not in page
        assert KEY[-4:] not in page
    assert fingerprint_of(KEY) in staff.get(base).content.decode()
    assert KEY not in str(list(AuditEvent.objects.values_list("details", flat=True)))


def test_a_failed_test_stores_nothing_and_says_why(
    staff: Client, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(key=OTHER_KEY, models={"sum": "arithmetic"})

    answer = connect(staff, fake_provider.url)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "refuses the key (HTTP 401)" in page
    assert KEY not in page
    assert not ProviderConnection.objects.exists()
    assert not Credential.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"base_url": "ftp://x/v1"}, "must start with https://"),
        ({"base_url": "http://h/v1?key=1"}, "must not contain"),
        ({"key": "two words"}, "copy it again"),
        ({"key": "schlüssel"}, "copy it again"),
        ({"name": ""}, "required"),
    ],
)
def test_bad_fields_are_refused_beside_them(
    staff: Client, fields: dict[str, str], words: str
) -> None:
    answer = connect(staff, "http://127.0.0.1:1/v1", **fields)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ProviderConnection.objects.exists()


def test_a_server_without_a_list_is_connected_without_a_test(staff: Client) -> None:
    with serving(reply(b"", "404 Not Found")) as server:
        assert connect(staff, server.url).status_code == 422
        answer = connect(staff, server.url, models_are_typed="on")

    assert answer.status_code == 302
    assert only().listed_at is None


def test_prices_that_are_none_are_refused_and_kept_in_the_form(
    staff: Client, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(models={"sum": "arithmetic"})
    connect(staff, fake_provider.url)
    base = f"/staff/providers/{only().public_id}/"
    staff.post(f"{base}models/", {"models": ["sum"]})

    for row in (
        {"input-0": "cheap", "output-0": "1"},
        {"input-0": "1"},
        {"input-0": "-1", "output-0": "1"},
        {"input-0": "1e30", "output-0": "1"},
        {"input-0": "NaN", "output-0": "1"},
    ):
        answer = staff.post(f"{base}prices/", {"name": ["sum"], **row})
        assert answer.status_code == 422, row
        assert f'value="{row["input-0"]}"' in answer.content.decode()
    assert not PriceCard.objects.exists()


def test_unticked_models_cannot_be_called_and_come_back(
    staff: Client, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(models={"sum": "arithmetic", "x": "echo"})
    connect(staff, fake_provider.url)
    base = f"/staff/providers/{only().public_id}/"
    staff.post(f"{base}models/", {"models": ["sum", "x"]})

    # Only what the search shows is changed.
    staff.post(f"{base}models/", {"q": "su", "models": []})

    assert [one.upstream_id for one in queries.callable_deployments(to=None)] == ["x"]
    staff.post(f"{base}models/", {"models": ["sum", "x"]})
    assert queries.callable_deployments(to=None).count() == 2
    assert Deployment.objects.count() == 2


def test_a_provider_is_switched_off_and_on_as_it_was(
    staff: Client, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(models={"sum": "arithmetic", "x": "echo"})
    connect(staff, fake_provider.url)
    base = f"/staff/providers/{only().public_id}/"
    staff.post(f"{base}models/", {"models": ["sum", "x"]})
    staff.post(f"{base}models/", {"models": ["sum"]})

    staff.post(f"{base}switch-off/")

    assert not queries.callable_deployments(to=None).exists()
    assert "none of its models can be called" in staff.get(base).content.decode()
    staff.post(f"{base}switch-on/")
    assert [one.upstream_id for one in queries.callable_deployments(to=None)] == ["sum"]


def test_a_key_is_rotated_only_if_the_new_one_works(
    staff: Client, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(key=KEY, models={"sum": "arithmetic"})
    connect(staff, fake_provider.url)
    base = f"/staff/providers/{only().public_id}/"

    refused = staff.post(f"{base}key/", {"key": OTHER_KEY})

    assert refused.status_code == 422
    assert "refuses the key" in refused.content.decode()
    credential = only().credential
    assert credential is not None
    assert secret_of(credential) == KEY
    fake_provider.configure(key=OTHER_KEY, models={"sum": "arithmetic", "new": "echo"})
    assert staff.post(f"{base}key/", {"key": OTHER_KEY}).status_code == 302
    credential = only().credential
    assert credential is not None
    assert secret_of(credential) == OTHER_KEY
    assert credential.fingerprint == fingerprint_of(OTHER_KEY)
    assert len(only().listed_models) == 2


def test_the_list_is_refreshed_and_stays_if_the_provider_is_away(
    staff: Client, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(models={"sum": "arithmetic"})
    connect(staff, fake_provider.url)
    base = f"/staff/providers/{only().public_id}/"
    staff.post(f"{base}models/", {"models": ["sum"]})
    fake_provider.configure(models={"new": "echo"})

    staff.post(f"{base}refresh/")

    assert [model["id"] for model in only().listed_models] == ["new"]
    assert "no longer listed" in staff.get(f"{base}models/").content.decode()
    fake_provider.configure(key=OTHER_KEY, models={})
    ended = staff.post(f"{base}refresh/", follow=True)
    assert "refuses the key" in ended.content.decode()
    assert [model["id"] for model in only().listed_models] == ["new"]


def test_a_removed_key_is_gone_and_switches_off(staff: Client, fake_provider: FakeProvider) -> None:
    fake_provider.configure(models={"sum": "arithmetic"})
    connect(staff, fake_provider.url)
    base = f"/staff/providers/{only().public_id}/"
    staff.post(f"{base}models/", {"models": ["sum"]})

    staff.post(f"{base}erase-key/")

    credential = only().credential
    assert credential is not None
    assert credential.encrypted_secret is None
    assert not queries.callable_deployments(to=None).exists()
    assert "Enter a new key first" in staff.post(f"{base}switch-on/", follow=True).content.decode()


def test_the_pages_of_staff_are_theirs_alone(
    staff: Client, fake_provider: FakeProvider, open_account: Callable[..., Any]
) -> None:
    fake_provider.configure(models={"sum": "arithmetic"})
    connect(staff, fake_provider.url)
    public_id = only().public_id
    ada = Client()
    ada.force_login(open_account("ada"))

    for client, status in ((Client(), 302), (ada, 404)):
        for path in ("", "new/", "new/other/", f"{public_id}/", f"{public_id}/models/"):
            assert client.get(f"/staff/providers/{path}").status_code == status, path
        for path in ("models", "prices", "key", "refresh", "switch-off", "erase-key"):
            answer = client.post(f"/staff/providers/{public_id}/{path}/", {})
            assert answer.status_code == status, path
    assert ada.get(f"/settings/providers/{public_id}/").status_code == 404
    assert staff.get(f"/settings/providers/{public_id}/").status_code == 404
    assert staff.post(f"/staff/providers/{public_id}/nothing/").status_code == 404
    assert staff.get("/staff/providers/new/nothing/").status_code == 404


@pytest.mark.parametrize("kind", ["openai", "azure", "vertex", "ollama", "other"])
def test_every_kind_has_its_form(staff: Client, kind: str) -> None:
    assert staff.get(f"/staff/providers/new/{kind}/").status_code == 200


def test_the_pages_take_a_constant_number_of_queries(
    staff: Client, fake_provider: FakeProvider, django_assert_max_num_queries: Any
) -> None:
    fake_provider.configure(models={f"m{n}": "echo" for n in range(60)})
    connect(staff, fake_provider.url)
    base = f"/staff/providers/{only().public_id}/"
    staff.post(f"{base}models/", {"models": [f"m{n}" for n in range(60)]})

    for path in ("/staff/providers/", base, f"{base}models/"):
        with django_assert_max_num_queries(10):
            staff.get(path)
