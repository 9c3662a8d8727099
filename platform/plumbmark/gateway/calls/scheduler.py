"""One at a time: the order in which answers that came together are worked through."""

import asyncio
from collections import deque


class Scheduler:
    """Lets those who come together go on one at each turn of the event loop.

    What a turn of the loop writes leaves at its end. If all answers that came together were worked
    through in one turn, the calls that follow them would leave together, come back together, and
    the provider would have nothing to do meanwhile. One by one, they spread out again.
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
            # Whoever was cancelled meanwhile has left.
            if not turn.done():
                turn.set_result(None)
                self._loop.call_soon(self._pass_on)
                return
        self._is_taken = False
