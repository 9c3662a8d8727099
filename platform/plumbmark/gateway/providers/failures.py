"""What a failed exchange means: one table for all providers, and the pieces to read errors with."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from plumbmark.engine.ports import FailureKind, FinishReason, Usage
from plumbmark.gateway.providers.base import AttemptFailure
from plumbmark.gateway.providers.http import BrokenExchange, HttpReply
from plumbmark.gateway.providers.output_limits import OutputLimit, read_output_limit
from plumbmark.gateway.providers.vocabulary import (
    ENDED_BY_PROVIDER,
    ErrorMeaning,
    UnknownFinish,
    find_status,
    read_finish,
    says,
)

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


def failure_of(reply: HttpReply, body: ErrorBody, request_id: str) -> AttemptFailure:
    """Return the failure that a reply with an error status means."""
    status, payload = reply.status, reply.payload
    message = clean(body.message) or f"HTTP {status}"
    limit = read_output_limit(message, body.words)
    verdict = _verdict(status, message, body.words, limit)
    waits = retry_after(reply.headers)
    if waits is None:
        waits = body.retry_after
    return AttemptFailure(
        verdict.kind,
        verdict.code,
        message,
        is_retryable=verdict.is_retryable,
        fatal=verdict.is_fatal,
        retry_after=_wait_in(message) if waits is None else waits,
        status=status,
        payload=payload if payload is not None else {"text": reply.text},
        request_id=request_id,
        output_limit=limit if verdict.code == ErrorMeaning.OUTPUT_LIMIT else None,
    )


class _Verdict(NamedTuple):
    kind: FailureKind
    code: str
    is_retryable: bool = False
    is_fatal: bool = False


_VERDICTS = {
    ErrorMeaning.ACCOUNT: _Verdict(FailureKind.PROVIDER_ERROR, "account-refused", is_fatal=True),
    ErrorMeaning.BALANCE: _Verdict(FailureKind.PROVIDER_ERROR, "provider-balance", is_fatal=True),
    # Until the quota renews, which is for hours as a rule.
    ErrorMeaning.QUOTA: _Verdict(FailureKind.RATE_LIMITED, "provider-quota", is_fatal=True),
    ErrorMeaning.ABOVE_RATE_LIMIT: _Verdict(FailureKind.RATE_LIMITED, "request-above-rate-limit"),
    # The same for every question: not what is asked does not fit, but what is asked for.
    ErrorMeaning.OUTPUT_LIMIT: _Verdict(FailureKind.PROVIDER_ERROR, "output-limit", is_fatal=True),
    ErrorMeaning.CONTENT_FILTER: _Verdict(FailureKind.CONTENT_FILTER, "content-filter"),
    ErrorMeaning.CONTEXT_OVERFLOW: _Verdict(FailureKind.CONTEXT_OVERFLOW, "context-overflow"),
    ErrorMeaning.BAD_KEY: _Verdict(FailureKind.PROVIDER_ERROR, "bad-key", is_fatal=True),
    ErrorMeaning.UNKNOWN_MODEL: _Verdict(
        FailureKind.PROVIDER_ERROR, "unknown-model", is_fatal=True
    ),
    ErrorMeaning.UNSUPPORTED: _Verdict(FailureKind.PROVIDER_ERROR, "bad-request", is_fatal=True),
}
# An account can be suspended because nothing is paid.
_OF_ACCOUNT = (ErrorMeaning.BALANCE, ErrorMeaning.ACCOUNT)
_OF_RATE = (ErrorMeaning.QUOTA, ErrorMeaning.ABOVE_RATE_LIMIT)
_OF_QUESTION = (ErrorMeaning.CONTENT_FILTER, ErrorMeaning.CONTEXT_OVERFLOW)
_MEANINGS_BY_STATUS = {
    400: (
        *_OF_ACCOUNT,
        *_OF_QUESTION,
        ErrorMeaning.BAD_KEY,
        ErrorMeaning.UNKNOWN_MODEL,
        ErrorMeaning.UNSUPPORTED,
        ErrorMeaning.QUOTA,
    ),
    401: (ErrorMeaning.ACCOUNT,),
    402: (ErrorMeaning.ACCOUNT,),
    403: (*_OF_ACCOUNT, *_OF_RATE, *_OF_QUESTION),
    404: (ErrorMeaning.ACCOUNT,),
    413: (*_OF_RATE, *_OF_QUESTION),
    422: (*_OF_QUESTION, ErrorMeaning.UNSUPPORTED),
    429: (*_OF_ACCOUNT, *_OF_RATE),
    451: _OF_QUESTION,
}
"""Which meanings are looked for, in this order. Messages quote: what the status rules out is not
looked for.
"""
_OTHERWISE = {
    401: _VERDICTS[ErrorMeaning.BAD_KEY],
    402: _VERDICTS[ErrorMeaning.BALANCE],
    403: _Verdict(FailureKind.PROVIDER_ERROR, "forbidden", is_fatal=True),
    404: _VERDICTS[ErrorMeaning.UNKNOWN_MODEL],
    429: _Verdict(FailureKind.RATE_LIMITED, "rate-limited", is_retryable=True),
}
_WITH_OUTPUT_LIMIT = {400, 413, 422}


def _verdict(status: int, message: str, words: str, limit: OutputLimit | None) -> _Verdict:
    """Return what a refusal means, by its status and then by its words."""
    is_server_fault = status >= 500
    if is_server_fault or status in _WITH_OUTPUT_LIMIT:
        is_unsupported = says(ErrorMeaning.UNSUPPORTED, message, words)
        if not is_unsupported and (limit or _is_about_output(message, words)):
            return _VERDICTS[ErrorMeaning.OUTPUT_LIMIT]
    default = _OF_QUESTION if is_server_fault else ()
    for meaning in _MEANINGS_BY_STATUS.get(status, default):
        if says(meaning, message, words):
            return _VERDICTS[meaning]
    if is_server_fault or status in _RETRYABLE:
        return _Verdict(FailureKind.PROVIDER_ERROR, f"http-{status}", is_retryable=True)
    return _OTHERWISE.get(status, _Verdict(FailureKind.PROVIDER_ERROR, "bad-request"))


def _is_about_output(message: str, words: str) -> bool:
    return says(ErrorMeaning.OUTPUT_LIMIT, message, words) and not says(
        ErrorMeaning.CONTEXT_OVERFLOW, message, words
    )


def has_error(error: Any) -> bool:
    """Return whether an `error` field says that there was one: hosts also send empty ones."""
    if isinstance(error, Mapping):
        return any(error.get(name) not in _NO_ERROR for name in ("message", "code", "type"))
    return error not in _NO_ERROR


_NO_ERROR: tuple[Any, ...] = (None, "", 0, "0", "success", [], {})


def status_in(error: Any, body: ErrorBody, default: int = 502) -> int:
    """Return the status of an error that came inside a 200 answer."""
    if isinstance(error, Mapping):
        for name in ("code", "status", "status_code"):
            value = error.get(name)
            if isinstance(value, str) and value.isdecimal() and len(value) == 3:
                value = int(value)
            if type(value) is int and 400 <= value < 600:
                return value
    for word in body.words.split():
        if (status := find_status(word)) is not None:
            return status
    for meaning, status in _STATUS_OF_MEANING.items():
        if says(meaning, body.message, body.words):
            return status
    return 429 if _RATE_LIMIT.search(f"{body.words} {body.message}") else default


_STATUS_OF_MEANING = {
    ErrorMeaning.ACCOUNT: 403,
    ErrorMeaning.BALANCE: 402,
    ErrorMeaning.CONTENT_FILTER: 400,
    ErrorMeaning.CONTEXT_OVERFLOW: 400,
    ErrorMeaning.BAD_KEY: 401,
}
_RATE_LIMIT = re.compile(r"rate[ _-]?limit|too many requests", re.IGNORECASE)
_WAIT = re.compile(
    r"(?:try again|retry|retrying|wait)(?: in| after)? "
    r"((?:\d+(?:\.\d+)?(?:ms|s|m|h|d)(?![a-z]) ?)+|\d+(?:\.\d+)? seconds?)",
    re.IGNORECASE,
)
_PIECE_OF_WAIT = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _wait_in(message: str) -> float | None:
    """Return the seconds of a "try again in 6m38.3s": not every host sends a header."""
    found = _WAIT.search(message)
    if found is None:
        return None
    pieces = _PIECE_OF_WAIT.findall(found[1].lower())
    return sum(float(number) * _SECONDS[unit] for number, unit in pieces)


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
