"""This worker's sandbox: whether there is one, and running programs in it, a few at a time."""

import asyncio
import functools
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from django.conf import settings
from plumbmark.sandbox import PythonExecutor, probe

from plumbmark.gateway import runtime
from plumbmark.scoring.scorers.code_execution import Ran

T = TypeVar("T")

_LAST_WORDS = 64 * 1024


class NoSandbox(RuntimeError):
    """This worker cannot run code."""


def is_here() -> bool:
    """Whether this process may run untrusted code. The first call tries it out."""
    return bool(settings.SANDBOX_IS_ON) and probe().sandbox is not None


def submit(coroutine: Coroutine[Any, Any, T]) -> Any:
    """Start on the process's event loop, where sandboxes are watched."""
    return runtime.submit(coroutine)


@functools.cache
def _executor() -> PythonExecutor:
    sandbox = probe().sandbox
    if sandbox is None:
        raise NoSandbox(probe().reason)
    return PythonExecutor(sandbox)


_slots: asyncio.Semaphore | None = None
_slots_lock = threading.Lock()


def _free_slot() -> asyncio.Semaphore:
    """One for the whole process: slices of several threads share the cores."""
    global _slots
    with _slots_lock:
        if _slots is None:
            _slots = asyncio.Semaphore(settings.SANDBOX_SLOTS)
        return _slots


async def run_program(program: str, timeout_seconds: float) -> Ran:
    """Run a Python program; `plumbmark.sandbox`'s error where the sandbox itself fails."""
    async with _free_slot():
        ran = await _executor().execute(program, timeout_seconds=timeout_seconds)
    return Ran(ran.exit_code, ran.output[-_LAST_WORDS:], ran.timed_out, ran.detail)
