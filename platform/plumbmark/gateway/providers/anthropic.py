"""Anthropic's Messages format. The base URL ends in `/v1`.

What this format cannot express is left out of the request, and so of what is recorded as sent:
`seed`; sampling parameters with models that refuse them (from 4.7 on) or while a model thinks on a
budget. System messages go into `system`, in order, wherever they were; messages of one role in a
row become one; a conversation that does not begin with the user gets a first message ".".

Options of a deployment: `thinking` (`adaptive` or `budget`: how a reasoning effort is asked for;
default by the model's version), `schema` (`format`, or `tool` for models without structured
outputs), `omit`, `headers`, `silence_seconds`; `version` replaces the `anthropic-version` header.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from plumbmark.engine.ports import (
    FinishReason,
    Message,
    ModelRequest,
    ModelResponse,
    ToolCall,
    Usage,
)
from plumbmark.gateway.providers.base import (
    NO_OPTIONS,
    AttemptFailure,
    CannotAsk,
    Delta,
    Target,
    ToolCallDelta,
)
from plumbmark.gateway.providers.chat import Assembly, ChatProvider
from plumbmark.gateway.providers.extra_body import add_extra_body
from plumbmark.gateway.providers.failures import (
    ErrorBody,
    has_error,
    malformed_failure,
    read_ending,
)
from plumbmark.gateway.providers.messages import (
    SYSTEM_ROLES,
    Link,
    arguments_in,
    calls_of,
    chosen_function,
    functions_of,
    media_of,
    parts_of,
    role_of,
    schema_of,
    text_of,
)
from plumbmark.gateway.providers.schemas import narrow_schema
from plumbmark.gateway.providers.text import (
    are_counts_told,
    merge_counts,
    read_count,
    read_name,
    read_text,
)
from plumbmark.gateway.providers.tool_use import check_tools
from plumbmark.strict_json import wire
from plumbmark.strict_json.numbers import to_canonical_number
from plumbmark.strict_json.texts import make_storable

_VERSION = "2023-06-01"
_IMAGES = {"image/jpeg", "image/png", "image/gif", "image/webp"}
_SHARES = {"low": 0.25, "medium": 0.5, "high": 0.8}
"""What part of `max_tokens` a thinking budget is: Anthropic bills both as one."""
_LEAST_BUDGET = 1024
_NOT_IN_AN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_MODEL = re.compile(r"claude-(?:[a-z]+-)?(\d+)(?:[-.](\d{1,2}))?(?!\d)")
_SCHEMA_TOOL = "answer_in_schema"
_JSON_ONLY = "Answer with one JSON object and nothing else."
_THINKING = "thinking:"
"""Begins a `ToolCall.signature` of ours: the thinking blocks that must go back before the call."""
_NOT_OURS = {
    "choices",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "store",
    "stream_options",
    "top_logprobs",
    "user",
    "verbosity",
}
"""Fields of `extra` that another format has and this one would refuse."""
_OWNED = {"max_completion_tokens", "max_tokens", "messages", "model", "stream", "system", "tools"}


class Anthropic(ChatProvider):
    """Messages."""

    def build(self, target: Target, request: ModelRequest, *, stream: bool = False) -> bytes:
        check_tools(request)
        version = _version_of(target.upstream_id)
        extra = request.extra
        payload: dict[str, Any] = {
            name: wire.to_canonical_types(value)
            for name, value in extra.items()
            if name not in _NOT_OURS and name not in _OWNED
        }
        if extra.get("n") not in (None, 1):
            raise CannotAsk("This model gives one answer a call; leave out n, or set it to 1.")
        payload["model"] = target.upstream_id
        payload["max_tokens"] = request.max_output_tokens
        system, payload["messages"] = _conversation(request.messages)
        if (extra.get("response_format") or {}).get("type") == "json_object":
            system = f"{system}\n\n{_JSON_ONLY}".lstrip()
        if system:
            payload["system"] = system
        if request.stop:
            payload["stop_sequences"] = [stop for stop in request.stop if stop.strip()]
        _put_tools(payload, request)
        _put_thinking(payload, request, target, version)
        if version < (4, 7) and payload.get("thinking", {}).get("type") != "enabled":
            if request.temperature is not None:
                payload["temperature"] = to_canonical_number(float(request.temperature))
            if request.top_p is not None:
                payload["top_p"] = to_canonical_number(float(request.top_p))
        if request.output_schema is not None:
            _put_schema(payload, request.output_schema, target, version)
        if stream:
            payload["stream"] = True
        for name in target.options.get("omit", ()):
            if name not in _OWNED:
                payload.pop(name, None)
        add_extra_body(payload, target.options, request)
        return wire.dump_in_order(payload)

    def url(self, target: Target, *, stream: bool) -> str:
        return f"{target.base_url}/messages"

    def credential(self, target: Target) -> dict[str, str]:
        version = str(target.options.get("version", _VERSION))
        headers = {"anthropic-version": version}
        if target.secret:
            headers["x-api-key"] = target.secret
        return headers

    def request_id(self, headers: Mapping[str, str], payload: Any) -> str:
        found = headers.get("request-id") or headers.get("x-request-id") or ""
        if not found and isinstance(payload, dict):
            found = read_name(payload.get("id"))
        return found

    def read_error(self, payload: Any, text: str) -> ErrorBody:
        error = payload.get("error") if isinstance(payload, dict) else None
        if not isinstance(error, dict):
            return ErrorBody(text if payload is None else wire.dump_in_order(payload).decode())
        return ErrorBody(str(error.get("message") or ""), str(error.get("type") or ""))

    def parse(
        self, payload: Any, options: Mapping[str, Any] = NO_OPTIONS
    ) -> ModelResponse | AttemptFailure:
        try:
            if payload.get("type") == "error" or has_error(payload.get("error")):
                return self.failure_inside(payload, payload.get("error"))
            blocks = payload["content"]
            if not isinstance(blocks, list):
                return malformed_failure(payload)
            return _response(payload, blocks, options)
        except (AttributeError, KeyError, TypeError):
            return malformed_failure(payload)

    def read_usage(self, payload: Any) -> Usage:
        return _usage(payload.get("usage"), has_content=False)

    def assembly(self) -> Assembly:
        return _Events()


def _version_of(upstream_id: str) -> tuple[int, int]:
    """Return (4, 6) for `claude-opus-4-6`; an unknown version counts as new."""
    found = _MODEL.search(upstream_id)
    return (int(found[1]), int(found[2] or 0)) if found else (99, 0)


# --- The request ------------------------------------------------------------------------------


def _conversation(messages: Sequence[Message]) -> tuple[str, list[dict[str, Any]]]:
    system: list[str] = []
    turns: list[dict[str, Any]] = []
    for message in messages:
        role = role_of(message)
        if role in SYSTEM_ROLES:
            system.append(text_of(message))
            continue
        if role == "assistant":
            blocks = _model_message(message)
        elif role == "tool":
            role, blocks = "user", [_tool_result(message)]
        elif role == "user":
            blocks = _user_blocks(message)
        else:
            raise CannotAsk(f"A message has the role {role[:40]!r}; there is none such.")
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    system_text = "\n\n".join(text for text in system if text.strip())
    if not turns and system_text:
        # A conversation with only instructions: they become the question.
        return "", [{"role": "user", "content": [_text_block(system_text)]}]
    if not turns or turns[0]["role"] != "user":
        turns.insert(0, {"role": "user", "content": [_text_block(".")]})
    for turn in turns:
        if turn["role"] == "user":
            # Results must come before the text about them.
            turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    last = turns[-1]["content"][-1]
    if turns[-1]["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()
    return system_text, turns


def _text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _user_blocks(message: Message) -> list[dict[str, Any]]:
    blocks = []
    for part in parts_of(message.get("content")):
        media = media_of(part)
        if media is None:
            text = part.get("text")
            if not isinstance(text, str):
                raise CannotAsk(f"This model takes no part of type {part.get('type')!r}.")
            if text.strip():
                blocks.append(_text_block(text))
        elif isinstance(media, Link):
            blocks.append({"type": "image", "source": {"type": "url", "url": media.url}})
        else:
            kind = "image" if media.mime in _IMAGES else "document"
            if kind == "document" and media.mime != "application/pdf":
                raise CannotAsk(
                    f"This model takes JPEG, PNG, GIF, WebP and PDF, not {media.mime[:60]}."
                )
            source = {"type": "base64", "media_type": media.mime, "data": media.data}
            blocks.append({"type": kind, "source": source})
    return blocks


def _model_message(message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    text = text_of(message)
    calls = calls_of(message)
    for call in calls[:1]:
        blocks += _thinking_blocks(call)
    if text.strip():
        blocks.append(_text_block(text))
    for number, call in enumerate(calls):
        if number:
            blocks += _thinking_blocks(call)
        blocks.append(
            {
                "type": "tool_use",
                "id": _id(call.id, number),
                "name": call.name,
                "input": arguments_in(call),
            }
        )
    return blocks


def _thinking_blocks(call: ToolCall) -> list[dict[str, Any]]:
    """Return the thinking blocks before a call: with tools, they must be sent back unchanged."""
    if not call.signature.startswith(_THINKING):
        return []
    try:
        blocks = wire.read(call.signature.removeprefix(_THINKING).encode())
    except ValueError:
        return []
    kinds = {"thinking", "redacted_thinking"}
    return [block for block in blocks if isinstance(block, dict) and block.get("type") in kinds]


def _id(call_id: str, number: int) -> str:
    return _NOT_IN_AN_ID.sub("_", call_id)[:200] or f"call_{number}"


def _tool_result(message: Message) -> dict[str, Any]:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str) or not call_id:
        raise CannotAsk("A message of the role tool lacks its tool_call_id.")
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": _id(call_id, 0)}
    if blocks := _user_blocks(message):
        result["content"] = blocks
    return result


def _put_tools(payload: dict[str, Any], request: ModelRequest) -> None:
    tools = []
    for function in functions_of(request.tools):
        tool: dict[str, Any] = {
            "name": function["name"],
            "input_schema": wire.to_canonical_types(function.get("parameters"))
            or {"type": "object", "properties": {}},
        }
        if function.get("description"):
            tool["description"] = function["description"]
        tools.append(tool)
    choice: dict[str, Any] | None = None
    if name := chosen_function(request.tool_choice):
        choice = {"type": "tool", "name": name}
    elif request.tool_choice is not None:
        kinds = {"auto": "auto", "none": "none", "required": "any"}
        choice = {"type": kinds[str(request.tool_choice)]}
    if not tools:
        # Tools that were used before must be known, also where none may be used any more.
        used = {
            block["name"]
            for turn in payload["messages"]
            for block in turn["content"]
            if block["type"] == "tool_use"
        }
        tools = [{"name": name, "input_schema": {"type": "object"}} for name in sorted(used)]
        choice = {"type": "none"} if tools else None
    if not tools:
        return
    payload["tools"] = tools
    if request.extra.get("parallel_tool_calls") is False and (choice or {}).get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice is not None:
        payload["tool_choice"] = choice


def _put_thinking(
    payload: dict[str, Any], request: ModelRequest, target: Target, version: tuple[int, int]
) -> None:
    effort = request.reasoning_effort or request.extra.get("reasoning_effort")
    if effort in (None, "none"):
        return
    effort = {"minimal": "low"}.get(str(effort), str(effort))
    way = target.options.get("thinking") or ("adaptive" if version >= (4, 6) else "budget")
    if way == "adaptive":
        payload.setdefault("thinking", {"type": "adaptive", "display": "summarized"})
        payload["output_config"] = {"effort": effort, **payload.get("output_config", {})}
        return
    if version < (3, 7):
        return
    budget = max(_LEAST_BUDGET, int(request.max_output_tokens * _SHARES.get(effort, 0.8)))
    forces_a_tool = payload.get("tool_choice", {}).get("type") in {"any", "tool"}
    if budget >= request.max_output_tokens or forces_a_tool or _lacks_its_thinking(payload):
        return
    payload.setdefault("thinking", {"type": "enabled", "budget_tokens": budget})


def _lacks_its_thinking(payload: dict[str, Any]) -> bool:
    """Return whether the model is in the middle of tool calls and its thinking was not sent
    back.
    """
    turns = payload["messages"]
    if turns[-1]["content"][0]["type"] != "tool_result" or len(turns) < 2:
        return False
    return turns[-2]["content"][0]["type"] not in {"thinking", "redacted_thinking"}


def _put_schema(
    payload: dict[str, Any],
    wanted: Mapping[str, Any],
    target: Target,
    version: tuple[int, int],
) -> None:
    schema = schema_of(wanted)
    way = target.options.get("schema") or ("format" if version >= (4, 1) else "tool")
    if way == "format":
        form = {"type": "json_schema", "schema": wire.to_canonical_types(narrow_schema(schema))}
        payload["output_config"] = {**payload.get("output_config", {}), "format": form}
        return
    payload["tools"] = [
        *payload.get("tools", []),
        {
            "name": _SCHEMA_TOOL,
            "description": "Gives the answer.",
            "input_schema": wire.to_canonical_types(schema),
        },
    ]
    if not _may_call_tools(payload):
        payload["tool_choice"] = {"type": "tool", "name": _SCHEMA_TOOL}
        payload.pop("thinking", None)


def _may_call_tools(payload: dict[str, Any]) -> bool:
    """Return whether the model may call one of the caller's tools: then it chooses when to
    answer.
    """
    others = [tool for tool in payload["tools"] if tool["name"] != _SCHEMA_TOOL]
    return bool(others) and payload.get("tool_choice", {}).get("type") != "none"


# --- The answer -------------------------------------------------------------------------------


def _response(
    payload: dict[str, Any], blocks: list[Any], options: Mapping[str, Any]
) -> ModelResponse | AttemptFailure:
    texts, thoughts, calls = [], [], []
    answer_in_schema = None
    pending: list[dict[str, Any]] = []
    for number, block in enumerate(blocks):
        kind = block.get("type")
        if kind == "text":
            texts.append(read_text(block.get("text")))
        elif kind == "thinking":
            thoughts.append(read_text(block.get("thinking")))
            pending.append(block)
        elif kind == "redacted_thinking":
            pending.append(block)
        elif kind == "tool_use":
            arguments = _arguments(block)
            if block.get("name") == _SCHEMA_TOOL:
                answer_in_schema = arguments
                continue
            signature = _THINKING + wire.dump_in_order(pending).decode() if pending else ""
            pending = []
            call_id = read_name(block.get("id")) or f"call_{number}"
            calls.append(ToolCall(call_id, read_name(block.get("name")), arguments, signature))
    usage = _usage(payload.get("usage"), has_content=bool(blocks))
    finish = read_ending(
        payload.get("stop_reason"), payload, usage, options, has_content=bool(blocks)
    )
    if isinstance(finish, AttemptFailure):
        return finish
    text = "".join(texts)
    if answer_in_schema is not None:
        text = answer_in_schema
        if finish is FinishReason.TOOL_CALLS and not calls:
            finish = FinishReason.STOP
    if finish is FinishReason.REFUSAL and not text:
        details = payload.get("stop_details")
        if isinstance(details, dict):
            text = read_text(details.get("explanation"))
    return ModelResponse(
        text=text,
        finish_reason=finish,
        model=read_name(payload.get("model")),
        usage=usage,
        reasoning="".join(thoughts),
        tool_calls=tuple(calls),
    )


def _arguments(block: dict[str, Any]) -> str:
    if isinstance(block.get("partial_json"), str):
        return make_storable(block["partial_json"])
    arguments = block.get("input")
    return make_storable(wire.dump_in_order({} if arguments is None else arguments).decode())


def _usage(usage: Any, *, has_content: bool) -> Usage:
    missing = Usage(0, 0, estimated=True)
    if not isinstance(usage, dict):
        return missing
    fresh, output = read_count(usage.get("input_tokens")), read_count(usage.get("output_tokens"))
    read = max(0, read_count(usage.get("cache_read_input_tokens")))
    cache_creation = max(0, read_count(usage.get("cache_creation_input_tokens")))
    prompt = fresh + read + cache_creation
    if fresh < 0 or not are_counts_told(prompt, output, has_content=has_content):
        return missing
    details = usage.get("output_tokens_details")
    thought = max(0, read_count(details.get("thinking_tokens"))) if isinstance(details, dict) else 0
    return Usage(prompt, output, read, min(thought, output))


def _counts_of_bedrock(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return the counts that Bedrock adds to the last event."""
    metrics = event.get("amazon-bedrock-invocationMetrics")
    if not isinstance(metrics, dict):
        return None
    return {
        "input_tokens": metrics.get("inputTokenCount"),
        "output_tokens": metrics.get("outputTokenCount"),
        "cache_read_input_tokens": metrics.get("cacheReadInputTokenCount"),
        "cache_creation_input_tokens": metrics.get("cacheWriteInputTokenCount"),
    }


