"""What every adapter of a wire format must make of a provider's manners, over real HTTP."""

import asyncio
from typing import Any

import pytest

from plumbmark.engine.ports import FailureKind, FinishReason, ModelRequest
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.providers.base import Answer, Attempt, AttemptFailure, Target
from plumbmark.gateway.providers.http import Transport
from tests.fake_provider.process import FakeProvider

FORMATS = ["openai"]
SECRET = "sk-test-0123456789abcdef"  # not a credential of anything


def send(
    format_name: str,
    url: str,
    model: str,
    text: str = "What is 2+3?",
    *,
    deadline: float = 5.0,
    secret: str = SECRET,
    options: dict[str, Any] | None = None,
    **fields: Any,
) -> Attempt:
    provider = provider_named(format_name)
    assert provider is not None
    target = Target(url, model, deadline, options or {}, secret)
    request = ModelRequest([{"role": "user", "content": text}], 64, **fields)

    async def work() -> Attempt:
        transport = Transport()
        try:
            return await provider.send(transport, target, provider.build(target, request))
        finally:
            await transport.close()

    return asyncio.run(work())


def answer(format_name: str, url: str, model: str, **fields: Any) -> Answer:
    attempt = send(format_name, url, model, **fields)
    assert isinstance(attempt, Answer), attempt
    return attempt


def failure(format_name: str, url: str, model: str, **fields: Any) -> AttemptFailure:
    attempt = send(format_name, url, model, **fields)
    assert isinstance(attempt, AttemptFailure), attempt
    return attempt


@pytest.mark.parametrize("name", FORMATS)
class TestConformance:
    def test_an_answer_has_its_text_model_usage_and_id(
        self, name: str, fake_provider: FakeProvider
    ) -> None:
        got = answer(name, fake_provider.url, "arithmetic")

        assert got.response.text == "5"
        assert got.response.finish_reason is FinishReason.STOP
        assert got.response.model == "arithmetic-2026-01-01"
        assert got.response.usage.input_tokens > 0
        assert got.response.usage.output_tokens == 1
        assert not got.response.usage.estimated
        assert got.request_id

    @pytest.mark.parametrize(
        ("model", "finish", "text"),
        [
            ("refusal", FinishReason.REFUSAL, "I cannot help with that."),
            ("content-filter", FinishReason.CONTENT_FILTER, ""),
            ("length", FinishReason.LENGTH, "What is 2+3?"),
            ("empty", FinishReason.STOP, ""),
            ("parts", FinishReason.STOP, "in parts"),
        ],
    )
    def test_the_ways_to_stop_are_told_apart(
        self, name: str, model: str, finish: FinishReason, text: str, fake_provider: FakeProvider
    ) -> None:
        got = answer(name, fake_provider.url, model)

        assert (got.response.finish_reason, got.response.text) == (finish, text)

    def test_reasoning_is_kept_apart_from_the_answer(
        self, name: str, fake_provider: FakeProvider
    ) -> None:
        response = answer(name, fake_provider.url, "reasoning").response

        assert response.reasoning == "Let me think."
        assert response.usage.reasoning_tokens == 30
        assert response.usage.output_tokens == 40

    def test_cached_input_is_counted(self, name: str, fake_provider: FakeProvider) -> None:
        usage = answer(name, fake_provider.url, "cached").response.usage

        assert (usage.input_tokens, usage.cached_input_tokens) == (100, 64)

    def test_reasoning_left_out_of_the_output_is_billed_all_the_same(
        self, name: str, fake_provider: FakeProvider
    ) -> None:
        usage = answer(name, fake_provider.url, "hidden-reasoning").response.usage

        assert (usage.output_tokens, usage.reasoning_tokens) == (205, 200)

    @pytest.mark.parametrize("model", ["no-usage", "bad-usage"])
    def test_usage_that_is_missing_or_nonsense_is_flagged(
        self, name: str, model: str, fake_provider: FakeProvider
    ) -> None:
        assert answer(name, fake_provider.url, model).response.usage.estimated

    def test_text_that_no_database_takes_is_made_storable(
        self, name: str, fake_provider: FakeProvider
    ) -> None:
        text = answer(name, fake_provider.url, "broken-unicode").response.text

        assert text == "half \ufffd and \ufffd nothing"

    @pytest.mark.parametrize(
        ("model", "kind", "code", "retryable", "fatal"),
        [
            ("always-500", FailureKind.PROVIDER_ERROR, "http-500", True, False),
            ("always-429", FailureKind.RATE_LIMITED, "rate-limited", True, False),
            ("out-of-credit", FailureKind.RATE_LIMITED, "provider-quota", False, True),
            ("overflow", FailureKind.CONTEXT_OVERFLOW, "context-overflow", False, False),
            ("content-filter-error", FailureKind.CONTENT_FILTER, "content-filter", False, False),
            ("bad-request", FailureKind.PROVIDER_ERROR, "bad-request", False, True),
            ("never-heard-of", FailureKind.PROVIDER_ERROR, "unknown-model", False, True),
            ("no-json", FailureKind.PROVIDER_ERROR, "malformed-response", True, False),
            ("no-choices", FailureKind.PROVIDER_ERROR, "malformed-response", True, False),
            ("error-inside", FailureKind.PROVIDER_ERROR, "http-503", True, False),
            ("huge", FailureKind.PROVIDER_ERROR, "answer-too-large", False, False),
        ],
    )
    def test_failures_are_told_apart(
        self,
        name: str,
        model: str,
        kind: FailureKind,
        code: str,
        retryable: bool,
        fatal: bool,
        fake_provider: FakeProvider,
    ) -> None:
        got = failure(name, fake_provider.url, model)

        assert (got.kind, got.code, got.is_retryable, got.fatal) == (kind, code, retryable, fatal)

    def test_a_wrong_key_is_fatal(self, name: str, fake_provider: FakeProvider) -> None:
        fake_provider.configure(key="another")

        got = failure(name, fake_provider.url, "arithmetic")

        assert (got.code, got.fatal) == ("bad-key", True)

    @pytest.mark.parametrize("model", ["echo-key", "bad-request"])
    def test_an_echoed_key_is_struck_out(
        self, name: str, model: str, fake_provider: FakeProvider
    ) -> None:
        got = send(name, fake_provider.url, model)

        assert SECRET not in repr(got)
        assert "[credential]" in repr(got)

    @pytest.mark.parametrize(
        ("fault", "kind", "code"),
        [
            ("drop", FailureKind.NETWORK, "dropped"),
            ("truncate", FailureKind.NETWORK, "truncated"),
            ("stall", FailureKind.DEADLINE, "deadline"),
            ("500", FailureKind.PROVIDER_ERROR, "http-500"),
        ],
    )
    def test_broken_exchanges_are_retryable(
        self, name: str, fault: str, kind: FailureKind, code: str, fake_provider: FakeProvider
    ) -> None:
        fake_provider.configure(faults={fault: 1.0})

        got = failure(name, fake_provider.url, "arithmetic", deadline=0.3)

        assert (got.kind, got.code, got.is_retryable) == (kind, code, True)

    def test_retry_after_is_read(self, name: str, fake_provider: FakeProvider) -> None:
        fake_provider.configure(faults={"429": 1.0}, retry_after=1.5)

        assert failure(name, fake_provider.url, "arithmetic").retry_after == 1.5

    def test_a_provider_that_is_not_there_is_a_network_failure(self, name: str) -> None:
        got = failure(name, "http://127.0.0.1:9/v1", "arithmetic")

        assert (got.kind, got.code) == (FailureKind.NETWORK, "unreachable")

    def test_redirects_are_not_followed(self, name: str, fake_provider: FakeProvider) -> None:
        got = failure(name, fake_provider.url, "moved")

        assert got.status == 307

    def test_the_body_holds_no_credential_and_is_canonical(self, name: str) -> None:
        provider = provider_named(name)
        assert provider is not None
        request = ModelRequest(
            [{"role": "user", "content": "Grüße"}], 9, temperature=1.0, seed=3, extra={"z": 1e-7}
        )

        body = provider.build(Target("http://x", "m", 5, {}, SECRET), request)

        assert SECRET.encode() not in body
        assert b'"temperature":1,' in body
        assert b'"z":1e-7' in body
        assert "Grüße".encode() in body

    def test_a_recorded_answer_parses_to_the_same_response(
        self, name: str, fake_provider: FakeProvider
    ) -> None:
        provider = provider_named(name)
        assert provider is not None
        got = answer(name, fake_provider.url, "reasoning")

        assert provider.parse(got.payload) == got.response


