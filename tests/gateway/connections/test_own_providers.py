"""Keys and servers of people and teams: used for their runs alone, and never for the platform's
money.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from plumbmark.accounts.models import Membership, Namespace
from plumbmark.gateway import queries
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Credential, Deployment, LedgerLine, ProviderConnection
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.connections.odd_server import reply, serving

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-secret-0123456789abcdef"  # not a credential of anything


@pytest.fixture(autouse=True)
def _runtime_ends(settings: Any) -> Iterator[None]:
    settings.ALLOWED_PROVIDER_ADDRESSES = ["127.0.0.1"]
    yield
    runtime.shutdown()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def connect(person: Any, url: str, model: str = "arithmetic", **fields: str) -> Deployment:
    """Connect and choose one model on the pages."""
    client = signed_in(person)
    values = {"name": "Mine", "base_url": url, "key": KEY, **fields}
    answer = client.post("/settings/providers/new/other/", values)
    assert answer.status_code == 302, answer.content.decode()
    made = ProviderConnection.objects.latest("pk")
    client.post(f"/settings/providers/{made.public_id}/models/", {"models": [model]})
    return made.deployments.get()


def test_a_persons_provider_is_called_for_them_unmetered(
    fake_provider: FakeProvider, ada: Any, open_account: Callable[..., Any]
) -> None:
    fake_provider.configure(key=KEY, models={"arithmetic": "arithmetic"})
    deployment = connect(ada, fake_provider.url)
    bob = open_account("bob")

    assert deployment.slug == "own/ada/mine/arithmetic"
    assert deployment.owner == ada.namespace
    assert deployment in queries.callable_deployments(to=ada.namespace)
    assert deployment not in queries.callable_deployments(to=bob.namespace)
    assert deployment not in queries.callable_deployments(to=None)
    assert deployment.model not in queries.visible_models(to=bob.namespace)
    result = rows.call_one(rows.grant(ada.namespace, deployment), deployment)
    assert result.response is not None
    assert result.charged == 0
    foreign = rows.call_one(rows.grant(bob.namespace, deployment), deployment)
    assert foreign.failure is not None
    assert foreign.failure.code == "deployment-not-granted"


def test_a_failing_key_falls_back_to_nothing(fake_provider: FakeProvider, ada: Any) -> None:
    fake_provider.configure(key=KEY, models={"arithmetic": "arithmetic"})
    platform = rows.deployment(fake_provider.url)
    deployment = connect(ada, fake_provider.url)
    fake_provider.configure(key="the-key-was-changed-there", models={"arithmetic": "arithmetic"})

    result = rows.call_one(rows.grant(ada.namespace, deployment, platform), deployment)

    assert result.failure is not None
    assert (result.failure.code, result.failure.fatal) == ("bad-key", True)
    runtime.shutdown()
    assert not LedgerLine.objects.exclude(charged=0).exists()
    assert fake_provider.stats()["total"] <= 1


def test_private_addresses_are_refused_on_entry(settings: Any, ada: Any) -> None:
    settings.ALLOWED_PROVIDER_ADDRESSES = []
    client = signed_in(ada)
    with serving(reply(b'{"data": []}')) as server:
        for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "169.254.169.254"):
            values = {"name": "x", "base_url": f"http://{host}:{server.port}/v1", "key": ""}
            answer = client.post("/settings/providers/new/other/", values)

            assert answer.status_code == 422
            assert "private network" in answer.content.decode(), host
        assert server.connections == 0
    assert not ProviderConnection.objects.exists()


def test_an_address_that_becomes_private_is_not_called(
    settings: Any, fake_provider: FakeProvider, ada: Any
) -> None:
    """The operator's list shrinks; a name that changes what it leads to is the same case."""
    settings.ALLOWED_PROVIDER_ADDRESSES = ["localhost"]
    fake_provider.configure(models={"arithmetic": "arithmetic"})
    deployment = connect(ada, fake_provider.url.replace("127.0.0.1", "localhost"))
    grant = rows.grant(ada.namespace, deployment)
    assert rows.call_one(grant, deployment).response is not None
    runtime.shutdown()
    settings.ALLOWED_PROVIDER_ADDRESSES = []
    calls = fake_provider.stats()["total"]

    result = rows.call_one(grant, deployment)

    assert result.failure is not None
    assert result.failure.code == "private-address"
    assert fake_provider.stats()["total"] == calls


