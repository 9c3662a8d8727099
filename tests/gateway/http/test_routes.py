"""The gateway's routes as programs meet them: answers, permissions, cost."""

import asyncio
import json
import re
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from plumbmark.accounts.models import ApiToken, Membership, Namespace
from plumbmark.common import clock
from plumbmark.config.gateway_asgi import app
from plumbmark.engine.ports import CallFailure, CallResult, FailureKind
from plumbmark.gateway import actions
from plumbmark.gateway.calls import retry_budget, runtime
from plumbmark.gateway.http import asgi, principals
from plumbmark.gateway.http.asgi import Bodies, HttpExchange
from plumbmark.gateway.http.errors import HttpError, error_of_result
from plumbmark.gateway.http.grant_tokens import issue_grant_token
from plumbmark.gateway.models import Call, Deployment, Grant
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.http.inside import ask, begin, together
from tests.gateway.http.servers import token_of

CHAT = "/v1/chat/completions"
FORMATS = ["openai", "anthropic", "gemini"]


def question(model: str = "fake/arithmetic", text: str = "What is 2+3?", **more: Any) -> Any:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def error_of(reply: Any) -> tuple[int, str, str]:
    error = reply.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return reply.status, error["code"], error["message"]


# --- Answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1e-05, 1e308, 123456789012345680000.0])
def test_a_schema_may_hold_numbers_that_are_tiny_or_huge(
    any_store: Store, fake_provider: FakeProvider, number: float
) -> None:
    rows.deployment(fake_provider.url)
    token = token_of(rows.namespace())
    schema = {"type": "object", "properties": {"a": {"type": "number", "minimum": number}}}
    function = {"name": "f", "parameters": schema}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}

    replies = [
        ask(CHAT, question(tools=[{"type": "function", "function": function}]), token),
        ask(CHAT, question(response_format=form), token),
    ]

    assert [reply.status for reply in replies] == [200, 200]


@pytest.mark.parametrize("wire_format", FORMATS)
def test_a_call_is_answered_recorded_and_charged(
    any_store: Store, fake_provider: FakeProvider, wire_format: str
) -> None:
    anna = rows.namespace()
    rows.deployment(fake_provider.url, provider=wire_format)
    token = token_of(anna)

    reply = ask(CHAT, question(), token)

    assert reply.status == 200
    choice = reply.json["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("5", "stop")
    assert reply.json["usage"] == {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}
    call = Call.objects.select_related("grant").get()
    assert str(call.pk) == reply.json["plumbmark"]["call"]
    assert call.charged == reply.json["plumbmark"]["charged_nanodollars"] == 6500
    assert call.grant.payer == anna
    assert call.grant.subject == f"token:{ApiToken.objects.get().public_id}"
    assert rows.assert_books_agree().spent == 6500


def test_reasoning_refusals_and_limits_are_told_as_the_format_has_it(
    store: Store, fake_provider: FakeProvider
) -> None:
    token = token_of(rows.namespace())
    for model in ("reasoning", "refusal", "length", "content-filter", "cached"):
        rows.deployment(fake_provider.url, model)
    choices = {}
    for model in ("reasoning", "refusal", "length", "content-filter"):
        choices[model] = ask(CHAT, question(f"fake/{model}"), token).json["choices"][0]

    assert choices["reasoning"]["message"]["reasoning_content"] == "Let me think."
    assert choices["refusal"]["message"]["refusal"] == "I cannot help with that."
    assert choices["refusal"]["finish_reason"] == "stop"
    assert choices["length"]["finish_reason"] == "length"
    assert choices["content-filter"]["finish_reason"] == "content_filter"
    usage = ask(CHAT, question("fake/cached"), token).json["usage"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 64}


def test_fences_around_json_that_was_asked_for_are_taken_off(
    store: Store, fake_provider: FakeProvider
) -> None:
    fenced = '```json\n{"a": 1}\n```'
    rows.deployment(fake_provider.url, f"constant:{fenced}", slug="fake/fenced")
    token = token_of(rows.namespace())
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}

    plain = ask(CHAT, question("fake/fenced"), token)
    bare = ask(CHAT, question("fake/fenced", response_format=schema), token)
    loose = ask(CHAT, question("fake/fenced", response_format={"type": "json_object"}), token)

    assert plain.json["choices"][0]["message"]["content"] == fenced
    assert bare.json["choices"][0]["message"]["content"] == '{"a": 1}'
    assert loose.json["choices"][0]["message"]["content"] == '{"a": 1}'