def test_openai_uses_the_field_that_the_model_wants_for_its_limit() -> None:
    provider = provider_named("openai")
    assert provider is not None
    options = {"max_tokens_field": "max_completion_tokens", "omit": ["temperature"]}
    request = ModelRequest([], 9, temperature=0.5, extra={"max_tokens": 10**9, "stream": True})

    body = provider.build(Target("http://x", "m", 5, options), request)

    assert body == b'{"max_completion_tokens":9,"messages":[],"model":"m"}'


@pytest.mark.parametrize(
    ("program", "text"),
    [("echo", "Pick.\nA) x\nB) y"), ("first-choice", "A"), ("constant", "A")],
)
def test_baselines_answer_without_a_network(program: str, text: str) -> None:
    got = send("baseline", "", program, "Pick.\nA) x\nB) y")

    assert isinstance(got, Answer)
    assert got.response.text == text


def test_random_choice_repeats_itself_by_seed_and_prompt_and_uses_every_choice() -> None:
    def draw(seed: int) -> str:
        got = send("baseline", "", "random-choice", seed=seed, extra={"choices": list("ABCD")})
        assert isinstance(got, Answer)
        return got.response.text

    drawn = [draw(seed) for seed in range(40)]

    assert set(drawn) == set("ABCD")
    assert drawn == [draw(seed) for seed in range(40)]


def test_a_guarded_target_reaches_no_private_address(fake_provider: FakeProvider) -> None:
    provider = provider_named("openai")
    assert provider is not None
    url = fake_provider.url.replace("127.0.0.1", "localhost")
    target = Target(url, "arithmetic", 5, {}, SECRET, is_guarded=True)

    async def work() -> Attempt:
        transport = Transport()
        try:
            body = provider.build(target, ModelRequest([], 9))
            return await provider.send(transport, target, body)
        finally:
            await transport.close()

    got = asyncio.run(work())

    assert isinstance(got, AttemptFailure)
    assert (got.code, got.fatal) == ("private-address", True)
    assert fake_provider.stats()["total"] == 0
