"""What every adapter of a wire format must make of a provider's manners, over real HTTP."""

import asyncio
import json
from typing import Any

import pytest

from plumbmark.engine.ports import FailureKind, FinishReason, ModelRequest
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.providers.base import (
    Answer,
    Attempt,
    AttemptFailure,
    CannotAsk,
    Target,
)
from plumbmark.gateway.providers.http import HttpClient
from tests.fake_provider.process import FakeProvider
from tests.gateway.asking import SECRET, answer, ask, collected, failure

FORMATS = ["openai", "anthropic", "gemini"]
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CLOCK = {"type": "function", "function": {"name": "clock"}}
SCHEMA = {
    "name": "reply",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"count": {"type": "integer", "minimum": 1}, "word": {"type": "string"}},
        "required": ["count", "word"],
    },
}


def target_of(model: str = "m", **options: Any) -> Target:
    return Target("http://x", model, 5, options, SECRET)


def built(name: str, request: ModelRequest, model: str = "m", **options: Any) -> dict[str, Any]:
    provider = provider_named(name)
    assert provider is not None
    body: dict[str, Any] = json.loads(provider.build(target_of(model, **options), request))
    return body


def user(content: Any = "Hello?") -> dict[str, Any]:
    return {"role": "user", "content": content}


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", FORMATS)
class TestConformance:
    def test_an_answer_has_its_text_model_usage_and_id(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        got = answer(name, fake_provider.url, "arithmetic", streams=streams)

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
        self,
        name: str,
        streams: bool,
        model: str,
        finish: FinishReason,
        text: str,
        fake_provider: FakeProvider,
    ) -> None:
        # What a format has no word for, it cannot tell apart.
        finish = {
            ("anthropic", "content-filter"): FinishReason.REFUSAL,
            ("gemini", "refusal"): FinishReason.STOP,
        }.get((name, model), finish)

        got = answer(name, fake_provider.url, model, streams=streams)

        assert (got.response.finish_reason, got.response.text) == (finish, text)

    def test_reasoning_is_kept_apart_from_the_answer(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        response = answer(name, fake_provider.url, "reasoning", streams=streams).response

        assert response.reasoning == "Let me think."
        assert response.text == "What is 2+3?"
        assert response.usage.reasoning_tokens == 30
        assert response.usage.output_tokens == 40

    def test_cached_input_is_counted(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        usage = answer(name, fake_provider.url, "cached", streams=streams).response.usage

        assert (usage.input_tokens, usage.cached_input_tokens) == (100, 64)

    def test_reasoning_left_out_of_the_output_is_billed_all_the_same(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        usage = answer(name, fake_provider.url, "hidden-reasoning", streams=streams).response.usage

        assert (usage.output_tokens, usage.reasoning_tokens) == (205, 200)

    @pytest.mark.parametrize("model", ["no-usage", "bad-usage"])
    def test_usage_that_is_missing_or_nonsense_is_flagged(
        self, name: str, streams: bool, model: str, fake_provider: FakeProvider
    ) -> None:
        got = answer(name, fake_provider.url, model, streams=streams)

        assert got.response.usage.estimated

    def test_text_that_no_database_takes_is_made_storable(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        got = answer(name, fake_provider.url, "broken-unicode", streams=streams)

        assert got.response.text == "half \ufffd and \ufffd nothing"

    def test_a_pair_that_two_chunks_share_is_one_character(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        got = answer(name, fake_provider.url, "split-emoji", streams=streams)

        assert got.response.text == "a \U0001f600 b"

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
            ("error-inside", FailureKind.PROVIDER_ERROR, "http-503", True, False),
        ],
    )
    def test_failures_are_told_apart(
        self,
        name: str,
        streams: bool,
        model: str,
        kind: FailureKind,
        code: str,
        retryable: bool,
        fatal: bool,
        fake_provider: FakeProvider,
    ) -> None:
        if (name, model) == ("anthropic", "error-inside"):
            code = "http-529"
        elif (name, model) == ("anthropic", "out-of-credit"):
            kind, code = FailureKind.PROVIDER_ERROR, "provider-balance"

        got = failure(name, fake_provider.url, model, streams=streams)

        assert (got.kind, got.code, got.is_retryable, got.fatal) == (kind, code, retryable, fatal)

    def test_an_answer_without_end_is_cut_off(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        got = failure(name, fake_provider.url, "huge", streams=streams)

        assert (got.code, got.is_retryable) == ("answer-too-large", False)

    def test_a_wrong_key_is_fatal(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        fake_provider.configure(key="another")

        got = failure(name, fake_provider.url, "arithmetic", streams=streams)

        assert (got.code, got.fatal) == ("bad-key", True)

    @pytest.mark.parametrize("model", ["echo-key", "bad-request"])
    def test_an_echoed_key_is_struck_out(
        self, name: str, streams: bool, model: str, fake_provider: FakeProvider
    ) -> None:
        request = ModelRequest([user()], 64)

        pieces, ending = collected(name, fake_provider.url, model, request, streams=streams)

        told = "".join(piece.text for piece in pieces)
        assert SECRET not in repr(ending)
        assert "[credential]" in repr(ending)
        if pieces:
            assert told == "you said [credential]"

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
        self,
        name: str,
        streams: bool,
        fault: str,
        kind: FailureKind,
        code: str,
        fake_provider: FakeProvider,
    ) -> None:
        fake_provider.configure(faults={fault: 1.0})

        deadline = 0.3 if fault == "stall" else 300
        got = failure(name, fake_provider.url, "echo", "a b c", streams=streams, deadline=deadline)

        assert (got.kind, got.code, got.is_retryable) == (kind, code, True)

    def test_retry_after_is_read(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        fake_provider.configure(faults={"429": 1.0}, retry_after=1.5)

        assert failure(name, fake_provider.url, "echo", streams=streams).retry_after == 1.5

    def test_a_provider_that_is_not_there_is_a_network_failure(
        self, name: str, streams: bool
    ) -> None:
        got = failure(name, "http://127.0.0.1:9/v1", "arithmetic", streams=streams)

        assert (got.kind, got.code) == (FailureKind.NETWORK, "unreachable")

    def test_redirects_are_not_followed(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        got = failure(name, fake_provider.url, "moved", streams=streams)

        assert got.status == 307

    def test_a_recorded_answer_parses_to_the_same_response(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        provider = provider_named(name)
        assert provider is not None
        for model in ("reasoning", "tools", "echo"):
            got = answer(name, fake_provider.url, model, streams=streams, tools=[WEATHER])

            assert provider.parse(got.payload) == got.response

    def test_a_tool_is_called_and_its_result_understood(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        url, tools = fake_provider.url, [WEATHER, CLOCK]
        asked: list[dict[str, Any]] = [{"role": "system", "content": "Use tools."}, user()]

        first = answer(name, url, "tools", streams=streams, messages=asked, tools=tools).response

        assert first.finish_reason is FinishReason.TOOL_CALLS
        (call,) = first.tool_calls
        assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Paris", "days": 2})
        asked += [
            {"role": "assistant", "content": None, "tool_calls": [call.as_message_part()]},
            {"role": "tool", "tool_call_id": call.id, "content": "Sunny, 21"},
        ]

        second = answer(name, url, "tools", streams=streams, messages=asked, tools=tools).response

        assert second.text == "The tool says: Sunny, 21"
        assert second.finish_reason is FinishReason.STOP

        # And once more without tools, as when the answer is wanted at last.
        third = answer(name, url, "tools", streams=streams, messages=asked).response
        assert third.text == "The tool says: Sunny, 21"

    def test_arguments_that_break_off_do_no_harm(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        got = answer(name, fake_provider.url, "half-arguments", streams=streams, tools=[WEATHER])

        assert got.response.finish_reason is FinishReason.LENGTH
        (call,) = got.response.tool_calls
        assert call.name == "weather"
        # It can be sent back as it is.
        messages = [
            user(),
            {"role": "assistant", "content": "", "tool_calls": [call.as_message_part()]},
            {"role": "tool", "tool_call_id": call.id, "content": "That was no JSON."},
        ]
        again = answer(name, fake_provider.url, "tools", messages=messages, tools=[WEATHER])
        assert again.response.text == "The tool says: That was no JSON."

    def test_an_answer_follows_a_schema(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        got = answer(name, fake_provider.url, "schema", streams=streams, output_schema=SCHEMA)

        assert json.loads(got.response.text) == {"count": 7, "word": "text"}
        assert got.response.finish_reason is FinishReason.STOP

    def test_a_conversation_in_any_order_is_understood(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        messages = [
            {"role": "assistant", "content": "Welcome."},
            user("One."),
            user([{"type": "text", "text": "Two."}]),
            {"role": "system", "content": "Late instructions."},
            {"role": "assistant", "content": ""},
            {"role": "assistant", "content": "Yes? "},
            {"role": "assistant", "content": "Go on."},
            user("What is 4+4?"),
        ]

        got = answer(name, fake_provider.url, "arithmetic", streams=streams, messages=messages)

        assert got.response.text == "8"

    def test_an_image_goes_along(
        self, name: str, streams: bool, fake_provider: FakeProvider
    ) -> None:
        url = f"data:image/jpeg;base64,{PIXEL}"
        content = [
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": "What is 1+1?"},
        ]

        got = answer(
            name, fake_provider.url, "arithmetic", streams=streams, messages=[user(content)]
        )

        assert got.response.text == "2"
        assert PIXEL in json.dumps(fake_provider.last()["body"])


@pytest.mark.parametrize("name", FORMATS)
class TestStreams:
    def test_pieces_come_as_they_are_sent(self, name: str, fake_provider: FakeProvider) -> None:
        # Long enough for a busy machine to read one piece before the next comes.
        fake_provider.configure(chunk_ms=80)
        request = ModelRequest([user("one two three four five")], 64)

        pieces, ending = collected(name, fake_provider.url, "echo", request, streams=True)

        assert isinstance(ending, Answer)
        assert len(pieces) >= 4
        assert "".join(piece.text for piece in pieces) == "one two three four five"

    @pytest.mark.parametrize(
        ("model", "kind", "code"),
        [
            ("stream-error", FailureKind.PROVIDER_ERROR, "http-503"),
            ("stream-short", FailureKind.NETWORK, "truncated"),
            ("stream-garbage", FailureKind.PROVIDER_ERROR, "malformed-response"),
            ("stream-nonsense", FailureKind.PROVIDER_ERROR, "malformed-response"),
            ("stream-stall", FailureKind.DEADLINE, "stalled"),
        ],
    )
    def test_a_stream_that_breaks_is_a_failure_and_keeps_what_came(
        self, name: str, model: str, kind: FailureKind, code: str, fake_provider: FakeProvider
    ) -> None:
        if (name, model) == ("anthropic", "stream-error"):
            code = "http-529"
        request = ModelRequest([user("one two three four five six")], 64)

        pieces, ending = collected(
            name,
            fake_provider.url,
            model,
            request,
            streams=True,
            options={"silence_seconds": 0.2 if code == "stalled" else 300},
        )

        assert isinstance(ending, AttemptFailure)
        assert (ending.kind, ending.code, ending.is_retryable) == (kind, code, True)
        told = "".join(piece.text for piece in pieces)
        assert told == "" or "one two three four five six".startswith(told)
        if told:
            assert told.split()[0] in json.dumps(ending.payload)

    def test_a_stream_may_fall_silent_after_its_last_word(
        self, name: str, fake_provider: FakeProvider
    ) -> None:
        options = {"silence_seconds": 1.0}

        got = answer(name, fake_provider.url, "stream-silent-end", streams=True, options=options)

        assert got.response.text == "What is 2+3?"

    def test_the_whole_stream_has_a_deadline(self, name: str, fake_provider: FakeProvider) -> None:
        fake_provider.configure(chunk_ms=60)

        got = failure(name, fake_provider.url, "words:100", streams=True, deadline=0.4)

        assert (got.kind, got.code) == (FailureKind.DEADLINE, "deadline")


@pytest.mark.parametrize("name", FORMATS)
class TestRequests:
    @pytest.mark.parametrize("way", ["format", "tool", "json_object", "prompt"])
    def test_a_schema_is_sent_with_its_properties_in_order(self, name: str, way: str) -> None:
        properties = {"zeal": {"type": "string"}, "b": {"type": "string", "description": "x"}}
        schema = {"type": "object", "properties": properties, "required": ["zeal", "b"]}
        tool = {"type": "function", "function": {"name": "look_up", "parameters": schema}}
        asked = ModelRequest([user()], 9, output_schema={"schema": schema}, tools=[tool])
        target = target_of("claude-opus-4-5", schema=way)
        provider = provider_named(name)
        assert provider is not None

        sent = provider.build(target, asked).replace(b'\\"', b'"')

        in_order = (
            b'"properties":{"zeal":{"type":"string"},"b":{"type":"string","description":"x"}}'
        )
        assert sent.count(in_order) == 2

    def test_the_body_holds_no_credential_and_writes_numbers_in_one_way(self, name: str) -> None:
        provider = provider_named(name)
        assert provider is not None
        request = ModelRequest([user("Grüße")], 9, temperature=1.0, seed=3, extra={"z": 1e-7})

        body = provider.build(target_of("claude-opus-4-5"), request)

        assert SECRET.encode() not in body
        assert b'"temperature":1' in body
        assert b'"z":1e-7' in body
        assert "Grüße".encode() in body

    def test_extra_fields_cannot_replace_what_is_metered(self, name: str) -> None:
        limits = ["max_tokens", "max_completion_tokens"]
        limits += ["maxOutputTokens"] if name == "gemini" else []
        extra = {**dict.fromkeys(limits, 10**9), "model": "dear", "stream": True}

        body = json.dumps(built(name, ModelRequest([user()], 9, extra=extra)))

        assert str(10**9) not in body
        assert "dear" not in body
        assert '"stream"' not in body

    def test_a_model_without_the_new_fields_is_asked_as_ever(self, name: str) -> None:
        body = built(name, ModelRequest([user()], 9))

        assert not {"tools", "tool_choice", "toolConfig", "response_format", "thinking"} & set(body)

    @pytest.mark.parametrize(
        "message",
        [
            {"content": "no role"},
            {"role": "wizard", "content": "unknown role"},
            {"role": "tool", "content": "no id"},
            {"role": "assistant", "tool_calls": [{"id": "x"}]},
            user(7),
            user([7]),
            user([{"type": "hologram"}]),
            user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}]),
            user([{"type": "image_url", "image_url": {"url": "data:text/plain;base64,aGk="}}]),
            user([{"type": "image_url", "image_url": {"url": "ftp://x/y.png"}}]),
            user([{"type": "image_url", "image_url": {}}]),
            user([{"type": "image_url", "image_url": {"url": "https://youtu.be/abc"}}]),
            user([{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "tape"}}]),
        ],
    )
    def test_what_cannot_be_asked_is_said_and_crashes_nothing(
        self, name: str, message: dict[str, Any]
    ) -> None:
        request = ModelRequest([user(), message], 9)
        if name == "openai":
            # Passed on as it is: the host knows best what it takes.
            assert built(name, request)["messages"][1] == message
            return

        with pytest.raises(CannotAsk, match=r"\w{4,}"):
            built(name, request)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"tool_choice": "auto"}, "tool_choice is about tools, and there are none"),
        ({"tool_choice": "none"}, "tool_choice is about tools, and there are none"),
        ({"extra": {"parallel_tool_calls": True}}, "parallel_tool_calls is about tools"),
        ({"tools": [CLOCK, CLOCK]}, "'clock' a second time"),
        (
            {
                "tools": [CLOCK],
                "tool_choice": {"type": "function", "function": {"name": "weather"}},
            },
            "'weather', which is not among the tools: clock",
        ),
    ],
)
def test_tools_that_contradict_each_other_are_refused_in_every_format(
    name: str, fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(CannotAsk, match=told):
        built(name, ModelRequest([user()], 9, **fields))


def test_openai_uses_the_field_that_the_model_wants_for_its_limit() -> None:
    provider = provider_named("openai")
    assert provider is not None
    options = {"max_tokens_field": "max_completion_tokens", "omit": ["temperature"]}
    request = ModelRequest([], 9, temperature=0.5, extra={"max_tokens": 10**9, "stream": True})

    body = provider.build(Target("http://x", "m", 5, options), request)

    assert body == b'{"model":"m","messages":[],"max_completion_tokens":9}'


def test_openai_asks_streams_for_their_usage() -> None:
    provider = provider_named("openai")
    assert provider is not None

    body = json.loads(provider.build(target_of(), ModelRequest([], 9), stream=True))

    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.parametrize(
    ("way", "form"), [("json_object", {"type": "json_object"}), ("prompt", None)]
)
def test_openai_tells_the_schema_in_words_where_the_host_knows_none(way: str, form: Any) -> None:
    body = built("openai", ModelRequest([user()], 9, output_schema=SCHEMA), schema=way)

    assert body.get("response_format") == form
    assert '"minimum":1' in body["messages"][-1]["content"]


def test_openai_puts_messages_in_turns_for_hosts_that_want_it() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [
        user("One."),
        user([picture]),
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "Yes."},
        {"role": "assistant", "content": "Go on."},
        user("Two."),
        user("Three."),
    ]

    body = built("openai", ModelRequest(messages, 9), messages="strict")

    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "One."}, picture]},
        {"role": "assistant", "content": "Yes.\n\nGo on."},
        {"role": "user", "content": "Two.\n\nThree."},
    ]
    assert built("openai", ModelRequest(messages, 9))["messages"] == messages


