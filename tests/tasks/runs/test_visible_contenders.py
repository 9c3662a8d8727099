"""Contenders and models are as visible as what they belong to: in lists, bounds, entries."""

from typing import Any

import pytest
from django.test import Client

from plumbmark.gateway.models import Deployment
from tasks_app.models import Contender, Task
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.submissions import submit_outputs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own(world: Any) -> Contender:
    """Eve's contender, of a deployment of her own."""
    eve = world.person("eve")
    deployment = world.add_deployment("secret-model")
    Deployment.objects.filter(pk=deployment.pk).update(owner=eve.namespace)
    deployment.refresh_from_db()
    return contender_of_deployment(deployment=deployment, configuration={}, by=eve)


def client_of(user: Any) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def listed(client: Client, kind: str) -> str:
    return client.get(f"/api/v1/{kind}?limit=200").content.decode()


def sees(client: Client, contender: Contender) -> list[bool]:
    """Return whether the contender is in the list, and at its address."""
    return [
        contender.public_id in listed(client, "contenders"),
        client.get(f"/api/v1/contenders/{contender.public_id}").status_code == 200,
    ]


def test_a_deployment_of_ones_own_is_listed_to_nobody_else(world: Any, own: Contender) -> None:
    eve = client_of(own.owner.user)  # type: ignore[union-attr]

    assert sees(eve, own) == [True, True]
    assert "fake/secret-model" in listed(eve, "models")
    for visitor in (None, world.ada):
        client = client_of(visitor)
        assert sees(client, own) == [False, False]
        for kind in ("contenders", "models", "deployments"):
            assert "secret-model" not in listed(client, kind)
            assert "secret" not in listed(client, kind)
        # The platform's are there for all.
        assert sees(client, world.contender) == [True, True]


def test_a_declared_run_on_a_public_task_shows_its_contender(world: Any, own: Contender) -> None:
    version = world.version(5)
    eve = own.owner.user  # type: ignore[union-attr]
    world.start(version, own, by=eve)
    assert sees(client_of(world.ada), own) == [False, False]

    world.start(version, own, by=eve, purpose="declared")

    assert sees(client_of(None), own) == [True, True]
    Task.objects.filter(pk=version.task_id).update(visibility="unlisted")
    assert sees(client_of(None), own) == [False, True]
    Task.objects.filter(pk=version.task_id).update(visibility="private")
    assert sees(client_of(None), own) == [False, False]
    # The task's author sees every declared run on it.
    assert sees(client_of(world.ada), own) == [True, True]


def test_what_was_submitted_to_a_private_task_is_listed_to_nobody_else(world: Any) -> None:
    version = world.version(2)
    Task.objects.filter(pk=version.task_id).update(visibility="private")
    run = submit_outputs(
        version=version,
        model_name="unreleased",
        namespace=world.ada.namespace,
        rows=[{"id": "i0", "output": "0"}, {"id": "i1", "output": "2"}],
        by=world.ada,
    )

    assert sees(client_of(world.ada), run.contender) == [True, True]
    assert sees(client_of(world.person("eve")), run.contender) == [False, False]


def test_nobody_bounds_or_enters_a_contender_that_they_do_not_see(
    world: Any, own: Contender
) -> None:
    version = world.version(5)
    client = client_of(world.ada)
    run = {
        "task_version": version.public_id,
        "contender": own.public_id,
        "purpose": "exploratory",
    }

    for path in ("runs/cost-bound", "runs"):
        answer = client.post(f"/api/v1/{path}", run, content_type="application/json")
        assert answer.status_code in {404, 422}, answer.content
        assert b"secret-model" not in answer.content
