"""The process's gateway: every model call goes through here, in-process or from an HTTP door.

Per call and in this order: hold an upper bound of the cost, keep in the spool that it goes out, ask
with retries, settle, keep the answer in the spool, queue it for the next flush, answer. No
statement is made per call.
"""

import asyncio
import contextlib
import logging
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from plumbmark.engine.ports import (
    CallFailure,
    CallResult,
    FailureKind,
    ModelRequest,
    ModelResponse,
)
from plumbmark.gateway import clock, prices, recovery
from plumbmark.gateway.database import DatabaseThread
from plumbmark.gateway.leases import Account, Hold, Leases
from plumbmark.gateway.ledger import Shortage
from plumbmark.gateway.limits import AdaptiveLimit
from plumbmark.gateway.models import Call
from plumbmark.gateway.money import dollars
from plumbmark.gateway.providers import wire
from plumbmark.gateway.providers.base import Answer, Attempt, AttemptFailure
from plumbmark.gateway.providers.http import Transport
from plumbmark.gateway.recorder import Recorder
from plumbmark.gateway.records import CallRecord, exchange_bytes, hash_of
from plumbmark.gateway.retries import OVERALL_DEADLINES, RetryBudget
from plumbmark.gateway.spool import Spool
from plumbmark.gateway.terms import KEPT_SECONDS, Terms, read_terms

log = logging.getLogger(__name__)


_LARGEST_ERROR_BYTES = 64 * 1024
_LONGEST_KEY = 120
_LONGEST_ROLE = 24
_LARGEST_COUNT = 2**31 - 1


class Gateway:
    """Sessions, limits, leases, spool and queue of one process. Lives on one event loop."""

    def __init__(self, *, owner: str, spool_folder: Path) -> None:
        self.owner = owner
        self._spool_folder = spool_folder
        self.database = DatabaseThread()
        self.transport = Transport()
        self.spool = Spool(spool_folder, owner)
        self.leases = Leases(owner, self.database)
        self.recorder = Recorder(self.leases, self.spool, self.database)
        self._calls: set[asyncio.Task[Any]] = set()
        self._is_idle = asyncio.Event()
        self._limits: dict[tuple[str, str], AdaptiveLimit] = {}
        self._callers: dict[tuple[int, int, bool], ModelCaller] = {}
        self._recovery = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        try:
            await self.database.run(lambda: recovery.recover(self._spool_folder))
        except Exception:
            log.exception("what dead processes left could not be replayed; the sweep tries again")

    async def caller(
        self, *, grant_id: int, deployment_id: int, is_private: bool = False
    ) -> "ModelCaller":
        """Who makes calls for a grant to a deployment; waits for a recovery that is under way.

        `is_private` marks the calls as carrying private items.
        """
        await asyncio.shield(self._recovery)
        key = (grant_id, deployment_id, is_private)
        caller = self._callers.get(key)
        if caller is None:
            terms = await self.database.run(
                lambda: read_terms(grant_id=grant_id, deployment_id=deployment_id)
            )
            caller = self._callers.setdefault(key, ModelCaller(self, terms, is_private))
        return caller

    async def _give_up_calls(self) -> None:
        """Cancel what is still in flight, so that it is recorded as a loss and not torn off."""
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def entered(self) -> asyncio.Task[Any]:
        """The running task makes a call."""
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        return task

    def left(self, task: asyncio.Task[Any]) -> None:
        """Its call has ended."""
        self._calls.discard(task)
        if not self._calls:
            self._is_idle.set()

    def limit(self, terms: Terms) -> AdaptiveLimit:
        key = (terms.target.base_url, terms.target.upstream_id)
        limit = self._limits.get(key)
        if limit is None:
            limit = self._limits[key] = AdaptiveLimit(terms.max_concurrency)
        limit.set_ceiling(terms.max_concurrency)
        return limit

    def forget(self, caller: "ModelCaller") -> None:
        for key, known in list(self._callers.items()):
            if known is caller:
                del self._callers[key]

    async def end(self, timeout_seconds: float) -> None:
        """Wait for calls in flight, store everything, give all leases back, close."""
        self._is_idle.clear()
        if self._calls:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await self._is_idle.wait()
        await self._give_up_calls()
        await asyncio.wait([self._recovery], timeout=timeout_seconds)
        await self.recorder.end(timeout_seconds)
        await self.transport.close()
        self.spool.close()
        self.database.stop()


