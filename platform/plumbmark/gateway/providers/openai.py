"""The OpenAI chat format: OpenAI itself and every host that speaks its `/chat/completions`.

Options of a deployment: `max_tokens_field` (default `max_tokens`; OpenAI's reasoning models want
`max_completion_tokens`), `omit` (names of request fields that the model refuses, for example
`["temperature", "seed"]`), `headers` (further headers, never a credential).
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from plumbmark.engine.ports import (
    FailureKind,
    FinishReason,
    ModelRequest,
    ModelResponse,
    Usage,
)
from plumbmark.gateway.providers import wire
from plumbmark.gateway.providers.base import Answer, Attempt, AttemptFailure, Target
from plumbmark.gateway.providers.http import Broken, Reply, Transport

_FINISH = {
    "stop": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.REFUSAL,
}
_OVERFLOW = re.compile(
    r"context[_ ]length|context window|maximum context|prompt is too long|input is too long"
    r"|too many (?:input )?tokens|exceeds? (?:the )?(?:model'?s )?max(?:imum)?[^.]{0,40}tokens"
    r"|reduce the length of the (?:messages|prompt)|string_above_max_length",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content[_ ](?:filter|policy)|ResponsibleAIPolicyViolation|content management policy"
    r"|flagged by (?:our )?moderation",
    re.IGNORECASE,
)
_FATAL_REQUEST = {"unsupported_parameter", "unsupported_value", "unknown_parameter"}
_FATAL_MODEL = re.compile(r"model_not_found|does not exist|unknown model|no such model", re.I)
_RETRYABLE = {408, 409, 425}
_OURS = {"choices"}
"""Fields of `ModelRequest.extra` that speak to baselines only."""
_OWNED = {"messages", "model", "stream", "max_tokens", "max_completion_tokens"}
"""Fields that `extra` cannot replace: what is recorded and priced must be what was asked."""
_LONGEST_MESSAGE = 900


class OpenAI:
    """Non-streamed chat completions."""

    def build(self, target: Target, request: ModelRequest) -> bytes:
        payload: dict[str, Any] = {}
        if request.extra:
            payload = {
                name: wire.settled(value)
                for name, value in request.extra.items()
                if name not in _OURS and name not in _OWNED
            }
        payload["model"] = target.upstream_id
        payload["messages"] = request.messages
        payload[target.options.get("max_tokens_field", "max_tokens")] = request.max_output_tokens
        if request.temperature is not None:
            payload["temperature"] = wire.number(float(request.temperature))
        if request.top_p is not None:
            payload["top_p"] = wire.number(float(request.top_p))
        if request.seed is not None:
            payload["seed"] = request.seed
        if request.stop:
            payload["stop"] = list(request.stop)
        for name in target.options.get("omit", ()):
            if name not in _OWNED:
                payload.pop(name, None)
        return wire.canonical(payload)

    async def send(self, transport: Transport, target: Target, body: bytes) -> Attempt:
        headers = dict(target.options.get("headers", {}))
        if target.secret:
            headers["Authorization"] = f"Bearer {target.secret}"
        reply = await transport.post(
            f"{target.base_url}/chat/completions",
            headers=headers,
            body=body,
            deadline_seconds=target.deadline_seconds,
            secret=target.secret,
            is_guarded=target.is_guarded,
        )
        if isinstance(reply, Broken):
            return broken_attempt(reply)
        return self._attempt(reply)

    def _attempt(self, reply: Reply) -> Attempt:
        request_id = reply.headers.get("x-request-id", "")[:200]
        if reply.status != 200:
            return failure_of(reply, request_id)
        if reply.payload is None:
            return AttemptFailure(
                FailureKind.PROVIDER_ERROR,
                "malformed-response",
                "the provider's answer is no JSON",
                is_retryable=True,
                status=200,
                payload={"text": reply.text},
                request_id=request_id,
            )
        parsed = self.parse(reply.payload)
        if isinstance(parsed, ModelResponse):
            if not request_id:
                found = reply.payload.get("id")
                request_id = found[:200] if isinstance(found, str) else ""
            return Answer(parsed, reply.payload, 200, request_id)
        return parsed

    def parse(self, payload: Any) -> ModelResponse | AttemptFailure:
        try:
            choices = payload.get("choices")
            if choices:
                choice = choices[0]
                message = choice["message"]
                if not (choice.get("error") and not message.get("content")):
                    return _response(payload, choice, message)
                payload = {**payload, "error": choice["error"]}
        except (AttributeError, KeyError, TypeError, IndexError):
            return _malformed(payload)
        if payload.get("error"):
            # Some hosts answer 200 and put the failure, with its status, into the body.
            status = _status_inside(payload["error"])
            return failure_of(Reply(status, {}, payload), "")
        return _malformed(payload)


def _malformed(payload: Any) -> AttemptFailure:
    return AttemptFailure(
        FailureKind.PROVIDER_ERROR,
        "malformed-response",
        "the provider's answer has no message in it",
        is_retryable=True,
        status=200,
        payload=payload,
    )


def _response(
    payload: dict[str, Any], choice: dict[str, Any], message: dict[str, Any]
) -> ModelResponse:
    text = _text(message.get("content"))
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    finish = _FINISH.get(choice.get("finish_reason") or "stop", FinishReason.OTHER)
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        finish = FinishReason.REFUSAL
        text = text or refusal
    model = payload.get("model")
    return ModelResponse(
        text=text,
        finish_reason=finish,
        model=model[:200] if isinstance(model, str) else "",
        usage=_usage(payload.get("usage")),
        reasoning=_text(reasoning),
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        content = "".join(
            part["text"]
            for part in content
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return storable(content) if isinstance(content, str) else ""


def storable(text: str) -> str:
    """The text with what no database and no file takes (NUL, half a surrogate pair) as U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if not text.isascii():
        # The exchange keeps what the provider said; here it must be encodable.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _count(value: Any) -> int:
    """A token count as reported; -1 where it is none, so that usage counts as missing."""
    if type(value) is int and 0 <= value < 2**31:
        return value
    return -1


