"""What a failed exchange means: one table for all providers, and the pieces to read errors with."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from plumbmark.engine.ports import FailureKind, FinishReason, Usage
from plumbmark.gateway.providers.base import AttemptFailure
from plumbmark.gateway.providers.http import BrokenExchange, HttpReply
from plumbmark.gateway.providers.vocabulary import (
    ENDED_BY_PROVIDER,
    UnknownFinish,
    read_finish,
)

_OVERFLOW = re.compile(
    r"context[_ ]length|context window|context limit|maximum context|prompt is too long"
    r"|input is too long|too many (?:input )?tokens"
    r"|exceeds? (?:the )?(?:model'?s )?max(?:imum)?[^.]{0,40}tokens"
    r"|reduce the length of the (?:messages|prompt)|string_above_max_length",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content[_ ](?:filter|policy)|ResponsibleAIPolicyViolation|content management policy"
    r"|flagged by (?:our )?moderation",
    re.IGNORECASE,
)
_BALANCE = re.compile(r"credit balance is too low|insufficient[_ ](?:balance|credits?)", re.I)
_BAD_KEY = re.compile(r"api[_ ]key[_ ](?:not valid|invalid|expired)|invalid[_ ]api[_ ]key", re.I)
_SPENT = re.compile(r"insufficient_quota|billing_hard_limit|PerDay\b", re.IGNORECASE)
_FATAL_REQUEST = re.compile(
    r"unsupported_parameter|unsupported_value|unknown_parameter|is deprecated for this model"
    r"|not supported (?:by|for|with) this model|extra inputs are not permitted|unknown name \"",
    re.IGNORECASE,
)
"""Refusals of how we ask, not of what: every further call would be refused too."""
_FATAL_MODEL = re.compile(r"model_not_found|does not exist|unknown model|no such model", re.I)
_RETRYABLE = {408, 409, 425}
_MAX_MESSAGE = 900


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The content of an error body, out of whatever form the provider gives it."""

    message: str
    words: str = ""
    """Codes and types, for telling errors apart."""
    retry_after: float | None = None


def failure_of_broken(broken: BrokenExchange) -> AttemptFailure:
    """Return a transport failure as an attempt."""
    if broken.code in {"deadline", "stalled"}:
        kind = FailureKind.DEADLINE
    elif broken.code in {"answer-too-large", "malformed-response"}:
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


def malformed_failure(payload: Any, what: str = "has no message in it") -> AttemptFailure:
    """Return the failure for a complete answer with status 200 that cannot be read."""
    return AttemptFailure(
        FailureKind.PROVIDER_ERROR,
        "malformed-response",
        f"the provider's answer {what}",
        is_retryable=True,
        status=200,
        payload=payload,
    )


def read_ending(
    word: Any,
    payload: Any,
    usage: Usage,
    options: Mapping[str, Any],
    *,
    has_content: bool,
) -> FinishReason | AttemptFailure:
    """Return the model's ending that a finish reason means, or the failure of an answer that the
    provider broke off.

    Hosts that send no finish reason end answers with content; without any, nothing was answered.
    """
    if word is None or word == "":
        if has_content:
            return FinishReason.STOP
        return malformed_failure(payload, "has neither content nor a finish reason")
    if not isinstance(word, str):
        return malformed_failure(payload, "has a finish reason that is no text")
    shown = clean(word)[:60]
    try:
        reason = read_finish(word, options.get("finish_reasons") or {})
    except UnknownFinish:
        # Every answer of such a host would end so: asking again would cost, and bring the same.
        return AttemptFailure(
            FailureKind.PROVIDER_ERROR,
            "unknown-finish-reason",
            f"the provider ended the answer with the finish reason {shown!r}, which is not known "
            "as an ending of the model's, so the answer is not used. An administrator can say what "
            "it means in the deployment's option finish_reasons.",
            is_retryable=False,
            fatal=True,
            status=200,
            payload=payload,
            usage=usage,
        )
    if reason is ENDED_BY_PROVIDER:
        return AttemptFailure(
            FailureKind.PROVIDER_ERROR,
            "interrupted",
            f"the provider broke off the answer: its finish reason is {shown!r}",
            is_retryable=True,
            status=200,
            payload=payload,
            usage=usage,
        )
    return reason


def failure_of(reply: HttpReply, said: ErrorBody, request_id: str) -> AttemptFailure:
    """Return the failure that a reply with an error status means."""
    status, payload = reply.status, reply.payload
    message = clean(said.message) or f"HTTP {status}"
    kind, code, retryable, fatal = _verdict(status, f"{said.words} {message}")
    waits = retry_after(reply.headers)
    return AttemptFailure(
        kind,
        code,
        message,
        is_retryable=retryable,
        fatal=fatal,
        retry_after=said.retry_after if waits is None else waits,
        status=status,
        payload=payload if payload is not None else {"text": reply.text},
        request_id=request_id,
    )


def _verdict(status: int, about: str) -> tuple[FailureKind, str, bool, bool]:
    """Return the kind, the code, whether to retry and whether it is fatal."""
    if status == 429:
        if _SPENT.search(about):
            return FailureKind.RATE_LIMITED, "provider-quota", False, True
        return FailureKind.RATE_LIMITED, "rate-limited", True, False
    if status >= 500 or status in _RETRYABLE:
        return FailureKind.PROVIDER_ERROR, f"http-{status}", True, False
    if status in {400, 403, 413, 422}:
        if _OVERFLOW.search(about):
            return FailureKind.CONTEXT_OVERFLOW, "context-overflow", False, False
        if _FILTERED.search(about):
            return FailureKind.CONTENT_FILTER, "content-filter", False, False
    if status == 401 or (status == 400 and _BAD_KEY.search(about)):
        return FailureKind.PROVIDER_ERROR, "bad-key", False, True
    if status == 402 or (status == 400 and _BALANCE.search(about)):
        return FailureKind.PROVIDER_ERROR, "provider-balance", False, True
    if status == 403:
        return FailureKind.PROVIDER_ERROR, "forbidden", False, True
    if status == 404 or (status == 400 and _FATAL_MODEL.search(about)):
        return FailureKind.PROVIDER_ERROR, "unknown-model", False, True
    return FailureKind.PROVIDER_ERROR, "bad-request", False, bool(_FATAL_REQUEST.search(about))


def status_in(error: Any, default: int = 502) -> int:
    """Return the status that an error inside a 200 answer names."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code.isdigit():
        code = int(code[:4])
    return code if isinstance(code, int) and 400 <= code < 600 else default


def clean(message: str) -> str:
    """Return the message as one encodable line of limited length."""
    text = " ".join(message.replace("\x00", "").split())
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the provider asked to wait: `Retry-After` in seconds or as a date, or
    in ms.
    """
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