@pytest.mark.parametrize("wire_format", FORMATS)
def test_a_stream_has_its_chunks_its_end_and_where_asked_its_usage(
    store: Store, fake_provider: FakeProvider, wire_format: str
) -> None:
    rows.deployment(fake_provider.url, "reasoning", provider=wire_format)
    token = token_of(rows.namespace())
    asked = question("fake/reasoning", "one two three", stream=True)

    reply = ask(CHAT, {**asked, "stream_options": {"include_usage": True}}, token)
    without = ask(CHAT, asked, token)

    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.body.endswith(b"data: [DONE]\n\n")
    *chunks, usage = reply.events
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0]["role"] == "assistant"
    assert "".join(d.get("content") or "" for d in deltas) == "one two three"
    assert "".join(d.get("reasoning_content", "") for d in deltas) == "Let me think."
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-1] == "stop"
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 40)
    assert all("usage" not in chunk for chunk in without.events)
    assert rows.books().charged == 2 * Call.objects.all()[0].charged


@pytest.mark.parametrize("chunk_ms", [0, 2])
@pytest.mark.parametrize("wire_format", FORMATS)
def test_a_stream_carries_every_tool_call_of_an_answer(
    store: Store, fake_provider: FakeProvider, wire_format: str, chunk_ms: int
) -> None:
    fake_provider.configure(chunk_ms=chunk_ms)
    rows.deployment(fake_provider.url, "calls", provider=wire_format)
    token = token_of(rows.namespace())
    names = ("look", "count")
    tools = [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
        for name in names
    ]
    wanted = 'CALL look {"city": "Rome"} && count {"of": [1, 2]} && look {"city": "Oslo"}'
    asked = question("fake/calls", wanted, tools=tools)

    plain = ask(CHAT, asked, token).json["choices"][0]
    reply = ask(CHAT, {**asked, "stream": True}, token)

    calls: dict[int, dict[str, str]] = {}
    for chunk in reply.events:
        pieces = chunk["choices"][0]["delta"].get("tool_calls", [])
        assert len(pieces) <= 1
        for piece in pieces:
            known = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
            known["id"] += piece.get("id") or ""
            for name in ("name", "arguments"):
                known[name] += piece.get("function", {}).get(name) or ""
    made = [calls[index] for index in sorted(calls)]
    assert [(one["name"], json.loads(one["arguments"])) for one in made] == [
        ("look", {"city": "Rome"}),
        ("count", {"of": [1, 2]}),
        ("look", {"city": "Oslo"}),
    ]
    assert len({one["id"] for one in made}) == 3
    whole = [(call["id"], call["function"]["name"]) for call in plain["message"]["tool_calls"]]
    assert whole == [(one["id"], one["name"]) for one in made]
    assert reply.events[-1]["choices"][0]["finish_reason"] == plain["finish_reason"] == "tool_calls"


def test_a_stream_that_breaks_ends_with_an_error(store: Store, fake_provider: FakeProvider) -> None:
    fake_provider.configure(chunk_ms=3)
    rows.deployment(fake_provider.url, "stream-error")
    token = token_of(rows.namespace())

    reply = ask(CHAT, question("fake/stream-error", "one two three four", stream=True), token)

    assert reply.status == 200
    assert reply.events[-1]["error"]["code"] == "http-503"
    assert rows.assert_books_agree().spent == 0


def test_a_stream_that_never_begins_has_a_status_of_its_own(
    store: Store, fake_provider: FakeProvider
) -> None:
    rows.deployment(fake_provider.url, "overflow")
    token = token_of(rows.namespace())

    reply = ask(CHAT, question("fake/overflow", stream=True), token)

    assert error_of(reply)[:2] == (400, "context_length_exceeded")


def leave_stream(model: str, token: str, **more: Any) -> None:
    """Ask for a stream, leave at its first piece, and wait until the call is recorded."""

    async def work() -> None:
        asking = begin(CHAT, question(model, stream=True, **more), token)
        serving = asyncio.create_task(app(asking.scope, asking.receive, asking.send))
        await asking.something_came.wait()
        asking.has_left.set()
        await serving
        await runtime.gateway().recorder.flush(timeout_seconds=30)

    together(work)


