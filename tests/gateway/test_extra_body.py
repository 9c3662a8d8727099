"""The extra body: an operator's fields in every request, and callers' where the operator allows."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from plumbmark.gateway.forms import DeploymentForm
from plumbmark.gateway.models import Call, Deployment
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.providers.base import CannotAsk, Target
from plumbmark.gateway.providers.extra_body import (
    MAX_EXTRA_BODY_BYTES,
    find_extra_body_problem,
    find_options_problems,
)
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.http.inside import ask
from tests.gateway.http.servers import token_of

CHAT = "/v1/chat/completions"
FORMATS = ["openai", "anthropic", "gemini"]
KWARGS = {"chat_template_kwargs": {"enable_thinking": False}}
OWNED = [
    "model", "messages", "contents", "system", "stream", "max_tokens", "max_completion_tokens",
    "tools", "tool_choice", "n", "temperature", "seed", "stop", "response_format",
    "generationConfig", "reasoning_effort",
]  # fmt: skip


def body_of(wire_format: str, options: Any, **fields: Any) -> Any:
    provider = provider_named(wire_format)
    assert provider is not None
    target = Target("http://127.0.0.1:1", "some-model", 60.0, options)
    return json.loads(provider.build(target, rows.ask(**fields)))


@pytest.mark.parametrize("wire_format", FORMATS)
def test_fields_are_added_beside_those_of_the_gateway(wire_format: str) -> None:
    plain = body_of(wire_format, {})
    options = {
        "extra_body": {"provider": {"only": ["a"]}, "top_k": 1},
        "extra_body_allowed": ["chat_template_kwargs", "provider"],
    }

    of_operator = body_of(wire_format, options)
    of_both = body_of(wire_format, options, extra_body={**KWARGS, "provider": {"sort": "price"}})

    assert of_operator == {**plain, **options["extra_body"]}
    # A caller's field replaces the operator's as a whole.
    assert of_both == {**of_operator, **KWARGS, "provider": {"sort": "price"}}


@pytest.mark.parametrize("wire_format", FORMATS)
def test_a_field_that_is_not_allowed_is_never_sent(wire_format: str) -> None:
    with pytest.raises(CannotAsk, match=r"does not allow extra_body\.provider"):
        body_of(wire_format, {"extra_body_allowed": ["x"]}, extra_body={"provider": {}})
    with pytest.raises(CannotAsk, match="'model', which the gateway sets itself"):
        body_of(wire_format, {"extra_body_allowed": ["model"]}, extra_body={"model": "dear"})
    options = {"extra_body_allowed": ["service_tier"]}
    with pytest.raises(CannotAsk, match=r"does not allow extra_body\.service_tier"):
        body_of(wire_format, options, extra_body={"service_tier": "priority"})
    # An administrator sets it for all requests, and its price.
    of_all = body_of(wire_format, {"extra_body": {"service_tier": "flex"}})
    assert of_all["service_tier"] == "flex"
    with pytest.raises(CannotAsk, match="the option extra_body may not contain 'stream'"):
        body_of(wire_format, {"extra_body": {"stream": True}})


def test_a_field_that_the_request_has_already_is_refused_or_kept() -> None:
    # What the question says wins over the operator's default, and cannot be contradicted.
    options = {"extra_body": {"top_k": 1}, "extra_body_allowed": ["top_k"]}

    assert body_of("openai", options, extra={"top_k": 5})["top_k"] == 5
    with pytest.raises(CannotAsk, match=r"extra_body\.top_k is in the request already"):
        body_of("openai", options, extra={"top_k": 5}, extra_body={"top_k": 6})


@pytest.mark.parametrize("name", OWNED)
def test_what_the_gateway_sets_is_refused_as_an_option(name: str) -> None:
    for options in ({"extra_body": {name: 1}}, {"extra_body_allowed": [name]}):
        (problem,) = find_options_problems(options)
        assert f"may not contain {name!r}, which the gateway sets itself" in problem


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"extra_body": []}, "extra_body must be a JSON object"),
        ({"extra_body": {"": 1}}, "1 to 100 characters"),
        ({"extra_body": {"a": float("nan")}}, "cannot be sent unchanged"),
        ({"extra_body": {"a": 2**60}}, "cannot be sent unchanged"),
        ({"extra_body": {"a": "x" * MAX_EXTRA_BODY_BYTES}}, "at most 16384 bytes"),
        ({"extra_body_allowed": "provider"}, "extra_body_allowed must be a list of names"),
        ({"extra_body_allowed": {"a": 1}}, "extra_body_allowed must be a list of names"),
        ({"extra_body_allowed": [1]}, "1 to 100 characters"),
        ({"extra_body_allowed": ["a", "service_tier"]}, "'service_tier', which changes the price"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: Any, told: str) -> None:
    (problem,) = find_options_problems(options)

    assert told in problem


def test_options_that_can_are_not() -> None:
    assert find_options_problems({}) == []
    assert find_options_problems({"extra_body": KWARGS, "extra_body_allowed": ["a"]}) == []
    assert find_extra_body_problem({}) == ""


def test_the_administration_refuses_them_too(store: Store) -> None:
    form = DeploymentForm(data={"options": '{"extra_body": {"model": "x"}}'})

    assert "extra_body may not contain &#x27;model&#x27;" in str(form.errors["options"])


def test_the_command_sets_both_and_says_what_is_wrong(store: Store) -> None:
    def add(name: str, *more: str) -> Deployment:
        call_command(
            "add_provider", "--base-url", "http://127.0.0.1:1/v1", "--name", "p", "--free",
            "--model", name, *more,
        )  # fmt: skip
        return Deployment.objects.get(slug=f"p/{name}")

    made = add(
        "one", "--extra-body", json.dumps(KWARGS),
        "--allow-extra-body", "provider", "--allow-extra-body", "provider",
    )  # fmt: skip
    assert made.options == {"extra_body": KWARGS, "extra_body_allowed": ["provider"]}
    for wrong, told in (
        (("--extra-body", "{"), "--extra-body is not JSON"),
        (("--extra-body", "5"), "must be a JSON object"),
        (("--extra-body", '{"max_tokens": 5}'), "'max_tokens', which the gateway sets"),
        (("--allow-extra-body", "messages"), "'messages', which the gateway sets"),
    ):
        with pytest.raises(CommandError, match=told):
            add("two", *wrong)
    assert Deployment.objects.count() == 1


@pytest.mark.parametrize(
    ("wire_format", "operators", "callers"),
    [
        ("openai", {"route": "near"}, KWARGS),
        ("anthropic", {"container": "a"}, {"inference_geo": "eu"}),
        ("gemini", {"labels": {"team": "a"}}, {"safetySettings": []}),
    ],
)
def test_clients_send_allowed_fields_at_the_top_level(
    store: Store, fake_provider: FakeProvider, wire_format: str, operators: Any, callers: Any
) -> None:
    token = token_of(rows.namespace())
    (name,) = callers
    options = {"extra_body": operators, "extra_body_allowed": [name]}
    rows.deployment(fake_provider.url, provider=wire_format, options=options)
    question = {
        "model": "fake/arithmetic",
        "messages": [{"role": "user", "content": "What is 2+3?"}],
    }

    answered = ask(CHAT, {**question, **callers}, token)
    sent = fake_provider.last()["body"]
    refused = ask(CHAT, {**question, "provider": {}}, token)
    too_large = ask(CHAT, {**question, name: "x" * 17_000}, token)

    assert answered.status == 200
    assert {**sent, **operators, **callers} == sent
    assert (refused.status, refused.json["error"]["code"]) == (400, "unknown_parameter")
    assert refused.json["error"]["param"] == "provider"
    assert (too_large.status, too_large.json["error"]["param"]) == (400, name)
    assert Call.objects.count() == 1