def _usage(usage: Any) -> Usage:
    missing = Usage(0, 0, estimated=True)
    if not isinstance(usage, dict):
        return missing
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt < 0 or completion < 0:
        return missing
    cached, reasoning = 0, 0
    details = usage.get("prompt_tokens_details")
    if isinstance(details, dict):
        cached = max(0, _count(details.get("cached_tokens")))
    elif "prompt_cache_hit_tokens" in usage:
        cached = max(0, _count(usage["prompt_cache_hit_tokens"]))
    details = usage.get("completion_tokens_details")
    if isinstance(details, dict):
        reasoning = max(0, _count(details.get("reasoning_tokens")))
        if reasoning and _count(usage.get("total_tokens")) == prompt + completion + reasoning:
            # Some hosts leave the reasoning out of the completion but bill it as output.
            completion += reasoning
    return Usage(prompt, completion, min(cached, prompt), min(reasoning, completion))


def broken_attempt(broken: Broken) -> AttemptFailure:
    """A transport failure as an attempt; shared by the adapters."""
    if broken.code == "deadline":
        kind = FailureKind.DEADLINE
    elif broken.code == "answer-too-large":
        kind = FailureKind.PROVIDER_ERROR
    else:
        kind = FailureKind.NETWORK
    is_final = broken.code in {"private-address", "answer-too-large"}
    return AttemptFailure(
        kind,
        broken.code,
        broken.message,
        is_retryable=not is_final,
        fatal=broken.code == "private-address",
        status=broken.status,
    )


def _status_inside(error: Any) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code.isdigit():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code < 600 else 502


def failure_of(reply: Reply, request_id: str) -> AttemptFailure:
    """What a reply with an error status means."""
    status, payload = reply.status, reply.payload
    error = payload.get("error", payload) if isinstance(payload, dict) else payload
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or wire.canonical(error).decode()
        words = " ".join(str(error.get(name) or "") for name in ("code", "type", "param"))
        inner = error.get("code")
    else:
        message, words, inner = (str(error) if error else reply.text), "", None
    message = _clean(str(message)) or f"HTTP {status}"
    about = f"{words} {message}"
    kind, code, retryable, fatal = _verdict(status, inner, about)
    return AttemptFailure(
        kind,
        code,
        message,
        is_retryable=retryable,
        fatal=fatal,
        retry_after=retry_after(reply.headers),
        status=status,
        payload=payload if payload is not None else {"text": reply.text},
        request_id=request_id,
    )


def _verdict(status: int, inner: Any, about: str) -> tuple[FailureKind, str, bool, bool]:
    """Kind, code, whether to retry, whether fatal."""
    if status == 429:
        if "insufficient_quota" in about:
            return FailureKind.RATE_LIMITED, "provider-quota", False, True
        return FailureKind.RATE_LIMITED, "rate-limited", True, False
    if status >= 500:
        return FailureKind.PROVIDER_ERROR, f"http-{status}", True, False
    if status in _RETRYABLE:
        return FailureKind.PROVIDER_ERROR, f"http-{status}", True, False
    if status in {400, 403, 413, 422}:
        if _OVERFLOW.search(about):
            return FailureKind.CONTEXT_OVERFLOW, "context-overflow", False, False
        if _FILTERED.search(about):
            return FailureKind.CONTENT_FILTER, "content-filter", False, False
    if status == 401:
        return FailureKind.PROVIDER_ERROR, "bad-key", False, True
    if status == 402:
        return FailureKind.PROVIDER_ERROR, "provider-balance", False, True
    if status == 403:
        return FailureKind.PROVIDER_ERROR, "forbidden", False, True
    if status == 404 or (status == 400 and _FATAL_MODEL.search(about)):
        return FailureKind.PROVIDER_ERROR, "unknown-model", False, True
    is_fatal = isinstance(inner, str) and inner in _FATAL_REQUEST
    return FailureKind.PROVIDER_ERROR, "bad-request", False, is_fatal


def _clean(message: str) -> str:
    text = " ".join(message.replace("\x00", "").split())
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the provider asked: `Retry-After` in seconds or as a date, or in ms."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            seconds = float(milliseconds) / 1000
        elif raw := headers.get("Retry-After"):
            try:
                seconds = float(raw)
            except ValueError:
                seconds = (parsedate_to_datetime(raw) - datetime.now(UTC)).total_seconds()
        else:
            return None
    except (ValueError, TypeError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