class TestAnthropic:
    def test_system_messages_are_one_and_results_stand_first(self) -> None:
        call = {"id": "a/1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages = [
            {"role": "system", "content": "First."},
            user(),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            user("By the way,"),
            {"role": "tool", "tool_call_id": "a/1", "content": "done"},
            {"role": "developer", "content": "Late."},
        ]

        body = built("anthropic", ModelRequest(messages, 9))

        assert body["system"] == "First.\n\nLate."
        assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
        last = body["messages"][2]["content"]
        assert [block["type"] for block in last] == ["tool_result", "text"]
        assert last[0]["tool_use_id"] == body["messages"][1]["content"][0]["id"] == "a_1"
        # Tools that were used must be known although none may be called now.
        assert body["tools"][0]["name"] == "f"
        assert body["tool_choice"] == {"type": "none"}

    @pytest.mark.parametrize(
        ("model", "thinking", "has_temperature"),
        [
            ("claude-opus-4-8", {"type": "adaptive", "display": "summarized"}, False),
            ("claude-sonnet-4-6", {"type": "adaptive", "display": "summarized"}, True),
            ("claude-sonnet-4-5-20250929", {"type": "enabled", "budget_tokens": 2048}, False),
            ("claude-3-5-haiku-20241022", None, True),
            ("my-own-claude", {"type": "adaptive", "display": "summarized"}, False),
        ],
    )
    def test_effort_is_asked_for_as_the_model_knows_it(
        self, model: str, thinking: Any, has_temperature: bool
    ) -> None:
        request = ModelRequest([user()], 4096, temperature=0.5, reasoning_effort="medium")

        body = built("anthropic", request, model)

        assert body.get("thinking") == thinking
        assert ("temperature" in body) == has_temperature
        if thinking and thinking["type"] == "adaptive":
            assert body["output_config"] == {"effort": "medium"}

    def test_no_budget_is_asked_for_that_leaves_nothing_to_answer_with(self) -> None:
        request = ModelRequest([user()], 512, temperature=0.5, reasoning_effort="high")

        body = built("anthropic", request, "claude-haiku-4-5")

        assert "thinking" not in body
        assert body["temperature"] == 0.5

    def test_schemas_are_closed_and_lose_what_is_refused_into_words(self) -> None:
        body = built("anthropic", ModelRequest([user()], 9, output_schema=SCHEMA))

        schema = body["output_config"]["format"]["schema"]
        assert schema["additionalProperties"] is False
        assert schema["properties"]["count"] == {
            "type": "integer",
            "description": '{"minimum": 1}',
        }

    def test_older_models_answer_in_a_schema_by_a_tool(self, fake_provider: FakeProvider) -> None:
        fake_provider.configure(models={"claude-3-5-sonnet-20241022": "schema"})
        for streams in (False, True):
            got = answer(
                "anthropic",
                fake_provider.url,
                "claude-3-5-sonnet-20241022",
                streams=streams,
                output_schema=SCHEMA,
            )

            assert json.loads(got.response.text) == {"count": 7, "word": "text"}
            assert got.response.finish_reason is FinishReason.STOP
            assert got.response.tool_calls == ()

    def test_thinking_goes_back_with_the_call_it_led_to(self, fake_provider: FakeProvider) -> None:
        url = fake_provider.url
        first = answer("anthropic", url, "tools", tools=[WEATHER]).response
        (call,) = first.tool_calls
        messages = [
            user(),
            {"role": "assistant", "content": None, "tool_calls": [call.as_message_part()]},
            {"role": "tool", "tool_call_id": call.id, "content": "Sunny"},
        ]

        ask("anthropic", url, "tools", messages=messages, tools=[WEATHER])

        blocks = fake_provider.last()["body"]["messages"][1]["content"]
        assert blocks[0] == {
            "type": "thinking",
            "thinking": "A tool will know.",
            "signature": "c2ln",
        }
        assert blocks[1]["type"] == "tool_use"


