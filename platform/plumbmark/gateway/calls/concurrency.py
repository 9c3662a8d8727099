"""The limit on calls to one deployment that are in flight in this process.

The limit starts at the deployment's ceiling, is halved when the provider answers 429 and grows by
one for every limit's worth of answers. `Retry-After` pauses the whole deployment: every further
call would only get the same answer.
"""

import asyncio
from collections import deque

_DECREASE = 0.5
_BETWEEN_DECREASES_SECONDS = 1.0
"""Calls in flight together get a 429 together: that is one signal, not many."""
_MAX_PAUSE_SECONDS = 300.0
"""After this long the provider is called again, whatever it said."""


class AdaptiveLimit:
    """Slots for calls in flight, handed out in order of asking. Lives on one event loop."""

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.limit = float(ceiling)
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        """0 while nothing pauses."""
        self._decreased_at = float("-inf")
        self._loop = asyncio.get_running_loop()

    def set_ceiling(self, ceiling: int) -> None:
        if ceiling != self.ceiling:
            self.limit = float(ceiling) if self.limit == self.ceiling else min(self.limit, ceiling)
            self.ceiling = ceiling
            self._wake()

    async def acquire(self, *, until: float) -> bool:
        """Wait for a slot until a time on the loop's clock; False, and no slot, past it."""
        if not self._waiting and self._has_room():
            self.in_flight += 1
            return True
        turn: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout_at(until):
                await turn
        except TimeoutError:
            return self._stop_waiting(turn)
        except asyncio.CancelledError:
            if self._stop_waiting(turn):
                self.release()
            raise
        return True

    def _stop_waiting(self, turn: asyncio.Future[None]) -> bool:
        """Stop waiting; return whether the slot had been granted in the same moment."""
        if turn.done() and not turn.cancelled():
            return True
        self._waiting.remove(turn)
        return False

    def release(self) -> None:
        self.in_flight -= 1
        if self._waiting:
            self._wake()

    def note_success(self) -> None:
        """Note an answer: grow by 1/limit, so by one for every limit's worth of answers."""
        if self.limit < self.ceiling:
            self.limit = min(float(self.ceiling), self.limit + 1 / self.limit)
            if self._waiting:
                self._wake()

    def note_rate_limit(self, retry_after: float | None) -> None:
        """Note a 429, with the seconds to stay away if the provider named them."""
        now = self._loop.time()
        if now - self._decreased_at >= _BETWEEN_DECREASES_SECONDS:
            self._decreased_at = now
            self.limit = max(1.0, self.limit * _DECREASE)
        if retry_after:
            until = now + min(retry_after, _MAX_PAUSE_SECONDS)
            if until > self._paused_until:
                self._paused_until = until
                self._loop.call_at(until, self._end_pause, until)

    def _end_pause(self, until: float) -> None:
        # Not by comparing with the clock: uvloop's counts milliseconds, and its timers fire a
        # moment before what it then shows. No waiter would be woken, and nothing would wake them
        # later.
        if until == self._paused_until:
            self._paused_until = 0.0
            self._wake()

    def _has_room(self) -> bool:
        return not self._paused_until and self.in_flight < int(self.limit)

    def _wake(self) -> None:
        while self._waiting and self._has_room():
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)
