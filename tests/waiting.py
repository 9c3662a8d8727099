"""Waiting for what another process or thread does."""

import time
from collections.abc import Callable


def wait_until(claim: Callable[[], bool], seconds: float = 300) -> None:
    """Wait for a condition; waits the full time only if it never becomes true."""
    ends = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < ends, f"not within {seconds} s"
        time.sleep(0.02)
