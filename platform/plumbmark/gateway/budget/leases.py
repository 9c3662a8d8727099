"""Budgets in memory: what this process has leased, handed out call by call without a statement.

All of it lives on the gateway's event loop, where a step between two `await`s is atomic. A hold is
taken from the day's, the month's and, if the grant has a cap, the grant's share at once. If it does
not fit, more is fetched; if the database has no more, it waits for calls in flight to settle.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import date

from plumbmark.common import clock
from plumbmark.gateway.budget import ledger
from plumbmark.gateway.budget.ledger import Amounts, BudgetRequest, OpenBudget, Shortage
from plumbmark.gateway.storage.database import DatabaseThread

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
"""How long a hold that does not fit waits for calls in flight before it is refused."""
IDLE_SECONDS = 2.0
"""After so long without a call the rest of a lease goes back."""
_OPEN_SECONDS = 10.0
"""So long are a payer's budgets known without looking them up for each grant."""
_HOLDS_PER_LEASE = 128
_HOLDS_IN_HAND = 64
"""With fewer holds than this left of a lease, the next part is fetched while calls continue."""
_BETWEEN_LOOKS_SECONDS = 0.2
"""A short budget is read from the database no more often than this."""


@dataclass(slots=True, eq=False)
class Share:
    """This process's part of one budget, in nanodollars."""

    budget: OpenBudget
    left: int = 0
    in_flight: int = 0
    has_lease: bool = False
    is_ample: bool = False
    """The last lease was as large as requested: the budget is far from exhausted."""
    is_gone: bool = False
    """The lease was swept: calls in flight settle without it, and nothing is taken from it
    again."""
    used_at: float = 0.0
    shortage: Shortage | None = None
    looked_at: float = float("-inf")

    @property
    def serves_next_grant(self) -> bool:
        """It is of the payer's day or month, and takes nothing that others could lack."""
        return self.is_ample and not self.is_gone and self.budget.period_start is not None


@dataclass(slots=True, eq=False)
class PayerQueue:
    """The queue of one payer's holds: the order of waiting, and one fetch at a time."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    has_lookout: bool = False
    """One of the waiting calls also queries the database again from time to time."""
    ahead: asyncio.Task[None] | None = None
    """A fetch that no call waits for."""

    def wake_first(self) -> None:
        for turn in self.waiting:
            if not turn.done():
                turn.set_result(None)
                return


@dataclass(slots=True, eq=False)
class Account:
    """The budgets of one grant on one day, as known to this process."""

    payer_id: int
    grant_id: int
    subject: str
    cap: int | None
    queue: PayerQueue
    day: date | None = None
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class _OpenedShares:
    """A payer's shares of a day and its month, and when their budgets were read."""

    day: date
    shares: tuple[Share, ...]
    opened_at: float


def _is_stale(account: Account) -> bool:
    """Return whether its budgets are closed, swept away or those of another day."""
    return account.day != clock.today() or any(share.is_gone for share in account.shares)


@dataclass(slots=True, eq=False)
class Hold:
    """An amount held for one call. Settle it exactly once, always in `finally`."""

    account: Account
    shares: tuple[Share, ...]
    day: date
    amount: int

    @property
    def budget_ids(self) -> tuple[int, ...]:
        return tuple(share.budget.id for share in self.shares)

    def settle(self, charged: int) -> frozenset[int]:
        """Put back what was not charged; returns the budgets whose lease is gone."""
        back = self.amount - charged
        now = asyncio.get_running_loop().time()
        lost = []
        for share in self.shares:
            share.in_flight -= 1
            share.used_at = now
            if share.is_gone:
                lost.append(share.budget.id)
            else:
                share.left += back
        if self.account.queue.waiting:
            self.account.queue.wake_first()
        return frozenset(lost)


