"""An ASGI application on a port of this process's own event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from plumbmark.config.bounded_http import BoundedHttp


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """Serve it by the platform's HTTP; yield the port."""
    config = uvicorn.Config(app, http=BoundedHttp, lifespan="off")
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BoundedHttp(config, state, {}), "127.0.0.1")
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.gather(*state.tasks, return_exceptions=True)
