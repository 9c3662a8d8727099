"""Looks for what a run may have left on the host."""

import os
import time
from collections.abc import Callable
from pathlib import Path

MARK = f"plumbmark-mark-of-a-test-of-{os.getpid()}"
"""Of this process alone: another run of the tests may be going on beside."""


def left_over(mark: str) -> list[str]:
    """Return command lines on the host that carry the mark."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                line = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in line:
                found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def soon(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Return whether the condition becomes true; waits the full time only if it does not."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
