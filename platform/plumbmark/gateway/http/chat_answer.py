"""An answer in OpenAI's chat format, whole and in chunks."""

import json
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii
from typing import Any
from uuid import UUID, uuid4

from plumbmark.engine.ports import (
    CallResult,
    FinishReason,
    ModelResponse,
    Usage,
)
from plumbmark.gateway.http.errors import error_of_result, openai_error
from plumbmark.gateway.providers.base import Delta
from plumbmark.scoring.code_blocks import code_blocks
from plumbmark.strict_json import wire

_FINISH = {
    FinishReason.STOP: "stop",
    FinishReason.LENGTH: "length",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.REFUSAL: "stop",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.MALFORMED: "stop",
    FinishReason.OTHER: "stop",
}
DONE = b"data: [DONE]\n\n"
_dump = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class AnswerMetadata:
    """The metadata of an answer, beside the answer itself."""

    model: str
    """As the caller named it."""
    created_at: int
    is_in_schema: bool = False
    """JSON was requested: fences around it are not part of it."""
    more_usage: dict[str, Any] = field(default_factory=dict)
    """Further fields of `usage`."""


def usage_of(usage: Usage) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_input_tokens:
        fields["prompt_tokens_details"] = {"cached_tokens": usage.cached_input_tokens}
    if usage.reasoning_tokens:
        fields["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return fields


def bare_json(text: str) -> str:
    """Return the JSON without the Markdown fence that some models put around it."""
    bare = text.strip().removeprefix("\ufeff")
    if not bare.startswith(("```", "~~~")):
        return text
    blocks = code_blocks(bare)
    if len(blocks) != 1 or blocks[0].first_line != 0 or not blocks[0].is_closed:
        return text
    is_whole = blocks[0].end_line == len(bare.splitlines())
    return blocks[0].code.strip() if is_whole else text


def _call(result: CallResult, response: ModelResponse) -> dict[str, Any]:
    """Return the fields of our own, by which clients that know the platform can look up the
    call.
    """
    ours: dict[str, Any] = {
        "call": str(result.call_id),
        "charged_nanodollars": result.charged,
    }
    if response.model:
        ours["upstream_model"] = response.model
    if result.max_output_tokens is not None:
        ours["max_output_tokens"] = result.max_output_tokens
    if result.schema_way:
        ours["schema"] = result.schema_way
    return ours


def answer(result: CallResult, response: ModelResponse, metadata: AnswerMetadata) -> bytes:
    """Return a `chat.completion` as JSON."""
    text = bare_json(response.text) if metadata.is_in_schema else response.text
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if response.tool_calls:
        message["tool_calls"] = [call.as_message_part() for call in response.tool_calls]
        message["content"] = text or None
    if response.reasoning:
        message["reasoning_content"] = response.reasoning
    if response.finish_reason is FinishReason.REFUSAL:
        message["refusal"] = text or "The model refused to answer."
    document = {
        "id": f"chatcmpl-{result.call_id.hex}",
        "object": "chat.completion",
        "created": metadata.created_at,
        # As in a stream, whose first chunk comes before the provider has named its model.
        "model": metadata.model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": _FINISH[response.finish_reason],
            }
        ],
        "usage": {**usage_of(response.usage), **metadata.more_usage},
        "plumbmark": _call(result, response),
    }
    return wire.dump_in_order(document)


class ChunkWriter:
    """Chunks of one stream. The parts that never change are written once."""

    def __init__(self, metadata: AnswerMetadata, *, stream_id: UUID | None = None) -> None:
        head = {
            "id": f"chatcmpl-{(stream_id or uuid4()).hex}",
            "object": "chat.completion.chunk",
            "created": metadata.created_at,
            "model": metadata.model,
        }
        self._told = metadata
        self._head = _dump(head)[:-1].encode()
        self._before = b"data: " + self._head + b',"choices":[{"index":0,"delta":'
        self._after = b',"logprobs":null,"finish_reason":null}]}\n\n'
        self._has_begun = False

    def piece(self, delta: Delta) -> bytes:
        if self._has_begun and not delta.reasoning and not delta.tool_calls:
            # What nearly all pieces are.
            text = encode_basestring_ascii(delta.text).encode()
            return b"".join((self._before, b'{"content":', text, b"}", self._after))
        delta_fields: dict[str, Any] = {}
        if not self._has_begun:
            self._has_begun = True
            delta_fields["role"] = "assistant"
            if not delta.text:
                delta_fields["content"] = ""
        if delta.reasoning:
            delta_fields["reasoning_content"] = delta.reasoning
        if delta.text:
            delta_fields["content"] = delta.text
        chunks = [delta_fields] if delta_fields else []
        for number, call in enumerate(delta.tool_calls):
            # One to a chunk: clients that read the first alone lose none.
            fields = {"tool_calls": [_piece_of_call(call)]}
            if number == 0 and chunks:
                delta_fields |= fields
            else:
                chunks.append(fields)
        return b"".join(self._before + _dump(fields).encode() + self._after for fields in chunks)

    def end(self, result: CallResult, *, usage: dict[str, Any] | None, is_apart: bool) -> bytes:
        """Return the last chunks: the finish reason, and the usage in its own chunk if
        `is_apart`.
        """
        assert result.response is not None
        response = result.response
        events = b"" if self._has_begun else self.piece(Delta())
        delta = {}
        if response.finish_reason is FinishReason.REFUSAL:
            delta["refusal"] = response.text or "The model refused to answer."
        finish = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": _FINISH[response.finish_reason],
        }
        last: dict[str, Any] = {"choices": [finish], "plumbmark": _call(result, response)}
        if usage is not None and not is_apart:
            last["usage"] = usage
        events += self._event(last)
        if usage is not None and is_apart:
            events += self._event({"choices": [], "usage": usage})
        return events + DONE

    def broken(self, result: CallResult) -> bytes:
        """Return the error that ends a stream after its beginning."""
        return b"data: " + openai_error(error_of_result(result)) + b"\n\n" + DONE

    def _event(self, rest: dict[str, Any]) -> bytes:
        return b"data: " + self._head + b"," + _dump(rest)[1:].encode() + b"\n\n"


def _piece_of_call(call: Any) -> dict[str, Any]:
    function: dict[str, str] = {"arguments": call.arguments}
    piece: dict[str, Any] = {"index": call.index, "function": function}
    if call.id:
        piece["id"], piece["type"] = call.id, "function"
    if call.name:
        function["name"] = call.name
    if call.signature:
        piece["extra_content"] = {"google": {"thought_signature": call.signature}}
    return piece
