"""The OpenAI chat format: OpenAI itself and every host that speaks its `/chat/completions`.

Options of a deployment: `max_tokens_field` (default `max_tokens`; OpenAI's reasoning models want
`max_completion_tokens`), `omit` (names of request fields that the model refuses, for example
`["temperature", "seed"]`), `headers` (further headers, never a credential), `schema` (how a JSON
schema is requested: `json_schema`, the default; `json_object` or `prompt` for hosts with less
support, which get the schema in a message), `messages` (`strict` for hosts that want one system
message at the start and alternating user and assistant), `returned_reasoning` (the field in which
the host takes reasoning that a client sends back, or `omit`), `silence_seconds` (how long a stream
may pause).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plumbmark.engine.ports import (
    FinishReason,
    ModelRequest,
    ModelResponse,
    ToolCall,
    Usage,
)
from plumbmark.gateway.providers.base import (
    NO_OPTIONS,
    AttemptFailure,
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
    in_turns,
    schema_of,
    signature_in,
)
from plumbmark.gateway.providers.returned_reasoning import put_returned_reasoning
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

_OURS = {"choices"}
"""Fields of `ModelRequest.extra` that speak to baselines only."""
_OWNED = {
    "messages",
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
}
"""Fields that `extra` cannot replace: what is recorded and priced must be what was sent."""


class OpenAI(ChatProvider):
    """Chat completions."""

    def build(self, target: Target, request: ModelRequest, *, stream: bool = False) -> bytes:
        check_tools(request)
        payload: dict[str, Any] = {}
        if request.extra:
            payload = {
                name: wire.to_canonical_types(value)
                for name, value in request.extra.items()
                if name not in _OURS and name not in _OWNED
            }
        payload["model"] = target.upstream_id
        payload["messages"] = put_returned_reasoning(request.messages, target)
        payload[target.options.get("max_tokens_field", "max_tokens")] = request.max_output_tokens
        if request.temperature is not None:
            payload["temperature"] = to_canonical_number(float(request.temperature))
        if request.top_p is not None:
            payload["top_p"] = to_canonical_number(float(request.top_p))
        if request.seed is not None:
            payload["seed"] = request.seed
        if request.stop:
            payload["stop"] = list(request.stop)
        if request.tools:
            payload["tools"] = wire.to_canonical_types(list(request.tools))
        if request.tool_choice is not None:
            payload["tool_choice"] = wire.to_canonical_types(request.tool_choice)
        if request.reasoning_effort is not None:
            payload["reasoning_effort"] = request.reasoning_effort
        if request.output_schema is not None:
            _ask_for_schema(payload, request.output_schema, target.options.get("schema"))
        if target.options.get("messages") == "strict":
            payload["messages"] = in_turns(payload["messages"])
        if stream:
            payload["stream"] = True
            payload["stream_options"] = {"include_usage": True}
        for name in target.options.get("omit", ()):
            if name not in _OWNED or name == "stream_options":
                payload.pop(name, None)
        add_extra_body(payload, target.options, request)
        return wire.dump_in_order(payload)

    def url(self, target: Target, *, stream: bool) -> str:
        return f"{target.base_url}/chat/completions"

    def credential(self, target: Target) -> dict[str, str]:
        return {"Authorization": f"Bearer {target.secret}"} if target.secret else {}

    def request_id(self, headers: Mapping[str, str], payload: Any) -> str:
        found = headers.get("x-request-id", "")
        if not found and isinstance(payload, dict):
            found = read_name(payload.get("id"))
        return found

    def read_error(self, payload: Any, text: str) -> ErrorBody:
        if isinstance(payload, list) and payload:
            # Google's route of this format puts its errors into a list.
            payload = payload[0]
        if not isinstance(payload, dict):
            return ErrorBody(str(payload) if payload else text)
        error = payload.get("error")
        if isinstance(error, str) and error:
            return ErrorBody(error, _words(payload))
        error = error if isinstance(error, dict) and error else payload
        message = str(
            error.get("message") or error.get("detail") or wire.dump_in_order(error).decode()
        )
        words = _words(error)
        if upstream := _upstream_error(error):
            message, words = f"{message}: {upstream.message}", f"{words} {upstream.words}"
        return ErrorBody(message, words)

    def parse(
        self, payload: Any, options: Mapping[str, Any] = NO_OPTIONS
    ) -> ModelResponse | AttemptFailure:
        try:
            # Hosts answer 200 and put the failure into the body, also beside a part of an answer.
            error = _error_in(payload)
            if error is not None:
                return self.failure_inside({**payload, "error": error}, error)
            choices = payload.get("choices")
            if choices:
                return _response(payload, choices[0], choices[0]["message"], options)
        except (AttributeError, KeyError, TypeError, IndexError):
            return malformed_failure(payload)
        return malformed_failure(payload)

    def read_usage(self, payload: Any) -> Usage:
        return _usage(_usage_in(payload), has_content=False)

    def assembly(self) -> Assembly:
        return _OpenAIChunks()


def _words(error: Mapping[str, Any]) -> str:
    names = ("code", "type", "param", "status", "error_type")
    return " ".join(str(error.get(name) or "") for name in names)


def _upstream_error(error: Mapping[str, Any]) -> ErrorBody | None:
    """Return what the provider behind an aggregator said, which its own message hardly tells."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str) and raw:
        try:
            raw = wire.read(raw.encode("utf-8", "replace"))
        except ValueError:
            return ErrorBody(str(raw))
    if not isinstance(raw, dict):
        return None
    inner = raw.get("error")
    inner = inner if isinstance(inner, dict) else raw
    message = inner.get("message") or wire.dump_in_order(inner).decode()
    return ErrorBody(str(message), _words(inner))


