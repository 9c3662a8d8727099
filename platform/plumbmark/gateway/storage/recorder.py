"""From memory to the database: calls and their costs together, every half second.

One flush is one transaction on the database thread. A flush that fails is put back and tried again,
ever more slowly, and admission stops before the queue fills the memory; the spool keeps what was
answered meanwhile.
"""

import asyncio
import logging

from django.db import DatabaseError, InterfaceError, OperationalError

from plumbmark.gateway.budget import ledger
from plumbmark.gateway.budget.leases import Leases
from plumbmark.gateway.budget.ledger import FlushResult
from plumbmark.gateway.storage import exchanges
from plumbmark.gateway.storage.database import DatabaseThread
from plumbmark.gateway.storage.records import CallRecord
from plumbmark.gateway.storage.spool import Spool

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
FLUSH_RECORDS = 1000
MAX_PENDING = 8000
"""Calls in memory at most before no further one is admitted."""
FLUSH_BYTES = 16 * 1024 * 1024
"""Of exchanges in one flush, but for one that is larger by itself: images travel inside."""
MAX_PENDING_BYTES = 64 * 1024 * 1024
"""Of exchanges in memory before no further call is admitted."""
ADMISSION_PATIENCE_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 5.0
_MAX_PAUSE_SECONDS = 10.0


