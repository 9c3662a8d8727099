"""Kaggle's model proxy, as the SDK calls it (the details were observed with the unmodified SDK)."""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plumbmark.accounts.models import Namespace
from plumbmark.compat.kaggle.genai import read_question
from plumbmark.gateway.calls.retry_budget import MAX_CALL_ATTEMPTS
from plumbmark.gateway.http.errors import HttpError
from plumbmark.gateway.models import Call
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.http.inside import ask
from tests.gateway.http.servers import serving, token_of

OPENAPI = "/compat/kaggle/models/openapi/chat/completions"
GENAI = "/compat/kaggle/models/genai/v1/models"
FORMATS = ["openai", "anthropic", "gemini"]
HELLO = [{"role": "user", "content": "What is 2+3?"}]
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
SCHEMA = {
    "type": "object",
    "properties": {"count": {"type": "integer"}, "word": {"type": "string"}},
    "required": ["count", "word"],
    "additionalProperties": False,
}


class TestOpenApi:
    @pytest.mark.parametrize("wire_format", FORMATS)
    def test_the_cost_is_an_object_and_the_rest_as_the_sdk_sends_it(
        self, store: Store, fake_provider: FakeProvider, wire_format: str
    ) -> None:
        rows.deployment(
            fake_provider.url, "arithmetic", provider=wire_format, slug="maker/model-1@default"
        )
        asked = {
            "model": "maker/model-1@default",
            "messages": [*HELLO, {"role": "system", "content": "Late instructions."}],
            "temperature": None,
            "seed": 0,
        }

        reply = ask(OPENAPI, asked, token_of(rows.namespace()))

        assert reply.status == 200
        assert reply.json["choices"][0]["message"]["content"] == "5"
        cost = reply.json["usage"]["cost"]
        call = Call.objects.get()
        assert cost == {
            "input_tokens_cost_nanodollars": call.input_tokens * 500,
            "output_tokens_cost_nanodollars": call.output_tokens * 3000,
        }
        assert sum(cost.values()) == call.provider_cost
        assert reply.json["usage"]["total_backend_latency_ms"] >= 0

    def test_a_cost_that_is_a_number_never_comes_through(
        self, store: Store, fake_provider: FakeProvider, settings: Any
    ) -> None:
        settings.ALLOW_PRIVATE_PROVIDERS = True
        rows.deployment(fake_provider.url, "echo", priced=False, owner=(anna := rows.namespace()))

        reply = ask(OPENAPI, {"model": "fake/echo", "messages": HELLO}, token_of(anna))

        # A person's own deployment without a price is not metered: no cost, but the object.
        assert reply.json["usage"]["cost"] == {
            "input_tokens_cost_nanodollars": 0,
            "output_tokens_cost_nanodollars": 0,
        }

    @pytest.mark.parametrize("wire_format", FORMATS)
    def test_a_structured_answer_is_bare_json(
        self, store: Store, fake_provider: FakeProvider, wire_format: str
    ) -> None:
        rows.deployment(fake_provider.url, "schema", provider=wire_format)
        form = {"name": "Reply", "strict": True, "schema": SCHEMA}
        asked = {
            "model": "fake/schema",
            "messages": HELLO,
            "temperature": None,
            "stream": False,
            "response_format": {"type": "json_schema", "json_schema": form},
        }

        reply = ask(OPENAPI, asked, token_of(rows.namespace()))

        content = reply.json["choices"][0]["message"]["content"]
        assert json.loads(content) == {"count": 7, "word": "text"}

    def test_the_usage_of_a_stream_is_on_its_last_choice(
        self, store: Store, fake_provider: FakeProvider
    ) -> None:
        rows.deployment(fake_provider.url, "echo")
        asked = {"model": "fake/echo", "messages": HELLO, "stream": True}

        events = ask(OPENAPI, asked, token_of(rows.namespace())).events

        assert all(event["choices"] for event in events)
        assert events[-1]["choices"][0]["finish_reason"] == "stop"
        assert events[-1]["usage"]["cost"]["output_tokens_cost_nanodollars"] > 0

    @pytest.mark.parametrize("wire_format", FORMATS)
    def test_ten_rounds_of_tools_and_a_last_one_without(
        self, store: Store, fake_provider: FakeProvider, wire_format: str
    ) -> None:
        rows.deployment(fake_provider.url, "tools", provider=wire_format)
        token = token_of(rows.namespace())
        messages: list[Any] = list(HELLO)
        tools = [{"type": "function", "function": {"name": "clock", "description": "now"}}]
        for number in range(3):
            asked = {"model": "fake/tools", "messages": messages, "tools": tools}
            message = ask(OPENAPI, asked, token).json["choices"][0]["message"]
            (call,) = message["tool_calls"]
            messages += [
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": call["id"], "content": f"{number} o'clock"},
                {"role": "user", "content": "Again."},
            ]

        last = ask(OPENAPI, {"model": "fake/tools", "messages": messages[:-1]}, token)

        assert last.json["choices"][0]["message"]["content"] == "The tool says: 2 o'clock"

    def test_reasoning_is_apart_and_thoughts_are_asked_for(
        self, store: Store, fake_provider: FakeProvider
    ) -> None:
        rows.deployment(fake_provider.url, "reasoning", provider="gemini", slug="google/g")
        asked = {
            "model": "google/g",
            "messages": HELLO,
            "extra_body": {"google": {"thinking_config": {"include_thoughts": True}}},
        }

        reply = ask(OPENAPI, asked, token_of(rows.namespace()))

        message = reply.json["choices"][0]["message"]
        assert message["reasoning_content"] == "Let me think."
        thinking = fake_provider.last()["body"]["generationConfig"]["thinkingConfig"]
        assert thinking == {"includeThoughts": True}

    def test_a_spent_limit_is_not_retried_and_a_video_is_refused(
        self, store: Store, fake_provider: FakeProvider
    ) -> None:
        rows.deployment(fake_provider.url, "echo")
        token = token_of(rows.namespace(day_cap=10))
        video = {"type": "image_url", "image_url": {"url": "https://youtu.be/abc"}}

        spent = ask(OPENAPI, {"model": "fake/echo", "messages": HELLO}, token)
        watched = {"role": "user", "content": [video]}
        refused = ask(OPENAPI, {"model": "fake/echo", "messages": [watched]}, token)

        assert (spent.status, spent.json["error"]["code"]) == (402, "quota-exhausted")
        assert refused.status == 400
        assert "video" in refused.json["error"]["message"]


