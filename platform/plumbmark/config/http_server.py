"""The common parts of the server processes: sockets, limits, several processes on one port."""

import argparse
import resource
import socket
import sys
from typing import NoReturn

from plumbmark.config.processes import supervise


def shared_socket(host: str, port: int) -> socket.socket:
    """Open a socket beside those of the other processes; the kernel distributes the connections."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shared = socket.socket(family)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((host, port))
    return shared


def allow_many_connections() -> None:
    """Raise the number of open files as far as it is allowed: a slow connection is one of them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def add_server_options(parser: argparse.ArgumentParser, *, port: int) -> None:
    """Add the options that say where to listen, and in how many processes."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port")
    parser.add_argument("--shares-port", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, default=1, help=argparse.SUPPRESS)


def serve_in_processes(
    module: str, name: str, options: argparse.Namespace, *more: str, grace_seconds: float
) -> NoReturn:
    """Keep so many processes of a server on one port until SIGINT or SIGTERM.

    They share the memory of what this process has loaded.
    """
    command = [sys.executable, "-m", module, "--shares-port"]
    command += [f"--host={options.host}", f"--port={options.port}", *more]
    supervise(
        {
            f"{name} {number}": [*command, f"--number={number}"]
            for number in range(1, options.workers + 1)
        },
        grace_seconds=grace_seconds,
    )