class Leases:
    """Every share of this process. `owner` names the process on its lease rows."""

    def __init__(self, owner: str, database: DatabaseThread) -> None:
        self.owner = owner
        self._database = database
        self._queues: dict[int, PayerQueue] = {}
        self._shares: dict[int, Share] = {}
        self._opened: dict[int, _OpenedShares] = {}
        """The shares of payers' limits, for the next grant of the same payer."""
        self._loop = asyncio.get_running_loop()

    @property
    def waiting(self) -> int:
        """Return the number of calls that wait for others to settle."""
        return sum(len(queue.waiting) for queue in list(self._queues.values()))

    def account(self, *, payer_id: int, grant_id: int, subject: str, cap: int | None) -> Account:
        queue = self._queues.setdefault(payer_id, PayerQueue())
        return Account(payer_id, grant_id, subject, cap, queue)

    async def hold(self, account: Account, amount: int) -> Hold | Shortage:
        """Hold an amount for one call, of today's limits."""
        if _is_stale(account):
            # All that come together wait for one opening, instead of opening it one after another.
            async with account.queue.lock:
                if _is_stale(account):
                    await self._open(account, clock.today())
        if not account.queue.waiting and (hold := self._hold_now(account, amount)):
            in_hand = _HOLDS_IN_HAND * amount
            for share in account.shares:
                if share.left < in_hand:
                    self._fetch_ahead(account, amount)
                    break
            return hold
        return await self._hold_later(account, amount)

    def _fetch_ahead(self, account: Account, amount: int) -> None:
        """Fetch more before it runs out; near the end of a budget each call leases only what it
        needs.
        """
        queue = account.queue
        if queue.ahead is None and all(share.is_ample for share in account.shares):
            queue.ahead = self._loop.create_task(self._ahead(account, amount))

    async def _ahead(self, account: Account, amount: int) -> None:
        try:
            async with account.queue.lock:
                if not _is_stale(account):
                    await self._fetch(account, amount, in_hand=_HOLDS_IN_HAND * amount)
        except Exception:
            # The call that finds the lease empty fetches, and gets the same error.
            log.warning("a lease could not be enlarged ahead", exc_info=True)
        finally:
            account.queue.ahead = None

    async def await_prefetch(self) -> None:
        """Wait for the fetches that nobody waits for."""
        ahead = [queue.ahead for queue in self._queues.values() if queue.ahead is not None]
        if ahead:
            await asyncio.wait(ahead)

    def _hold_now(self, account: Account, amount: int) -> Hold | None:
        shares = account.shares
        for share in shares:
            if share.left < amount or share.is_gone:
                return None
        for share in shares:
            share.left -= amount
            share.in_flight += 1
        assert account.day is not None
        return Hold(account, shares, account.day, amount)

    async def _open(self, account: Account, day: date) -> None:
        known = self._opened.get(account.payer_id)
        now = self._loop.time()
        if (
            account.cap is None
            and known is not None
            and known.day == day
            and now - known.opened_at < _OPEN_SECONDS
            and not any(share.is_gone for share in known.shares)
        ):
            for kept in known.shares:
                kept.shortage = None
            account.day, account.shares = day, known.shares
            return

        def find() -> tuple[OpenBudget, ...]:
            return ledger.open_budgets(
                payer_id=account.payer_id, grant_id=account.grant_id, cap=account.cap, day=day
            )

        budgets = await self._database.run(find)
        shares = []
        for budget in budgets:
            share = self._shares.get(budget.id)
            if share is None or share.is_gone:
                share = self._shares[budget.id] = Share(budget, used_at=self._loop.time())
            # The grant may have been reopened because a limit was raised: the old shortage is
            # obsolete.
            share.shortage = None
            shares.append(share)
        account.day, account.shares = day, tuple(shares)
        if account.cap is None:
            self._opened[account.payer_id] = _OpenedShares(day, account.shares, now)

    async def _hold_later(self, account: Account, amount: int) -> Hold | Shortage:
        queue = account.queue
        ends_at = self._loop.time() + PATIENCE_SECONDS
        while True:
            async with queue.lock:
                # A lease can be short by the time it arrives, because calls that need no lock took
                # from the rest meanwhile: loop until it suffices.
                if hold := self._hold_now(account, amount):
                    queue.wake_first()
                    return hold
                if _is_stale(account):
                    await self._open(account, clock.today())
                shortage = await self._fetch(account, amount)
            if shortage is None:
                continue
            now = self._loop.time()
            # Not even everything that is reserved now could pay for it: waiting would be no use.
            is_hopeless = shortage.cap - shortage.spent < amount
            if is_hopeless or now >= ends_at:
                queue.wake_first()
                return shortage
            await self._wait(queue, ends_at - now)

    async def _wait(self, queue: PayerQueue, seconds: float) -> None:
        """Wait until a call settles, or until it is time to query the database again."""
        turn: asyncio.Future[None] = self._loop.create_future()
        is_lookout = not queue.has_lookout
        if is_lookout:
            queue.has_lookout = True
            seconds = min(seconds, _BETWEEN_LOOKS_SECONDS)
        queue.waiting.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except TimeoutError:
            pass
        finally:
            queue.waiting.remove(turn)
            if is_lookout:
                queue.has_lookout = False

    async def _fetch(self, account: Account, amount: int, *, in_hand: int = 0) -> Shortage | None:
        """Lease what is lacking; return the shortage if the database does not have enough.

        With `in_hand`, also fetch what a share lacks of that amount, as far as the database has it.
        """
        now = self._loop.time()
        asks, lacking = [], []
        for share in account.shares:
            need = amount - share.left
            if need <= 0:
                if share.left >= in_hand:
                    continue
                need = 0
            known = share.shortage
            if known and need > known.left and now - share.looked_at < _BETWEEN_LOOKS_SECONDS:
                return known
            asks.append(BudgetRequest(share.budget.id, need, _HOLDS_PER_LEASE * amount))
            lacking.append(share)
        if not asks:
            return None
        day = account.day
        assert day is not None

        def take() -> Amounts | Shortage:
            return ledger.take(
                owner=self.owner,
                payer_id=account.payer_id,
                grant_id=account.grant_id,
                subject=account.subject,
                day=day,
                asks=asks,
            )

        # Before the rows change: a fetch that is cancelled half-way must still be released.
        for share in lacking:
            share.has_lease = True
            share.in_flight += 1
        try:
            taken = await self._database.run(take)
        finally:
            for share in lacking:
                share.in_flight -= 1
        if isinstance(taken, Shortage):
            for share in lacking:
                if share.budget.id == taken.budget_id:
                    share.shortage, share.looked_at = taken, self._loop.time()
            return taken
        for share in lacking:
            amount_taken = taken.amounts[share.budget.id]
            share.left += amount_taken
            share.is_ample = amount_taken >= _HOLDS_PER_LEASE * amount > 0
            share.shortage = None
            share.used_at = self._loop.time()
        return None

    @property
    def has_leases(self) -> bool:
        return any(share.has_lease for share in self._shares.values())

    def close_idle(self, *, budget_ids: frozenset[int] | None = None) -> list[Share]:
        """Take the shares that are idle, or those named that have no call in flight, out of use.

        Their rest is to be given back in the next flush. What a failed flush leaves behind stays
        marked, so it is tried again.
        """
        before = self._loop.time() - IDLE_SECONDS
        closing = []
        for share in self._shares.values():
            if not share.has_lease or share.in_flight or share.is_gone:
                continue
            is_due = (
                share.used_at <= before if budget_ids is None else share.budget.id in budget_ids
            )
            if is_due:
                share.left = 0
                closing.append(share)
        return closing

    def note_closed(self, shares: list[Share]) -> None:
        """Note that the rest of these shares has been returned to the database."""
        for share in shares:
            # Used again while the flush was under way, it has a new lease already.
            if not share.left and not share.in_flight:
                share.has_lease = False
                if share.budget.kind == "day" and share.budget.period_start != clock.today():
                    self._shares.pop(share.budget.id, None)

    def correct(self, *, gone: frozenset[int], refunds: dict[int, int]) -> None:
        """Take in what a flush found: swept leases, and charges that fell away as duplicates."""
        for budget_id, amount in refunds.items():
            share = self._shares.get(budget_id)
            if share is not None and budget_id not in gone and share.has_lease:
                share.left += amount
        for budget_id in gone:
            share = self._shares.pop(budget_id, None)
            if share is not None:
                share.is_gone = True
                share.left = 0