def contents(text: str = "What is 2+3?") -> list[Any]:
    return [{"role": "user", "parts": [{"text": text}]}]


class TestGenai:
    @pytest.mark.parametrize("wire_format", FORMATS)
    def test_a_model_of_any_provider_answers(
        self, store: Store, fake_provider: FakeProvider, wire_format: str
    ) -> None:
        rows.deployment(
            fake_provider.url, "reasoning", provider=wire_format, slug="a/b/model-1@default"
        )
        token = token_of(rows.namespace())

        reply = ask(
            f"{GENAI}/a/b/model-1@default:generateContent",
            {"contents": contents()},
            x_goog_api_key=token,
        )

        assert reply.status == 200
        (candidate,) = reply.json["candidates"]
        assert candidate["finishReason"] == "STOP"
        assert candidate["content"]["parts"] == [
            {"text": "Let me think.", "thought": True},
            {"text": "What is 2+3?"},
        ]
        usage = reply.json["usageMetadata"]
        assert (usage["candidatesTokenCount"], usage["thoughtsTokenCount"]) == (10, 30)
        assert usage["cost"]["output_tokens_cost_nanodollars"] == 40 * 3000

    @pytest.mark.parametrize("spelling", ["camel", "snake"])
    def test_both_spellings_are_taken(
        self, store: Store, fake_provider: FakeProvider, spelling: str
    ) -> None:
        rows.deployment(fake_provider.url, "echo", provider="gemini", slug="google/g")
        image = {"mimeType": "image/png", "data": PIXEL.replace("+", "-").replace("/", "_")}
        asked: dict[str, Any] = {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"inlineData": image}, {"text": "See?"}]}],
            "generationConfig": {
                "maxOutputTokens": 99,
                "topP": 0.5,
                "stopSequences": ["x"],
                "thinkingConfig": {"include_thoughts": True, "thinkingBudget": 128},
            },
        }
        if spelling == "snake":
            asked = {
                "system_instruction": asked["systemInstruction"],
                "contents": [
                    {
                        "role": "user",
                        "parts": [
                            {"inline_data": {"mime_type": "image/png", "data": PIXEL}},
                            {"text": "See?"},
                        ],
                    }
                ],
                "generation_config": {
                    "max_output_tokens": 99,
                    "top_p": 0.5,
                    "stop_sequences": ["x"],
                    "thinking_config": {"include_thoughts": True, "thinking_budget": 128},
                },
            }

        reply = ask(f"{GENAI}/google/g:generateContent", asked, token_of(rows.namespace()))

        assert reply.status == 200, reply.body
        body = fake_provider.last()["body"]
        assert body["systemInstruction"]["parts"] == [{"text": "Be brief."}]
        assert body["contents"][0]["parts"][0]["inlineData"] == {
            "mimeType": "image/png",
            "data": PIXEL,
        }
        assert body["generationConfig"] == {
            "maxOutputTokens": 99,
            "topP": 0.5,
            "stopSequences": ["x"],
            "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 128},
        }

    @pytest.mark.parametrize("wire_format", FORMATS)
    def test_tools_and_signatures_make_the_round_trip(
        self, store: Store, fake_provider: FakeProvider, wire_format: str
    ) -> None:
        rows.deployment(fake_provider.url, "tools", provider=wire_format)
        token = token_of(rows.namespace())
        declared = {
            "name": "weather",
            "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
        }
        path = f"{GENAI}/fake/tools:generateContent"
        asked = {"contents": contents(), "tools": [{"functionDeclarations": [declared]}]}

        first = ask(path, asked, token).json["candidates"][0]["content"]

        part = next(part for part in first["parts"] if "functionCall" in part)
        assert part["functionCall"]["args"] == {"city": "Paris", "days": 2}
        if "thoughtSignature" in part:
            # The client decodes it and encodes it again, in the alphabet for URLs.
            raw = base64.b64decode(part["thoughtSignature"], validate=True)
            part["thoughtSignature"] = base64.urlsafe_b64encode(raw).decode()
        call = part["functionCall"]
        response = {"id": call["id"], "name": "weather", "response": {"result": "Sunny"}}
        asked["contents"] += [first, {"role": "user", "parts": [{"functionResponse": response}]}]

        second = ask(path, asked, token)

        assert second.status == 200, second.body
        text = second.json["candidates"][0]["content"]["parts"][-1]["text"]
        assert text == "The tool says: Sunny"
        sent = json.dumps(fake_provider.last()["body"])
        if wire_format == "anthropic":
            assert "A tool will know." in sent
        elif wire_format == "gemini":
            assert "c2lnbmF0dXJl" in sent

    def test_a_schema_in_googles_own_form_is_understood(
        self, store: Store, fake_provider: FakeProvider
    ) -> None:
        rows.deployment(fake_provider.url, "schema", provider="anthropic")
        schema = {
            "type": "OBJECT",
            "properties": {
                "count": {"type": "INTEGER"},
                "type": {"type": "STRING", "nullable": True},
            },
            "propertyOrdering": ["count", "type"],
        }
        config = {"responseMimeType": "application/json", "responseSchema": schema}
        asked = {"contents": contents(), "generationConfig": config}

        reply = ask(f"{GENAI}/fake/schema:generateContent", asked, token_of(rows.namespace()))

        text = reply.json["candidates"][0]["content"]["parts"][0]["text"]
        assert json.loads(text) == {"count": 7, "type": "text"}

    @pytest.mark.parametrize("wire_format", FORMATS)
    def test_a_stream_comes_in_pieces_with_tools_and_usage_at_its_end(
        self, store: Store, fake_provider: FakeProvider, wire_format: str
    ) -> None:
        rows.deployment(fake_provider.url, "tools", provider=wire_format)
        rows.deployment(fake_provider.url, "echo", provider=wire_format, slug="fake/echo")
        token = token_of(rows.namespace())
        tools = [{"functionDeclarations": [{"name": "weather"}]}]
        path = f"{GENAI}/fake/tools:streamGenerateContent?alt=sse"

        called = ask(path, {"contents": contents(), "tools": tools}, token).events
        said = ask(
            f"{GENAI}/fake/echo:streamGenerateContent?alt=sse", {"contents": contents("a b")}, token
        ).events

        (part,) = called[-1]["candidates"][0]["content"]["parts"]
        assert part["functionCall"]["args"] == {"city": "Paris", "days": 2}
        assert called[-1]["usageMetadata"]["cost"]
        texts = [event["candidates"][0]["content"]["parts"][0]["text"] for event in said]
        assert "".join(texts) == "a b"
        assert said[-1]["candidates"][0]["finishReason"] == "STOP"
        listed = ask(
            f"{GENAI}/fake/echo:streamGenerateContent", {"contents": contents("a b")}, token
        )
        assert listed.json[0]["candidates"][0]["content"]["parts"] == [{"text": "a b"}]

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ({}, "contents"),
            ({"contents": 7}, "contents"),
            ({"contents": [{"role": "wizard", "parts": []}]}, "wizard"),
            ({"contents": [{"parts": [{"fileData": {"fileUri": "https://youtu.be/a"}}]}]}, "video"),
            ({"contents": [{"parts": [{"file_data": {"file_uri": "gs://a/b"}}]}]}, "itself"),
            ({"contents": [{"parts": [{}]}]}, "must hold text"),
            ({"contents": contents(), "warp": 9}, "warp"),
            ({"contents": contents(), "generationConfig": {"candidateCount": 2}}, "one answer"),
            ({"contents": contents(), "tools": [{"googleSearch": {}}]}, "googleSearch"),
        ],
    )
    def test_what_is_wrong_is_told_in_googles_shape(
        self, store: Store, asked: dict[str, Any], told: str
    ) -> None:
        rows.deployment("", "echo", slug="baseline/echo")

        reply = ask(f"{GENAI}/baseline/echo:generateContent", asked, token_of(rows.namespace()))

        error = reply.json["error"]
        assert (reply.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
        assert told in error["message"]

    def test_unknown_models_paths_and_tokens_have_their_status(self, store: Store) -> None:
        rows.deployment("", "echo", slug="baseline/echo")
        token = token_of(rows.namespace())
        asked = {"contents": contents()}

        unknown = ask(f"{GENAI}/google/none:generateContent", asked, token)
        other = ask(f"{GENAI}/baseline/echo:countTokens", asked, token)
        nobody = ask(f"{GENAI}/baseline/echo:generateContent", asked)

        assert [r.json["error"]["status"] for r in (unknown, other, nobody)] == [
            "NOT_FOUND",
            "NOT_FOUND",
            "UNAUTHENTICATED",
        ]


NAMES = [
    "role",
    "parts",
    "text",
    "inlineData",
    "data",
    "mimeType",
    "functionCall",
    "name",
    "args",
    "functionResponse",
    "response",
    "functionDeclarations",
    "type",
    "properties",
    "items",
]
FIELDS = ["contents", "systemInstruction", "generationConfig", "tools", "toolConfig"]
CONFIG = [
    "temperature",
    "maxOutputTokens",
    "seed",
    "stopSequences",
    "responseSchema",
    "thinkingConfig",
    "topK",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=14,
)
fields, config_fields = st.sampled_from(FIELDS), st.sampled_from(CONFIG)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(fields, json_values, max_size=4),
    st.dictionaries(config_fields, json_values, max_size=3),
)
def test_no_body_crashes_the_reading(given_fields: dict[str, Any], config: dict[str, Any]) -> None:
    body = {"contents": contents(), "generationConfig": config, **given_fields}
    assert status_of(body) in {200, 400}


