"""Threads of the pages get only complete requests, and wait for no reader."""

import asyncio
import hashlib
import io
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from plumbmark.config.buffered_wsgi import BodyStorage, BufferedWsgi
from tests.config.asgi_serving import served

MIB = 1024 * 1024


def describe(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer with the method, the path, the digest of the body and some headers."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("X-Size", environ["CONTENT_LENGTH"])])
    said = [
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"].encode("latin-1").decode(),
        environ["QUERY_STRING"],
        hashlib.sha256(body).hexdigest(),
        environ.get("HTTP_X_FORWARDED_FOR", "none"),
        environ.get("HTTP_COOKIE", "none"),
    ]
    return ["\n".join(said).encode()]


def make_server(
    application: Any, *, threads: int = 1, largest: int = 200 * MIB, together: int = 300 * MIB
) -> BufferedWsgi:
    storage = BodyStorage(largest=largest, together=together)
    return BufferedWsgi(application, threads=threads, storage=storage)


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def post(body: bytes, *headers: str, path: str = "/") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: a", "Connection: close", *headers]
    if not any(line.startswith("Transfer-Encoding") for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def talk(app: Any, conversation: Callable[[int], Any]) -> Any:
    async def run() -> Any:
        async with served(app) as port:
            return await conversation(port)

    return asyncio.run(run())


def test_a_request_arrives_as_it_was_sent() -> None:
    request = post(
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked",
        "Cookie: a=1",
        "Cookie: b=2",
        # In WSGI it would be the header that a proxy sets.
        "X_Forwarded_For: 6.6.6.6",
        path="/t%C3%A4sks/a%20b/?q=%C3%A4",
    )

    answer = talk(make_server(describe), lambda port: ask(port, request))

    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"X-Size: 5" in head or b"x-size: 5" in head
    said = body.decode()
    for part in ("POST", "/täsks/a b/", "q=%C3%A4", hashlib.sha256(b"abcde").hexdigest()):
        assert part in said
    assert "none\na=1; b=2" in said


def test_a_large_body_comes_whole_and_leaves_nothing_behind() -> None:
    body = b"0123456789abcdef" * (93 * MIB // 16)
    app = make_server(describe)

    answer = talk(app, lambda port: ask(port, post(body)))

    assert hashlib.sha256(body).hexdigest().encode() in answer
    assert app._storage._used == 0
    assert app._storage._used_by == {}


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/tasks/", b"text/plain"), ("/api/v1/tasks", b"application/problem+json")],
)
def test_a_body_above_the_limit_is_refused_before_it_is_sent(path: str, kind: bytes) -> None:
    app = make_server(describe, largest=1000)
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n".encode()

    answer = talk(app, lambda port: ask(port, head))

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert kind in answer
    assert b"larger than 1,000 bytes" in answer


def test_a_chunked_body_above_the_limit_is_refused_too() -> None:
    app = make_server(describe, largest=1000)
    request = post(b"7d0\r\n" + b"a" * 2000 + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked")

    answer = talk(app, lambda port: ask(port, request))

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_bodies_together_have_a_bound_and_small_ones_still_pass() -> None:
    app = make_server(describe, largest=MIB, together=MIB)

    async def conversation(port: int) -> tuple[bytes, bytes]:
        open_one = await asyncio.open_connection("127.0.0.1", port)
        open_one[1].write(post(b"a" * MIB)[:-1])
        while app._storage._used < MIB - 200_000:  # noqa: ASYNC110 - the server has no event
            await asyncio.sleep(0.01)
        refused = await ask(port, post(b"a" * 500_000))
        small = await ask(port, post(b"a" * 1000))
        open_one[1].close()
        return refused, small

    refused, small = talk(app, conversation)

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 60" in refused
    assert small.startswith(b"HTTP/1.1 200 ")


def test_slow_bodies_take_no_thread() -> None:
    app = make_server(describe, threads=1)

    async def conversation(port: int) -> bytes:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        for _, writer in slow:
            writer.write(post(b"a" * 1000)[:-1])
        try:
            return await asyncio.wait_for(ask(port, post(b"quick")), 60)
        finally:
            for _, writer in slow:
                writer.close()

    answer = talk(app, conversation)

    assert hashlib.sha256(b"quick").hexdigest().encode() in answer


def test_a_slow_reader_of_a_file_takes_no_thread(tmp_path: Path) -> None:
    content = b"0123456789abcdef" * (20 * MIB // 16)
    (tmp_path / "large").write_bytes(content)
    closed = threading.Event()

    class Content(io.FileIO):
        def close(self) -> None:
            closed.set()
            super().close()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(len(content)))])
        if environ["PATH_INFO"] == "/small":
            return [b"a" * len(content)]
        return FileWrapper(Content(tmp_path / "large"))  # type: ignore[arg-type]

    async def conversation(port: int) -> tuple[bytes, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(0.05)
        other = await asyncio.wait_for(
            ask(port, b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 60
        )
        slow = await reader.read()
        writer.close()
        return slow, other

    slow, other = talk(make_server(application, threads=1), conversation)

    assert slow.partition(b"\r\n\r\n")[2] == content
    assert len(other) > len(content)
    assert closed.is_set()


class Stream:
    """A response as Django's streams are: iterable, to be closed, and named a stream."""

    streaming = True

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self.closed.set()


def test_a_stream_is_sent_as_it_comes_and_ends_with_its_reader() -> None:
    go_on = threading.Event()

    def parts() -> Iterator[bytes]:
        yield b"first"
        assert go_on.wait(60)
        while True:
            yield b"a"

    stream = Stream(parts())

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return stream

    async def conversation(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        first = await reader.readuntil(b"first")
        go_on.set()
        writer.close()
        return first

    assert talk(make_server(application), conversation).endswith(b"first")
    assert stream.closed.wait(60)


def test_a_stream_that_fails_is_cut_off() -> None:
    def parts() -> Iterator[bytes]:
        yield b"first"
        raise ValueError("broken")

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Stream(parts())

    answer = talk(
        make_server(application),
        lambda port: ask(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    )

    assert b"first" in answer
    assert not answer.endswith(b"0\r\n\r\n")
