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

import uvicorn
from django.conf import settings

from plumbmark.common.call_stack import call_on_long_stack
from plumbmark.common.metrics import name_process
from plumbmark.config.bounded_http import BoundedHttp
from plumbmark.config.gateway_asgi import app
from plumbmark.config.http_server import (
    add_server_options,
    allow_many_connections,
    serve_in_processes,
    shared_socket,
)
from plumbmark.gateway.calls import runtime

_SECONDS_TO_STORE = 4.0
"""After the calls in flight were given up."""


class Server(uvicorn.Server):
    """Shuts down like the gateway: calls in flight have their time, then they are abandoned and
    recorded, and everything is stored.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        runtime.begin_draining()
        loop = asyncio.get_running_loop()
        lookout = loop.call_later(settings.GATEWAY_DRAIN_SECONDS, runtime.give_up_calls)
        try:
            await super().shutdown(sockets)
        finally:
            lookout.cancel()


def serve(host: str, port: int, *, shares_port: bool) -> None:
    """Serve in this process until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedHttp,
        loop="uvloop",
        ws="none",
        lifespan="on",
        # The setting of trusted proxies decides what their headers are worth.
        proxy_headers=False,
        access_log=False,
        log_config=None,
        server_header=False,
        # Longer than the pools of clients and proxies keep what they do not use.
        timeout_keep_alive=75,
        # Calls that are given up end by themselves a moment after.
        timeout_graceful_shutdown=math.ceil(settings.GATEWAY_DRAIN_SECONDS + _SECONDS_TO_STORE),
    )
    allow_many_connections()
    sockets = [shared_socket(host, port)] if shares_port else None
    call_on_long_stack(Server(config).run, sockets=sockets)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")
    parser = argparse.ArgumentParser(
        prog="python -m plumbmark.config.gateway_server",
        description="Serve the gateway's routes.",
    )
    add_server_options(parser, port=settings.GATEWAY_PORT)
    options = parser.parse_args()
    if options.workers > 1:
        grace = settings.GATEWAY_DRAIN_SECONDS + 2 * _SECONDS_TO_STORE
        module = "plumbmark.config.gateway_server"
        serve_in_processes(module, "gateway", options, grace_seconds=grace)
    name_process(f"gateway-{options.number}")
    serve(options.host, options.port, shares_port=options.shares_port)


if __name__ == "__main__":
    main()
