"""Ports for servers that the tests start."""

import atexit
import errno
import socket
from pathlib import Path

_held: list[socket.socket] = []


@atexit.register
def _let_go() -> None:
    for name in _held:
        name.close()


def unused_port(*, with_next: bool = False) -> int:
    """Return a port of 127.0.0.1 that is unused, and that no other test will get; `with_next`, the
    one above it too, which `manage.py up` gives to the demo model.

    Not the kernel's next free one, which it may give to anybody's connection before the server has
    started: one below those, taken by a name that ends with this process.
    """
    for port in range(20_000, _first_of_the_kernels() - 1):
        names = [_take(one) for one in range(port, port + 1 + with_next)]
        got = [name for name in names if name is not None]
        if len(got) == len(names):
            _held.extend(got)
            return port
        for name in got:
            name.close()
    raise RuntimeError("every port from 20000 on is taken")


def _take(port: int) -> socket.socket | None:
    """Return the name that takes the port among tests, or None if it is taken or in use."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0plumbmark-tests-port-{port}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError as error:
        name.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return name


def _first_of_the_kernels() -> int:
    text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    first = int(text.split()[0])
    return first if first > 21_000 else 65_536