def status_of(body: Any) -> int:
    try:
        read_question(json.dumps(body).encode(), is_gemini=False)
    except HttpError as error:
        return error.status if error.message else 0
    return 200


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "tool_choice is about tools"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}}, "tool_choice is about tools"),
        (
            {
                "tools": [{"functionDeclarations": [{"name": "look"}]}],
                "toolConfig": {
                    "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["find"]}
                },
            },
            "'find', which is not",
        ),
        (
            {
                "tools": [{"functionDeclarations": [{"name": "look"}]}],
                "toolConfig": {"functionCallingConfig": {"mode": "SOMETIMES"}},
            },
            "mode must be AUTO, ANY or NONE",
        ),
        (
            {"tools": [{"functionDeclarations": [{"name": "look"}, {"name": "look"}]}]},
            "a second time",
        ),
        (
            {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "look"}}]}]},
            "has no answer",
        ),
    ],
)
def test_what_the_provider_would_refuse_is_refused(body: dict[str, Any], told: str) -> None:
    with pytest.raises(HttpError, match=told) as caught:
        read_question(json.dumps({"contents": contents(), **body}).encode(), is_gemini=True)

    assert caught.value.status == 400


def test_several_allowed_functions_are_the_tools() -> None:
    names = [{"name": name} for name in ("look", "find", "count")]
    config = {"mode": "ANY", "allowedFunctionNames": ["look", "count"]}
    body = {
        "contents": contents(),
        "tools": [{"functionDeclarations": names}],
        "toolConfig": {"functionCallingConfig": config},
    }
    request = read_question(json.dumps(body).encode(), is_gemini=True).request

    assert [tool["function"]["name"] for tool in request.tools] == ["look", "count"]
    assert request.tool_choice == "required"