def test_a_redirect_in_a_run_is_not_followed(ada: Any) -> None:
    with serving(reply(b'{"data": []}')) as inside:
        target = f"Location: http://127.0.0.1:{inside.port}/v1"
        with serving(reply(b"", "307 Temporary", target)) as outside:
            deployment = rows.deployment(outside.url, owner=ada.namespace)

            result = rows.call_one(rows.grant(ada.namespace, deployment), deployment)

        assert inside.connections == 0
    assert result.failure is not None


def test_a_teams_provider_is_its_maintainers_alone(
    fake_provider: FakeProvider, ada: Any, open_account: Callable[..., Any]
) -> None:
    fake_provider.configure(models={"arithmetic": "arithmetic"})
    team = Namespace.objects.create(handle="team", kind=Namespace.Kind.TEAM)
    Membership.objects.create(namespace=team, user=ada, role=Membership.Role.MAINTAINER)
    deployment = connect(ada, fake_provider.url, namespace="team")
    member, staff = open_account("bob"), open_account("keeper", is_administrator=True)
    Membership.objects.create(namespace=team, user=member, role=Membership.Role.MEMBER)
    connection = deployment.connection
    assert connection is not None
    path = f"/settings/providers/{connection.public_id}/"

    assert deployment.owner == team
    assert deployment in queries.callable_deployments(to=team)
    assert deployment not in queries.callable_deployments(to=ada.namespace)
    assert signed_in(ada).get(path).status_code == 200
    # Not staff either: a key of a person or team is theirs.
    for other in (member, staff):
        assert signed_in(other).get(path).status_code == 404
        assert signed_in(other).post(f"{path}erase-key/").status_code == 404
    answer = signed_in(member).post(
        "/settings/providers/new/other/",
        {"name": "x", "base_url": fake_provider.url, "namespace": "team", "key": ""},
    )
    assert answer.status_code in {403, 422}
    assert ProviderConnection.objects.count() == 1


def test_own_servers_do_not_pass_for_other_makers_models(
    fake_provider: FakeProvider, ada: Any
) -> None:
    fake_provider.configure(models={"gpt-4o": "echo", "openai/gpt-4o": "echo"})

    deployment = connect(ada, fake_provider.url, "openai/gpt-4o", name="OpenAI")

    assert deployment.model.slug == "own/ada/openai/openai/gpt-4o"
    assert deployment.model.maker == "ada"


def test_prices_of_ones_own_are_ones_own(fake_provider: FakeProvider, ada: Any) -> None:
    fake_provider.configure(models={"arithmetic": "arithmetic"})
    deployment = connect(ada, fake_provider.url)
    client, connection = signed_in(ada), deployment.connection
    assert connection is not None
    base = f"/settings/providers/{connection.public_id}/"
    client.post(f"{base}prices/", {"name": ["arithmetic"], "input-0": "0.5", "output-0": "3"})

    result = rows.call_one(rows.grant(ada.namespace, deployment), deployment)

    assert (result.charged, result.provider_cost) == (0, 6500)
    runtime.shutdown()
    assert "0.0000065 USD" in client.get(base).content.decode()
    assert queries.quota_status(ada.namespace).day.spent == 0


def test_credentials_are_encrypted_at_rest(fake_provider: FakeProvider, ada: Any) -> None:
    fake_provider.configure(key=KEY, models={"arithmetic": "arithmetic"})
    connect(ada, fake_provider.url)

    credential = Credential.objects.get()

    assert credential.owner == ada.namespace
    assert KEY.encode() not in bytes(credential.encrypted_secret or b"")
    assert credential.environment_variable == ""