@pytest.mark.parametrize("wire_format", FORMATS)
def test_a_stream_whose_client_leaves_is_charged_by_the_providers_count(
    store: Store, fake_provider: FakeProvider, wire_format: str
) -> None:
    fake_provider.configure(chunk_ms=20)
    rule = "hidden-reasoning"
    rows.deployment(fake_provider.url, rule, provider=wire_format, max_billed_output_tokens=500)
    token = token_of(rows.namespace())

    leave_stream(f"fake/{rule}", token)
    ask(CHAT, question(f"fake/{rule}"), token)

    left, whole = Call.objects.order_by("started_at")
    assert (left.status, left.error_code, left.usage_estimated) == (
        "answered",
        "reader-left",
        False,
    )
    assert left.charged == whole.charged > 0
    assert left.output_tokens == whole.output_tokens >= 205
    assert rows.assert_books_agree().spent == 2 * whole.charged


def test_a_stream_whose_client_leaves_is_charged_without_the_attempt_that_broke_off(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(chunk_ms=20, first_faults=["break-off"])
    rows.deployment(fake_provider.url, "echo")
    token = token_of(rows.namespace())
    text = "one two three four"

    leave_stream("fake/echo", token, messages=[{"role": "user", "content": text}])

    call = Call.objects.get()
    broken, answered = (one["cost_nanodollars"] for one in call.attempts)
    assert (call.status, call.error_code, call.usage_estimated) == (
        "answered",
        "reader-left",
        False,
    )
    assert call.charged == answered == broken == (len(text) // 4 + 4) * 500 + 5 * 3000
    assert call.provider_cost == 2 * call.charged
    assert rows.assert_books_agree().spent == call.charged


def test_a_stream_that_goes_on_too_long_after_its_client_left_costs_what_was_set_aside(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "MAX_DRAIN_SECONDS", 0.1)
    fake_provider.configure(chunk_ms=20)
    deployment = rows.deployment(fake_provider.url, "words:500")

    leave_stream("fake/words:500", token_of(rows.namespace()))

    call = Call.objects.get()
    assert (call.status, call.error_code, call.usage_estimated) == ("answered", "reader-left", True)
    bound = rows.bound_of(deployment, rows.ask(tokens=4096))
    assert call.charged == call.provider_cost == bound
    assert rows.assert_books_agree().spent == call.charged
    fake_provider.wait_for_calls(0)


def test_a_stream_that_breaks_after_its_client_left_is_no_charge_and_not_retried(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(chunk_ms=20)
    rows.deployment(fake_provider.url, "stream-error")

    leave_stream("fake/stream-error", token_of(rows.namespace()))

    call = Call.objects.get()
    assert (call.status, call.error_code, len(call.attempts)) == ("failed", "http-503", 1)
    assert rows.assert_books_agree().spent == 0


def test_a_free_stream_ends_at_the_provider_when_its_client_leaves(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(chunk_ms=20)
    rows.price(rows.deployment(fake_provider.url, "words:500", priced=False), 0, 0)

    leave_stream("fake/words:500", token_of(rows.namespace()))

    call = Call.objects.get()
    assert (call.error_code, call.usage_estimated, call.charged) == ("reader-left", True, 0)
    fake_provider.wait_for_calls(0)


def test_a_stream_answers_in_one_piece_from_a_baseline(store: Store) -> None:
    rows.deployment("", "echo", slug="baseline/echo")

    reply = ask(CHAT, question("baseline/echo", "back", stream=True), token_of(rows.namespace()))

    assert reply.events[0]["choices"][0]["delta"]["content"] == "back"


def test_a_reader_who_takes_nothing_any_more_has_left(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "_WRITE_SECONDS", 0.1)
    fake_provider.configure(chunk_ms=5)
    rows.deployment(fake_provider.url, "words:500")
    token = token_of(rows.namespace())

    async def work() -> None:
        asking = begin(CHAT, question("fake/words:500", stream=True), token)

        async def stuck(message: Any) -> None:
            await asking.send(message)
            if message.get("body"):
                await asyncio.Event().wait()

        await app(asking.scope, asking.receive, stuck)
        await runtime.gateway().recorder.flush(timeout_seconds=30)

    together(work)

    call = Call.objects.get()
    whole = rows.call_one(call.grant, call.deployment, rows.ask(tokens=4096))
    assert (call.error_code, call.usage_estimated) == ("reader-left", False)
    assert call.charged == whole.charged
    assert rows.assert_books_agree().spent == 2 * call.charged


# --- Who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("", 401, "token-missing"),
        ("nonsense", 401, "token-rejected"),
        ("pmk_" + "0" * 46, 401, "token-rejected"),
        ("pmg_x.y.z.w", 401, "token-rejected"),
        ("sk-gr\u00fc\u00dfe", 401, "token-rejected"),
    ],
)
def test_who_has_no_token_does_not_get_in(store: Store, token: str, status: int, code: str) -> None:
    reply = ask(CHAT, question(), **({"authorization": f"Bearer {token}"} if token else {}))

    assert error_of(reply)[:2] == (status, code)
    assert reply.headers["www-authenticate"].startswith("Bearer")
    if token:
        assert token not in reply.body.decode()


def test_a_token_needs_the_scope_of_the_gateway(store: Store) -> None:
    reply = ask(CHAT, question(), token_of(rows.namespace(), "read", "write"))

    assert error_of(reply)[:2] == (403, "not-allowed")
    assert "gateway" in error_of(reply)[2]


def test_the_token_is_found_in_each_of_the_usual_headers(store: Store) -> None:
    rows.deployment("", "echo", slug="baseline/echo")
    token = token_of(rows.namespace())

    for headers in ({"x_api_key": token}, {"x_goog_api_key": token}):
        assert ask("/v1/models", **headers).status == 200


def test_a_revoked_token_works_on_until_the_memory_is_over_and_no_longer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(principals, "KEPT_SECONDS", 3600.0)
    token = token_of(rows.namespace())
    statuses = []

    async def look() -> None:
        asking = begin("/v1/models", None, token)
        await app(asking.scope, asking.receive, asking.send)
        statuses.append(asking.status)

    async def work() -> None:
        await look()
        await runtime.gateway().database.run(
            lambda: ApiToken.objects.update(revoked_at=timezone.now())
        )
        await look()
        # A memory that keeps nothing: what it is once the ten seconds are over.
        monkeypatch.setattr(principals, "KEPT_SECONDS", -1.0)
        app.open()
        await look()

    together(work)

    assert statuses == [200, 200, 401]


def test_a_token_that_is_remembered_ends_with_its_time_all_the_same(store: Store) -> None:
    grant = rows.grant(rows.namespace(), rows.deployment("", "echo"))
    token = issue_grant_token(grant, lives_seconds=60)
    statuses = []

    async def work() -> None:
        for offset in (0, 30, 61):
            clock.set_offset(offset)
            asking = begin("/v1/models", None, token)
            await app(asking.scope, asking.receive, asking.send)
            statuses.append(asking.status)

    together(work)

    assert statuses == [200, 200, 401]


def test_only_what_a_token_may_call_is_seen_and_called(
    store: Store, fake_provider: FakeProvider
) -> None:
    anna, ben = rows.namespace("anna"), rows.namespace("ben")
    rows.deployment(fake_provider.url, slug="fake/everybodys")
    rows.deployment(fake_provider.url, slug="fake/annas", owner=anna)
    rows.deployment(fake_provider.url, slug="fake/off", is_active=False)

    def seen(token: str) -> set[str]:
        return {each["id"] for each in ask("/v1/models", token=token).json["data"]}

    assert seen(token_of(anna)) == {"fake/everybodys", "fake/annas"}
    bens = token_of(ben)
    assert seen(bens) == {"fake/everybodys"}
    status, code, message = error_of(ask(CHAT, question("fake/annas"), bens))
    assert (status, code) == (404, "model_not_found")
    assert "GET /v1/models" in message
    assert "fake/off" not in message


def test_models_are_found_by_the_names_they_have_elsewhere(
    store: Store, fake_provider: FakeProvider
) -> None:
    rows.deployment(fake_provider.url, "echo", slug="host/maker/model-1")
    token = token_of(rows.namespace())

    for name in ("host/maker/model-1", "host/maker/model-1@default", "model-1", "echo"):
        assert ask(CHAT, question(name, "hi"), token).status == 200, name
    status, _, message = error_of(ask(CHAT, question("host/maker/model-2"), token))
    assert (status, "host/maker/model-1" in message) == (404, True)
    rows.deployment(fake_provider.url, "echo", slug="other/maker/model-1")
    status, _, message = error_of(ask(CHAT, question("model-1"), token))
    assert status == 404
    assert "host/maker/model-1, other/maker/model-1" in message
    one = ask("/v1/models/host/maker/model-1", token=token)
    assert one.json["id"] == "host/maker/model-1"


def test_a_maintainer_may_spend_for_the_team(store: Store, fake_provider: FakeProvider) -> None:
    anna, team = rows.namespace(), Namespace.objects.create(handle="team", kind="team")
    actions.set_quota(namespace=team, day_cap=10**12, month_cap=10**13, by=None)
    rows.deployment(fake_provider.url)
    token = token_of(anna)

    refused = ask(CHAT, question(), token, openai_organization="team")
    Membership.objects.create(namespace=team, user=anna.user, role="maintainer")
    # Of the refusal nothing is kept for longer than a second; another token asks at once.
    accepted = ask(CHAT, question(), token_of(anna), openai_organization="team")

    assert error_of(refused)[:2] == (403, "not-allowed")
    assert accepted.status == 200
    assert Call.objects.get().grant.payer == team


# --- Grants of runs ---------------------------------------------------------------------------


def test_a_run_token_opens_its_grant_and_nothing_else(
    store: Store, fake_provider: FakeProvider
) -> None:
    granted = rows.deployment(fake_provider.url, slug="fake/granted")
    rows.deployment(fake_provider.url, slug="fake/other")
    grant = rows.grant(rows.namespace(), granted)
    token = issue_grant_token(grant, lives_seconds=60, is_private=True)

    assert [each["id"] for each in ask("/v1/models", token=token).json["data"]] == ["fake/granted"]
    assert ask(CHAT, question("fake/granted"), token).status == 200
    assert ask(CHAT, question("fake/other"), token).status == 404
    call = Call.objects.get()
    assert (call.grant_id, call.role, call.is_private) == (grant.pk, "candidate", True)


def test_a_run_token_ends_with_its_time_and_with_its_grant(store: Store) -> None:
    grant = rows.grant(rows.namespace(), rows.deployment("", "echo"))
    over = issue_grant_token(grant, lives_seconds=-1)
    good = issue_grant_token(grant, lives_seconds=60)
    forged = good.replace(".-.", ".p.")

    assert ask("/v1/models", token=good).status == 200
    for token in (over, forged, good[:-1], good + "x"):
        assert error_of(ask("/v1/models", token=token))[:2] == (401, "token-rejected")
    actions.close_grant(grant=grant)
    assert error_of(ask("/v1/models", token=good))[:2] == (401, "token-rejected")


def test_the_cap_of_a_grant_holds_at_the_door(store: Store, fake_provider: FakeProvider) -> None:
    deployment = rows.deployment(fake_provider.url)
    grant = rows.grant(rows.namespace(), deployment, cap=7000)
    token = issue_grant_token(grant, lives_seconds=60)

    status, code, message = error_of(ask(CHAT, question(), token))

    assert (status, code) == (402, "grant-exhausted")
    assert "cap of this grant" in message


# --- What goes wrong --------------------------------------------------------------------------


def test_a_spent_limit_is_told_so_that_nobody_retries(
    store: Store, fake_provider: FakeProvider
) -> None:
    rows.deployment(fake_provider.url)
    token = token_of(rows.namespace(day_cap=1000))

    reply = ask(CHAT, question(), token)

    status, code, message = error_of(reply)
    assert (status, code) == (402, "quota-exhausted")
    assert "renews" in message
    assert fake_provider.stats()["total"] == 0


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("out-of-credit", 503, "provider-quota"),
        ("overflow", 400, "context_length_exceeded"),
        ("content-filter-error", 400, "content_filter"),
        ("bad-request", 400, "bad-request"),
        ("never-heard-of", 502, "unknown-model"),
        ("huge", 422, "answer-too-large"),
    ],
)
def test_a_providers_trouble_has_the_status_that_helps(
    store: Store, fake_provider: FakeProvider, model: str, status: int, code: str
) -> None:
    rows.deployment(fake_provider.url, model)

    assert error_of(ask(CHAT, question(f"fake/{model}"), token_of(rows.namespace())))[:2] == (
        status,
        code,
    )


