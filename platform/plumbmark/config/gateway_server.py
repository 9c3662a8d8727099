"""The process of the gateway's routes: one event loop, and only a storing thread beside it.

    python -m plumbmark.config.gateway_server --port 8001

The server runs on the gateway's own loop. A server that accepts in its own threads competes with
that loop for the interpreter, which costs a sixth of a call (docs/design/gateway.md).
"""

import argparse
import asyncio
import math
import os
import socket
import sys

import uvicorn
from django.conf import settings

from plumbmark.config.supervisor import Child, Supervisor
from plumbmark.gateway.http.heads import BoundedHttp

_SECONDS_TO_STORE = 4.0
"""After the calls in flight were given up."""


class Server(uvicorn.Server):
    """Shuts down like the gateway: calls in flight have their time, then they are abandoned and
    recorded, and everything is stored.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Only where the application was loaded: Django is not set up before.
        from plumbmark.gateway.calls import runtime

        loop = asyncio.get_running_loop()
        lookout = loop.call_later(settings.GATEWAY_DRAIN_SECONDS, runtime.give_up_calls)
        try:
            await super().shutdown(sockets)
        finally:
            lookout.cancel()


def serve(host: str, port: int, *, shares_port: bool) -> None:
    """Serve in this process until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        "plumbmark.config.gateway_asgi:app",
        host=host,
        port=port,
        http=BoundedHttp,
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        # Longer than the pools of clients and proxies keep what they do not use.
        timeout_keep_alive=75,
        # Calls that are given up end by themselves a moment after.
        timeout_graceful_shutdown=math.ceil(settings.GATEWAY_DRAIN_SECONDS + _SECONDS_TO_STORE),
    )
    Server(config).run(sockets=[_shared_socket(host, port)] if shares_port else None)


def _shared_socket(host: str, port: int) -> socket.socket:
    """Open a socket beside those of the other processes; the kernel distributes the connections."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shared = socket.socket(family)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((host, port))
    return shared


def _serve_in(processes: int, host: str, port: int) -> int:
    """Keep so many processes on one port until SIGINT or SIGTERM."""
    command = [sys.executable, "-m", "plumbmark.config.gateway_server", "--shares-port"]
    command += [f"--host={host}", f"--port={port}"]
    children = [Child(f"gateway {number}", command) for number in range(1, processes + 1)]
    grace = settings.GATEWAY_DRAIN_SECONDS + 2 * _SECONDS_TO_STORE
    return Supervisor(children, os.environ, grace_seconds=grace).run()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")
    parser = argparse.ArgumentParser(
        prog="python -m plumbmark.config.gateway_server",
        description="Serve the gateway's routes.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=settings.GATEWAY_PORT)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port")
    parser.add_argument("--shares-port", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.workers > 1:
        sys.exit(_serve_in(options.workers, options.host, options.port))
    serve(options.host, options.port, shares_port=options.shares_port)


if __name__ == "__main__":
    main()
