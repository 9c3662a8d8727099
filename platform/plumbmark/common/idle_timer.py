"""One timer for a wait that is renewed again and again."""

import asyncio
from collections.abc import Callable


class IdleTimer:
    """Calls `on_idle` once, when something has been waited for longer than `seconds`.

    `wait` begins the wait or begins it anew, `pause` ends it. Both cost next to nothing: the timer
    of the loop is set again only when it has run out, not at every wait.
    """

    def __init__(self, seconds: float, on_idle: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._on_idle = on_idle
        self._since: float | None = None
        self._handle: asyncio.TimerHandle | None = None

    def wait(self) -> None:
        """Begin the wait, or begin it anew."""
        self._since = self._loop.time()
        if self._handle is None:
            self._handle = self._loop.call_later(self._seconds, self._check)

    def pause(self) -> None:
        """End the wait."""
        self._since = None

    def cancel(self) -> None:
        """Stop: from now on nothing is called back."""
        self._since = None
        if self._handle is not None:
            self._handle.cancel()

    def _check(self) -> None:
        if self._since is None:
            self._handle = None
            return
        # The loop's clock may lag behind its timers: it is asked again for what is left.
        left = self._since + self._seconds - self._loop.time()
        if left > 0:
            self._handle = self._loop.call_later(left, self._check)
        else:
            self._on_idle()
