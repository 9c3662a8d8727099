"""A host that knows no JSON schemas is asked in a weaker way, which is remembered and told."""

from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from plumbmark.engine.ports import FailureKind
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Call, Deployment
from plumbmark.gateway.providers.base import AttemptFailure
from plumbmark.gateway.providers.schemas import find_weaker_way
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.http.inside import ask
from tests.gateway.http.servers import token_of
from tests.gateway.test_pages import administrator, page

SCHEMA = {
    "name": "answer",
    "schema": {"type": "object", "properties": {"word": {"type": "string"}}},
}


def refusal(message: str, status: int = 400, payload: Any = None) -> AttemptFailure:
    return AttemptFailure(
        FailureKind.PROVIDER_ERROR,
        "bad-request",
        message,
        is_retryable=False,
        status=status,
        payload=payload,
    )


@pytest.mark.parametrize(
    "message",
    [
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this "
        "model.",
        "Invalid value: 'json_schema'. Supported values are: 'json_object' and 'text'.",
        "This response_format type is unavailable now",
        "This model does not support response format `json_schema`.",
        "response_format.type: Input should be 'text' or 'json_object'",
        'response_format type must be one of "text" or "json_object", but got: json_schema',
        "Unrecognized request argument supplied: response_format",
        "body.response_format: Extra inputs are not permitted",
        "unknown field `response_format`",
        "Structured output is not supported by this model",
    ],
)
def test_a_refusal_of_schemas_is_known_in_hosts_words(message: str) -> None:
    request = rows.ask(output_schema=SCHEMA)

    assert find_weaker_way("json_schema", request, refusal(message)) == "json_object"
    assert find_weaker_way("json_object", request, refusal(message, 422)) == "prompt"
    assert find_weaker_way("prompt", request, refusal(message)) is None
    assert find_weaker_way("json_schema", rows.ask(), refusal(message)) is None
    assert find_weaker_way("json_schema", request, refusal(message, 429)) is None


def test_the_field_may_be_named_beside_the_message() -> None:
    payload = {"error": {"message": "Unsupported value.", "param": "response_format"}}

    found = find_weaker_way(
        "json_schema", rows.ask(output_schema=SCHEMA), refusal("Unsupported value.", 400, payload)
    )

    assert found == "json_object"


def test_a_refusal_may_come_as_a_fault_of_the_host() -> None:
    request = rows.ask(output_schema=SCHEMA)
    # As the server of llama-cpp-python says it.
    message = (
        "1 validation error: {'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), "
        "'msg': \"Input should be 'text' or 'json_object'\", 'input': 'json_schema'}"
    )
    other = "An unexpected error at the request with response_format json_schema."

    assert find_weaker_way("json_schema", request, refusal(message, 500)) == "json_object"
    assert find_weaker_way("json_schema", request, refusal(message, 503)) is None
    assert find_weaker_way("json_schema", request, refusal(other, 500)) is None


@pytest.mark.parametrize(
    "message",
    [
        "Invalid schema for response_format 'answer': In context=(), 'additionalProperties' is "
        "required to be supplied and to be false.",
        "Invalid schema for response_format 'answer': 'oneOf' is not permitted.",
        "response_format: the JSON schema is invalid, unknown type 'strng'",
        "temperature is not supported with this model",
        "The prompt is too long",
    ],
)
def test_other_refusals_are_told_as_they_are(message: str) -> None:
    assert find_weaker_way("json_schema", rows.ask(output_schema=SCHEMA), refusal(message)) is None


@pytest.mark.parametrize(
    ("model", "way", "requests"),
    [("json-object-only", "json_object", 2), ("no-response-format", "prompt", 3)],
)
def test_the_way_that_works_is_found_once_and_remembered(
    any_store: Store, fake_provider: FakeProvider, model: str, way: str, requests: int
) -> None:
    deployment = rows.deployment(fake_provider.url, model)
    grant = rows.grant(rows.namespace(), deployment)

    first = rows.call_one(grant, deployment, rows.ask(output_schema=SCHEMA))
    assert (first.response is not None, first.schema_way) == (True, way)
    assert first.attempts == fake_provider.stats()["total"] == requests
    sent = fake_provider.last()["body"]
    assert sent.get("response_format") == ({"type": way} if way == "json_object" else None)
    assert "It must follow this schema" in sent["messages"][-1]["content"]

    again = rows.call_one(grant, deployment, rows.ask("Again?", output_schema=SCHEMA))
    assert (again.attempts, again.schema_way) == (1, way)
    plain = rows.call_one(grant, deployment, rows.ask("No schema?"))
    assert (plain.attempts, plain.schema_way) == (1, "")

    # Another process knows it from the database.
    runtime.shutdown()
    deployment.refresh_from_db()
    assert (deployment.found_options, deployment.options) == ({"schema": way}, {})
    later = rows.call_one(grant, deployment, rows.ask("Later?", output_schema=SCHEMA))
    assert (later.attempts, later.schema_way) == (1, way)
    url = reverse("admin:gateway_deployment_change", args=[deployment.pk])
    assert f"schema: {way}, because the provider refused" in page(administrator(), url)


def test_calls_together_store_it_once(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url, "json-object-only")
    grant = rows.grant(rows.namespace(), deployment)
    written: list[str] = []

    def note(execute: Any, sql: str, *more: Any) -> Any:
        if sql.startswith("UPDATE") and "found_options" in sql:
            written.append(sql)
        return execute(sql, *more)

    async def watch() -> None:
        def begin() -> None:
            connection.execute_wrappers.append(note)

        await runtime.gateway().database.run(begin)

    runtime.run(watch())
    questions = [rows.ask(f"{n}?", output_schema=SCHEMA) for n in range(20)]
    results = rows.call_all(grant, deployment, questions)
    runtime.shutdown()

    assert {one.schema_way for one in results} == {"json_object"}
    assert len(written) == 1
    assert Deployment.objects.get().found_options == {"schema": "json_object"}


def test_an_operators_option_is_never_changed(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(
        fake_provider.url, "json-object-only", options={"schema": "json_schema"}
    )

    result = rows.call_one(
        rows.grant(rows.namespace(), deployment), deployment, rows.ask(output_schema=SCHEMA)
    )

    assert result.failure is not None
    assert (result.failure.code, result.attempts) == ("bad-request", 1)
    runtime.shutdown()
    assert Deployment.objects.get().found_options == {}


def test_a_schema_that_the_host_refuses_is_told(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url, "schema")
    grant = rows.grant(rows.namespace(), deployment)

    result = rows.call_one(grant, deployment, rows.ask(output_schema={**SCHEMA, "name": "wrong"}))

    assert result.failure is not None
    assert "Invalid schema for response_format" in result.failure.message
    assert result.attempts == 1


@pytest.mark.parametrize("streams", [False, True])
def test_clients_are_served_and_told(
    store: Store, fake_provider: FakeProvider, streams: bool
) -> None:
    rows.deployment(fake_provider.url, "no-response-format")
    asked = {
        "model": "fake/no-response-format",
        "messages": [{"role": "user", "content": "Hello?"}],
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
        "stream": streams,
    }

    reply = ask("/v1/chat/completions", asked, token_of(rows.namespace()))

    assert reply.status == 200
    last = reply.events[-1] if streams else reply.json
    assert last["plumbmark"]["schema"] == "prompt"
    assert len(Call.objects.get().attempts) == 3
