"""A real HTTP server in the gateway's place, and relays to it, on an event loop of their own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from plumbmark.sandbox.relay import GatewayRelay

TOKEN = "grant-token-55f1"


class GatewayServer:
    """Running while the block lasts. `asked` is what it was asked: method, path, headers, body."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.address = ("127.0.0.1", 0)
        self.gone = threading.Event()
        """Set when somebody left an answer that waits."""
        self.go_on = threading.Event()
        """Lets the second piece of a stream out."""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.call(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.call(self._runner.cleanup())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(300)

    @contextmanager
    def relay(self, **options: Any) -> Iterator[GatewayRelay]:
        relay = GatewayRelay(**{"target": self.address, "token": TOKEN, **options})
        self.call(relay.start())
        try:
            yield relay
        finally:
            self.call(relay.stop())

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/v1/stream", self._stream)
        app.router.add_route("*", "/v1/go-on", self._go_on)
        app.router.add_route("*", "/v1/waits", self._waits)
        app.router.add_route("*", "/v1/early", self._early)
        app.router.add_route("*", "/v1/cut", self._cut)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = self._runner.addresses[0][:2]

    def _note(self, request: web.Request, body: bytes) -> None:
        self.asked.append(
            {
                "method": request.method,
                "path": request.raw_path,
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": body,
            }
        )

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._note(request, body)
        return web.json_response(
            {"bytes": len(body), "path": request.raw_path}, headers={"Set-Cookie": "a=b"}
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self._note(request, await request.read())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: one\n\n")
        await asyncio.to_thread(self.go_on.wait, 120)
        await response.write(b"data: two\n\n")
        return response

    async def _go_on(self, request: web.Request) -> web.Response:
        self.go_on.set()
        return web.Response()

    async def _waits(self, request: web.Request) -> web.Response:
        self._note(request, await request.read())
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            self.gone.set()
            raise
        return web.Response()

    async def _early(self, request: web.Request) -> web.Response:
        """Answer without reading the body."""
        return web.Response(status=429, text="too soon")

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half of ")
        assert request.transport is not None
        request.transport.abort()
        return response
