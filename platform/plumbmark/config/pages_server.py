"""The process of the pages and the REST API: an event loop in front of threads.

    python -m plumbmark.config.pages_server --port 8000 --workers 2 --threads 8

Only complete requests reach a thread (`buffered_wsgi`), within the limits of `bounded_http`.
"""

import argparse
import os
import sys

import uvicorn
from django.conf import settings

from plumbmark.common.call_stack import call_on_long_stack
from plumbmark.common.metrics import name_process
from plumbmark.config.bounded_http import BoundedHttp
from plumbmark.config.buffered_wsgi import BodyStorage, BufferedWsgi
from plumbmark.config.http_server import (
    add_server_options,
    allow_many_connections,
    serve_in_processes,
    shared_socket,
)
from plumbmark.config.wsgi import application

_END_SECONDS = 10
"""An ending process waits this long for requests in progress."""


def serve(host: str, port: int, *, threads: int, shares_port: bool) -> None:
    """Serve in this process until SIGINT or SIGTERM."""
    allow_many_connections()
    # The event loop must not wait long for a thread that renders a page.
    sys.setswitchinterval(0.0005)
    app = BufferedWsgi(
        application,
        threads=threads,
        storage=BodyStorage(
            largest=settings.MAX_REQUEST_BYTES, together=settings.MAX_BUFFERED_BYTES
        ),
        proxies=settings.TRUSTED_PROXIES,
    )
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedHttp,
        loop="uvloop",
        ws="none",
        lifespan="off",
        # The setting of trusted proxies decides what their headers are worth.
        proxy_headers=False,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_END_SECONDS,
    )
    sockets = [shared_socket(host, port)] if shares_port else None
    call_on_long_stack(uvicorn.Server(config).run, sockets=sockets)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")
    parser = argparse.ArgumentParser(
        prog="python -m plumbmark.config.pages_server",
        description="Serve the pages and the REST API.",
    )
    add_server_options(parser, port=settings.SITE_PORT)
    parser.add_argument("--threads", type=int, default=4, help="requests worked on at once")
    options = parser.parse_args()
    if options.workers > 1:
        serve_in_processes(
            "plumbmark.config.pages_server",
            "web",
            options,
            f"--threads={options.threads}",
            grace_seconds=_END_SECONDS + 2.0,
        )
    name_process(f"web-{options.number}")
    serve(options.host, options.port, threads=options.threads, shares_port=options.shares_port)


if __name__ == "__main__":
    main()