def test_a_pause_that_the_provider_asks_for_is_passed_on(
    store: Store, fake_provider: FakeProvider
) -> None:
    fake_provider.configure(faults={"429": 1.0}, retry_after=100)
    rows.deployment(fake_provider.url, deadline_seconds=1)

    reply = ask(CHAT, question(), token_of(rows.namespace()))

    assert error_of(reply)[:2] == (429, "rate-limited")
    assert reply.headers["retry-after"] == "100"
    assert reply.headers["x-should-retry"] == "true"


@pytest.mark.parametrize(
    ("attempts", "failure", "may_retry"),
    [
        # Not sent: nothing was asked of the provider.
        (0, CallFailure(FailureKind.DEADLINE, "platform-busy", ""), "true"),
        (0, CallFailure(FailureKind.RATE_LIMITED, "rate-limited", ""), "true"),
        (0, CallFailure(FailureKind.RATE_LIMITED, "no-place", ""), "true"),
        (0, CallFailure(FailureKind.QUOTA, "quota-exhausted", ""), "false"),
        (0, CallFailure(FailureKind.PROVIDER_ERROR, "not-supported", ""), "false"),
        (0, CallFailure(FailureKind.PROVIDER_ERROR, "no-price", "", fatal=True), "false"),
        # Sent once, and not again.
        (1, CallFailure(FailureKind.RATE_LIMITED, "rate-limited", "", retry_after=90), "true"),
        (1, CallFailure(FailureKind.RATE_LIMITED, "rate-limited", ""), "false"),
        (1, CallFailure(FailureKind.RATE_LIMITED, "request-above-rate-limit", ""), "false"),
        (1, CallFailure(FailureKind.RATE_LIMITED, "provider-quota", "", True, 0, 90), "false"),
        (1, CallFailure(FailureKind.PROVIDER_ERROR, "unknown-finish-reason", ""), "false"),
        (1, CallFailure(FailureKind.PROVIDER_ERROR, "output-limit", ""), "false"),
        (1, CallFailure(FailureKind.PROVIDER_ERROR, "account-refused", "", True), "false"),
        # Sent again by the gateway.
        (2, CallFailure(FailureKind.RATE_LIMITED, "rate-limited", "", retry_after=90), "false"),
        (6, CallFailure(FailureKind.PROVIDER_ERROR, "http-500", ""), "false"),
        (6, CallFailure(FailureKind.PROVIDER_ERROR, "interrupted", ""), "false"),
        (3, CallFailure(FailureKind.DEADLINE, "deadline", ""), "false"),
    ],
)
def test_only_what_the_gateway_did_not_retry_may_be_retried(
    attempts: int, failure: CallFailure, may_retry: str
) -> None:
    error = error_of_result(CallResult(UUID(int=1), None, failure, 0, 0, 0, attempts))

    assert dict(error.headers)[b"x-should-retry"] == may_retry.encode()
    assert dict(error.again().headers) == dict(error.headers)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {}),
        (CHAT, {"stream": True}),
        ("/compat/kaggle/models/openapi/chat/completions", {}),
        ("/compat/kaggle/models/genai/v1/models/fake/arithmetic:generateContent", None),
        (
            "/compat/kaggle/models/genai/v1/models/fake/arithmetic:streamGenerateContent?alt=sse",
            None,
        ),
    ],
)
def test_every_route_says_that_a_retried_failure_is_not_to_be_retried(
    store: Store,
    fake_provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: Any,
) -> None:
    monkeypatch.setattr(retry_budget, "_FIRST_PAUSE_SECONDS", 0.001)
    fake_provider.configure(faults={"500": 1.0})
    rows.deployment(fake_provider.url)
    contents = {"contents": [{"role": "user", "parts": [{"text": "What is 2+3?"}]}]}

    reply = ask(path, contents if body is None else question(**body), token_of(rows.namespace()))

    assert (reply.status, reply.headers["x-should-retry"]) == (502, "false")
    assert fake_provider.stats()["total"] == retry_budget.MAX_CALL_ATTEMPTS