def _error_in(document: dict[str, Any]) -> Any:
    """Return the error of an answer or of an event of a stream; None where there is none.

    It stands beside the choices, in a choice, or is the document itself.
    """
    error = document.get("error")
    if isinstance(error, dict) and isinstance(error.get("error"), dict):
        error = error["error"]
    if has_error(error):
        return error
    errors = document.get("errors")
    if isinstance(errors, list) and errors and has_error(errors[0]):
        return errors[0]
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        for place in (choice, choice.get("message"), choice.get("delta")):
            if isinstance(place, dict) and has_error(place.get("error")):
                return place["error"]
    if choices:
        return None
    if isinstance(document.get("detail"), str) and has_error(document["detail"]):
        return {**document, "message": document["detail"]}
    if not isinstance(document.get("message"), str):
        return None
    is_error = document.get("object") == "error" or has_error({**document, "message": None})
    return document if is_error else None


def _ask_for_schema(payload: dict[str, Any], wanted: Mapping[str, Any], way: Any) -> None:
    if way in {"json_object", "prompt"}:
        schema = wire.dump_in_order(wire.to_canonical_types(schema_of(wanted))).decode()
        instruction = (
            f"Answer with one JSON value and nothing else. It must follow this schema: {schema}"
        )
        payload["messages"] = [*payload["messages"], {"role": "system", "content": instruction}]
        if way == "json_object":
            payload["response_format"] = {"type": "json_object"}
        return
    payload["response_format"] = {
        "type": "json_schema",
        "json_schema": wire.to_canonical_types({"name": "answer", **wanted}),
    }


