"""Connections that never come to the point."""

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.server import ServerState

from plumbmark.gateway.http import heads
from tests.gateway.conftest import Store
from tests.gateway.http.servers import ask, serving


def test_a_head_without_end_is_refused(store: Store, tmp_path: Path) -> None:
    with serving(store, tmp_path) as server:
        host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
        with socket.create_connection((host, port), timeout=60) as caller:
            caller.sendall(b"GET /v1/models HTTP/1.1\r\n")
            with contextlib.suppress(ConnectionError):
                for number in range(200):
                    caller.sendall(b"X-%d: %s\r\n" % (number, b"a" * 4000))
            answer = b""
            with contextlib.suppress(ConnectionError):
                while part := caller.recv(65536):
                    answer += part

        assert answer == b"" or b"400 Bad Request" in answer
        assert ask(f"{server.url}/healthz").status == 200


def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.2)
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        # Longer than a head may take: what was asked is waited for.
        await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> tuple[bytes, bytes, bytes]:
        config = uvicorn.Config(app, http=heads.BoundedHttp, lifespan="off")
        state = ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: heads.BoundedHttp(config, state, {}), "127.0.0.1")
        port = server.sockets[0].getsockname()[1]
        said = []
        for words in (b"", b"GET / HTTP/1.1\r\nHost: a", b"GET / HTTP/1.0\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(words)
            said.append(await reader.read())
            writer.close()
        server.close()
        return said[0], said[1], said[2]

    silent, half, whole = asyncio.run(talk())

    assert (silent, half, calls) == (b"", b"", 1)
    assert whole.startswith(b"HTTP/1.1 204")
