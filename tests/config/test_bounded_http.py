"""Connections that never come to the point, or come to it too slowly."""

import asyncio
import contextlib
from typing import Any

import pytest

from plumbmark.config import bounded_http
from tests.config.asgi_serving import served


def test_a_head_without_end_is_refused() -> None:
    async def talk() -> tuple[bytes, bytes]:
        async with served(swallow) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /v1/models HTTP/1.1\r\n")
            answer = b""
            with contextlib.suppress(ConnectionError):
                for number in range(200):
                    writer.write(b"X-%d: %s\r\n" % (number, b"a" * 4000))
                    await writer.drain()
                answer = await reader.read()
            writer.close()
            return answer, await send_slowly(port, "/", b"a", 0)

    answer, other = asyncio.run(talk())

    assert answer == b"" or b"431 Request Header Fields" in answer
    assert other.startswith(b"HTTP/1.1 200 ")


def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_SECONDS", 0.2)
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        # Longer than a head may take: what was asked is waited for.
        await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> tuple[bytes, bytes, bytes]:
        said = []
        async with served(app) as port:
            for words in (b"", b"GET / HTTP/1.1\r\nHost: a", b"GET / HTTP/1.0\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(words)
                said.append(await reader.read())
                writer.close()
        return said[0], said[1], said[2]

    silent, half, whole = asyncio.run(talk())

    assert (silent, half, calls) == (b"", b"", 1)
    assert whole.startswith(b"HTTP/1.1 204")


async def swallow(scope: Any, receive: Any, send: Any) -> None:
    """Read the body and answer with its length."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    text = str(size).encode()
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


async def send_slowly(port: int, path: str, part: bytes, pause: float) -> bytes:
    """Send a body of 100 such parts with pauses; return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {100 * len(part)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode())
    answer = asyncio.create_task(reader.read())
    for _ in range(100):
        if answer.done():
            break
        writer.write(part)
        await asyncio.sleep(pause)
    found = await answer
    writer.close()
    return found


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/tasks/", b"text/plain"),
        ("/api/v1/tasks", b'"code": "too-slow"'),
        ("/v1/chat/completions", b'{"error": {"message"'),
    ],
)
def test_a_body_that_comes_too_slowly_is_answered_with_408(
    monkeypatch: pytest.MonkeyPatch, path: str, named: bytes
) -> None:
    monkeypatch.setattr(bounded_http, "BODY_GRACE_SECONDS", 0.1)
    monkeypatch.setattr(bounded_http, "BODY_CHECK_SECONDS", 0.05)

    async def talk() -> tuple[bytes, bytes]:
        async with served(swallow) as port:
            slow = await send_slowly(port, path, b"a", 0.02)
            quick = await send_slowly(port, path, b"a" * 2000, 0.002)
        return slow, quick

    slow, quick = asyncio.run(talk())

    assert slow.startswith(b"HTTP/1.1 408 ")
    assert b"8,192 bytes a second" in slow
    assert named in slow
    assert quick.startswith(b"HTTP/1.1 200 ")
    assert quick.endswith(b"\r\n\r\n200000")


def test_a_client_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "READ_SECONDS", 0.2)
    ended = asyncio.Event()

    async def pour(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"a" * 100_000, "more_body": True})
        ended.set()

    async def talk() -> None:
        async with served(pour) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            # It is not read: without a limit, the application would wait for ever.
            await asyncio.wait_for(ended.wait(), 60)
            writer.close()
            del reader

    asyncio.run(talk())
