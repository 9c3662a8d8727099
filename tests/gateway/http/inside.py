"""Asking the gateway within the process: the real ASGI callable, without a socket before it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from plumbmark.config.gateway_asgi import app
from plumbmark.gateway.calls import runtime
from tests.gateway.http.servers import Reply


class Asking:
    """One request under way; `leave` is what a reader does who goes away."""

    def __init__(
        self, method: str, path: str, body: bytes, headers: dict[str, str], chunk: int
    ) -> None:
        bare, _, query = path.partition("?")
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": bare,
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }
        size = chunk or len(body) or 1
        self._parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
        self.status = 0
        self.headers: dict[str, str] = {}
        self.written: list[bytes] = []
        self.something_came = asyncio.Event()
        self.has_left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._parts:
            part = self._parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self._parts)}
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        elif message.get("body"):
            self.written.append(message["body"])
            self.something_came.set()

    @property
    def reply(self) -> Reply:
        return Reply(self.status, self.headers, b"".join(self.written))


def prepare() -> None:
    """Take the routes up on the process's gateway; anew for each test."""
    runtime.gateway()
    app.open()


def ask(
    path: str,
    body: Any = None,
    token: str = "",
    *,
    method: str = "",
    chunk: int = 0,
    **headers: str,
) -> Reply:
    """GET, or POST if there is a body (bytes are sent unchanged)."""

    async def work() -> Reply:
        prepare()
        asking = begin(path, body, token, method=method, chunk=chunk, **headers)
        await app(asking.scope, asking.receive, asking.send)
        await runtime.gateway().recorder.flush(timeout_seconds=30)
        return asking.reply

    return runtime.run(work())


def begin(
    path: str,
    body: Any = None,
    token: str = "",
    *,
    method: str = "",
    chunk: int = 0,
    **headers: str,
) -> Asking:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        named["authorization"] = f"Bearer {token}"
    return Asking(method or ("GET" if body is None else "POST"), path, data, named, chunk)


def together(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run something that asks several times at once."""

    async def prepared() -> Any:
        prepare()
        return await work()

    return runtime.run(prepared())