def _response(
    payload: dict[str, Any],
    choice: dict[str, Any],
    message: dict[str, Any],
    options: Mapping[str, Any],
) -> ModelResponse | AttemptFailure:
    content = message.get("content")
    text = read_text(content)
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    if not reasoning and isinstance(content, list):
        reasoning = _join_thinking_parts(content)
    reasoning = read_text(reasoning)
    refusal = message.get("refusal")
    refusal = make_storable(refusal) if isinstance(refusal, str) else ""
    calls = _tool_calls(message)
    has_content = bool(text or reasoning or refusal or calls)
    usage = _usage(_usage_in(payload), has_content=has_content)
    finish = read_ending(
        choice.get("finish_reason"), payload, usage, options, has_content=has_content
    )
    if isinstance(finish, AttemptFailure):
        return finish
    if refusal:
        finish = FinishReason.REFUSAL
        text = text or refusal
    if calls and finish is FinishReason.STOP:
        # Some hosts say so only by the calls.
        finish = FinishReason.TOOL_CALLS
    return ModelResponse(
        text=text,
        finish_reason=finish,
        model=read_name(payload.get("model")),
        usage=usage,
        reasoning=reasoning,
        tool_calls=calls,
    )


def _join_thinking_parts(content: list[Any]) -> str:
    """Join the reasoning of hosts that put it among the parts of the answer."""
    return "".join(
        read_text(part.get("thinking"))
        for part in content
        if isinstance(part, dict) and part.get("type") == "thinking"
    )


