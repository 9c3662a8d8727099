"""The wire formats that the fake provider speaks, each with the strictness of the real one."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from rules import MAX_SHORT_ANSWER, Asked, Refused, Said

_GEMINI_PATH = re.compile(r"/models/(.+):(generateContent|streamGenerateContent)(?:\?(.*))?$")
_GEMINI_FIELDS = {
    "cachedContent",
    "contents",
    "generationConfig",
    "labels",
    "safetySettings",
    "systemInstruction",
    "toolConfig",
    "tools",
}


class BadRequest(Exception):
    """The request is not of the format."""


def _demand(claim: Any, message: str) -> None:
    if not claim:
        raise BadRequest(message)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _event(value: Any, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


class OpenAI:
    """Chat completions."""

    request_id = "x-request-id"

    def matches(self, path: str) -> bool:
        return path.endswith("/chat/completions")

    def read(self, path: str, request: dict[str, Any]) -> Asked:
        messages = request.get("messages", [])
        last = messages[-1] if messages else {}
        form = request.get("response_format") or {}
        self._check_form(str(request.get("model", "")), form)
        self._check_reasoning(str(request.get("model", "")), messages)
        asked = Asked(
            model=str(request.get("model", "")),
            prompt=self._prompt(messages),
            max_tokens=request.get("max_tokens") or request.get("max_completion_tokens") or 16,
            streams=bool(request.get("stream")),
            tools=[tool["function"]["name"] for tool in request.get("tools", [])],
            parameters={
                tool["function"]["name"]: tool["function"].get("parameters", {})
                for tool in request.get("tools", [])
            },
            result=last.get("content") if last.get("role") == "tool" else None,
            step=self._step(messages),
            schema=(form.get("json_schema") or {}).get("schema"),
        )
        asked.wants_usage = not asked.streams or bool(
            (request.get("stream_options") or {}).get("include_usage")
        )
        return asked

    def _check_form(self, model: str, form: dict[str, Any]) -> None:
        if model == "json-object-only":
            _demand(
                form.get("type") != "json_schema",
                "Invalid parameter: 'response_format' of type 'json_schema' is not supported with "
                "this model.",
            )
        if model == "no-response-format":
            _demand(not form, "This response_format type is unavailable now")
        if model == "schema":
            name = (form.get("json_schema") or {}).get("name")
            _demand(name != "wrong", "Invalid schema for response_format 'wrong': not supported.")

    def _check_reasoning(self, model: str, messages: list[dict[str, Any]]) -> None:
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            # As Groq says it, and DeepSeek.
            for name in ("reasoning_content", "reasoning"):
                _demand(
                    model != "no-reasoning-back" or name not in message,
                    f"'messages.{number}' : for 'role:assistant' the following must be satisfied"
                    f"[('messages.{number}' : property '{name}' is unsupported)]",
                )
            _demand(
                model != "reasoning-back" or message.get("reasoning_content"),
                "The `reasoning_content` in the thinking mode must be passed back to the API.",
            )

    def _step(self, messages: list[dict[str, Any]]) -> int:
        step = 0
        for message in messages:
            role = message.get("role")
            step = 0 if role == "user" else step + bool(message.get("tool_calls"))
        return step

    def _prompt(self, messages: list[dict[str, Any]]) -> str:
        for message in reversed(messages):
            if message.get("role") == "user":
                content = message.get("content")
                if isinstance(content, str):
                    return content
                return "".join(part.get("text", "") for part in content or ())
        return ""

    def plain(self, said: Said, asked: Asked) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": said.text}
        finish = said.finish
        if said.parts:
            message["content"] = [{"type": "text", "text": part} for part in said.parts]
        if finish == "refusal":
            message |= {"content": None, "refusal": said.text}
            finish = "stop"
        if said.reasoning:
            message["reasoning_content"] = said.reasoning
        if said.call:
            message["tool_calls"] = self._calls(said)
        choice = {"index": 0, "message": message, "finish_reason": finish}
        answer = self._head(asked, "chat.completion") | {"choices": [choice]}
        if asked.model == "no-choices":
            answer["choices"] = []
        if said.usage is not None:
            answer["usage"] = self._usage(said.usage)
        return _json(answer)

    def _calls(self, said: Said) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call_{number - 1}" if number else "call_abc",
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
            for number, (name, arguments) in enumerate(said.calls)
        ]

    def _head(self, asked: Asked, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(asked.prompt.encode()).hexdigest()[:16]
        return {
            "id": f"chatcmpl-{digest}",
            "object": kind,
            "created": 1_700_000_000,
            "model": f"{asked.model}-2026-01-01",
        }

    def _usage(self, usage: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {
            "prompt_tokens": usage["input"],
            "completion_tokens": usage["output"],
            "total_tokens": 0,
        }
        if "reasoning" in usage:
            made["completion_tokens_details"] = {"reasoning_tokens": usage["reasoning"]}
        if usage.get("is_hidden"):
            # Left out of the completion, as some hosts do, and told by the total alone.
            made["completion_tokens"] -= usage["reasoning"]
            made["total_tokens"] = usage["input"] + usage["output"]
        if "cached" in usage:
            made["prompt_tokens_details"] = {"cached_tokens": usage["cached"]}
        return made

    def events(self, said: Said, asked: Asked) -> list[bytes]:
        head = self._head(asked, "chat.completion.chunk")

        def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
            return _event(
                head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            )

        made = [chunk({"role": "assistant", "content": ""})]
        if said.reasoning:
            made += [chunk({"reasoning_content": piece}) for piece in _halves(said.reasoning)]
        field = "refusal" if said.finish == "refusal" else "content"
        made += [chunk({field: piece}) for piece in said.pieces]
        for index, call in enumerate(self._calls(said)):
            arguments = call["function"].pop("arguments")
            made.append(chunk({"tool_calls": [{"index": index, **call}]}))
            for piece in _halves(arguments):
                part = {"index": index, "function": {"arguments": piece}}
                made.append(chunk({"tool_calls": [part]}))
        made.append(chunk({}, "stop" if said.finish == "refusal" else said.finish))
        if said.usage is not None and asked.wants_usage:
            made.append(_event(head | {"choices": [], "usage": self._usage(said.usage)}))
        made.append(b"data: [DONE]\n\n")
        return made

    def stream_error(self) -> bytes:
        return _event({"error": {"code": 503, "message": "Upstream is overloaded"}})

    def error_inside(self) -> bytes:
        return b'{"error":{"code":503,"message":"Upstream is overloaded"}}'

    def error(self, refused: Refused) -> tuple[int, bytes]:
        codes = {
            "filtered": "content_filter",
            "overflow": "context_length_exceeded",
            "parameter": "unsupported_parameter",
            "rate": "rate_limit_exceeded",
            "model": "model_not_found",
            "key": "invalid_api_key",
        }
        message = refused.message
        if refused.kind == "overflow":
            message = "This model's maximum context length is 8192 tokens; you asked for 9000."
        elif refused.kind == "limit":
            message = (
                f"max_tokens is too large: {message}. This model supports at most "
                f"{MAX_SHORT_ANSWER} completion tokens, whereas you provided {message}."
            )
        elif refused.kind == "parameter":
            message = f"Unsupported parameter: 'temperature' (key {refused.message})."
        kind = "insufficient_quota" if refused.kind == "credit" else "invalid_request_error"
        error = {
            "message": message,
            "type": kind,
            "param": None,
            "code": codes.get(refused.kind),
        }
        return refused.status, _json({"error": error})


class Anthropic:
    """Messages."""

    request_id = "request-id"

    def matches(self, path: str) -> bool:
        return path.endswith("/messages")

    def read(self, path: str, request: dict[str, Any]) -> Asked:
        turns = request.get("messages")
        _demand(turns, "messages: at least one message is required")
        assert turns is not None
        _demand(type(request.get("max_tokens")) is int, "max_tokens: field required")
        _demand(turns[0]["role"] == "user", "messages: first message must use the user role")
        for before, after in itertools.pairwise(turns):
            _demand(before["role"] != after["role"], "messages: roles must alternate")
        tools = [tool["name"] for tool in request.get("tools", [])]
        for turn in turns:
            self._check(turn, tools)
        form = (request.get("output_config") or {}).get("format") or {}
        forced = request.get("tool_choice") or {}
        schema = form.get("schema")
        if forced.get("type") == "tool":
            schema = next(
                tool["input_schema"] for tool in request["tools"] if tool["name"] == forced["name"]
            )
        if form:
            _demand(schema.get("additionalProperties") is False, "additionalProperties: not false")
        thinking = request.get("thinking") or {}
        if thinking.get("type") == "enabled":
            budget = thinking["budget_tokens"]
            _demand(1024 <= budget < request["max_tokens"], "thinking.budget_tokens: out of range")
            _demand("temperature" not in request, "temperature: may not be set when thinking")
        last = turns[-1]["content"]
        results = [block for block in last if block["type"] == "tool_result"]
        # What is said after a result is what is to be answered.
        results = results if last[-1]["type"] == "tool_result" else []
        return Asked(
            model=str(request.get("model", "")),
            prompt="".join(
                block.get("text", "") for block in turns[-1]["content"] if block["type"] == "text"
            ),
            max_tokens=request["max_tokens"],
            streams=bool(request.get("stream")),
            tools=[] if forced.get("type") == "none" else tools,
            parameters={tool["name"]: tool["input_schema"] for tool in request.get("tools", [])},
            result=self._text(results[0].get("content")) if results else None,
            schema=schema,
        )

    def _check(self, turn: dict[str, Any], tools: list[str]) -> None:
        _demand(turn["role"] in {"user", "assistant"}, f"role: {turn['role']} is not allowed")
        _demand(turn["content"], "content: must not be empty")
        may_be_result = True
        for block in turn["content"]:
            kind = block["type"]
            if kind == "text":
                _demand(block["text"].strip(), "text content blocks must be non-empty")
            if kind == "tool_result":
                _demand(may_be_result, "tool_result blocks must come first")
            may_be_result = kind == "tool_result"
            if kind == "tool_use":
                _demand(block["name"] in tools, "tools: must be defined")
                _demand(re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"]), "tool_use.id: bad")
                _demand(isinstance(block["input"], dict), "tool_use.input: not an object")
            if kind == "image" and block["source"]["type"] == "base64":
                _demand(block["source"]["media_type"].startswith("image/"), "media_type: bad")

    def _text(self, content: Any) -> str:
        if isinstance(content, str):
            return content
        return "".join(block.get("text", "") for block in content or ())

    def _blocks(self, said: Said, asked: Asked) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        if said.reasoning:
            blocks.append({"type": "thinking", "thinking": said.reasoning, "signature": "c2ln"})
        if asked.schema is not None and "answer_in_schema" in asked.tools:
            given = json.loads(said.text or "{}")
            blocks.append(
                {"type": "tool_use", "id": "toolu_s", "name": "answer_in_schema", "input": given}
            )
        elif said.text:
            texts = said.parts or [said.text]
            blocks += [{"type": "text", "text": text} for text in texts]
        for number, (name, arguments) in enumerate(said.calls):
            try:
                given = json.loads(arguments)
            except ValueError:
                given = {}
            call_id = f"toolu_{number - 1}" if number else "toolu_abc"
            blocks.append({"type": "tool_use", "id": call_id, "name": name, "input": given})
        return blocks

    def _finish(self, said: Said, blocks: list[dict[str, Any]]) -> str:
        if said.finish == "stop" and blocks and blocks[-1]["type"] == "tool_use":
            return "tool_use"
        return {
            "stop": "end_turn",
            "length": "max_tokens",
            "tool_calls": "tool_use",
            "refusal": "refusal",
            # This provider has no other word for it.
            "content_filter": "refusal",
            "error": "error",
        }[said.finish]

    def _usage(self, usage: dict[str, Any] | None) -> dict[str, Any]:
        if usage is None:
            return {}
        made: dict[str, Any] = {"input_tokens": usage["input"], "output_tokens": usage["output"]}
        if "cached" in usage:
            made["cache_read_input_tokens"] = usage["cached"]
            made["cache_creation_input_tokens"] = 6
            made["input_tokens"] -= usage["cached"] + 6
        if "reasoning" in usage:
            made["output_tokens_details"] = {"thinking_tokens": usage["reasoning"]}
        return made

    def _head(self, asked: Asked) -> dict[str, Any]:
        return {
            "id": "msg_abc",
            "type": "message",
            "role": "assistant",
            "model": f"{asked.model}-2026-01-01",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def plain(self, said: Said, asked: Asked) -> bytes:
        blocks = self._blocks(said, asked)
        answer = self._head(asked) | {
            "content": blocks,
            "stop_reason": self._finish(said, blocks),
        }
        if said.usage is not None:
            answer["usage"] = self._usage(said.usage)
        if asked.model == "no-choices":
            del answer["content"]
        return _json(answer)

    def events(self, said: Said, asked: Asked) -> list[bytes]:
        usage = self._usage(said.usage)
        begun = {k: v for k, v in usage.items() if "output" not in k}
        head = self._head(asked)
        if usage:
            head["usage"] = begun | {"output_tokens": 1}
        made = [_event({"type": "message_start", "message": head}, "message_start")]
        made.append(_event({"type": "ping"}, "ping"))
        blocks = self._blocks(said, asked)
        # As the model wrote them, which may be no JSON.
        arguments = iter(arguments for _, arguments in said.calls)
        for index, block in enumerate(blocks):
            made += self._block_events(index, block, said, arguments)
        ended = {"stop_reason": self._finish(said, blocks), "stop_sequence": None}
        last: dict[str, Any] = {"type": "message_delta", "delta": ended}
        if usage:
            last["usage"] = {k: v for k, v in usage.items() if "output" in k}
        made.append(_event(last, "message_delta"))
        made.append(_event({"type": "message_stop"}, "message_stop"))
        return made

    def _block_events(
        self, index: int, block: dict[str, Any], said: Said, arguments: Iterator[str]
    ) -> list[bytes]:
        kind = block["type"]
        if kind == "text":
            empty = {"type": "text", "text": ""}
            pieces = said.pieces if said.parts is None else [block["text"]]
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        elif kind == "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": piece}
                for piece in _halves(block["thinking"])
            ]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        else:
            empty = {**block, "input": {}}
            written = json.dumps(block["input"])
            if block["name"] != "answer_in_schema":
                written = next(arguments)
            deltas = [
                {"type": "input_json_delta", "partial_json": piece} for piece in _halves(written)
            ]
        start = {"type": "content_block_start", "index": index, "content_block": empty}
        made = [_event(start, "content_block_start")]
        for delta in deltas:
            event = {"type": "content_block_delta", "index": index, "delta": delta}
            made.append(_event(event, "content_block_delta"))
        made.append(_event({"type": "content_block_stop", "index": index}, "content_block_stop"))
        return made

    def stream_error(self) -> bytes:
        return _event({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}})

    def error_inside(self) -> bytes:
        return _json({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}})

    def error(self, refused: Refused) -> tuple[int, bytes]:
        kinds = {
            400: "invalid_request_error",
            401: "authentication_error",
            404: "not_found_error",
            429: "rate_limit_error",
            500: "api_error",
        }
        status, message = refused.status, refused.message
        if refused.kind == "overflow":
            message = "prompt is too long: 210000 tokens > 200000 maximum"
        elif refused.kind == "limit":
            message = (
                f"max_tokens: {message} > {MAX_SHORT_ANSWER}, which is the maximum allowed number "
                "of output tokens for this model"
            )
        elif refused.kind == "parameter":
            message = f"`temperature` is deprecated for this model. (key {refused.message})"
        elif refused.kind == "filtered":
            message = "Output blocked by content filtering policy"
        elif refused.kind == "credit":
            status, message = 400, "Your credit balance is too low to access the API."
        error = {"type": kinds.get(status, "api_error"), "message": message}
        return status, _json({"type": "error", "error": error, "request_id": "req_abc"})


class Gemini:
    """generateContent and streamGenerateContent."""

    request_id = "x-request-id"

    def matches(self, path: str) -> bool:
        return _GEMINI_PATH.search(path) is not None

    def read(self, path: str, request: dict[str, Any]) -> Asked:
        found = _GEMINI_PATH.search(path)
        assert found is not None
        unknown = set(request) - _GEMINI_FIELDS
        _demand(not unknown, f'Unknown name "{"".join(unknown)}": Cannot find field.')
        turns = request.get("contents")
        _demand(turns, "contents is not specified")
        assert turns is not None
        for turn in turns:
            _demand(turn.get("role") in {"user", "model"}, "Please use a valid role: user, model.")
            _demand(turn.get("parts"), "parts must not be empty")
            for part in turn["parts"]:
                kinds = set(part) & {
                    "text",
                    "inlineData",
                    "fileData",
                    "functionCall",
                    "functionResponse",
                }
                _demand(len(kinds) == 1, "a part must have exactly one of its kinds")
                is_call = "functionCall" in part and found[1].startswith("gemini-3")
                _demand(not is_call or part.get("thoughtSignature"), "missing a thought_signature")
        config = request.get("generationConfig", {})
        functions = [
            function
            for tool in request.get("tools", [])
            for function in tool["functionDeclarations"]
        ]
        declared = [function["name"] for function in functions]
        calling = (request.get("toolConfig") or {}).get("functionCallingConfig") or {}
        result = turns[-1]["parts"][-1].get("functionResponse")
        if result is not None:
            _demand(result.get("name"), "function_response.name: empty")
        prompt = next(turn for turn in reversed(turns) if turn["role"] == "user")
        return Asked(
            model=found[1],
            prompt="".join(part.get("text", "") for part in prompt["parts"]),
            max_tokens=config.get("maxOutputTokens", 16),
            streams=found[2] == "streamGenerateContent" and "alt=sse" in (found[3] or ""),
            tools=[] if calling.get("mode") == "NONE" else declared,
            parameters={
                one["name"]: one.get("parametersJsonSchema") or one.get("parameters", {})
                for one in functions
            },
            result=None if result is None else self._result(result["response"]),
            schema=config.get("responseJsonSchema"),
        )

    def _result(self, response: dict[str, Any]) -> str:
        return response["output"] if "output" in response else json.dumps(response)

    def _parts(self, said: Said) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        if said.reasoning:
            parts.append({"text": said.reasoning, "thought": True})
        texts = said.parts or ([said.text] if said.text else [])
        parts += [{"text": text} for text in texts]
        for number, (name, arguments) in enumerate(said.calls):
            try:
                given = json.loads(arguments)
            except ValueError:
                given = {"city": "Par"}
            call = {"name": name, "args": given}
            # The first of several has the signature.
            signature = {} if number else {"thoughtSignature": "c2lnbmF0dXJl"}
            parts.append({"functionCall": call, **signature})
        return parts

    def _finish(self, said: Said) -> str:
        return {
            "stop": "STOP",
            "tool_calls": "STOP",
            "length": "MAX_TOKENS",
            "content_filter": "SAFETY",
            # This provider's models refuse in words alone.
            "refusal": "STOP",
            "error": "OTHER",
        }[said.finish]

    def _answer(
        self, asked: Asked, parts: list[dict[str, Any]], finish: str | None, usage: Any
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        if not parts:
            del candidate["content"]
        if finish:
            candidate["finishReason"] = finish
        answer: dict[str, Any] = {
            "candidates": [candidate],
            "modelVersion": f"{asked.model}-2026-01-01",
            "responseId": "resp_abc",
        }
        if usage is not None:
            answer["usageMetadata"] = self._usage(usage)
        if asked.model == "no-choices":
            answer["candidates"] = []
        return answer

    def _usage(self, usage: dict[str, Any]) -> dict[str, Any]:
        thought = usage.get("reasoning", 0)
        made = {"promptTokenCount": usage["input"]}
        said = usage["output"] if isinstance(usage["output"], str) else usage["output"] - thought
        # As in the real one, a count of 0 is left out.
        if said:
            made["candidatesTokenCount"] = said
        if thought:
            made["thoughtsTokenCount"] = thought
        if "cached" in usage:
            made["cachedContentTokenCount"] = usage["cached"]
        return made

    def plain(self, said: Said, asked: Asked) -> bytes:
        return _json(self._answer(asked, self._parts(said), self._finish(said), said.usage))

    def events(self, said: Said, asked: Asked) -> list[bytes]:
        made = []
        pieces: list[dict[str, Any]] = []
        if said.reasoning:
            pieces += [{"text": piece, "thought": True} for piece in _halves(said.reasoning)]
        pieces += [{"text": piece} for piece in said.pieces]
        pieces += [part for part in self._parts(said) if "functionCall" in part]
        for piece in pieces:
            made.append(_event(self._answer(asked, [piece], None, None)))
        made.append(_event(self._answer(asked, [], self._finish(said), said.usage)))
        return made

    def stream_error(self) -> bytes:
        error = {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}
        return _event({"error": error})

    def error_inside(self) -> bytes:
        return b'{"error":{"code":503,"message":"The model is overloaded","status":"UNAVAILABLE"}}'

    def error(self, refused: Refused) -> tuple[int, bytes]:
        status, message, details = refused.status, refused.message, []
        if refused.kind == "filtered":
            return 200, _json({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
        if refused.kind == "overflow":
            message = (
                "The input token count (1200000) exceeds the maximum number of tokens allowed "
                "(1048576)."
            )
        elif refused.kind == "limit":
            message = (
                f"Unable to submit request because it has a maxOutputTokens value of {message} but "
                f"the supported range is from 1 (inclusive) to {MAX_SHORT_ANSWER + 1} (exclusive). "
                "Update the value and try again."
            )
        elif refused.kind == "parameter":
            message = f'Invalid JSON payload received. Unknown name "x" (key {refused.message}).'
        elif refused.kind == "key":
            status, message = 400, "API key not valid. Please pass a valid API key."
            details = [{"reason": "API_KEY_INVALID"}]
        elif refused.kind == "credit":
            details = [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-PerDay"}]
        names = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
        error: dict[str, Any] = {
            "code": status,
            "message": message,
            "status": names.get(status, "INTERNAL"),
        }
        if details:
            error["details"] = details
        return status, _json({"error": error})


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]


DIALECTS = (OpenAI(), Anthropic(), Gemini())
