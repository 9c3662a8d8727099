"""Which back end works on this machine: tested once per process.

A back end is used only after a program that ran in it could neither read a world-readable file of
the host nor reach a listener on the host, but did reach its gateway.
"""

import asyncio
import functools
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plumbmark.sandbox.bubblewrap import Bubblewrap, Flavour
from plumbmark.sandbox.contract import (
    Ending,
    ExecutionReport,
    Limits,
    Sandbox,
    SandboxJob,
    SandboxUnavailable,
)
from plumbmark.sandbox.landlock import Landlock

_LIMITS = Limits(wall_seconds=20.0)
_ANSWER = b"from the gateway"
_FLAVOURS = (
    Flavour(),
    Flavour(proc=False),
    Flavour(disable_userns=False),
    Flavour(proc=False, disable_userns=False),
)
_PROGRAM = """
import json, socket, sys
told = {}
def attempt(name, act):
    try: told[name] = act()
    except OSError as error: told[name] = False
canary, port = sys.argv[1], int(sys.argv[2])
attempt("canary", lambda: bool(open(canary).read()))
attempt("host", lambda: bool(socket.create_connection(("127.0.0.1", port), 5)))
attempt("gateway", lambda: socket.create_connection(("127.0.0.1", 8999), 5).recv(100).decode())
print(json.dumps(told))
"""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The result of trying one back end."""

    back_end: str
    passed: bool
    message: str
    """A sentence for people."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The ways in which this machine can run untrusted code."""

    sandbox: Sandbox | None
    tests: tuple[SelfTest, ...]
    """In the order in which they were run; the last one is that of the sandbox, if there is one."""

    @property
    def reason(self) -> str:
        """Return why there is no sandbox; empty where there is one."""
        if self.sandbox is not None:
            return ""
        found = " ".join(f"{test.back_end}: {test.message}" for test in self.tests)
        return f"Programs cannot be run on this machine. {found}"

    @property
    def caveats(self) -> tuple[str, ...]:
        """Return what the sandbox that is used does not keep apart."""
        return self.sandbox.caveats if self.sandbox is not None else ()


_lock = threading.Lock()


def probe() -> Probe:
    """Return the cached result of the tests; the first call blocks for a fraction of a second."""
    with _lock:
        return _probe_backends()


@functools.cache
def _probe_backends() -> Probe:
    return examine([*(_bubblewrap(flavour) for flavour in _FLAVOURS), ("landlock", Landlock)])


def _bubblewrap(flavour: Flavour) -> tuple[str, Callable[[], Sandbox]]:
    return "bubblewrap", lambda: Bubblewrap(flavour=flavour)


def examine(candidates: list[tuple[str, Callable[[], Sandbox]]]) -> Probe:
    """Try the back ends in this order and take the first that holds.

    In a thread of its own, so that it can be called with or without a running event loop.
    """
    found: list[Probe] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(_examine(candidates))))
    thread.start()
    thread.join()
    if not found:
        raise RuntimeError("The check of the sandbox failed; see the log.")
    return found[0]


async def _examine(candidates: list[tuple[str, Callable[[], Sandbox]]]) -> Probe:
    tests: list[SelfTest] = []
    for name, make in candidates:
        try:
            sandbox = make()
            message = await _try(sandbox)
        except (SandboxUnavailable, OSError) as error:
            test = SelfTest(name, False, str(error))
        else:
            tests.append(SelfTest(name, True, message))
            return Probe(sandbox, tuple(tests))
        if test not in tests:
            tests.append(test)
    return Probe(None, tuple(tests))


async def _try(sandbox: Sandbox) -> str:
    """Test a sandbox; raise `SandboxUnavailable` with what does not work."""
    began = time.monotonic()
    with _bait() as (canary, listener, gateway):
        server = await asyncio.start_unix_server(_answer, gateway)
        gateway.chmod(0o666)
        async with server:
            report = await sandbox.run(
                SandboxJob(
                    argv=[
                        *[sandbox.python, "-I", "-c", _PROGRAM],
                        *[str(canary), str(listener.getsockname()[1])],
                    ],
                    limits=_LIMITS,
                    gateway_socket=gateway,
                )
            )
    _judge(report)
    return f"It works; a test program took {time.monotonic() - began:.2f} s."


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_ANSWER)
    await writer.drain()
    writer.close()


@contextmanager
def _bait() -> Iterator[tuple[Path, socket.socket, Path]]:
    """Yield a file and a listener that everyone on the machine can reach, and a gateway's
    socket.
    """
    with (
        tempfile.TemporaryDirectory(prefix="plumbmark-probe-") as open_folder,
        tempfile.TemporaryDirectory(prefix="plumbmark-probe-") as private_folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        os.chmod(open_folder, 0o755)  # noqa: S103 - the bait must be readable
        canary = Path(open_folder, "canary")
        canary.write_text("read", encoding="ascii")
        canary.chmod(0o644)
        yield canary, listener, Path(private_folder, "gateway.sock")


def _judge(report: ExecutionReport) -> None:
    if report.ending is Ending.FAILED_TO_START:
        raise SandboxUnavailable(_with_remedy(report.detail))
    try:
        results = json.loads(report.stdout)
    except ValueError as error:
        last_line = report.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise SandboxUnavailable(
            f"A simple program did not run well in it: {report.detail} {last_line}".strip()
        ) from error
    if results.get("canary"):
        raise SandboxUnavailable("A program could read a file of the host.")
    if results.get("host"):
        raise SandboxUnavailable("A program could reach a port of the host.")
    if results.get("gateway") != _ANSWER.decode():
        raise SandboxUnavailable("A program could not reach its gateway.")


def _with_remedy(detail: str) -> str:
    if "namespace" in detail or "userns" in detail:
        return (
            f"{detail} This kernel or container does not let ordinary users make namespaces; "
            "docs/operators/sandbox.md says how to allow it."
        )
    return detail