def _tool_calls(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    found = []
    calls = message.get("tool_calls")
    for number, call in enumerate(calls if isinstance(calls, list) else ()):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            continue
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = wire.dump_in_order(arguments).decode()
        found.append(
            ToolCall(
                id=read_name(call.get("id")) or f"call_{number}",
                name=read_name(function["name"]),
                arguments=make_storable(arguments),
                signature=signature_in(call),
            )
        )
    return tuple(found)


def _usage_in(document: dict[str, Any]) -> dict[str, Any]:
    """Return the usage of an answer or of a chunk, wherever the host puts it."""
    usage: dict[str, Any] = {}
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    within = [choice.get(name) for name in ("delta", "message")] if isinstance(choice, dict) else []
    for place in (document.get("x_groq"), *within, choice, document):
        if isinstance(place, dict) and isinstance(place.get("usage"), dict):
            usage = merge_counts(usage, place["usage"])
    timings = document.get("timings")
    if not usage and isinstance(timings, dict):
        # llama.cpp counts what it read anew and what it had kept apart.
        read, cached = read_count(timings.get("prompt_n")), read_count(timings.get("cache_n", 0))
        written = read_count(timings.get("predicted_n"))
        if min(read, cached, written) >= 0:
            usage = {
                "prompt_tokens": read + cached,
                "completion_tokens": written,
                "prompt_tokens_details": {"cached_tokens": cached},
            }
    return usage


def _usage(usage: dict[str, Any], *, has_content: bool) -> Usage:
    # Aggregators pass the names of other formats on.
    prompt = read_count(usage.get("prompt_tokens", usage.get("input_tokens")))
    completion = read_count(usage.get("completion_tokens", usage.get("output_tokens")))
    if not are_counts_told(prompt, completion, has_content=has_content):
        return Usage(0, 0, estimated=True)
    cached, reasoning = 0, 0
    details = usage.get("prompt_tokens_details")
    if isinstance(details, dict):
        cached = max(0, read_count(details.get("cached_tokens")))
    elif "prompt_cache_hit_tokens" in usage:
        cached = max(0, read_count(usage["prompt_cache_hit_tokens"]))
    details = usage.get("completion_tokens_details")
    if isinstance(details, dict):
        reasoning = max(0, read_count(details.get("reasoning_tokens")))
        if reasoning and read_count(usage.get("total_tokens")) == prompt + completion + reasoning:
            # Some hosts leave the reasoning out of the completion but bill it as output.
            completion += reasoning
    return Usage(prompt, completion, min(cached, prompt), min(reasoning, completion))


@dataclass(slots=True)
class _CallPieces:
    """A tool call, as its pieces come in."""

    number: int
    """Its place among the calls of the answer."""
    index: int | None
    """As the host numbers it."""
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    def is_another(self, given_id: str, given_name: str) -> bool:
        """Return whether a piece of this index begins another call: it names a function, and has
        an id of its own or comes after complete arguments.
        """
        if not given_name or not self.name:
            return False
        if given_id and self.id:
            return given_id != self.id
        return given_name != self.name or self._is_complete()

    def _is_complete(self) -> bool:
        try:
            return isinstance(wire.read("".join(self.arguments).encode("utf-8", "replace")), dict)
        except ValueError:
            return False


class _OpenAIChunks(Assembly):
    """Chunks of a streamed completion."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self._calls: list[_CallPieces] = []
        self._by_index: dict[int, _CallPieces] = {}
        self._finish: str | None = None
        self._usage: dict[str, Any] = {}

    def add(self, event: Any) -> Delta:
        if (error := _error_in(event)) is not None:
            self.failure = {"error": error}
            return Delta()
        if not self._head:
            self._head = {
                name: event[name]
                for name in ("id", "created", "model", "system_fingerprint", "service_tier")
                if event.get(name) is not None
            }
        if usage := _usage_in(event):
            self._usage = merge_counts(self._usage, usage)
        choices = event.get("choices")
        if not choices or choices[0].get("index", 0) != 0:
            return Delta()
        choice = choices[0]
        if choice.get("finish_reason"):
            self._finish = choice["finish_reason"]
            # Not every host sends [DONE].
            self.is_complete = True
        return self._add_delta(choice.get("delta") or {})

    def _add_delta(self, delta: dict[str, Any]) -> Delta:
        text, reasoning = "", ""
        calls: tuple[ToolCallDelta, ...] = ()
        if content := delta.get("content"):
            text = self._keep("content", content)
        if refusal := delta.get("refusal"):
            text += self._keep("refusal", refusal)
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            reasoning = self._keep("reasoning_content", thought)
        if pieces := delta.get("tool_calls"):
            calls = tuple(map(self._call, pieces))
        return Delta(text, reasoning, calls)

    def _keep(self, name: str, content: Any) -> str:
        # Raw: half a surrogate pair may find its other half in the next piece.
        text = content if isinstance(content, str) else read_text(content)
        self._texts.setdefault(name, []).append(text)
        return text

    def _call(self, piece: dict[str, Any]) -> ToolCallDelta:
        function = piece.get("function") or {}
        given_id, given_name = read_name(piece.get("id")), read_name(function.get("name"))
        call = self._call_of(piece.get("index"), given_id, given_name)
        new_id, new_name = "", ""
        if not call.id and given_id:
            new_id = call.id = given_id
        if not call.name and given_name:
            new_name = call.name = given_name
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = wire.dump_in_order(arguments).decode()
        call.arguments.append(arguments)
        signature = signature_in(piece)
        if signature:
            call.more = {"extra_content": piece["extra_content"]}
        return ToolCallDelta(call.number, new_id, new_name, arguments, signature)

    def _call_of(self, index: Any, given_id: str, given_name: str) -> "_CallPieces":
        """Return the call that a piece belongs to, by its index and its id.

        Hosts repeat the id in every piece, give every call the index 0, or leave out either.
        """
        has_index = type(index) is int
        if given_id:
            for call in self._calls:
                if call.id == given_id and (not has_index or call.index in (None, index)):
                    return call
        known = self._by_index.get(index) if has_index else None
        if not has_index and self._calls and not given_name:
            known = self._calls[-1]
        if known is not None and not known.is_another(given_id, given_name):
            return known
        call = _CallPieces(len(self._calls), index if has_index else None)
        self._calls.append(call)
        if has_index:
            self._by_index[index] = call
        return call

    def document(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        for name, texts in self._texts.items():
            message[name] = "".join(texts)
        if self._calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": "".join(call.arguments)},
                    **call.more,
                }
                for call in self._calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        document = {"object": "chat.completion", **self._head, "choices": [choice]}
        if self._usage:
            document["usage"] = self._usage
        return document
