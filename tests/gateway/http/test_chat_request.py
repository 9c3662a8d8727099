"""Questions in OpenAI's format: what is taken, what is refused, and that nothing crashes."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plumbmark.gateway.http.chat_request import read_chat
from plumbmark.gateway.http.errors import HttpError

HELLO = [{"role": "user", "content": "Hello?"}]


def read(**fields: Any) -> Any:
    return read_chat(json.dumps({"model": "m", "messages": HELLO, **fields}).encode())


def test_what_is_left_out_or_null_has_its_default() -> None:
    question = read(temperature=None, seed=None, max_tokens=None, tools=None, stream=None)

    assert question.request.temperature is None
    assert question.request.max_output_tokens == 4096
    assert question.request.tools == ()
    assert not question.streams
    assert question.request.extra == {}


def test_every_field_that_is_passed_on_finds_its_place() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    schema = {"name": "x", "strict": True, "schema": {"type": "object"}}

    question = read(
        temperature=0.5,
        top_p=1,
        seed=0,
        stop="end",
        max_completion_tokens=7,
        tools=[tool],
        tool_choice="required",
        response_format={"type": "json_schema", "json_schema": schema},
        reasoning_effort="low",
        stream=True,
        stream_options={"include_usage": True},
        top_k=3,
        user="somebody",
        extra_body={"google": {"thinking_config": {"include_thoughts": True}}},
    )

    request = question.request
    assert (request.temperature, request.top_p, request.seed) == (0.5, 1.0, 0)
    assert (request.stop, request.max_output_tokens) == (("end",), 7)
    assert (request.tools, request.tool_choice) == ((tool,), "required")
    assert (request.output_schema, request.reasoning_effort) == (schema, "low")
    assert request.extra == {"top_k": 3}
    assert (question.streams, question.wants_usage, question.includes_thoughts) == (True,) * 3


GREETING = {"role": "user", "content": "Hello?"}
LOOK: Any = {"type": "function", "function": {"name": "look"}}
CALL: Any = {
    "role": "assistant",
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    ],
}
ANSWER = {"role": "tool", "tool_call_id": "a", "content": "4"}


PAPER = {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}
SOUND = {"data": "AAAA", "format": "wav"}
PICTURE = {"url": "data:image/png;base64,AAAA", "detail": "low"}


def _with_part(**part: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


def test_what_an_sdk_sends_back_of_an_answer_is_taken() -> None:
    # As `openai` dumps a message: what was not set is null or an empty list.
    sent_back = {
        **CALL,
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "reasoning_content": "First I look.",
    }
    parts = [
        {"type": "file", "file": PAPER},
        {"type": "input_audio", "input_audio": SOUND},
        {"type": "image_url", "image_url": PICTURE},
    ]

    question = read(
        messages=[{"role": "user", "content": parts}, sent_back, ANSWER],
        tools=[{"type": "function", "function": {**LOOK["function"], "strict": None}}],
    )

    assert len(question.request.messages) == 3


# As client libraries send an answer back: the `parse` of `openai`, and LiteLLM.
PARSED = {
    "role": "assistant",
    "content": '{"age": 7}',
    "parsed": {"age": 7},
    "refusal": None,
    "tool_calls": None,
}
PARSED_CALL = {
    "role": "assistant",
    "content": None,
    "parsed": None,
    "tool_calls": [
        {
            "id": "a",
            "type": "function",
            "function": {
                "name": "look",
                "arguments": '{"city": "Rome"}',
                "parsed_arguments": {"city": "Rome"},
            },
        }
    ],
}
WITH_NOTES = {
    "role": "assistant",
    "content": "Hello.",
    "annotations": [{"type": "url_citation", "url_citation": {"url": "https://example.org"}}],
    "function_call": None,
    "images": [],
    "provider_specific_fields": {"citations": None, "refusal": None},
    "reasoning_content": "A greeting.",
    "thinking_blocks": None,
    "tool_calls": [],
}
CALL_WITH_NOTES = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {
            "index": 0,
            "id": "a",
            "type": "function",
            "extra_content": {"google": {"thought_signature": "c2ln"}},
            "provider_specific_fields": {"thought_signature": "c2ln"},
            "function": {
                "name": "look",
                "arguments": "{}",
                "provider_specific_fields": {"thought_signature": "c2ln"},
            },
        }
    ],
}


@pytest.mark.parametrize(
    ("sent_back", "passed_on"),
    [
        (PARSED, {"role": "assistant", "content": '{"age": 7}'}),
        (
            PARSED_CALL,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "a",
                        "type": "function",
                        "function": {"name": "look", "arguments": '{"city": "Rome"}'},
                    }
                ],
            },
        ),
        (
            WITH_NOTES,
            {"role": "assistant", "content": "Hello.", "reasoning_content": "A greeting."},
        ),
        (
            CALL_WITH_NOTES,
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "a",
                        "type": "function",
                        "extra_content": {"google": {"thought_signature": "c2ln"}},
                        "function": {"name": "look", "arguments": "{}"},
                    }
                ],
            },
        ),
    ],
)
def test_what_a_client_adds_to_an_answer_is_not_passed_on(
    sent_back: dict[str, Any], passed_on: dict[str, Any]
) -> None:
    answers = [ANSWER] if passed_on.get("tool_calls") else []

    question = read(messages=[GREETING, sent_back, *answers], tools=[LOOK])

    assert question.request.messages[1] == passed_on


def test_the_usage_that_every_answer_has_may_be_asked_for() -> None:
    assert read(usage={"include": True}).request.extra == {}


def test_calls_that_are_answered_are_taken() -> None:
    question = read(messages=[GREETING, CALL, ANSWER, CALL, ANSWER, GREETING], tools=[LOOK])

    assert len(question.request.messages) == 6
    same = read(max_tokens=5, max_completion_tokens=5)
    assert same.request.max_output_tokens == 5


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"model": 7}, "model must name"),
        ({"messages": []}, "at least one message"),
        ({"messages": "hi"}, "at least one message"),
        ({"messages": ["hi"]}, r"messages\[0\] must be an object"),
        ({"messages": [{"role": "wizard"}]}, "wizard"),
        ({"messages": [{"role": "user", "content": 7}]}, "text or a list"),
        ({"messages": [{"role": "user", "content": [7]}]}, "type must be one of"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "must be text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "function.name"),
        ({"temperature": 3}, "0 to 2"),
        ({"temperature": "hot"}, "0 to 2"),
        ({"top_p": True}, "0 to 1"),
        ({"seed": 1.5}, "whole number"),
        ({"max_tokens": 0}, "whole number"),
        ({"max_tokens": "many"}, "whole number"),
        ({"stop": [7]}, "list of texts"),
        ({"tools": [{"type": "web_search"}]}, "runs itself"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"tool_choice": "auto"}, "tool_choice is about tools"),
        ({"tool_choice": "none", "tools": []}, "tool_choice is about tools"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls is about tools"),
        ({"tools": [LOOK, LOOK]}, r"tools\[1\] has the name 'look' a second time"),
        ({"tools": [LOOK], "tool_choice": {"function": {"name": "find"}}}, "'find', which is not"),
        ({"messages": [CALL]}, "'a' has no answer in the messages"),
        ({"messages": [CALL, GREETING]}, r"'a' has no answer before messages\[1\]"),
        ({"messages": [GREETING, ANSWER]}, "'a', which is not in the message of the assistant"),
        ({"messages": [CALL, ANSWER, ANSWER]}, "'a' a second time"),
        ({"messages": [{"role": "user", "content": None}]}, r"messages\[0\] has no content"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "say different things"),
        ({"stream_options": {"include_usage": True}}, "is for streams"),
        ({"response_format": {"type": "xml"}}, "json_schema"),
        ({"response_format": {"type": "json_schema"}}, "must be a JSON schema"),
        ({"reasoning_effort": "heroic"}, "heroic"),
        ({"n": 2}, "One call brings one answer"),
        ({"logprobs": True}, "logprobs"),
        ({"service_tier": "priority"}, "cost more"),
        ({"modalities": ["audio"]}, "text"),
        ({"functions": []}, "Use tools"),
        ({"warp_factor": 9}, "warp_factor"),
        ({"extra_body": {"openai": {}}}, "extra_body"),
        ({"messages": [{**GREETING, "cache_control": {}}]}, r"messages\[0\].cache_control is not"),
        ({"messages": [{**CALL, "audio": {"id": "a1"}}]}, r"messages\[0\].audio is not passed on"),
        ({"messages": [{**CALL, "function_call": {"name": "x"}}]}, "function_call is not"),
        (_with_part(type="text", text="x", cache_control={"type": "ephemeral"}), "cache_control"),
        (_with_part(type="file", file={"file_id": "file-1"}), "file.file_id is not passed on"),
        (_with_part(type="file", file={**PAPER, "file_id": "file-1"}), "file_id is not passed on"),
        (_with_part(type="file", file=PAPER, cost=1), r"content\[0\].cost is not passed on"),
        (_with_part(type="input_audio", input_audio={**SOUND, "id": "a1"}), "audio.id is not"),
        (_with_part(type="image_url", image_url={**PICTURE, "fps": 9}), "image_url.fps is not"),
        ({"tools": [{**LOOK, "cache_control": {}}]}, r"tools\[0\].cache_control is not"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "defer_loading": True}}]},
            r"tools\[0\].function.defer_loading is not",
        ),
        (
            {"messages": [{**CALL, "tool_calls": [{**CALL["tool_calls"][0], "container": "c"}]}]},
            r"tool_calls\[0\].container is not",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"schema": {}, "cache": True},
                }
            },
            "json_schema.cache is not",
        ),
        ({"messages": [{**GREETING, "parsed": {}}]}, r"messages\[0\].parsed is not passed on"),
        (
            {"messages": [{**GREETING, "provider_specific_fields": {"x": 1}}]},
            "provider_specific_fields is not passed on",
        ),
        ({"messages": [{**CALL, "container": "c"}]}, r"Known are content, name, reasoning,"),
        ({"usage": {"tier": "fast"}}, "usage may be"),
        ({"usage": True}, "usage may be"),
        ({"cached_content": "c"}, "cached_content"),
        ({"prompt_cache_retention": "24h"}, "prompt_cache_retention"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(HttpError, match=told) as caught:
        read(**fields)

    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://www.youtube.com/watch?v=abc", "links to a video"),
        ("https://youtu.be/abc", "links to a video"),
        ("http://10.0.0.1/secret.png", "must carry the image itself"),
        ("https://example.org/cat.png", "must carry the image itself"),
    ],
)
def test_links_are_not_followed(url: str, told: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}]

    with pytest.raises(HttpError, match=told) as caught:
        read(messages=[{"role": "user", "content": content}])

    assert caught.value.status == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_question_is_refused(body: bytes) -> None:
    with pytest.raises(HttpError) as caught:
        read_chat(body)

    assert caught.value.status == 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "image_url", "url", "function"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
fields = st.sampled_from(
    (
        "messages",
        "tools",
        "tool_choice",
        "response_format",
        "stop",
        "seed",
        "temperature",
        "reasoning",
        "extra_body",
        "stream_options",
        "max_tokens",
        "logprobs",
        "modalities",
        "service_tier",
    )
)


def status_of(given_fields: dict[str, Any]) -> int:
    try:
        read(**given_fields)
    except HttpError as error:
        return error.status if error.message else 0
    return 200


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(fields, json_values, max_size=5))
def test_no_body_crashes_the_reading(given_fields: dict[str, Any]) -> None:
    assert status_of(given_fields) in {200, 400}


MANY_KEYS = {f"k{number}": 1 for number in range(200_000)}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (MANY_KEYS, "about 200,004 keys; at most 100,000"),
        ({"messages": [{**HELLO[0], **MANY_KEYS}]}, "keys; at most 100,000"),
        ({"metadata": [1] * 2_500_000}, "more than 2,000,000 commas"),
    ],
)
def test_what_would_hold_the_event_loop_is_refused_before_it_is_read(
    fields: dict[str, Any], says: str
) -> None:
    body = json.dumps({"model": "m", "messages": HELLO, **fields}).encode()

    with pytest.raises(HttpError, match=says) as refused:
        read_chat(body)

    assert refused.value.status == 400
    assert read_chat(
        json.dumps({"model": "m", "messages": HELLO}, separators=(", ", " : ")).encode()
    )


def test_json_within_a_text_counts_as_text() -> None:
    text = json.dumps({f"k{number}": 1 for number in range(150_000)}, separators=(",", ":"))

    assert read(messages=[{"role": "user", "content": text}]).request.messages[0]["content"] == text
