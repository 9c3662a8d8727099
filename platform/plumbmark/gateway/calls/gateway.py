"""The process's gateway: every model call goes through here, in-process or from an HTTP route.

For each call, in this order: reserve an upper bound of the cost, record the start in the spool,
send it with retries, settle, write the answer to the spool, queue it for the next flush, answer. No
call takes a statement of its own.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from plumbmark.common import clock
from plumbmark.engine.ports import (
    CallFailure,
    CallResult,
    FailureKind,
    ModelRequest,
    ModelResponse,
    Usage,
)
from plumbmark.engine.values import value_object
from plumbmark.gateway.budget.leases import Account, Hold, Leases
from plumbmark.gateway.budget.ledger import Shortage
from plumbmark.gateway.budget.money import dollars
from plumbmark.gateway.calls import metrics, outcomes
from plumbmark.gateway.calls.concurrency import AdaptiveLimit
from plumbmark.gateway.calls.outcomes import StreamProgress
from plumbmark.gateway.calls.policy import (
    KEPT_SECONDS,
    CallPolicy,
    DeploymentTerms,
    read_deployment,
    read_policy,
    store_schema_ways,
)
from plumbmark.gateway.calls.retry_loop import RetryLoop
from plumbmark.gateway.calls.scheduler import Scheduler
from plumbmark.gateway.calls.sent_request import SentRequest
from plumbmark.gateway.calls.stream_reader import StreamReader
from plumbmark.gateway.catalogue import prices
from plumbmark.gateway.catalogue.base_urls import address_rules
from plumbmark.gateway.catalogue.document_tokens import CannotBound
from plumbmark.gateway.catalogue.prices import FixedPrices
from plumbmark.gateway.providers.base import Answer, Attempt, AttemptFailure, CannotAsk, Delta
from plumbmark.gateway.providers.http import HttpClient
from plumbmark.gateway.storage import recovery
from plumbmark.gateway.storage.database import DatabaseThread
from plumbmark.gateway.storage.recorder import Recorder
from plumbmark.gateway.storage.records import ATTEMPT_LIMIT, CallRecord, cost_before_last
from plumbmark.gateway.storage.spool import Spool

log = logging.getLogger(__name__)


_SECONDS_UNTIL_STORED = 0.5
"""What is found out about deployments in this time is stored together."""
_MAX_KEY = 120
_MAX_ROLE = 24
_MAX_CALLERS = 2000
"""Above this number, callers whose policy has not been refreshed are dropped."""


class Gateway:
    """Sessions, limits, leases, spool and queue of one process. Lives on one event loop."""

    def __init__(self, *, owner: str, spool_folder: Path, takes_turns: bool = True) -> None:
        """Set up the gateway; with `takes_turns`, answers that arrive together resume one by one
        (see `Scheduler`).
        """
        self.owner = owner
        self._spool_folder = spool_folder
        self.database = DatabaseThread()
        self.transport = HttpClient(address_rules())
        self.spool = Spool(spool_folder, owner)
        self.leases = Leases(owner, self.database)
        self.recorder = Recorder(self.leases, self.spool, self.database)
        self.turns = Scheduler() if takes_turns else None
        self._calls: set[asyncio.Task[Any]] = set()
        self._is_idle = asyncio.Event()
        self.is_ending = False
        """Calls that are cancelled now are given up by the platform, not by their callers."""
        self._limits: dict[tuple[str, str, int | None], AdaptiveLimit] = {}
        """Of each model at an address, by credential: a provider limits an account."""
        self.output_limits: dict[tuple[str, str], int] = {}
        """The longest answers of a model, by address and name, where its provider refused more."""
        self.without_reasoning: set[tuple[str, str]] = set()
        """Models, by address and name, whose host refuses reasoning in messages."""
        self.schema_ways: dict[int, str] = {}
        """The way to ask for a schema, by deployment, where its host refused the usual one."""
        self._unstored_ways: dict[int, str] = {}
        self._storing_ways: asyncio.Task[None] | None = None
        self._callers: dict[tuple[int, int, bool], GatewayCaller] = {}
        self._deployments: dict[int, tuple[DeploymentTerms, float]] = {}
        """The deployments that were read, and when."""
        self._recovery = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        try:
            await self.database.run(lambda: recovery.recover(self._spool_folder))
        except Exception:
            log.exception("what dead processes left could not be replayed; the sweep tries again")

    async def caller(
        self, *, grant_id: int, deployment_id: int, is_private: bool = False
    ) -> "GatewayCaller":
        """Return a caller for a grant and a deployment; wait for a recovery that is under way.

        `is_private` marks the calls as carrying private items.
        """
        if not self._recovery.done():
            await asyncio.shield(self._recovery)
        key = (grant_id, deployment_id, is_private)
        caller = self._callers.get(key)
        if caller is None:
            if len(self._callers) >= _MAX_CALLERS:
                self._forget_idle()
            terms, read_at = await self.read_terms(grant_id, deployment_id, may_be_kept=True)
            caller = self._callers.setdefault(key, GatewayCaller(self, terms, is_private, read_at))
        return caller

    async def read_terms(
        self, grant_id: int, deployment_id: int, *, may_be_kept: bool
    ) -> tuple[CallPolicy, float]:
        """Read the terms of a grant for a deployment; return them with the time of reading.

        With `may_be_kept`, what is the same for all grants may have been read a moment ago: many
        small runs of a model read it once.
        """
        now = asyncio.get_running_loop().time()
        known, read_at = self._deployments.get(deployment_id, (None, now))
        if not may_be_kept or now - read_at > KEPT_SECONDS / 2:
            known, read_at = None, now

        def read() -> tuple[CallPolicy, DeploymentTerms]:
            deployment = known or read_deployment(deployment_id)
            return read_policy(grant_id=grant_id, terms=deployment), deployment

        policy, deployment = await self.database.run(read)
        if known is None:
            if len(self._deployments) >= _MAX_CALLERS:
                self._deployments.clear()
            self._deployments[deployment_id] = (deployment, read_at)
        return policy, read_at

    def _forget_idle(self) -> None:
        """Drop idle callers; whoever still has a dropped caller can continue to use it."""
        now = asyncio.get_running_loop().time()
        for key, caller in list(self._callers.items()):
            if caller.is_idle(now):
                del self._callers[key]

    def give_up_calls(self) -> list[asyncio.Task[Any]]:
        """Cancel what is still in flight, so that it is recorded as a loss and not torn off."""
        self.is_ending = True
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        return calls

    def enter_call(self) -> asyncio.Task[Any]:
        """Note that the running task makes a call, and return the task."""
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        return task

    def leave_call(self, task: asyncio.Task[Any]) -> None:
        """Note that the call of this task has ended."""
        self._calls.discard(task)
        if not self._calls:
            self._is_idle.set()

    def limit(self, terms: CallPolicy) -> AdaptiveLimit:
        key = (terms.target.base_url, terms.target.upstream_id, terms.credential_id)
        limit = self._limits.get(key)
        if limit is None:
            limit = self._limits[key] = AdaptiveLimit(terms.max_concurrency)
        limit.set_ceiling(terms.max_concurrency)
        return limit

    @property
    def calls_in_flight(self) -> int:
        return len(self._calls)

    def open_limits(self) -> list[tuple[CallPolicy, AdaptiveLimit]]:
        """Return the limits of the calls that this process makes, with whose they are."""
        return [caller.terms_and_limit for caller in list(self._callers.values())]

    def note_schema_way(self, terms: CallPolicy, result: CallResult) -> None:
        """Remember the way to ask for a schema that brought an answer, here and for all processes.

        Nothing is written where it is known already.
        """
        way, deployment_id = result.schema_way, terms.deployment_id
        if not way or result.response is None or self.schema_ways.get(deployment_id) == way:
            return
        self.schema_ways[deployment_id] = way
        if way == terms.found_schema_way:
            return
        self._unstored_ways[deployment_id] = way
        if self._storing_ways is None or self._storing_ways.done():
            self._storing_ways = asyncio.get_running_loop().create_task(self._store_ways())

    async def _store_ways(self) -> None:
        """Store what was found meanwhile, together."""
        await asyncio.sleep(_SECONDS_UNTIL_STORED)
        found, self._unstored_ways = self._unstored_ways, {}
        try:
            await self.database.run(lambda: store_schema_ways(found))
        except Exception:
            # Other processes find out for themselves.
            log.exception("how to ask for schemas could not be stored: %s", found)

    def forget(self, caller: "GatewayCaller") -> None:
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
        await asyncio.gather(*self.give_up_calls(), return_exceptions=True)
        await asyncio.wait([self._recovery], timeout=timeout_seconds)
        if self._storing_ways is not None:
            await asyncio.wait([self._storing_ways], timeout=timeout_seconds)
        await self.recorder.end(timeout_seconds)
        await self.transport.close()
        self.spool.close()
        self.database.stop()


class GatewayCaller:
    """Makes calls for one grant to one deployment: `engine.ports.ModelCaller`."""

    def __init__(
        self, gateway: Gateway, terms: CallPolicy, is_private: bool, read_at: float
    ) -> None:
        self._gateway = gateway
        self._is_private = is_private
        self._loop = asyncio.get_running_loop()
        self._refreshing: asyncio.Task[None] | None = None
        self._use(terms, read_at)

    def _use(self, terms: CallPolicy, read_at: float) -> None:
        self._terms = terms
        self._limit = self._gateway.limit(terms)
        self._fresh_until = read_at + KEPT_SECONDS
        self._account: Account = self._gateway.leases.account(
            payer_id=terms.payer_id,
            grant_id=terms.grant_id,
            subject=terms.subject,
            cap=terms.cap,
        )

    @property
    def terms_and_limit(self) -> tuple[CallPolicy, AdaptiveLimit]:
        return self._terms, self._limit

    def is_idle(self, now: float) -> bool:
        """Return whether its policy is stale, so that it has not been used for a while."""
        return now > self._fresh_until

    async def call(
        self, request: ModelRequest, *, key: str, role: str, call_id: UUID | None = None
    ) -> CallResult:
        """Ask the model once, with retries, recorded and metered; see `engine.ports.ModelCaller`.

        A call that never went out (a refusal: `attempts` is 0) is not recorded. `call_id` is a new
        id for the record; without it, the gateway makes one.
        """
        _check(key, role)
        task = self._gateway.enter_call()
        try:
            admitted = await self._admit(request, key, role, call_id)
            if isinstance(admitted, CallFailure):
                return _refuse(admitted)
            try:
                return await self._ask(admitted, request)
            finally:
                self._settle(admitted)
        finally:
            self._gateway.leave_call(task)

    async def _admit(
        self, request: ModelRequest, key: str, role: str, call_id: UUID | None
    ) -> "_AdmittedCall | CallFailure":
        """Hold an upper bound of the cost and open the record; or why the call may not go out."""
        gateway = self._gateway
        if self._loop.time() > self._fresh_until:
            await self._refresh()
        terms = self._terms
        if terms.refusal is not None:
            return terms.refusal
        if not await gateway.recorder.admit():
            return CallFailure(
                FailureKind.DEADLINE,
                "platform-busy",
                "The platform cannot store answers at the moment, so it makes no calls.",
            )
        amount = 0
        if terms.is_metered and terms.prices is not None:
            try:
                amount = await _bound(terms, terms.prices, request)
            except CannotBound as error:
                return CallFailure(FailureKind.PROVIDER_ERROR, error.code, error.message)
        hold: Hold | None = None
        if amount:
            held = await gateway.leases.hold(self._account, amount)
            if isinstance(held, Shortage):
                return _quota_failure(held, amount)
            hold = held
            gateway.recorder.wake()
        record = CallRecord(
            id=call_id or uuid4(),
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
        return _AdmittedCall(terms, hold, record)

    def _settle(self, admitted: "_AdmittedCall") -> None:
        """Settle a call's hold: always, whatever happened, and before anyone gets the result."""
        record = admitted.record
        if admitted.hold is not None:
            record.unleased_ids = admitted.hold.settle(record.charged)
        if record.attempts:
            metrics.count_call(admitted.terms, record)
            try:
                self._gateway.spool.end(record)
            except OSError:
                log.exception("the spool takes no more; call %s is only in memory", record.id)
            self._gateway.recorder.add(record)
        elif record.segments:
            self._gateway.spool.note_stored((record,))

    def _send_off(self, admitted: "_AdmittedCall", sent: SentRequest) -> CallFailure | None:
        """Build the body and record in the spool that it is sent; the failure that prevents it."""
        terms = admitted.terms
        try:
            sent.build()
        except CannotAsk as error:
            return CallFailure(FailureKind.PROVIDER_ERROR, "not-supported", str(error))
        if not terms.is_local:
            try:
                self._gateway.spool.start(admitted.record)
            except OSError as error:
                log.exception("the spool takes no more")
                return CallFailure(
                    FailureKind.DEADLINE,
                    "platform-busy",
                    f"The platform's spool cannot be written ({error.strerror}).",
                )
        return None

    def _prepare(self, terms: CallPolicy, request: ModelRequest, *, stream: bool) -> SentRequest:
        gateway = self._gateway
        way = gateway.schema_ways.get(terms.deployment_id) or terms.found_schema_way
        return SentRequest(
            terms,
            request,
            gateway.output_limits,
            gateway.without_reasoning,
            schema_way=way,
            stream=stream,
        )

    async def _ask(self, admitted: "_AdmittedCall", request: ModelRequest) -> CallResult:
        record = admitted.record
        sent = self._prepare(admitted.terms, request, stream=False)
        refused = self._send_off(admitted, sent)
        if refused is not None:
            return _refuse(refused)
        try:
            attempt = await self._attempts(admitted, sent)
        except BaseException as error:
            if record.attempts:
                outcomes.record_interruption(record, error, sent.body)
            raise
        try:
            if self._gateway.turns is not None:
                await self._gateway.turns.mine()
        finally:
            # The answer has arrived and is stored, even if its caller is gone by now.
            result = _record_end(admitted, sent, attempt)
            self._gateway.note_schema_way(admitted.terms, result)
        return result

    async def _attempts(self, admitted: "_AdmittedCall", sent: SentRequest) -> Attempt:
        terms = admitted.terms
        assert terms.provider is not None
        tries = RetryLoop(terms, admitted.record, self._limit)
        while True:
            late = await tries.begin()
            if late is not None:
                return late
            try:
                attempt = await terms.provider.send(
                    self._gateway.transport, terms.target, sent.body
                )
            finally:
                tries.end()
            pause = tries.pause_after(attempt)
            if sent.correct(attempt):
                continue
            if pause is None:
                return attempt
            await asyncio.sleep(pause)

    async def stream(
        self,
        request: ModelRequest,
        *,
        key: str,
        role: str,
        call_id: UUID | None = None,
        reader: StreamReader | None = None,
    ) -> AsyncGenerator[Delta | CallResult, None]:
        """Ask once and pass the answer on as it comes; recorded and metered exactly like `call`.

        Yields pieces and ends with exactly one `CallResult`, settled and kept before it is handed
        out. Only before the first piece is a failure retried. When the `reader` has left, go on to
        the end as long as it `is_billed`: the provider's own count is charged. Close the generator
        (`contextlib.aclosing`), or cancel the task, to break the answer off: what came so far is
        recorded, and all that was set aside is charged, for nobody can know what is billed.
        """
        _check(key, role)
        gateway = self._gateway
        reader = reader or StreamReader()
        task = gateway.enter_call()
        try:
            admitted = await self._admit(request, key, role, call_id)
            if isinstance(admitted, CallFailure):
                yield _refuse(admitted)
                return
            terms, record, passed = admitted.terms, admitted.record, StreamProgress()
            tries = RetryLoop(terms, record, self._limit)
            sent = self._prepare(terms, request, stream=True)
            result = None
            try:
                refused = self._send_off(admitted, sent)
                if refused is not None:
                    result = _refuse(refused)
                else:
                    stream = self._stream_attempts(admitted, tries, sent, passed, reader)
                    async with contextlib.aclosing(stream) as pieces:
                        async for piece in pieces:
                            if isinstance(piece, Delta):
                                yield piece
                            else:
                                result = _record_end(admitted, sent, piece)
                                gateway.note_schema_way(terms, result)
                                if reader.has_left:
                                    outcomes.note_departure(record)
            except BaseException as error:
                if record.attempts:
                    has_left = isinstance(error, GeneratorExit | asyncio.CancelledError)
                    if has_left and not gateway.is_ending:
                        outcomes.record_departure(
                            terms, request, record, passed, sent.body, tries.is_open
                        )
                    else:
                        outcomes.record_interruption(record, error, sent.body)
                raise
            finally:
                tries.end()
                self._settle(admitted)
            assert result is not None
            yield result
        finally:
            gateway.leave_call(task)

    async def _stream_attempts(
        self,
        admitted: "_AdmittedCall",
        tries: RetryLoop,
        sent: SentRequest,
        passed: StreamProgress,
        reader: StreamReader,
    ) -> AsyncGenerator[Delta | Attempt, None]:
        """Yield pieces, then the attempt that is the call's outcome.

        An attempt that is broken off stays open in `tries`, for whoever broke it off to inspect.
        """
        terms = admitted.terms
        assert terms.provider is not None
        transport = self._gateway.transport
        while True:
            late = await tries.begin()
            if late is not None:
                yield late
                return
            attempt: Attempt | None = None
            is_first = True
            reader.is_billed = admitted.record.hold > 0
            stream = terms.provider.stream(transport, terms.target, sent.body)
            async with contextlib.aclosing(stream) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Delta):
                        if is_first:
                            metrics.note_first_chunk(terms, tries.seconds)
                            is_first = False
                        passed.add(piece)
                        yield piece
                    else:
                        attempt = piece
            tries.end()
            reader.is_billed = False
            assert attempt is not None
            if isinstance(attempt, AttemptFailure):
                attempt = outcomes.with_passed_text(sent.request, attempt, passed)
            pause = tries.pause_after(attempt)
            if reader.has_left:
                yield attempt
                return
            if not passed and sent.correct(attempt):
                continue
            if pause is None or passed:
                yield attempt
                return
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
                *await self._gateway.read_terms(old.grant_id, old.deployment_id, may_be_kept=False)
            )
        except Exception:
            # While the database is unreachable, the known policy stays valid; the queue's bound
            # limits that.
            self._fresh_until = self._loop.time() + KEPT_SECONDS
            log.warning(
                "the terms of grant %s could not be read again", old.grant_id, exc_info=True
            )
        finally:
            self._refreshing = None

    def shares_of_cost(self, usage: Usage) -> tuple[int, int]:
        """Return the cost of input and of output, in nanodollars; the fee counts as input."""
        card = self._terms.prices
        if card is None:
            return 0, 0
        whole = prices.cost(card, usage)
        only_input = Usage(usage.input_tokens, 0, usage.cached_input_tokens)
        input_cost = min(whole, prices.cost(card, only_input))
        return input_cost, whole - input_cost

    async def flush(self, *, timeout_seconds: float | None = 30.0) -> None:
        """Return when everything answered so far is in the database; TimeoutError if it is not."""
        await self._gateway.recorder.flush(timeout_seconds=timeout_seconds)

    async def release(self, *, keeps_ample: bool = False) -> None:
        """Store what is left and return the leases if no call is in flight.

        With `keeps_ample`, leases on limits that are far from used up stay for the payer's next
        calls, until they have been idle for a while.
        """
        closing = frozenset(
            share.budget.id
            for share in self._account.shares
            if not keeps_ample or not share.serves_next_grant
        )
        if closing:
            await self._gateway.recorder.close_shares(closing)
        else:
            await self._gateway.recorder.flush()
        self._gateway.forget(self)


