"""Questions in OpenAI's and in Google's format: full ones to change, and further cases."""

from typing import Any

PIXEL = "data:image/png;base64,iVBORw0KGgo="
USER = {"role": "user", "content": "Hi"}
TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}},
}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

FULL: dict[str, Any] = {
    "model": "a/b",
    "messages": [
        {"role": "system", "content": "s"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": PIXEL}},
                {"type": "input_audio", "input_audio": {"data": "aa", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,aa"}},
            ],
        },
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "1", "content": "r"},
    ],
    "temperature": 0.5,
    "top_p": 0.9,
    "seed": 7,
    "stop": ["x"],
    "max_completion_tokens": 10,
    "max_tokens": 10,
    "tools": [TOOL],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "strict": True, "schema": {"type": "object"}},
    },
    "reasoning_effort": "low",
    "stream": True,
    "stream_options": {"include_usage": True},
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "service_tier": "auto",
    "modalities": ["text"],
    "top_k": 3,
    "logit_bias": {"5": -100},
    "user": "u",
    "extra_body": {"google": {"thinking_config": {"include_thoughts": True}}},
}


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "a/b", "messages": [USER], **fields}


def content(*parts: Any) -> dict[str, Any]:
    return chat(messages=[{"role": "user", "content": list(parts)}])


CHATS: dict[str, Any] = {
    "the least": chat(),
    "everything": FULL,
    "nulls": {**dict.fromkeys(FULL), **chat()},
    "stop as text": chat(stop="x"),
    "max_tokens alone": chat(max_tokens=5),
    "whole floats": chat(max_tokens=5.0, temperature=1.0, seed=3.0),
    "tiny numbers": chat(temperature=1e-7, top_p=0.00001),
    "negative zero": chat(temperature=-0.0),
    "the largest seed": chat(seed=2**63 - 1),
    "beyond the largest seed": chat(seed=2**63),
    "the least seed": chat(seed=-(2**63)),
    "the most tokens": chat(max_tokens=2**31 - 1),
    "more than the most tokens": chat(max_tokens=2**31),
    "an image as text": content({"type": "image_url", "image_url": PIXEL}),
    "a link": content({"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}),
    "a video": content({"type": "image_url", "image_url": {"url": "https://youtu.be/x"}}),
    "data in capitals": content(
        {"type": "image_url", "image_url": {"url": "DATA:image/png;base64,x"}}
    ),
    "a refusal": content({"type": "refusal", "refusal": "no"}),
    "an unknown part": content({"type": "video"}),
    "a part without a type": content({"text": "x"}),
    "audio in another format": content(
        {"type": "input_audio", "input_audio": {"data": "x", "format": "flac"}}
    ),
    "a file by its id": content({"type": "file", "file": {"file_id": "x"}}),
    "no content": chat(messages=[{"role": "user"}]),
    "empty content": content(),
    "too many messages": chat(messages=[USER] * 10_001),
    "a tool of the provider's": chat(tools=[{"type": "web_search"}]),
    "a tool without a type": chat(tools=[{"function": {"name": "f"}}]),
    "a tool without a name": chat(tools=[{"type": "function", "function": {"name": ""}}]),
    **{
        f"tool_choice {one}": chat(tools=[TOOL], tool_choice=one)
        for one in ("auto", "none", "required", "any")
    },
    "tool_choice without type": chat(tools=[TOOL], tool_choice={"function": {"name": "f", "x": 1}}),
    **{
        f"tool_choice {one} without tools": chat(tool_choice=one)
        for one in ("auto", "none", "required")
    },
    "tool_choice of another tool": chat(tools=[TOOL], tool_choice={"function": {"name": "g"}}),
    "two limits": chat(max_completion_tokens=10, max_tokens=20),
    "stream_options of no stream": chat(stream_options={}),
    "parallel_tool_calls without tools": chat(parallel_tool_calls=False),
    "a format of text": chat(response_format={"type": "text"}),
    "a format of JSON": chat(response_format={"type": "json_object"}),
    "a format of a schema in place": chat(response_format={"type": "json_schema", "schema": {}}),
    **{
        f"effort {one}": chat(reasoning_effort=one)
        for one in ("none", "minimal", "medium", "xhigh", "max", "hugest", 5)
    },
    "nested effort": chat(reasoning={"effort": "low"}),
    "nested effort of nothing": chat(reasoning={}),
    "functions": chat(functions=[]),
    "function_call": chat(function_call="auto"),
    "an unknown field": chat(warp=9),
    "unknown fields": chat(b=1, a=2, **{"x" * 300: 1}),
    "two answers": chat(n=2),
    "logprobs": chat(logprobs=True),
    "another tier": chat(service_tier="flex"),
    "audio out": chat(modalities=["text", "audio"]),
    "thoughts in camel case": chat(
        extra_body={"google": {"thinkingConfig": {"includeThoughts": True}}}
    ),
    "no thoughts": chat(extra_body={"google": {}}),
    "another extra body": chat(extra_body={"google": {}, "x": 1}),
    "every field that is passed on": chat(
        frequency_penalty=1,
        logit_bias={},
        min_p=0.1,
        parallel_tool_calls=False,
        tools=[TOOL],
        presence_penalty=2,
        repetition_penalty=1.5,
        top_k=1,
        verbosity="low",
        metadata={},
        prompt_cache_key="k",
        safety_identifier="s",
        store=True,
        stream=True,
        stream_options={},
        user="u",
    ),
    "no object": [1],
    "no model": {"messages": [USER]},
    "an empty model": chat(model=""),
}

FULL_GENAI: dict[str, Any] = {
    "model": "m",
    "systemInstruction": {"parts": [{"text": "s"}]},
    "contents": [
        {
            "role": "user",
            "parts": [{"text": "t"}, {"inlineData": {"mimeType": "image/png", "data": "aa"}}],
        },
        {
            "role": "model",
            "parts": [
                {"text": "thought", "thought": True},
                {
                    "functionCall": {"name": "f", "args": {"a": 1.0}, "id": "1"},
                    "thoughtSignature": "c2ln",
                },
            ],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "f", "response": {"result": "r"}, "id": "1"}}],
        },
        {"role": "user", "parts": [{"inlineData": {"mimeType": "audio/wav", "data": "aa"}}]},
    ],
    "generationConfig": {
        "candidateCount": 1,
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "topP": 0.5,
        "topK": 4,
        "seed": 5,
        "stopSequences": ["x"],
        "frequencyPenalty": 0.1,
        "presencePenalty": 0.2,
        "responseMimeType": "application/json",
        "responseSchema": {
            "type": "OBJECT",
            "properties": {"b": {"type": "STRING", "nullable": True}, "a": {"type": "INTEGER"}},
            "propertyOrdering": ["b", "a"],
        },
        "responseModalities": ["TEXT"],
        "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True},
    },
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "OBJECT", "properties": {"a": {"type": "NUMBER"}}},
                }
            ]
        }
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "safetySettings": [],
}


