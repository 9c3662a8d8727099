"""A call while it is on its way to the database, and its form in the spool.

Plain values only: the same record is inserted by the flush of a living process and by the replay of
a dead one.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from plumbmark.strict_json import wire

_HEADER_END = b"\n"
_SHORT = 1024
"""Bytes below which packing, a tenth of a call's whole cost, would save a few hundred."""


ATTEMPT_COST = "cost_nanodollars"
"""In an entry of `attempts`: what the provider bills for that attempt."""

ATTEMPT_LIMIT = "max_output_tokens"
"""In the last entry of `attempts`: the limit of the answer that was sent because the model cannot
give what was requested."""


def lowered_output_limit(attempts: Sequence[Any]) -> int | None:
    """Return the limit of the answer that replaced the requested one; None where that was sent."""
    last = attempts[-1] if attempts else None
    limit = last.get(ATTEMPT_LIMIT) if isinstance(last, dict) else None
    return limit if isinstance(limit, int) else None


def cost_before_last(attempts: Sequence[Any]) -> int:
    """Return what the provider bills for the attempts before the last, which brought no answer."""
    if len(attempts) < 2:
        return 0
    return sum(entry.get(ATTEMPT_COST, 0) for entry in attempts[:-1] if isinstance(entry, dict))


@dataclass(frozen=True, slots=True)
class ExchangePlace:
    """A body's place in an object outside the database."""

    key: str
    start: int
    length: int
    written_at: float
    """In seconds since the epoch."""

    @property
    def range(self) -> tuple[int, int]:
        return self.start, self.length


@dataclass(slots=True)
class CallRecord:
    """A call from its start on. Money in nanodollars, times in seconds since the epoch."""

    id: UUID
    grant_id: int
    payer_id: int
    deployment_id: int
    price_card_id: int | None
    key: str
    role: str
    is_private: bool
    day: date
    """The UTC day of its reservation."""
    started_at: float
    subject: str
    hold: int
    """What was reserved, and what a loss in flight counts as; 0 where nothing is metered."""
    budget_ids: tuple[int, ...]
    """The budgets that it is reserved in; empty if nothing is metered."""
    status: str = ""
    """Empty until the call has ended."""
    attempts: list[dict[str, Any]] = field(default_factory=list)
    error_code: str = ""
    error_message: str = ""
    provider_request_id: str = ""
    upstream_model: str = ""
    finish_reason: str = ""
    latency_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    usage_estimated: bool = False
    charged: int = 0
    provider_cost: int = 0
    """What the provider bills for all attempts; `charged` is for the answer alone."""
    is_duplicate: bool = False
    exchange: bytes = b""
    """JSON as it went out and came; empty where nothing went. The database gets it compressed."""
    exchange_hash: str = ""
    place: ExchangePlace | None = None
    """The exchange's place in an object, once it is written there. Not spooled."""
    outcome: str = ""
    """For metrics: what `status` does not tell. Not spooled."""
    unleased_ids: frozenset[int] = frozenset()
    """Budgets whose lease was swept while the call was in flight. Not spooled."""
    segments: list[Any] = field(default_factory=list)
    """The spool's segments that must stay until the call is stored."""
    start_line: bytes = b""
    """What `start_record` wrote, kept for `end_record`."""

    def start_record(self) -> bytes:
        """Return the bytes that the spool keeps before the call goes out."""
        # JSON escapes line breaks, which keeps those between the parts unambiguous.
        self.start_line = wire.dump_record(
            [
                self.id.hex,
                self.grant_id,
                self.payer_id,
                self.deployment_id,
                self.price_card_id,
                self.key,
                self.role,
                self.is_private,
                self.day.isoformat(),
                self.started_at,
                self.subject,
                self.hold,
                self.budget_ids,
            ]
        )
        return b"S" + self.start_line

    def end_record(self) -> bytes:
        """Return the bytes that the spool keeps before the answer is handed on: everything."""
        head = wire.dump_record(
            [
                self.status,
                self.attempts,
                self.error_code,
                self.error_message,
                self.provider_request_id,
                self.upstream_model,
                self.finish_reason,
                self.latency_ms,
                self.input_tokens,
                self.output_tokens,
                self.cached_input_tokens,
                self.reasoning_tokens,
                self.usage_estimated,
                self.charged,
                self.provider_cost,
                self.exchange_hash,
            ]
        )
        if not self.start_line:
            self.start_record()
        return b"".join((b"E", self.start_line, _HEADER_END, head, _HEADER_END, self.exchange))


def read_record(frame: bytes) -> CallRecord:
    """Read a record from a frame of the spool; raise ValueError if it is not one."""
    if frame[:1] == b"S":
        return _read_start(frame[1:])
    if frame[:1] != b"E":
        raise ValueError("no record of a call")
    start, head, exchange = frame[1:].split(_HEADER_END, 2)
    record = _read_start(start)
    (
        record.status,
        record.attempts,
        record.error_code,
        record.error_message,
        record.provider_request_id,
        record.upstream_model,
        record.finish_reason,
        record.latency_ms,
        record.input_tokens,
        record.output_tokens,
        record.cached_input_tokens,
        record.reasoning_tokens,
        record.usage_estimated,
        record.charged,
        record.provider_cost,
        record.exchange_hash,
    ) = json.loads(head)
    record.exchange = exchange
    return record


def _read_start(line: bytes) -> CallRecord:
    values = json.loads(line)
    return CallRecord(
        id=UUID(hex=values[0]),
        grant_id=values[1],
        payer_id=values[2],
        deployment_id=values[3],
        price_card_id=values[4],
        key=values[5],
        role=values[6],
        is_private=values[7],
        day=date.fromisoformat(values[8]),
        started_at=values[9],
        subject=values[10],
        hold=values[11],
        budget_ids=tuple(values[12]),
    )


_EXCHANGE = b'{"request":%b,"response":%b}'


def exchange_bytes(request: bytes, response: Any) -> bytes:
    """Return an exchange as it is stored: the request as sent, the response in its own order."""
    return _EXCHANGE % (request, wire.dump_in_order(response))


def hash_of(request: bytes, response: Any) -> str:
    """Hash the exchange's canonical form, which any reader can reproduce."""
    try:
        canonical_request = wire.canonical(wire.read(request))
    except (ValueError, RecursionError):
        # At the very limit of what can be read: no other reader can produce its form either.
        canonical_request = request
    exchange = _EXCHANGE % (canonical_request, wire.canonical(response))
    return "h1:" + hashlib.sha256(exchange).hexdigest()


def compress(exchange: bytes) -> bytes:
    """Compress an exchange for storage; a short one stays as it is."""
    if len(exchange) < _SHORT:
        return exchange
    # A small window costs a fraction of the default's set-up, which dominates at this size.
    packer = zlib.compressobj(1, zlib.DEFLATED, 12 if len(exchange) < 4096 else 15, 5)
    return packer.compress(exchange) + packer.flush()


def decompress_body(body: bytes) -> bytes:
    """Return the JSON of a stored body: `{"request": …, "response": …}`."""
    # What zlib writes never begins with a brace: its first byte ends in 8.
    return body if body[:1] == b"{" else zlib.decompress(body)


def decompress(body: bytes) -> dict[str, Any]:
    """Return the exchange of a stored body, parsed like a provider's answer."""
    exchange: dict[str, Any] = wire.read(decompress_body(body))
    return exchange