class _Events(Assembly):
    """Events of a streamed message."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[int, list[str]] = {}
        self._call_numbers: dict[int, int] = {}
        self._pending: list[int] = []

    def add(self, event: Any) -> Delta:
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._piece(event["index"], event["delta"])
        if kind == "content_block_start":
            return self._begin(event["index"], event["content_block"])
        if kind == "message_start":
            self._message = dict(event["message"])
        elif kind == "message_delta":
            for name, value in (event.get("delta") or {}).items():
                self._message[name] = value
        elif kind == "message_stop":
            self.is_complete = True
        elif kind == "error" or has_error(event.get("error")):
            self.failure = event
        # Cumulative; what the start counted and later events leave out stays.
        for usage in (event.get("usage"), _counts_of_bedrock(event)):
            if isinstance(usage, dict):
                self._message["usage"] = merge_counts(self._message.get("usage"), usage)
        # Pings and kinds that are yet to be invented say nothing.
        return Delta()

    def _begin(self, index: int, block: dict[str, Any]) -> Delta:
        self._blocks[index] = block = dict(block)
        pieces = self._pieces[index] = []
        kind = block.get("type")
        if kind in {"thinking", "redacted_thinking"}:
            self._pending.append(index)
        if kind != "tool_use":
            # Text may already be in the start.
            field = {"text": "text", "thinking": "thinking"}.get(kind or "")
            text = block.get(field) if field else None
            if isinstance(text, str) and text:
                pieces.append(text)
                return Delta(text=text) if kind == "text" else Delta(reasoning=text)
            return Delta()
        if block.get("name") == _SCHEMA_TOOL:
            return Delta()
        number = self._call_numbers[index] = len(self._call_numbers)
        call_id = read_name(block.get("id")) or f"call_{index}"
        first = ToolCallDelta(number, call_id, read_name(block.get("name")), "", self._signature())
        return Delta(tool_calls=(first,))

    def _signature(self) -> str:
        if not self._pending:
            return ""
        blocks = [self._whole(index) for index in self._pending]
        self._pending = []
        return _THINKING + wire.dump_in_order(blocks).decode()

    def _piece(self, index: int, delta: dict[str, Any]) -> Delta:
        kind = delta.get("type")
        if kind == "text_delta":
            self._pieces[index].append(delta["text"])
            return Delta(text=delta["text"])
        if kind == "thinking_delta":
            self._pieces[index].append(delta["thinking"])
            return Delta(reasoning=delta["thinking"])
        if kind == "signature_delta":
            block = self._blocks[index]
            block["signature"] = block.get("signature", "") + delta["signature"]
        elif kind == "input_json_delta":
            self._pieces[index].append(delta["partial_json"])
            if index in self._call_numbers:
                number = self._call_numbers[index]
                return Delta(tool_calls=(ToolCallDelta(number, arguments=delta["partial_json"]),))
            return Delta(text=delta["partial_json"])
        return Delta()

    def _whole(self, index: int) -> dict[str, Any]:
        block, text = dict(self._blocks[index]), "".join(self._pieces[index])
        kind = block.get("type")
        if kind in {"text", "thinking"}:
            block[kind] = text
        elif kind == "tool_use" and text:
            try:
                block["input"] = wire.read(text.encode("utf-8", "surrogatepass"))
            except ValueError:
                # Cut off at the length limit, within its arguments.
                block["partial_json"] = text
        return block

    def document(self) -> dict[str, Any]:
        blocks = [self._whole(index) for index in sorted(self._blocks)]
        return {**self._message, "content": blocks}