class TestGemini:
    @pytest.mark.parametrize(
        ("model", "effort", "thinking"),
        [
            ("gemini-3-pro", "low", {"thinkingLevel": "low", "includeThoughts": True}),
            ("gemini-3-flash", "none", {"thinkingLevel": "minimal"}),
            ("gemini-2.5-flash", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
            ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ],
    )
    def test_effort_is_asked_for_as_the_model_knows_it(
        self, model: str, effort: str, thinking: Any
    ) -> None:
        body = built("gemini", ModelRequest([user()], 9, reasoning_effort=effort), model)

        assert body["generationConfig"]["thinkingConfig"] == thinking

    def test_a_signature_makes_the_round_trip(self, fake_provider: FakeProvider) -> None:
        fake_provider.configure(models={"gemini-3-pro": "tools"})
        url = fake_provider.url
        (call,) = answer("gemini", url, "gemini-3-pro", tools=[WEATHER]).response.tool_calls
        messages = [
            user(),
            {"role": "assistant", "content": None, "tool_calls": [call.as_message_part()]},
            {"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear"}'},
        ]

        got = answer("gemini", url, "gemini-3-pro", messages=messages, tools=[WEATHER])

        assert got.response.text == 'The tool says: {"sky": "clear"}'
        turns = fake_provider.last()["body"]["contents"]
        assert turns[1]["parts"][0]["thoughtSignature"] == "c2lnbmF0dXJl"
        assert "id" not in turns[1]["parts"][0]["functionCall"]

    def test_a_call_that_another_model_made_is_marked(self) -> None:
        call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages = [user(), {"role": "assistant", "content": None, "tool_calls": [call]}]

        for model, is_marked in (("gemini-3-pro", True), ("gemini-2.5-pro", False)):
            part = built("gemini", ModelRequest(messages, 9), model)["contents"][1]["parts"][0]
            assert ("thoughtSignature" in part) == is_marked

    def test_a_tool_may_be_demanded(self) -> None:
        choice = {"type": "function", "function": {"name": "weather"}}

        body = built("gemini", ModelRequest([user()], 9, tools=[WEATHER], tool_choice=choice))

        assert body["toolConfig"]["functionCallingConfig"] == {
            "mode": "ANY",
            "allowedFunctionNames": ["weather"],
        }


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("program", "text"),
    [("echo", "Pick.\nA) x\nB) y"), ("first-choice", "A"), ("constant", "A")],
)
def test_baselines_answer_without_a_network(program: str, text: str, streams: bool) -> None:
    got = answer("baseline", "", program, "Pick.\nA) x\nB) y", streams=streams)

    assert got.response.text == text


