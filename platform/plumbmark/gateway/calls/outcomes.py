"""Recording how a call ended."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from plumbmark.engine.ports import (
    CallFailure,
    FinishReason,
    ModelRequest,
    ModelResponse,
    Usage,
)
from plumbmark.gateway.calls.policy import CallPolicy
from plumbmark.gateway.catalogue import prices
from plumbmark.gateway.models import Call
from plumbmark.gateway.providers.base import (
    Answer,
    Attempt,
    AttemptFailure,
    Delta,
)
from plumbmark.gateway.storage.records import (
    ATTEMPT_COST,
    CallRecord,
    exchange_bytes,
    hash_of,
)
from plumbmark.strict_json import wire

READER_LEFT = "reader-left"
"""The error code of a stream whose client went away before its end."""
_MAX_ERROR_BYTES = 64 * 1024
_MAX_COUNT = 2**31 - 1


@dataclass(slots=True)
class StreamProgress:
    """The part of a stream that was passed on so far."""

    texts: list[str] = field(default_factory=list)
    """Text, reasoning and arguments alike: what counts as output."""

    def add(self, delta: Delta) -> None:
        if delta.text:
            self.texts.append(delta.text)
        if delta.reasoning:
            self.texts.append(delta.reasoning)
        for call in delta.tool_calls:
            self.texts.append(call.name + call.arguments)

    def __bool__(self) -> bool:
        return bool(self.texts)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def _plain(text: str, length: int) -> str:
    """Return the text without characters that some database refuses, cut to `length`."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:length]


def record_answer(
    terms: CallPolicy, request: ModelRequest, record: CallRecord, answer: Answer
) -> ModelResponse:
    response = answer.response
    usage = response.usage
    if usage.estimated:
        calls = "".join(call.name + call.arguments for call in response.tool_calls)
        usage = prices.estimate_usage(request, response.text + response.reasoning + calls)
        response = replace(response, usage=usage)
    record.status = Call.Status.ANSWERED
    record.provider_request_id = _plain(answer.request_id, 200)
    record.upstream_model = _plain(response.model, 200)
    record.finish_reason = response.finish_reason.value
    _charge(terms, record, usage)
    return response


def _charge(terms: CallPolicy, record: CallRecord, usage: Usage) -> None:
    record.input_tokens = min(usage.input_tokens, _MAX_COUNT)
    record.output_tokens = min(usage.output_tokens, _MAX_COUNT)
    record.cached_input_tokens = min(usage.cached_input_tokens, _MAX_COUNT)
    record.reasoning_tokens = min(usage.reasoning_tokens, _MAX_COUNT)
    record.usage_estimated = usage.estimated
    if terms.prices is not None:
        amount = prices.cost(terms.prices, usage)
        if terms.is_metered:
            record.charged = min(amount, record.hold)
        _add_cost(record, amount)


def _add_cost(record: CallRecord, amount: int) -> None:
    """Add the cost of the last attempt to what the provider bills for the call.

    The first attempt's is the call's as long as there is no other, and is written once.
    """
    record.provider_cost += amount
    if len(record.attempts) > 1:
        record.attempts[-1][ATTEMPT_COST] = amount


def note_failed_attempt(terms: CallPolicy, record: CallRecord, failure: AttemptFailure) -> None:
    """Note what the provider bills for the last attempt, which failed: it is never charged."""
    entry, usage = record.attempts[-1], failure.usage
    if failure.may_be_billed:
        entry["usage"] = "not known"
    if usage is None or (usage.estimated and not usage.output_tokens):
        return
    if usage.estimated:
        entry["usage"] = "estimated"
    entry["input_tokens"], entry["output_tokens"] = usage.input_tokens, usage.output_tokens
    if terms.prices is not None:
        amount = prices.cost(terms.prices, usage)
        record.provider_cost += amount
        entry[ATTEMPT_COST] = amount


def with_passed_text(
    request: ModelRequest, failure: AttemptFailure, passed: StreamProgress
) -> AttemptFailure:
    """Return the failure of a stream with at least the tokens that were passed on: the counts that
    a provider tells at the beginning of a stream are not the last.
    """
    if not passed:
        return failure
    usage, estimate = failure.usage, prices.estimate_usage(request, passed.text)
    if usage is not None and not usage.estimated:
        if usage.output_tokens >= estimate.output_tokens:
            return failure
        estimate = replace(usage, output_tokens=estimate.output_tokens, estimated=True)
    return replace(failure, usage=estimate)


def record_departure(
    terms: CallPolicy,
    request: ModelRequest,
    record: CallRecord,
    passed: StreamProgress,
    body: bytes,
    is_open: bool,
) -> None:
    """Record that a stream was broken off because its client had left.

    As long as an attempt `is_open`, the provider may bill up to the bound of the call, which is
    charged; the tokens are an estimate of what arrived. It does not count as the answer to its key:
    a repeated call gets a complete one.
    """
    record.key, record.start_line = "", b""
    record.status = Call.Status.ANSWERED
    note_departure(record)
    record.finish_reason = FinishReason.OTHER.value
    if is_open:
        before = record.provider_cost
        _charge(terms, record, prices.estimate_usage(request, passed.text))
        if record.hold:
            record.provider_cost, record.charged = before, record.hold
            _add_cost(record, record.hold)
    else:
        record.status = Call.Status.FAILED
    _keep(record, body, {"partial": passed.text})


def note_departure(record: CallRecord) -> None:
    """Note that the client left before the end; a failure of the call keeps its own code."""
    if not record.error_code:
        record.outcome = "left"
        record.error_code = READER_LEFT
        record.error_message = "The client disconnected before the answer was complete."


def record_failure(record: CallRecord, failure: AttemptFailure) -> CallFailure:
    """Record a failure, which is not charged. What the provider bills for its attempts is noted
    with each, and is the platform's cost.
    """
    record.status = Call.Status.FAILED
    record.outcome = failure.kind.value
    record.error_code = failure.code[:64]
    record.error_message = _plain(failure.message, 1000)
    record.provider_request_id = _plain(failure.request_id, 200)
    return CallFailure(
        failure.kind,
        failure.code,
        failure.message,
        failure.fatal,
        retry_after=failure.retry_after,
    )


def record_interruption(record: CallRecord, error: BaseException, body: bytes) -> None:
    """Record a call abandoned by its caller or through a fault of ours: the provider may still bill
    it.
    """
    is_cancelled = isinstance(error, asyncio.CancelledError)
    record.status = Call.Status.LOST
    record.error_code = "cancelled" if is_cancelled else "internal-fault"
    record.error_message = (
        "The call was abandoned while it was in flight."
        if is_cancelled
        else f"An internal error of the platform: {type(error).__name__}."
    )
    record.provider_cost += record.hold
    _keep(record, body, None)


def keep_exchange(record: CallRecord, body: bytes, attempt: Attempt) -> None:
    """Put what was sent and what came back into the record."""
    try:
        _keep(record, body, _cut_payload(attempt))
    except RecursionError:
        # Read at the very edge of what can be read, and not writable again.
        _keep(record, body, {"cut": "nested too deep"})


def _keep(record: CallRecord, request: bytes, response: Any) -> None:
    record.exchange = exchange_bytes(request, response)
    record.exchange_hash = hash_of(request, response)


def _cut_payload(attempt: Attempt) -> Any:
    payload = attempt.payload
    if isinstance(attempt, AttemptFailure) and payload is not None:
        encoded = wire.dump_in_order(payload)
        if len(encoded) > _MAX_ERROR_BYTES:
            return {"cut": encoded[:_MAX_ERROR_BYTES].decode("utf-8", "ignore")}
    return payload
