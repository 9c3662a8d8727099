"""Reasoning that a client sends back: each host gets it as it takes it."""

from typing import Any

import pytest

from plumbmark.engine.ports import CallResult, FailureKind, ModelRequest
from plumbmark.gateway.models import Deployment, Grant
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.providers.base import AttemptFailure, Target
from plumbmark.gateway.providers.extra_body import find_options_problems
from plumbmark.gateway.providers.returned_reasoning import refuses_returned_reasoning
from plumbmark.strict_json import wire
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.test_streams import stream

THOUGHT = "I add."


def conversation(**fields: str) -> ModelRequest:
    return ModelRequest(
        [
            {"role": "user", "content": "2+3?"},
            {"role": "assistant", "content": "5", **fields},
            {"role": "user", "content": "Sure?"},
        ],
        32,
    )


def sent_to(base_url: str, options: dict[str, Any], **fields: str) -> dict[str, Any]:
    """Return the assistant's message as it goes to this host."""
    provider = provider_named("openai")
    assert provider is not None
    target = Target(base_url, "m", 10, options)
    message: dict[str, Any] = wire.read(provider.build(target, conversation(**fields)))["messages"][
        1
    ]
    return message


@pytest.mark.parametrize(
    ("base_url", "passes"),
    [
        ("https://api.openai.com/v1", False),
        ("https://mine.openai.azure.com/openai/v1", False),
        ("https://api.groq.com/openai/v1", False),
        ("https://api.mistral.ai/v1", False),
        ("https://api.deepseek.com", True),
        ("https://openrouter.ai/api/v1", True),
        ("http://127.0.0.1:8000/v1", True),
        ("https://notapi.openai.com.example.org/v1", True),
    ],
)
@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_known_hosts_that_refuse_it_do_not_get_it(base_url: str, passes: bool, name: str) -> None:
    message = sent_to(base_url, {}, **{name: THOUGHT})

    expected = {name: THOUGHT} if passes else {}
    assert message == {"role": "assistant", "content": "5", **expected}


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("way", ["reasoning_content", "reasoning", "omit"])
def test_the_option_decides_for_every_host(way: str, name: str) -> None:
    for base_url in ("https://api.groq.com/openai/v1", "http://127.0.0.1:8000/v1"):
        message = sent_to(base_url, {"returned_reasoning": way}, **{name: THOUGHT})

        expected = {} if way == "omit" else {way: THOUGHT}
        assert message == {"role": "assistant", "content": "5", **expected}


def test_an_option_that_means_nothing_is_refused() -> None:
    (problem,) = find_options_problems({"returned_reasoning": "maybe"})

    assert problem == "returned_reasoning must be one of reasoning_content, reasoning, omit."
    assert find_options_problems({"returned_reasoning": "omit"}) == []


def failure(message: str, status: int = 400) -> AttemptFailure:
    return AttemptFailure(
        FailureKind.PROVIDER_ERROR, "bad-request", message, is_retryable=False, status=status
    )


@pytest.mark.parametrize(
    ("message", "refuses"),
    [
        ("('messages.1' : property 'reasoning_content' is unsupported)", True),
        ("property 'reasoning' is unsupported", True),
        ("body.messages.1.assistant.reasoning_content: Extra inputs are not permitted", True),
        ("Unknown parameter: 'messages[1].reasoning_content'.", True),
        ("The message must not contain reasoning_content", True),
        ("The `reasoning_content` in the thinking mode must be passed back to the API.", False),
        ("Missing `reasoning_content` field in the assistant message at message index 1", False),
        ("Unknown parameter: 'reasoning_effort'.", False),
        ("The prompt is too long", False),
    ],
)
def test_a_refusal_of_it_is_known_in_hosts_words(message: str, refuses: bool) -> None:
    assert refuses_returned_reasoning(failure(message)) == refuses
    assert refuses_returned_reasoning(failure(message, 422)) == refuses
    assert not refuses_returned_reasoning(failure(message, 429))


def call(
    grant: Grant, deployment: Deployment, request: ModelRequest, *, streams: bool
) -> CallResult:
    if not streams:
        return rows.call_one(grant, deployment, request)
    ending = stream(grant, deployment, request)[1]
    assert ending is not None
    return ending


@pytest.mark.parametrize("streams", [False, True])
def test_a_host_that_refuses_it_is_asked_again_without_and_from_then_on(
    store: Store, fake_provider: FakeProvider, streams: bool
) -> None:
    deployment = rows.deployment(fake_provider.url, "no-reasoning-back")
    grant = rows.grant(rows.namespace(), deployment)

    first = call(grant, deployment, conversation(reasoning_content=THOUGHT), streams=streams)
    again = call(grant, deployment, conversation(reasoning=THOUGHT), streams=streams)

    assert first.response is not None
    assert again.response is not None
    assert (first.attempts, again.attempts) == (2, 1)
    assert "reasoning" not in fake_provider.last()["body"]["messages"][1]


def test_the_option_turns_the_second_request_off(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(
        fake_provider.url,
        "no-reasoning-back",
        options={"returned_reasoning": "reasoning_content"},
    )
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment, conversation(reasoning_content=THOUGHT))

    assert result.failure is not None
    assert "property 'reasoning_content' is unsupported" in result.failure.message
    assert result.attempts == 1


def test_a_host_that_needs_it_gets_it_and_its_message_is_told_where_it_is_missing(
    store: Store, fake_provider: FakeProvider
) -> None:
    deployment = rows.deployment(fake_provider.url, "reasoning-back")
    grant = rows.grant(rows.namespace(), deployment)

    with_it = rows.call_one(grant, deployment, conversation(reasoning_content=THOUGHT))
    without = rows.call_one(grant, deployment, conversation())

    assert with_it.response is not None
    assert without.failure is not None
    assert "must be passed back" in without.failure.message
    assert (with_it.attempts, without.attempts) == (1, 1)


@pytest.mark.parametrize("wire_format", ["anthropic", "gemini"])
def test_other_formats_have_no_place_for_it(
    store: Store, fake_provider: FakeProvider, wire_format: str
) -> None:
    deployment = rows.deployment(fake_provider.url, "echo", provider=wire_format)
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment, conversation(reasoning_content=THOUGHT))

    assert result.response is not None
    assert THOUGHT not in str(fake_provider.last()["body"])
