"""A run while the object storage of exchanges is away, and what readers see then."""

from typing import Any

import pytest
from django.test import Client

from plumbmark.common.clock import now
from plumbmark.config import env
from plumbmark.gateway.models import Exchange, ExchangeObject
from plumbmark.gateway.storage import exchanges
from tasks_app.models import Run
from tests.ports import unused_port

pytestmark = pytest.mark.django_db(transaction=True)

AWAY = "cannot be read at the moment"


@pytest.fixture
def away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_STORAGE", "s3://bucket")
    options = env.object_storage(
        "A_STORAGE",
        endpoint=f"http://127.0.0.1:{unused_port()}",
        region="us-east-1",
        key_id="tests",
        secret_key="not-a-secret-of-anything",
    )
    backend = "plumbmark.gateway.storage.object_storage.ObjectStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "exchanges": {"BACKEND": backend, "OPTIONS": options},
    }
    monkeypatch.setattr(exchanges, "health", exchanges._Health())


def test_a_run_completes_and_its_samples_are_shown_without_their_exchanges(
    world: Any, check: Any, away: None
) -> None:
    run = world.start(world.version(12))
    world.work()
    run = check(run)
    assert run.state == Run.State.COMPLETED
    assert Exchange.objects.filter(stored_in=None, call__grant=run.grant).count() == 12

    # As if they had been written while it answered.
    stored = ExchangeObject.objects.create(key="2026/01/01/x", written_at=now())
    Exchange.objects.update(body=b"", stored_in=stored, start=0, length=100)
    client = Client()
    client.force_login(world.ada, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get(f"{run.get_absolute_url()}samples/1/")
    assert page.status_code == 200
    assert AWAY in page.content.decode()
    assert "What is 1+1?" in page.content.decode()
    told = client.get(f"/api/v1/runs/{run.pk}/samples/1")
    assert told.status_code == 200
    assert told.json()["calls"][0]["request"] is None
    assert AWAY in told.json()["calls"][0]["note"]
    file = client.get(f"{run.get_absolute_url()}samples/1/calls/0/")
    assert file.status_code == 503
    assert AWAY in file.content.decode()
