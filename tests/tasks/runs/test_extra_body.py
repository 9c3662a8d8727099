"""Runs with an extra body: where it is allowed, as part of who is compared, as it is sent."""

import json
from typing import Any

import pytest
from django.test import Client

from plumbmark.accounts.tokens import issue_token
from plumbmark.common.errors import InvalidInput
from plumbmark.gateway.models import Deployment, Exchange
from plumbmark.gateway.storage.records import decompress
from tasks_app.models import Contender
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.forms import RunForm
from tests.tasks.world import World

pytestmark = pytest.mark.django_db(transaction=True)

KWARGS = {"chat_template_kwargs": {"enable_thinking": False}}
OPTIONS = {"extra_body": {"route": "near"}, "extra_body_allowed": ["chat_template_kwargs"]}


@pytest.fixture
def deployment(world: World) -> Deployment:
    world.deployment.options = OPTIONS
    world.deployment.save()
    return world.deployment


def contender_with(world: World, extra_body: Any) -> Contender:
    return contender_of_deployment(
        deployment=world.deployment, configuration={"extra_body": extra_body}, by=world.ada
    )


def test_a_run_sends_it_freezes_it_and_shows_it(world: World, deployment: Deployment) -> None:
    version = world.version(items=2)
    run = world.start(version, contender_with(world, KWARGS))
    world.work()

    run.refresh_from_db()
    assert run.state == "completed"
    for exchange in Exchange.objects.all():
        sent = decompress(bytes(exchange.body))["request"]
        assert {name: sent[name] for name in ("route", *KWARGS)} == {"route": "near", **KWARGS}
    assert Exchange.objects.count() == 2
    assert run.parameters["extra_body"] == KWARGS
    assert run.deployment_facts["extra_body"] == {"route": "near"}
    client = Client()
    client.force_login(world.ada, backend="django.contrib.auth.backends.ModelBackend")
    found = client.get(f"/api/v1/runs/{run.pk}").json()
    assert found["parameters"]["extra_body"] == KWARGS
    assert found["deployment_facts"]["extra_body"] == {"route": "near"}
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "&quot;enable_thinking&quot;: false" in page
    assert "&quot;route&quot;: &quot;near&quot;" in page


def test_it_is_part_of_who_is_compared(world: World, deployment: Deployment) -> None:
    plain = world.contender_of(deployment)
    off = contender_with(world, KWARGS)
    on = contender_with(world, {"chat_template_kwargs": {"enable_thinking": True}})

    assert len({plain.configuration_hash, off.configuration_hash, on.configuration_hash}) == 3
    assert contender_with(world, KWARGS).pk == off.pk
    # An empty one changes nothing that is sent.
    assert contender_with(world, {}).pk == plain.pk
    assert off.label == 'arithmetic (chat_template_kwargs={"enable_thinking":false})'


@pytest.mark.parametrize(
    ("extra_body", "told"),
    [
        ({"provider": {}}, "fake/arithmetic allows chat_template_kwargs."),
        ({"model": "dear"}, "may not contain 'model', which the gateway sets itself"),
        ({"max_tokens": 5}, "may not contain 'max_tokens', which the gateway sets itself"),
        ([], "must be a JSON object"),
        ({"chat_template_kwargs": "x" * 17_000}, "at most 16384 bytes"),
    ],
)
def test_what_the_deployment_does_not_allow_is_refused_at_once(
    world: World, deployment: Deployment, extra_body: Any, told: str
) -> None:
    token = issue_token(user=world.ada, name="t", scopes=["write"], expires_at=None).secret
    body = {"deployment": deployment.slug, "configuration": {"extra_body": extra_body}}

    answer = Client().post(
        "/api/v1/contenders", body, "application/json", HTTP_AUTHORIZATION=f"Bearer {token}"
    )

    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    assert told in problem["message"]
    assert "extra_body" in problem["path"]


def test_a_run_does_not_start_where_it_is_no_longer_allowed(
    world: World, deployment: Deployment
) -> None:
    contender = contender_with(world, KWARGS)
    deployment.options = {}
    deployment.save()
    contender.refresh_from_db()

    with pytest.raises(InvalidInput, match="allows no field in extra_body; an administrator"):
        world.start(world.version(items=1), contender)


def test_the_form_offers_it_where_some_model_allows_something(
    world: World, deployment: Deployment
) -> None:
    other = world.add_deployment("echo")

    def form_with(text: str, chosen: Deployment = deployment) -> RunForm:
        data = {"deployment": chosen.slug, "purpose": "exploratory", "extra_body": text}
        return RunForm(data, deployments=[deployment, other], namespaces=[])

    right = form_with(json.dumps(KWARGS))
    assert right.is_valid(), right.errors
    assert right.configuration == {"extra_body": KWARGS}
    assert "fake/arithmetic allows chat_template_kwargs." in right.fields["extra_body"].help_text
    empty = form_with(" ")
    assert empty.is_valid()
    assert empty.configuration == {}
    for form, told in (
        (form_with("{"), "This is not JSON"),
        (form_with("[]"), "must be a JSON object"),
        (form_with('{"provider": 1}'), "is not allowed. fake/arithmetic allows"),
        (form_with(json.dumps(KWARGS), other), "fake/echo allows no field"),
    ):
        assert told in str(form.errors["extra_body"]), form.errors
    assert "extra_body" not in RunForm(deployments=[other], namespaces=[]).fields
