"""The limit on calls to one deployment that are in flight in this process.

A provider says what it can take at once by how it answers. The limit begins low and grows with
every answer, up to the deployment's ceiling. It is halved when the provider is overloaded: it
answers 429, breaks connections off or lets calls wait beyond their deadline. From half of what was
too much, it grows slowly, by one for every limit's worth of answers. It does not grow while calls
take long because they wait for each other, as they do at a server that works on one at a time.
`Retry-After` pauses the whole deployment: every further call would only get the same answer.
"""

import asyncio
from collections import deque

_FIRST_LIMIT = 4
_DECREASE = 0.5
_BETWEEN_DECREASES_SECONDS = 1.0
"""Calls in flight together get a 429 together: that is one signal, not many."""
_SLOW_SHARE = 0.25
"""Answers that take less of their deadline than this are quick enough, whatever the reason."""
_SLOW_TIMES = 2.0
"""How many times longer than at the first limit an answer takes if calls wait for each other."""
_MAX_PAUSE_SECONDS = 300.0
"""After this long the provider is called again, whatever it said."""


class AdaptiveLimit:
    """Slots for calls in flight, handed out in order of asking. Lives on one event loop."""

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.limit = float(min(ceiling, _FIRST_LIMIT))
        self.in_flight = 0
        self._slow_from = float("inf")
        """The limit from which it grows slowly."""
        self._has_answered = True
        """Since the limit was last lowered."""
        self._first_latencies: list[float] = []
        """Of the first answers: how long they take while few calls are in flight."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        """0 while nothing pauses."""
        self._decreased_at = float("-inf")
        self._loop = asyncio.get_running_loop()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def is_paused(self) -> bool:
        """The provider named a time before which it wants no calls."""
        return bool(self._paused_until)

    def set_ceiling(self, ceiling: int) -> None:
        if ceiling != self.ceiling:
            self.limit = min(self.limit, float(ceiling))
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

    def note_success(self, seconds: float, deadline: float) -> None:
        """Note an answer that took so many seconds of its deadline: the limit may grow.

        It doubles within a limit's worth of answers until it comes near what was too much.
        """
        self._has_answered = True
        is_slow = self._is_slow(seconds, deadline)
        if self.limit >= self.ceiling or is_slow:
            return
        growth = 1.0 if self.limit < self._slow_from else 1 / self.limit
        self.limit = min(float(self.ceiling), self.limit + growth)
        if self._waiting:
            self._wake()

    def _is_slow(self, seconds: float, deadline: float) -> bool:
        """Return whether an answer took long because calls wait for each other."""
        if len(self._first_latencies) < _FIRST_LIMIT:
            self._first_latencies.append(seconds)
            return False
        usual = sum(self._first_latencies) / _FIRST_LIMIT
        return seconds > _SLOW_SHARE * deadline and seconds > _SLOW_TIMES * usual

    def note_overload(self, retry_after: float | None = None) -> None:
        """Note an attempt that failed because there were too many, such as a 429.

        `retry_after` are the seconds to stay away if the provider named them.
        """
        now = self._loop.time()
        if now - self._decreased_at >= _BETWEEN_DECREASES_SECONDS:
            self._decreased_at = now
            self.limit = max(1.0, self.limit * _DECREASE)
            if self._has_answered:
                # Failures alone, as when the network is down, say nothing of what is too much.
                self._slow_from = self.limit
                self._has_answered = False
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
