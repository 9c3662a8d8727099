"""Google's Gemini `generateContent`. The base URL ends in `/v1beta`.

A reasoning effort becomes a thinking level from Gemini 3 on and a budget before it; the option
`thinking` (`level`, `budget`) overrides that. Thought signatures are sent with tool calls and must
be sent back with them; a call that has none, because another model made it, is flagged as such for
Gemini 3, which would otherwise refuse it.

Options of a deployment: `thinking`, `bearer` (true: the credential is an access token, as on
Vertex), `omit` (names inside `generationConfig`), `headers`, `silence_seconds`.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from plumbmark.engine.ports import (
    FailureKind,
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

_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576}
_LEVELS = {"none": "minimal"}
_MAJOR = re.compile(r"gemini-(\d+)")
_RETRY_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_OUR_ID = "call_g"
"""The prefix of ids that we give to calls without one; they are not sent to Gemini."""
_FOREIGN_CALL = "skip_thought_signature_validator"
_IMAGE_NAMES = {
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
}
_RENAMED = {
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
    "top_k": "topK",
    "n": "candidateCount",
}
_BESIDE = {"cachedContent", "labels", "safetySettings", "toolConfig"}
"""Fields of `extra` that belong beside `generationConfig`, not in it."""
_NOT_OURS = {
    "choices",
    "logit_bias",
    "logprobs",
    "metadata",
    "modalities",
    "parallel_tool_calls",
    "prediction",
    "reasoning_effort",
    "response_format",
    "service_tier",
    "store",
    "stream_options",
    "top_logprobs",
    "user",
    "verbosity",
}
_OWNED = {
    "contents",
    "generationConfig",
    "maxOutputTokens",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "stream",
    "systemInstruction",
    "tools",
}


class Gemini(ChatProvider):
    """generateContent and streamGenerateContent."""

    def build(self, target: Target, request: ModelRequest, *, stream: bool = False) -> bytes:
        check_tools(request)
        payload: dict[str, Any] = {}
        config: dict[str, Any] = {}
        for name, value in request.extra.items():
            name = _RENAMED.get(name, name)
            if name not in _NOT_OURS and name not in _OWNED:
                (payload if name in _BESIDE else config)[name] = wire.to_canonical_types(value)
        if config.pop("candidateCount", 1) != 1:
            raise CannotAsk("This model gives one answer a call; leave out n, or set it to 1.")
        config["maxOutputTokens"] = request.max_output_tokens
        if request.temperature is not None:
            config["temperature"] = to_canonical_number(float(request.temperature))
        if request.top_p is not None:
            config["topP"] = to_canonical_number(float(request.top_p))
        if request.seed is not None:
            config["seed"] = request.seed
        if request.stop:
            config["stopSequences"] = list(request.stop)
        if request.output_schema is not None:
            config["responseMimeType"] = "application/json"
            config["responseJsonSchema"] = wire.to_canonical_types(schema_of(request.output_schema))
        elif (request.extra.get("response_format") or {}).get("type") == "json_object":
            config["responseMimeType"] = "application/json"
        major = _major_of(target.upstream_id)
        _put_thinking(config, request, target, major)
        system, payload["contents"] = _conversation(request.messages, major)
        if system:
            payload["systemInstruction"] = {"parts": [{"text": text} for text in system]}
        _put_tools(payload, request)
        for name in target.options.get("omit", ()):
            if name not in _OWNED:
                config.pop(name, None)
        payload["generationConfig"] = config
        add_extra_body(payload, target.options, request)
        return wire.dump_in_order(payload)

    def url(self, target: Target, *, stream: bool) -> str:
        what = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"{target.base_url}/models/{target.upstream_id}:{what}"

    def credential(self, target: Target) -> dict[str, str]:
        if not target.secret:
            return {}
        if target.options.get("bearer"):
            return {"Authorization": f"Bearer {target.secret}"}
        return {"x-goog-api-key": target.secret}

    def request_id(self, headers: Mapping[str, str], payload: Any) -> str:
        found = read_name(payload.get("responseId")) if isinstance(payload, dict) else ""
        return found or headers.get("x-request-id", "")

    def read_error(self, payload: Any, text: str) -> ErrorBody:
        if isinstance(payload, list) and payload:
            # An error of the streaming path comes as a list of one.
            payload = payload[0]
        error = payload.get("error") if isinstance(payload, dict) else None
        if not isinstance(error, dict):
            return ErrorBody(text if payload is None else wire.dump_in_order(payload).decode())
        details = error.get("details")
        words = f"{error.get('status') or ''} "
        if details:
            words += wire.dump_in_order(details).decode()
        return ErrorBody(str(error.get("message") or ""), words, _delay_in(details))

    def parse(
        self, payload: Any, options: Mapping[str, Any] = NO_OPTIONS
    ) -> ModelResponse | AttemptFailure:
        try:
            if has_error(payload.get("error")):
                return self.failure_inside(payload, payload["error"])
            candidates = payload.get("candidates")
            if candidates:
                return _response(payload, candidates[0], options)
            reason = (payload.get("promptFeedback") or {}).get("blockReason")
            if reason:
                return _failure_of_block(payload, str(reason))
        except (AttributeError, KeyError, TypeError, IndexError):
            return malformed_failure(payload)
        return malformed_failure(payload)

    def read_usage(self, payload: Any) -> Usage:
        return _usage(payload.get("usageMetadata"), has_content=False)

    def assembly(self) -> Assembly:
        return _GeminiChunks()


def _major_of(upstream_id: str) -> int:
    """Return 3 for `gemini-3-pro`; an unknown version counts as new."""
    found = _MAJOR.search(upstream_id)
    return int(found[1]) if found else 99


def _delay_in(details: Any) -> float | None:
    """Return the seconds of a `RetryInfo` in the details of an error."""
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        found = _RETRY_DELAY.fullmatch(delay) if isinstance(delay, str) else None
        if found:
            return float(found[1])
    return None


# --- The request ------------------------------------------------------------------------------


def _put_thinking(
    config: dict[str, Any], request: ModelRequest, target: Target, major: int
) -> None:
    effort = request.reasoning_effort or request.extra.get("reasoning_effort")
    if effort is None or "thinkingConfig" in config:
        return
    effort = str(effort)
    thinking: dict[str, Any] = {}
    way = target.options.get("thinking") or ("level" if major >= 3 else "budget")
    if way == "level":
        thinking["thinkingLevel"] = _LEVELS.get(effort, effort)
    else:
        thinking["thinkingBudget"] = _BUDGETS.get(effort, -1)
    if effort != "none":
        thinking["includeThoughts"] = True
    config["thinkingConfig"] = thinking


def _conversation(
    messages: Sequence[Message], major: int
) -> tuple[list[str], list[dict[str, Any]]]:
    system: list[str] = []
    turns: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        role = role_of(message)
        if role in SYSTEM_ROLES:
            if text := text_of(message):
                system.append(text)
            continue
        if role == "assistant":
            role, parts = "model", _model_message(message, names, major)
        elif role == "tool":
            role, parts = "user", [_tool_result(message, names)]
        elif role == "user":
            parts = [_part(part) for part in parts_of(message.get("content"))]
        else:
            raise CannotAsk(f"A message has the role {role[:40]!r}; there is none such.")
        if not parts:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        else:
            turns.append({"role": role, "parts": parts})
    if not turns:
        return [], [{"role": "user", "parts": [{"text": text} for text in system or [""]]}]
    return system, turns


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    media = media_of(part)
    if media is None:
        if not isinstance(part.get("text"), str):
            raise CannotAsk(f"This model takes no part of type {part.get('type')!r}.")
        return {"text": part["text"]}
    if isinstance(media, Link):
        name = media.url.partition("?")[0].rpartition(".")[2].lower()
        mime = _IMAGE_NAMES.get(name, "image/jpeg")
        return {"fileData": {"fileUri": media.url, "mimeType": mime}}
    return {"inlineData": {"mimeType": media.mime, "data": media.data}}


def _model_message(message: Message, names: dict[str, str], major: int) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if text := text_of(message):
        parts.append({"text": text})
    for number, call in enumerate(calls_of(message)):
        names[call.id] = call.name
        function: dict[str, Any] = {"name": call.name, "args": arguments_in(call)}
        if call.id and not call.id.startswith(_OUR_ID):
            function["id"] = call.id
        part: dict[str, Any] = {"functionCall": function}
        if call.signature and ":" not in call.signature:
            part["thoughtSignature"] = call.signature
        elif major >= 3 and number == 0:
            part["thoughtSignature"] = _FOREIGN_CALL
        parts.append(part)
    return parts


def _tool_result(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str) or not call_id:
        raise CannotAsk("A message of the role tool lacks its tool_call_id.")
    name = names.get(call_id) or message.get("name")
    if not isinstance(name, str):
        raise CannotAsk(f"The tool_call_id {call_id[:80]!r} belongs to no call before it.")
    text = text_of(message)
    try:
        result = wire.read(text.encode())
    except ValueError:
        result = None
    response: dict[str, Any] = {
        "name": name,
        "response": result if isinstance(result, dict) else {"output": text},
    }
    if not call_id.startswith(_OUR_ID):
        response["id"] = call_id
    return {"functionResponse": response}


def _put_tools(payload: dict[str, Any], request: ModelRequest) -> None:
    declared = []
    for function in functions_of(request.tools):
        declaration = {"name": function["name"]}
        if function.get("description"):
            declaration["description"] = function["description"]
        if function.get("parameters"):
            declaration["parametersJsonSchema"] = wire.to_canonical_types(function["parameters"])
        declared.append(declaration)
    name = chosen_function(request.tool_choice)
    if not declared:
        return
    payload["tools"] = [{"functionDeclarations": declared}]
    if request.tool_choice is None:
        return
    calling: dict[str, Any] = {"mode": "ANY"}
    if name:
        calling["allowedFunctionNames"] = [name]
    else:
        modes = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
        calling["mode"] = modes[str(request.tool_choice)]
    payload["toolConfig"] = {**payload.get("toolConfig", {}), "functionCallingConfig": calling}


# --- The answer -------------------------------------------------------------------------------


def _response(
    payload: dict[str, Any], candidate: dict[str, Any], options: Mapping[str, Any]
) -> ModelResponse | AttemptFailure:
    parts = (candidate.get("content") or {}).get("parts") or []
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    for part in parts:
        if "functionCall" in part:
            calls.append(_tool_call(payload, part, len(calls)))
        elif part.get("thought"):
            thoughts.append(read_text(part.get("text")))
        else:
            texts.append(read_text(part.get("text")))
    usage = _usage(payload.get("usageMetadata"), has_content=bool(parts))
    finish = read_ending(
        candidate.get("finishReason"), payload, usage, options, has_content=bool(parts)
    )
    if isinstance(finish, AttemptFailure):
        return finish
    if calls and finish is FinishReason.STOP:
        finish = FinishReason.TOOL_CALLS
    return ModelResponse(
        text="".join(texts),
        finish_reason=finish,
        model=read_name(payload.get("modelVersion")),
        usage=usage,
        reasoning="".join(thoughts),
        tool_calls=tuple(calls),
    )


def _tool_call(payload: dict[str, Any], part: dict[str, Any], number: int) -> ToolCall:
    call = part["functionCall"]
    arguments = call.get("args")
    arguments_json = wire.dump_in_order({} if arguments is None else arguments)
    name = read_name(call.get("name"))
    call_id = read_name(call.get("id"))
    if not call_id:
        # The same for the same document: a recorded answer reads as it did when it came.
        seed = wire.canonical([payload.get("responseId"), number, name])
        seed += wire.canonical({} if arguments is None else arguments)
        call_id = _OUR_ID + hashlib.sha256(seed).hexdigest()[:20]
    signature = part.get("thoughtSignature")
    return ToolCall(
        call_id,
        name,
        make_storable(arguments_json.decode()),
        signature if isinstance(signature, str) else "",
    )


def _failure_of_block(payload: Any, reason: str) -> AttemptFailure:
    """Return the failure for a prompt that was refused before any answer began."""
    return AttemptFailure(
        FailureKind.CONTENT_FILTER,
        "content-filter",
        f"the provider blocked the prompt: {read_name(reason, 60)}",
        is_retryable=False,
        status=200,
        payload=payload,
    )


def _usage(usage: Any, *, has_content: bool) -> Usage:
    missing = Usage(0, 0, estimated=True)
    if not isinstance(usage, dict):
        return missing
    # A count of 0 is left out, except that there is always a prompt.
    prompt = read_count(usage.get("promptTokenCount"))
    output_tokens = read_count(usage.get("candidatesTokenCount", 0))
    thought = read_count(usage.get("thoughtsTokenCount", 0))
    used = read_count(usage.get("toolUsePromptTokenCount", 0))
    if min(prompt, output_tokens, thought, used) < 0:
        return missing
    if not are_counts_told(prompt + used, output_tokens + thought, has_content=has_content):
        return missing
    cached = max(0, read_count(usage.get("cachedContentTokenCount", 0)))
    return Usage(prompt + used, output_tokens + thought, min(cached, prompt), thought)


class _GeminiChunks(Assembly):
    """Chunks of a streamed answer: each is a small answer of its own."""

    def __init__(self) -> None:
        self._document: dict[str, Any] = {}
        self._candidate: dict[str, Any] = {}
        self._parts: list[dict[str, Any]] = []
        self._texts: list[list[str]] = []
        self._calls = 0

    def add(self, event: Any) -> Delta:
        if has_error(event.get("error")):
            self.failure = event
            return Delta()
        for name, value in event.items():
            if name == "usageMetadata":
                self._document[name] = merge_counts(self._document.get(name), value)
            elif name != "candidates" and value is not None:
                self._document[name] = value
        candidates = event.get("candidates")
        if not candidates:
            if (event.get("promptFeedback") or {}).get("blockReason"):
                self.is_complete = True
            return Delta()
        candidate = candidates[0]
        for name, value in candidate.items():
            if name != "content":
                self._candidate[name] = value
        if candidate.get("finishReason"):
            self.is_complete = True
        text: list[str] = []
        reasoning: list[str] = []
        calls: list[ToolCallDelta] = []
        for part in (candidate.get("content") or {}).get("parts") or ():
            self._keep(part)
            if "functionCall" in part:
                call = _tool_call(self._document, part, self._calls)
                calls.append(
                    ToolCallDelta(self._calls, call.id, call.name, call.arguments, call.signature)
                )
                self._calls += 1
            elif isinstance(part.get("text"), str):
                (reasoning if part.get("thought") else text).append(part["text"])
        return Delta("".join(text), "".join(reasoning), tuple(calls))

    def _keep(self, part: dict[str, Any]) -> None:
        text = part.get("text")
        last = self._parts[-1] if self._parts else None
        if (
            isinstance(text, str)
            and last is not None
            and self._texts[-1]
            and bool(last.get("thought")) == bool(part.get("thought"))
        ):
            self._texts[-1].append(text)
            if part.get("thoughtSignature"):
                last["thoughtSignature"] = part["thoughtSignature"]
            return
        self._parts.append(dict(part))
        self._texts.append([text] if isinstance(text, str) else [])

    def document(self) -> dict[str, Any]:
        parts = [
            {**part, "text": "".join(texts)} if texts else part
            for part, texts in zip(self._parts, self._texts, strict=True)
        ]
        if not self._candidate and not parts:
            return self._document
        content = {"role": "model", "parts": parts}
        return {**self._document, "candidates": [{**self._candidate, "content": content}]}