async def _bound(terms: CallPolicy, card: FixedPrices, request: ModelRequest) -> int:
    """Return the most that the call can cost; files are counted away from the loop."""
    inputs = card, request, terms.max_billed_output_tokens, terms.context_tokens
    if prices.has_files(request):
        return await asyncio.to_thread(prices.bound_call_cost, *inputs)
    return prices.bound_call_cost(*inputs)


def _check(key: str, role: str) -> None:
    if len(key) > _MAX_KEY or len(role) > _MAX_ROLE:
        raise ValueError(f"key or role is too long: {key!r}, {role!r}")


@value_object
class _AdmittedCall:
    """A call that may go out."""

    terms: CallPolicy
    hold: Hold | None
    record: CallRecord


def _record_end(
    admitted: _AdmittedCall,
    sent: SentRequest,
    attempt: Attempt,
) -> CallResult:
    """Write the ending into the record; the result for whoever asked."""
    terms, record = admitted.terms, admitted.record
    response: ModelResponse | None = None
    failure: CallFailure | None = None
    if isinstance(attempt, Answer):
        response = outcomes.record_answer(terms, sent.request, record, attempt)
    else:
        failure = outcomes.record_failure(record, attempt)
    if sent.max_output_tokens is not None and record.attempts:
        record.attempts[-1][ATTEMPT_LIMIT] = sent.max_output_tokens
    outcomes.keep_exchange(record, sent.body, attempt)
    return CallResult(
        call_id=record.id,
        response=response,
        failure=failure,
        charged=record.charged,
        provider_cost=record.provider_cost,
        cost_before_answer=cost_before_last(record.attempts),
        latency_ms=record.latency_ms,
        attempts=len(record.attempts),
        max_output_tokens=sent.max_output_tokens,
        schema_way=sent.schema_way,
    )


def _refuse(failure: CallFailure) -> CallResult:
    metrics.count_refusal(failure.kind.value)
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
    """Return the first day of the period after the one that starts on `start`."""
    if kind == "day":
        return start + timedelta(days=1)
    return (start + timedelta(days=32)).replace(day=1)