def asked(**fields: Any) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": "hi"}]}], **fields}


def configured(**config: Any) -> dict[str, Any]:
    return asked(generationConfig=config)


def said(*parts: Any, role: str = "user") -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": list(parts)}]}


def answered(response: dict[str, Any]) -> dict[str, Any]:
    call = {"role": "model", "parts": [{"functionCall": {"name": "f"}}]}
    result = {"functionResponse": {"name": "f", "response": response}}
    return {"contents": [call, {"role": "user", "parts": [result]}]}


GENAI: dict[str, Any] = {
    "the least": asked(),
    "everything": FULL_GENAI,
    "one content": {"contents": {"parts": [{"text": "hi"}]}},
    "in snake case": {
        "system_instruction": "s",
        "contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "aa"}}]}],
        "generation_config": {"max_output_tokens": 3, "response_json_schema": {"type": "object"}},
    },
    "no contents": {},
    "empty contents": {"contents": []},
    "a text for contents": {"contents": "hi"},
    "no object": [1],
    "an unknown field": asked(cachedContent="x"),
    "an unknown configuration": configured(speechConfig={}),
    "two candidates": configured(candidateCount=2),
    "audio out": configured(responseModalities=["AUDIO"]),
    "JSON without a schema": configured(responseMimeType="application/json"),
    "another media type": configured(responseMimeType="text/x.enum"),
    "a budget": configured(thinkingConfig={"thinkingBudget": 1024}),
    "no thinking": configured(thinkingConfig={"thinkingBudget": 0}),
    "thinking as it likes": configured(thinkingConfig={"thinkingBudget": -1}),
    **{
        f"level {one}": configured(thinkingConfig={"thinkingLevel": one})
        for one in ("minimal", "LOW", "medium", "high", "huge")
    },
    "whole floats": configured(maxOutputTokens=5.0, seed=3.0, topK=2.0),
    "no tokens": configured(maxOutputTokens=0),
    "a seed of text": configured(seed="5"),
    "a temperature of text": configured(temperature="hot"),
    "a file": said({"fileData": {"fileUri": "https://x/y"}}),
    "a video": said({"fileData": {"fileUri": "https://youtu.be/x"}}),
    "a picture of another kind": said({"inlineData": {"mimeType": "video/mp4", "data": "aa"}}),
    "code": said({"executableCode": {"code": "x"}}),
    "a part of nothing": said({}),
    "a part that is text": said("x"),
    "no parts": said(),
    "an unknown role": said({"text": "x"}, role="wizard"),
    "of the model": said({"text": "x"}, role="model"),
    "a search": asked(tools=[{"googleSearch": {}}]),
    "tools of nothing": asked(tools=[{}]),
    **{
        f"mode {one}": {**FULL_GENAI, "toolConfig": {"functionCallingConfig": {"mode": one}}}
        for one in ("AUTO", "NONE", "ANY", "VALIDATED", "x")
    },
    "a result without a call": said(
        {"functionResponse": {"name": "f", "response": {"output": {"a": 1}}}}
    ),
    "a result of an object": answered({"output": {"a": 1}}),
    "an error for a result": answered({"error": "no"}),
}