class Recorder:
    """The queue of ended calls and the one task that empties it. Lives on the gateway's loop."""

    def __init__(self, leases: Leases, spool: Spool, database: DatabaseThread) -> None:
        self._leases = leases
        self._spool = spool
        self._database = database
        self._objects = DatabaseThread("gateway-objects") if exchanges.is_elsewhere() else None
        """The thread that writes exchanges outside the database, which may take long."""
        self._loop = asyncio.get_running_loop()
        self._pending: list[CallRecord] = []
        self._bytes = 0
        """Of the exchanges that are pending."""
        self._added = 0
        self._stored = 0
        self._work = asyncio.Event()
        self._hurry = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._room = asyncio.Event()
        self._room.set()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._failures = 0
        self._most = FLUSH_RECORDS
        self._may_be_stored = False
        self._kept_alive_at = self._loop.time()
        self._task = self._loop.create_task(self._run())

    async def admit(self) -> bool:
        """Wait for room in the queue; False where there was none in time."""
        if len(self._pending) < MAX_PENDING and self._bytes < MAX_PENDING_BYTES:
            return True
        self._room.clear()
        try:
            async with asyncio.timeout(ADMISSION_PATIENCE_SECONDS):
                await self._room.wait()
        except TimeoutError:
            return False
        return True

    def add(self, record: CallRecord) -> None:
        self._pending.append(record)
        self._bytes += len(record.exchange)
        self._added += 1
        if len(self._pending) == 1:
            self._work.set()
        if self._is_much:
            self._hurry.set()

    @property
    def _is_much(self) -> bool:
        """A whole flush's worth is pending."""
        return len(self._pending) >= FLUSH_RECORDS or self._bytes >= FLUSH_BYTES

    def wake(self) -> None:
        """Note that leases were taken: they must be kept alive and returned when idle."""
        self._work.set()

    async def flush(self, *, timeout_seconds: float | None = None) -> None:
        """Wait until everything added so far is committed. TimeoutError where it is not in time."""
        target = self._added
        if self._stored >= target:
            return
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append((target, done))
        self._hurry.set()
        self._work.set()
        async with asyncio.timeout(timeout_seconds):
            await done

    async def close_shares(self, budget_ids: frozenset[int]) -> None:
        """Give back what is left of these budgets, where no call is in flight."""
        await self._leases.await_prefetch()
        await self.flush()
        # What came in the meantime is stored along; with too much of it nothing is closed, and the
        # leases go back when they are idle.
        await self._flush_once(budget_ids)

    async def end(self, timeout_seconds: float) -> None:
        """Store what is left, give every lease back and stop. What fails stays in the spool."""
        try:
            await self.flush(timeout_seconds=timeout_seconds)
        except TimeoutError:
            log.warning("%d calls stay in the spool for the next start", len(self._pending))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._objects is not None:
            self._objects.stop()
        if self._pending:
            return
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._database.run(
                    lambda: ledger.release_owner(
                        owner=self._leases.owner, reason="its process ended"
                    )
                )
        except (DatabaseError, InterfaceError, TimeoutError):
            log.warning("leases stay behind for the sweep", exc_info=True)

    async def _run(self) -> None:
        while True:
            if not self._pending and not self._leases.has_leases:
                self._work.clear()
                await self._work.wait()
            await self._nap()
            self._hurry.clear()
            while True:
                await self._flush_once(None)
                # More than one flush's worth came together: do not wait between them.
                if self._failures or not self._is_much:
                    break

    async def _nap(self) -> None:
        if self._failures:
            await asyncio.sleep(min(_MAX_PAUSE_SECONDS, FLUSH_SECONDS * 2**self._failures))
        elif not self._hurry.is_set():
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._hurry.wait()
            except TimeoutError:
                pass

    async def _flush_once(self, budget_ids: frozenset[int] | None) -> None:
        # One at a time: a lease may only go back after every charge against it is stored.
        async with self._one_at_a_time:
            await self._flush_batch(budget_ids)

    async def _flush_batch(self, budget_ids: frozenset[int] | None) -> None:
        batch = self._next_batch()
        if self._objects is not None and batch:
            # They stay pending meanwhile, so an interruption loses nothing.
            await self._objects.run(lambda: exchanges.put_away(batch))
        closing = []
        if len(batch) == len(self._pending):
            # Only when every charge against them is in this flush or before it.
            closing = self._leases.close_idle(budget_ids=budget_ids)
        now = self._loop.time()
        is_due = self._leases.has_leases and now - self._kept_alive_at >= _KEEP_ALIVE_SECONDS
        if not batch and not closing and not is_due:
            return
        del self._pending[: len(batch)]
        self._bytes -= _bytes_of(batch)
        closing_ids = [share.budget.id for share in closing]
        owner, may_be_stored = self._leases.owner, self._may_be_stored

        def work() -> FlushResult:
            settlement = ledger.settle(
                owner=owner,
                records=batch,
                closing=closing_ids,
                closing_reason="idle",
                may_be_stored=may_be_stored,
            )
            if is_due:
                ledger.keep_alive(owner=owner)
            return settlement

        flush = asyncio.ensure_future(self._database.run(work))
        try:
            # Shielded: once begun, what it did must be taken in, or put back.
            settled = await asyncio.shield(flush)
        except asyncio.CancelledError:
            await asyncio.wait([flush])
            if flush.exception() is None:
                self._record_success(batch, flush.result())
            else:
                self._put_back(batch)
            raise
        except Exception as error:
            self._record_flush_failure(batch, error)
            return
        if is_due:
            self._kept_alive_at = now
        self._leases.note_closed(closing)
        self._record_success(batch, settled)

    def _next_batch(self) -> list[CallRecord]:
        """Return the oldest records, as many as fit into one flush; at least one."""
        batch: list[CallRecord] = []
        size = 0
        for record in self._pending[: self._most]:
            size += len(record.exchange)
            if batch and size > FLUSH_BYTES:
                break
            batch.append(record)
        return batch

    def _put_back(self, batch: list[CallRecord]) -> None:
        self._pending[:0] = batch
        self._bytes += _bytes_of(batch)

    def _record_success(self, batch: list[CallRecord], settled: FlushResult) -> None:
        self._failures = 0
        self._may_be_stored = False
        self._most = FLUSH_RECORDS
        self._leases.correct(gone=settled.gone, refunds=settled.refunds)
        self._spool.note_stored(batch)
        self._note_passed(len(batch))

    def _note_passed(self, count: int) -> None:
        self._stored += count
        has_room = len(self._pending) < MAX_PENDING // 2
        if not self._room.is_set() and has_room and self._bytes < MAX_PENDING_BYTES // 2:
            self._room.set()
        if self._waiters:
            left = []
            for target, done in self._waiters:
                if self._stored < target:
                    left.append((target, done))
                elif not done.done():
                    done.set_result(None)
            self._waiters = left

    def _record_flush_failure(self, batch: list[CallRecord], error: Exception) -> None:
        # The commit may have come through although its confirmation did not.
        self._may_be_stored = True
        is_about_the_data = not isinstance(error, OperationalError | InterfaceError)
        if is_about_the_data and len(batch) == 1:
            # One record that the database refuses must not block all others. Its segment is never
            # dropped, so it is not lost.
            log.error(
                "call %s cannot be stored and stays in the spool", batch[0].id, exc_info=error
            )
            self._failures = 0
            self._note_passed(1)
            return
        self._put_back(batch)
        if is_about_the_data and len(batch) > 1:
            self._most = max(1, len(batch) // 2)
            log.warning("a flush of %d calls failed; trying fewer", len(batch), exc_info=error)
            self._failures = 0
            self._hurry.set()
            return
        self._failures += 1
        log.warning(
            "a flush of %d calls failed; it will be tried again", len(batch), exc_info=error
        )


def _bytes_of(batch: list[CallRecord]) -> int:
    return sum(len(record.exchange) for record in batch)