class ModelCaller:
    """Makes calls for one grant to one deployment: `engine.ports.ModelCaller`."""

    def __init__(self, gateway: Gateway, terms: Terms, is_private: bool) -> None:
        self._gateway = gateway
        self._is_private = is_private
        self._loop = asyncio.get_running_loop()
        self._refreshing: asyncio.Task[None] | None = None
        self._use(terms)

    def _use(self, terms: Terms) -> None:
        self._terms = terms
        self._limit = self._gateway.limit(terms)
        self._fresh_until = self._loop.time() + KEPT_SECONDS
        self._account: Account = self._gateway.leases.account(
            payer_id=terms.payer_id,
            grant_id=terms.grant_id,
            subject=terms.subject,
            cap=terms.cap,
        )

    async def call(self, request: ModelRequest, *, key: str, role: str) -> CallResult:
        """Ask the model once, with retries, recorded and metered; see `engine.ports.ModelCaller`.

        A call that never went out (a refusal: `attempts` is 0) is not recorded.
        """
        if len(key) > _LONGEST_KEY or len(role) > _LONGEST_ROLE:
            raise ValueError(f"key or role is too long: {key!r}, {role!r}")
        task = self._gateway.entered()
        try:
            return await self._call(request, key, role)
        finally:
            self._gateway.left(task)

    async def _call(self, request: ModelRequest, key: str, role: str) -> CallResult:
        gateway = self._gateway
        if self._loop.time() > self._fresh_until:
            await self._refresh()
        terms = self._terms
        if terms.refusal is not None:
            return _refused(terms.refusal)
        if not await gateway.recorder.admit():
            return _refused(
                CallFailure(
                    FailureKind.DEADLINE,
                    "platform-busy",
                    "The platform cannot store answers at the moment, so it asks no questions.",
                )
            )
        amount = 0
        if terms.is_metered and terms.prices is not None:
            amount = prices.most_cost(terms.prices, request, terms.billed_output_tokens_at_most)
        hold: Hold | None = None
        if amount:
            held = await gateway.leases.hold(self._account, amount)
            if isinstance(held, Shortage):
                return _refused(_quota_failure(held, amount))
            hold = held
            gateway.recorder.wake()
        record = CallRecord(
            id=uuid4(),
            grant_id=terms.grant_id,
            payer_id=terms.payer_id,
            deployment_id=terms.deployment_id,
            price_card_id=terms.price_card_id,
            key=key,
            role=role,
            is_private=self._is_private,
            day=hold.day if hold else clock.today(),
            started_at=clock.timestamp(),
            subject=terms.subject,
            hold=amount,
            budget_ids=hold.budget_ids if hold else (),
        )
        try:
            return await self._ask(terms, request, record)
        finally:
            if hold is not None:
                record.unleased_ids = hold.settle(record.charged)
            if record.attempts:
                self._keep(record)
            elif record.segments:
                gateway.spool.stored((record,))

    def _keep(self, record: CallRecord) -> None:
        """The last thing before the answer goes out."""
        try:
            self._gateway.spool.end(record)
        except OSError:
            log.exception("the spool takes no more; call %s is only in memory", record.id)
        self._gateway.recorder.add(record)

    async def _ask(self, terms: Terms, request: ModelRequest, record: CallRecord) -> CallResult:
        assert terms.provider is not None
        body = terms.provider.build(terms.target, request)
        if not terms.is_local:
            try:
                self._gateway.spool.start(record)
            except OSError as error:
                log.exception("the spool takes no more")
                return _refused(
                    CallFailure(
                        FailureKind.DEADLINE,
                        "platform-busy",
                        f"The platform's spool cannot be written ({error.strerror}).",
                    )
                )
        attempt: Attempt | None = None
        try:
            attempt = await self._attempts(terms, body, record)
        except BaseException as error:
            if record.attempts:
                _mark_broken_off(record, error, body)
            raise
        response: ModelResponse | None = None
        failure: CallFailure | None = None
        if isinstance(attempt, Answer):
            response = _mark_answered(terms, request, record, attempt)
        else:
            failure = _mark_failed(record, attempt)
        exchange = _exchange(body, attempt)
        record.exchange_hash = hash_of(exchange)
        record.exchange = exchange
        return CallResult(
            call_id=record.id,
            response=response,
            failure=failure,
            charged=record.charged,
            provider_cost=record.provider_cost,
            latency_ms=record.latency_ms,
            attempts=len(record.attempts),
        )

    async def _attempts(self, terms: Terms, body: bytes, record: CallRecord) -> Attempt:
        assert terms.provider is not None
        loop, limit = self._loop, self._limit
        budget = RetryBudget(loop.time() + terms.target.deadline_seconds * OVERALL_DEADLINES)
        last: AttemptFailure | None = None
        asked_at = loop.time()
        while True:
            if not await limit.acquire(until=budget.ends_at):
                return last or AttemptFailure(
                    FailureKind.RATE_LIMITED,
                    "rate-limited",
                    "The provider asked for a pause longer than the call may take.",
                    is_retryable=False,
                )
            began = loop.time()
            entry: dict[str, Any] = {
                "at": round(clock.timestamp(), 3),
                "ms": 0,
                "waited_ms": int((began - asked_at) * 1000),
            }
            record.attempts.append(entry)
            try:
                attempt = await terms.provider.send(self._gateway.transport, terms.target, body)
            finally:
                limit.release()
                record.latency_ms = entry["ms"] = int((loop.time() - began) * 1000)
            if isinstance(attempt, Answer):
                entry["status"] = attempt.status
                limit.succeeded()
                return attempt
            if attempt.status is not None:
                entry["status"] = attempt.status
            if attempt.status is None or attempt.status == 200:
                entry["error"] = attempt.code
            if attempt.kind is FailureKind.RATE_LIMITED and attempt.is_retryable:
                limit.rate_limited(attempt.retry_after)
            asked_at = loop.time()
            pause = budget.pause_after(attempt, now=asked_at)
            if pause is None:
                return attempt
            last = attempt
            await asyncio.sleep(pause)

    async def _refresh(self) -> None:
        """Read the terms again; callers that come together share one reading."""
        if self._refreshing is None:
            self._refreshing = self._loop.create_task(self._read())
        await asyncio.shield(self._refreshing)

    async def _read(self) -> None:
        old = self._terms
        try:
            self._use(
                await self._gateway.database.run(
                    lambda: read_terms(grant_id=old.grant_id, deployment_id=old.deployment_id)
                )
            )
        except Exception:
            # With the database away the known terms hold on; the queue's bound ends it.
            self._fresh_until = self._loop.time() + KEPT_SECONDS
            log.warning(
                "the terms of grant %s could not be read again", old.grant_id, exc_info=True
            )
        finally:
            self._refreshing = None

    async def flush(self, *, timeout_seconds: float | None = 30.0) -> None:
        """Return when everything answered so far is in the database; TimeoutError if it is not."""
        await self._gateway.recorder.flush(timeout_seconds=timeout_seconds)

    async def release(self) -> None:
        """Idle: store what is left and give the lease back, where no call is in flight."""
        ids = frozenset(share.budget.id for share in self._account.shares)
        await self._gateway.recorder.close_shares(ids)
        self._gateway.forget(self)