@pytest.mark.parametrize(
    ("path", "token", "status"), [(CHAT, "", 401), (CHAT, "pmk_wrong", 401), ("/nothing", "", 404)]
)
def test_refusals_are_final(store: Store, path: str, token: str, status: int) -> None:
    reply = ask(path, question(), token)

    assert (reply.status, reply.headers["x-should-retry"]) == (status, "false")


def test_with_the_database_away_known_tokens_go_on_and_others_are_told(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = rows.namespace()
    known, unknown = token_of(anna), token_of(anna)
    statuses = []

    def away(*_arguments: Any) -> Any:
        raise OperationalError("the server closed the connection unexpectedly")

    async def look(token: str) -> None:
        asking = begin("/v1/models", None, token)
        await app(asking.scope, asking.receive, asking.send)
        statuses.append((asking.status, asking.headers.get("x-should-retry")))

    async def work() -> None:
        monkeypatch.setattr(principals, "KEPT_SECONDS", -1.0)
        await look(known)
        monkeypatch.setattr(principals, "_principal", away)
        await look(known)
        await look(unknown)

    together(work)

    assert statuses == [(200, None), (200, None), (503, "true")]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CHAT, 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/v1/embeddings", 404),
        ("GET", "/", 404),
        ("GET", "/v1/models/no/such", 404),
    ],
)
def test_other_paths_say_what_there_is(store: Store, method: str, path: str, status: int) -> None:
    token = token_of(rows.namespace())

    assert error_of(ask(path, token=token, method=method))[0] == status