def test_random_choice_repeats_itself_by_seed_and_prompt_and_uses_every_choice() -> None:
    def draw(seed: int) -> str:
        choices = {"choices": list("ABCD")}
        return answer("baseline", "", "random-choice", seed=seed, extra=choices).response.text

    drawn = [draw(seed) for seed in range(40)]

    assert set(drawn) == set("ABCD")
    assert drawn == [draw(seed) for seed in range(40)]


@pytest.mark.parametrize(
    ("question", "divisors", "text"),
    [
        ("Is 91 prime?", [2, 3, 5], "yes"),
        ("Is 91 prime?", [2, 3, 5, 7], "no"),
        ("Is 7 prime?", [7], "yes"),
        ("Is 1 prime?", [], "no"),
        ("Is it prime?", [2], "no"),
        ("Is 91 prime?", "7", "yes"),
        ("Is 91 prime?", [0, "7", None], "yes"),
    ],
)
def test_trial_division_uses_its_divisors_alone(question: str, divisors: object, text: str) -> None:
    provider = provider_named("baseline")
    assert provider is not None
    target = Target("", "trial-division", 5, {"divisors": divisors})

    async def ask() -> Attempt:
        body = provider.build(target, ModelRequest([user(question)], 9))
        return await provider.send(HttpClient(), target, body)

    got = asyncio.run(ask())

    assert isinstance(got, Answer)
    assert got.response.text == text


@pytest.mark.parametrize("streams", [False, True])
def test_a_guarded_target_reaches_no_private_address(
    fake_provider: FakeProvider, streams: bool
) -> None:
    provider = provider_named("openai")
    assert provider is not None
    url = fake_provider.url.replace("127.0.0.1", "localhost")
    target = Target(url, "arithmetic", 5, {}, SECRET, is_guarded=True)

    async def work() -> Attempt:
        transport = HttpClient()
        try:
            body = provider.build(target, ModelRequest([], 9), stream=streams)
            if streams:
                return [piece async for piece in provider.stream(transport, target, body)][-1]
            return await provider.send(transport, target, body)
        finally:
            await transport.close()

    got = asyncio.run(work())

    assert isinstance(got, AttemptFailure)
    assert (got.code, got.fatal) == ("private-address", True)
    assert fake_provider.stats()["total"] == 0