def _refused(failure: CallFailure) -> CallResult:
    return CallResult(uuid4(), None, failure, 0, 0, 0, 0)


def _quota_failure(shortage: Shortage, amount: int) -> CallFailure:
    left = f"{dollars(shortage.left)} of {dollars(shortage.cap)} are left"
    code = "quota-exhausted"
    if shortage.period_start is None:
        code = "grant-exhausted"
        limit, renewal = "The cap of this grant", "It does not renew."
    else:
        which = "day" if shortage.kind == "day" else "month"
        limit = f"The limit of the UTC {which}"
        renewal = f"It renews on {renewal_of(which, shortage.period_start):%Y-%m-%d} at 00:00 UTC."
    return CallFailure(
        FailureKind.QUOTA,
        code,
        f"{limit} does not cover this call: {left}, and {dollars(shortage.need)} more would have "
        f"to be set aside. {renewal}",
        amount=amount,
    )


def renewal_of(kind: str, start: date) -> date:
    """The first day of the period after one that starts then."""
    if kind == "day":
        return start + timedelta(days=1)
    return (start + timedelta(days=32)).replace(day=1)


def _plain(text: str, length: int) -> str:
    """Text that every database takes."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:length]


def _mark_answered(
    terms: Terms, request: ModelRequest, record: CallRecord, answer: Answer
) -> ModelResponse:
    response = answer.response
    usage = response.usage
    if usage.estimated:
        usage = prices.estimated_usage(request, response.text + response.reasoning)
        response = replace(response, usage=usage)
    record.status = Call.Status.ANSWERED
    record.provider_request_id = _plain(answer.request_id, 200)
    record.upstream_model = _plain(response.model, 200)
    record.finish_reason = response.finish_reason.value
    record.input_tokens = min(usage.input_tokens, _LARGEST_COUNT)
    record.output_tokens = min(usage.output_tokens, _LARGEST_COUNT)
    record.cached_input_tokens = min(usage.cached_input_tokens, _LARGEST_COUNT)
    record.reasoning_tokens = min(usage.reasoning_tokens, _LARGEST_COUNT)
    record.usage_estimated = usage.estimated
    if terms.prices is not None:
        record.provider_cost = prices.cost(terms.prices, usage)
        if terms.is_metered:
            record.charged = min(record.provider_cost, record.hold)
    return response


def _mark_failed(record: CallRecord, failure: AttemptFailure) -> CallFailure:
    record.status = Call.Status.FAILED
    record.error_code = failure.code[:64]
    record.error_message = _plain(failure.message, 1000)
    record.provider_request_id = _plain(failure.request_id, 200)
    return CallFailure(failure.kind, failure.code, failure.message, failure.fatal)


def _mark_broken_off(record: CallRecord, error: BaseException, body: bytes) -> None:
    """Given up by the caller, or by a fault of ours: the provider may still bill it."""
    is_cancelled = isinstance(error, asyncio.CancelledError)
    record.status = Call.Status.LOST
    record.error_code = "cancelled" if is_cancelled else "internal-fault"
    record.error_message = (
        "The call was given up while it was in flight."
        if is_cancelled
        else f"A fault of the platform: {type(error).__name__}."
    )
    record.provider_cost = record.hold
    exchange = exchange_bytes(body, None)
    record.exchange_hash = hash_of(exchange)
    record.exchange = exchange


def _exchange(body: bytes, attempt: Attempt) -> bytes:
    try:
        return exchange_bytes(body, _kept_payload(attempt))
    except RecursionError:
        # Read at the very edge of what can be read, and not writable again.
        return exchange_bytes(body, {"cut": "nested too deep"})


def _kept_payload(attempt: Attempt) -> Any:
    payload = attempt.payload
    if isinstance(attempt, AttemptFailure) and payload is not None:
        kept = wire.canonical(payload)
        if len(kept) > _LARGEST_ERROR_BYTES:
            return {"cut": kept[:_LARGEST_ERROR_BYTES].decode("utf-8", "ignore")}
    return payload