def test_large_bodies_pass_and_larger_ones_are_refused(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.deployment(fake_provider.url, "constant:seen", slug="fake/eyes")
    token = token_of(rows.namespace())
    image = "data:image/png;base64,iVBORw0KGgo" + "A" * 5_000_001
    content = [{"type": "image_url", "image_url": {"url": image}}]
    asked = {"model": "fake/eyes", "messages": [{"role": "user", "content": content}]}

    assert ask(CHAT, asked, token, chunk=65_536).status == 200

    monkeypatch.setattr(app, "_bodies", Bodies(largest=1_000_000, together=2_000_000))
    assert error_of(ask(CHAT, asked, token, chunk=65_536))[:2] == (413, "body-too-large")
    told = ask(CHAT, asked, token, content_length="5000000")
    assert error_of(told)[:2] == (413, "body-too-large")


def test_bodies_together_are_bounded_and_given_back() -> None:
    bodies = Bodies(largest=3_000_000, together=4_000_000)

    bodies.take(3_000_000)
    with pytest.raises(HttpError, match="try again") as refused:
        bodies.take(2_000_000)
    assert refused.value.may_be_retried
    bodies.take(1000)
    bodies.give_back(3_000_000)
    bodies.take(3_000_000)


def test_a_declared_length_reserves_nothing() -> None:
    bodies = Bodies(largest=3_000_000, together=4_000_000)

    async def never() -> Any:
        await asyncio.sleep(60)

    async def wait_for_bodies() -> None:
        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        scope["headers"] = [(b"content-length", b"3000000")]
        slow = [HttpExchange(scope, never, never, bodies) for _ in range(5)]
        waits = [asyncio.create_task(exchange.body()) for exchange in slow]
        await asyncio.sleep(0)
        bodies.take(3_000_000)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    asyncio.run(wait_for_bodies())


def test_one_token_has_so_many_calls_in_flight_and_no_more(
    store: Store, fake_provider: FakeProvider, settings: Any
) -> None:
    settings.MAX_GATEWAY_CALLS = 2
    fake_provider.configure(hold=0)
    rows.deployment(fake_provider.url)
    token = token_of(rows.namespace())

    async def work() -> list[tuple[int, str | None]]:
        asking = [begin(CHAT, question(), token) for _ in range(5)]
        waiting = {asyncio.create_task(app(each.scope, each.receive, each.send)) for each in asking}
        # The first two wait for their answers; meanwhile the others are refused.
        while len(waiting) > 2:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(fake_provider.go_on)
        await asyncio.gather(*waiting)
        return [(each.status, each.headers.get("x-should-retry")) for each in asking]

    assert sorted(together(work)) == [(200, None)] * 2 + [(429, "true")] * 3


# --- Cost -------------------------------------------------------------------------------------


def test_no_statement_is_made_per_call(
    store: Store, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long the calls take, no flush by time and no token that is to be read anew.
    monkeypatch.setattr("plumbmark.gateway.storage.recorder.FLUSH_SECONDS", 3600.0)
    monkeypatch.setattr(principals, "KEPT_SECONDS", 3600.0)
    rows.deployment(fake_provider.url)
    token = token_of(rows.namespace())
    made: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        made.append(sql)
        return execute(sql, params, many, context)

    async def once(stream: bool) -> None:
        asking = begin(CHAT, question(stream=stream), token)
        await app(asking.scope, asking.receive, asking.send)
        assert asking.status == 200

    async def work() -> None:
        await asyncio.gather(*(once(False) for _ in range(64)))
        gateway = runtime.gateway()
        await gateway.recorder.flush(timeout_seconds=30)
        await gateway.database.run(lambda: connection.execute_wrappers.append(note))
        for n in range(40):
            await once(n % 2 == 0)
        await gateway.database.run(lambda: connection.execute_wrappers.remove(note))

    together(work)

    # A lease may be taken in between: a handful of statements, not one per call.
    assert len(made) <= 16, made


def test_an_unknown_token_is_no_free_query(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(principals, "REFUSALS_KEPT_SECONDS", 3600.0)
    token = token_of(rows.namespace())
    ApiToken.objects.all().delete()
    made: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        made.append(sql)
        return execute(sql, params, many, context)

    async def work() -> None:
        database = runtime.gateway().database
        await database.run(lambda: connection.execute_wrappers.append(note))
        for _ in range(30):
            asking = begin("/v1/models", None, token)
            await app(asking.scope, asking.receive, asking.send)
            assert asking.status == 401
        await database.run(lambda: connection.execute_wrappers.remove(note))

    together(work)

    assert len([sql for sql in made if "accounts_apitoken" in sql]) == 1, made


def test_two_processes_make_one_grant_for_a_token(any_store: Store) -> None:
    anna = rows.namespace()
    token_of(anna)
    token, wanted = ApiToken.objects.get(), [rows.deployment("", "echo")]

    first = actions.grant_of_token(token=token, payer=anna, deployments=wanted)
    wanted.append(rows.deployment("", "constant"))
    second = actions.grant_of_token(token=token, payer=anna, deployments=wanted)

    assert first == second == Grant.objects.get()
    assert first.deployments.count() == 2
    assert Deployment.objects.count() == 2


# --- The request's id -------------------------------------------------------------------------


def test_every_answer_has_the_id_of_its_request(store: Store, fake_provider: FakeProvider) -> None:
    rows.deployment(fake_provider.url)
    token = token_of(rows.namespace())

    answers = [
        ask(CHAT, question(), token, x_request_id="mine-1"),
        ask(CHAT, question(stream=True), token, x_request_id="mine-1"),
        ask("/v1/models", None, token, x_request_id="mine-1"),
        ask("/v1/models", x_request_id="mine-1"),
        ask("/nothing", x_request_id="mine-1"),
        ask("/models/openapi/chat/completions", question(), "pmk_wrong", x_request_id="mine-1"),
    ]
    new = [ask("/healthz", x_request_id=sent).headers["x-request-id"] for sent in ("", "a b", "")]

    assert [answer.status for answer in answers[:5]] == [200, 200, 200, 401, 404]
    assert {answer.headers["x-request-id"] for answer in answers} == {"mine-1"}
    assert len(set(new)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in new)


def test_the_log_of_a_fault_names_the_request(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*given: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(principals.Principals, "behind", fail)

    reply = ask("/v1/models", None, "pmk_any", x_request_id="mine-2")

    assert (reply.status, reply.headers["x-request-id"]) == (500, "mine-2")
    assert "a fault at GET /v1/models (request mine-2)" in caplog.text


def test_a_gateway_that_is_draining_is_alive_and_not_ready(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask("/readyz").json == {"status": "ready"}

    monkeypatch.setattr(runtime, "_is_draining", True)

    answer = ask("/readyz")
    assert (answer.status, answer.json) == (503, {"status": "not ready", "problems": ["draining"]})
    assert ask("/healthz").body == b"ok"