def test_results_find_their_calls_by_name_and_order() -> None:
    calls = [{"functionCall": {"name": name}} for name in ("look", "find", "look")]
    results = [
        {"functionResponse": {"name": name, "response": {"output": str(number)}}}
        for number, name in enumerate(("find", "look", "look"))
    ]
    body = {"contents": [{"role": "model", "parts": calls}, {"role": "user", "parts": results}]}
    messages = read_question(json.dumps(body).encode(), is_gemini=True).request.messages

    ids = [call["id"] for call in messages[0]["tool_calls"]]
    told = {message["tool_call_id"]: message["content"] for message in messages[1:]}
    assert [told[call_id] for call_id in ids] == ["1", "0", "2"]


_PROGRAM = """
import sys

import kaggle_benchmarks as kbench
from kaggle_benchmarks.kaggle import model_proxy

llm = model_proxy.ModelProxy(model="fake/arithmetic", api=sys.argv[1])
try:
    llm.prompt("What is 2+3?")
except Exception as error:
    code = getattr(error, "status_code", None) or getattr(error, "code", None)
    print(f"{type(error).__module__}.{type(error).__name__} {code}")
"""


class TestUnmodifiedSdk:
    """Errors as programs of the SDK meet them."""

    @pytest.mark.parametrize(
        ("api", "spent", "failed"),
        [
            ("openai", "openai.APIStatusError 402", "openai.InternalServerError 502"),
            (
                "genai",
                "google.genai.errors.ClientError 402",
                "google.genai.errors.ServerError 502",
            ),
        ],
    )
    def test_neither_a_spent_limit_nor_a_failing_provider_is_asked_again(
        self,
        store: Store,
        fake_provider: FakeProvider,
        tmp_path: Path,
        api: str,
        spent: str,
        failed: str,
    ) -> None:
        python = django_settings.SANDBOX_ENV_DIR / "bin" / "python"
        if not python.exists():
            pytest.skip(f"the SDK is not installed: there is no {python}")
        fake_provider.configure(faults={"500": 1.0})
        rows.deployment(fake_provider.url, deadline_seconds=1.0)
        poor, rich = rows.namespace("poor", day_cap=10), rows.namespace("rich")
        with serving(store, tmp_path) as server:

            def run_for(payer: Namespace) -> str:
                variables = {
                    **os.environ,
                    "HOME": str(tmp_path),
                    "MODEL_PROXY_URL": f"{server.url}/compat/kaggle/models",
                    "MODEL_PROXY_API_KEY": token_of(payer),
                    "LLM_DEFAULT": "fake/arithmetic",
                    "LLM_DEFAULT_JUDGE": "fake/arithmetic",
                    "LLMS_AVAILABLE": "fake/arithmetic",
                }
                done = subprocess.run(
                    [str(python), "-c", _PROGRAM, api],
                    capture_output=True,
                    text=True,
                    env=variables,
                    cwd=tmp_path,
                )
                return (done.stdout.splitlines() or [done.stderr])[-1]

            assert run_for(poor) == spent
            assert fake_provider.stats()["total"] == 0
            assert run_for(rich) == failed
        call = Call.objects.get()
        assert fake_provider.stats()["total"] == len(call.attempts) <= MAX_CALL_ATTEMPTS


def test_a_tiny_number_of_a_call_or_a_result_stays_a_number() -> None:
    parts = [
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1e-05}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"b": 1e-05}}}]},
    ]
    body = {"contents": [*contents(), *parts]}

    messages = read_question(json.dumps(body).encode(), is_gemini=False).request.messages

    (call,) = messages[1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"a": 1e-05}
    assert json.loads(messages[2]["content"]) == {"b": 1e-05}
