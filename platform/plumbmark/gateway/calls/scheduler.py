"""One at a time: the order in which answers that came together are worked through."""

import asyncio
from collections import deque


class Scheduler:
    """Resumes tasks that are ready together one by one, one per iteration of the event loop.

    What an iteration writes is sent at its end. If all answers that arrived together were handled
    in one iteration, the calls that follow them would be sent together and answered together, and
    the provider would be idle in between. One by one, they spread out again.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False
        """Somebody goes on in this turn of the loop."""

    async def mine(self) -> None:
        """Return in a turn of the loop in which nobody else does; the first to come goes first."""
        if not self._is_taken:
            self._is_taken = True
            self._loop.call_soon(self._pass_on)
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(turn)
        await turn

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            # A task that was cancelled meanwhile is not resumed.
            if not turn.done():
                turn.set_result(None)
                self._loop.call_soon(self._pass_on)
                return
        self._is_taken = False
