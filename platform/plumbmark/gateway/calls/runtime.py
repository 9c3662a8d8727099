"""The process's one event loop, in a thread of its own, and the one gateway on it.

Both start at first use. A server that already has an event loop makes it the process's (`adopt`),
so that no call changes threads. A forked child starts its own: threads do not survive a fork, and
the parent's spool, leases and connections are not the child's.
"""

import asyncio
import atexit
import logging
import os
import secrets
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import uvloop
from django.conf import settings

from plumbmark.common.call_stack import call_on_long_stack
from plumbmark.gateway.calls.gateway import Gateway

log = logging.getLogger(__name__)

T = TypeVar("T")

SHUTDOWN_SECONDS = 5.0


class _Runtime:
    def __init__(self, adopted: asyncio.AbstractEventLoop | None = None) -> None:
        self.gateway: Gateway | None = None
        self.is_adopted = adopted is not None
        if adopted is not None:
            self.loop = adopted
            self._thread = threading.current_thread()
            return
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="gateway-loop", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        asyncio.set_event_loop(self.loop)
        call_on_long_stack(self.loop.run_forever)
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("runtime.run() on the gateway's own loop would wait for itself")
        future: Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except BaseException:
            # An interrupt of the waiting thread gives the work up as well.
            future.cancel()
            raise

    def stop(self, timeout_seconds: float) -> None:
        if self.is_adopted:
            # Its loop has ended without `leave`: what was answered lies in the spool.
            return
        if self.gateway is not None:
            self.run(self.gateway.end(timeout_seconds))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout_seconds)


_lock = threading.Lock()
_current: _Runtime | None = None
_is_draining = False


def _runtime() -> _Runtime:
    global _current
    with _lock:
        if _current is None:
            _current = _Runtime()
        return _current


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run on the process's event loop and wait for the result; exceptions propagate."""
    return _runtime().run(coroutine)


def submit(coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
    """Start on the process's event loop; the future is the caller's to wait for or cancel."""
    return asyncio.run_coroutine_threadsafe(coroutine, _runtime().loop)


def call_soon(function: Callable[..., object], *arguments: object) -> None:
    """Call on the event loop soon, without waiting."""
    _runtime().loop.call_soon_threadsafe(function, *arguments)


def gateway() -> Gateway:
    """Return the process's gateway; only for code that runs on its loop, through `run`."""
    runtime = _runtime()
    if runtime.gateway is None:
        if asyncio.get_running_loop() is not runtime.loop:
            raise RuntimeError("the gateway is used on its own loop only, through runtime.run()")
        owner = f"{os.getpid()}-{secrets.token_hex(8)}"
        # Callers of a server's routes make their next call only after a round trip over the
        # network.
        runtime.gateway = Gateway(
            owner=owner, spool_folder=settings.SPOOL_DIR, takes_turns=not runtime.is_adopted
        )
    return runtime.gateway


def gateway_if_open() -> Gateway | None:
    """Return the process's gateway to look at, if it has one; on any thread."""
    runtime = _current
    return runtime.gateway if runtime is not None else None


def adopt() -> Gateway:
    """Make the running loop the process's own, and open its gateway; ends with `leave`."""
    global _current, _is_draining
    with _lock:
        if _current is not None:
            raise RuntimeError("this process has a loop of its own already")
        _current = _Runtime(asyncio.get_running_loop())
        _is_draining = False
    return gateway()


def give_up_calls() -> None:
    """Cancel what is in flight on an adopted loop; it is recorded as the platform's loss."""
    runtime = _current
    if runtime is not None and runtime.gateway is not None:
        runtime.gateway.give_up_calls()


def begin_draining() -> None:
    """Note that this process takes no new calls and ends when those in flight have."""
    global _is_draining
    _is_draining = True


def is_draining() -> bool:
    return _is_draining


async def leave(timeout_seconds: float) -> None:
    """Wait for calls in flight on an adopted loop, store everything and return the leases."""
    global _current
    begin_draining()
    with _lock:
        runtime, _current = _current, None
    if runtime is not None and runtime.gateway is not None:
        await runtime.gateway.end(timeout_seconds)


def shutdown(timeout_seconds: float = SHUTDOWN_SECONDS) -> None:
    """Store everything, give the leases back and stop; a later use starts anew."""
    global _current
    with _lock:
        runtime, _current = _current, None
    if runtime is not None:
        runtime.stop(timeout_seconds)


def _start_anew_after_fork() -> None:
    global _current, _lock
    _lock = threading.Lock()
    inherited, _current = _current, None
    if inherited is not None and inherited.gateway is not None:
        inherited.gateway.spool.forget_after_fork()


def _shut_down_at_exit() -> None:
    try:
        shutdown()
    except Exception:
        log.exception("the gateway did not end in order; the next start replays its spool")


os.register_at_fork(after_in_child=_start_anew_after_fork)
atexit.register(_shut_down_at_exit)
