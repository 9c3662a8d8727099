"""A WSGI application behind an event loop: no thread ever waits for a client.

The event loop reads the whole body, from a certain size on into a temporary file, before a thread
gets the request. What the thread answers is sent by the event loop too. However many clients send
or read slowly, the threads are free for the others.
"""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import IO, Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication
from wsgiref.util import FileWrapper

from plumbmark.common.call_stack import call_on_long_stack
from plumbmark.common.client_addresses import client_address
from plumbmark.config.http_refusals import REQUEST_ID_HEADER, log_refusal, refusal

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_IN_MEMORY = 128 * 1024
"""Bytes of a body that are kept in memory; a larger one goes to a temporary file."""
MAX_UNREAD_STREAM = 8 * 1024 * 1024
"""Bytes of a stream that wait for its reader; a slower reader is cut off."""
_LINGER_SECONDS = 2.0
_FILE_PART = 256 * 1024
_FILE_THREADS = 4


class _Refusal(Exception):
    """A request that no thread gets to see."""

    def __init__(self, status: int, message: str, *, headers: Iterable[tuple[bytes, bytes]] = ()):
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = list(headers)


class _ClientLeft(Exception):
    """The connection ended before the body did."""


class BodyStorage:
    """A bound on what the bodies of all requests take up on the disk together.

    One address gets at most half of it. Bodies that stay in memory are not counted: there is one of
    them at most for each connection.
    """

    def __init__(self, *, largest: int, together: int) -> None:
        self.largest = largest
        self._together = together
        self._used = 0
        self._used_by: dict[str, int] = {}

    def take(self, size: int, address: str) -> None:
        own = self._used_by.get(address, 0) + size
        if self._used + size > self._together or own > max(self.largest, self._together // 2):
            raise _Refusal(
                503,
                "Too many large uploads are under way at once. Try again in a minute.",
                headers=[(b"retry-after", b"60")],
            )
        self._used += size
        self._used_by[address] = own

    def give_back(self, size: int, address: str) -> None:
        self._used -= size
        left = self._used_by.get(address, 0) - size
        if left > 0:
            self._used_by[address] = left
        else:
            self._used_by.pop(address, None)


@dataclass(slots=True)
class _Answer:
    """An answer of the application: complete, or a file that is still to be sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    file: FileWrapper | None = None


class BufferedWsgi:
    """The ASGI callable around a WSGI application."""

    def __init__(
        self, application: WSGIApplication, *, threads: int, storage: BodyStorage, proxies: int = 0
    ) -> None:
        self._application = application
        self._storage = storage
        self._proxies = proxies
        self._threads = ThreadPoolExecutor(threads, "pages")
        self._file_threads = ThreadPoolExecutor(_FILE_THREADS, "files")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"there is no {scope['type']} here")
        headers = _headers(scope)
        body = _Body(self._storage, self._address(scope, headers))
        try:
            await body.read(headers, receive)
            await _Exchange(self, scope, headers, body, receive, send).serve()
        except _Refusal as refused:
            await _refuse(scope, refused, receive, send)
        except _ClientLeft:
            return
        finally:
            body.close()

    def _address(self, scope: Scope, headers: "dict[str, str]") -> str:
        peer = scope["client"][0] if scope.get("client") else ""
        return client_address(peer, headers.get("x-forwarded-for", ""), proxies=self._proxies)

    def run_in_thread(self, function: Callable[[], Any]) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._threads, call_on_long_stack, function)

    def run_in_file_thread(self, function: Callable[[], Any]) -> "asyncio.Future[Any]":
        return asyncio.get_running_loop().run_in_executor(self._file_threads, function)

    def call(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self._application(environ, start_response)


class _Body:
    """The body of one request."""

    def __init__(self, storage: BodyStorage, address: str) -> None:
        self._storage = storage
        self._address = address
        self._taken = 0
        self.file: IO[bytes] = BytesIO()
        self.size = 0

    async def read(self, headers: "dict[str, str]", receive: Receive) -> None:
        """Read it all; refuse one that is too large before reading it if its length is known."""
        declared = headers.get("content-length", "")
        if declared.isdigit():
            self._check_size(int(declared))
            if declared == "0":
                return
        elif "transfer-encoding" not in headers:
            return
        self.file = tempfile.SpooledTemporaryFile(MAX_BODY_IN_MEMORY)  # noqa: SIM115
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientLeft
            part = message.get("body", b"")
            self._check_size(self.size + len(part))
            on_disk = self.size + len(part) if self.size + len(part) > MAX_BODY_IN_MEMORY else 0
            if on_disk > self._taken:
                self._storage.take(on_disk - self._taken, self._address)
                self._taken = on_disk
            self.file.write(part)
            self.size += len(part)
            if not message.get("more_body"):
                break
        self.file.seek(0)

    def _check_size(self, size: int) -> None:
        if size > self._storage.largest:
            raise _Refusal(
                413,
                f"The body is larger than {self._storage.largest:,} bytes, the most that one "
                "request may have. Send fewer or smaller files.",
            )

    def close(self) -> None:
        self.file.close()
        self._storage.give_back(self._taken, self._address)
        self._taken = 0


class _Exchange:
    """One request whose body has arrived, and its answer."""

    def __init__(
        self,
        server: BufferedWsgi,
        scope: Scope,
        headers: "dict[str, str]",
        body: _Body,
        receive: Receive,
        send: Send,
    ) -> None:
        self._server = server
        self._scope = scope
        self._headers = headers
        self._body = body
        self._receive = receive
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._stream: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._unread = 0
        self._stream_head: asyncio.Future[_Answer] = self._loop.create_future()
        self._is_left = False

    async def serve(self) -> None:
        answering = self._server.run_in_thread(self._answer)
        await asyncio.wait([answering, self._stream_head], return_when=asyncio.FIRST_COMPLETED)
        if self._stream_head.done():
            await self._send_stream(answering)
            return
        answer = await answering
        await self._send_head(answer)
        if answer.file is None:
            await self._send({"type": "http.response.body", "body": answer.body})
        else:
            await self._send_file(answer.body, answer.file)

    # --- in a thread ------------------------------------------------------------------------

    def _answer(self) -> _Answer:
        """Call the application; hand a stream over piece by piece."""
        started: list[_Answer] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
            encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            started.append(_Answer(int(status[:3]), encoded))
            return None

        parts = self._server.call(self._environ(), start_response)
        is_stream = getattr(parts, "streaming", False) and not isinstance(parts, FileWrapper)
        is_handed_over = False
        try:
            answer = started[-1]
            if isinstance(parts, FileWrapper):
                answer.body = parts.filelike.read(_FILE_PART)
                if len(answer.body) == _FILE_PART:
                    answer.file = parts
                    is_handed_over = True
            elif is_stream:
                self._loop.call_soon_threadsafe(self._stream_head.set_result, answer)
                for part in parts:
                    if self._is_left:
                        break
                    self._loop.call_soon_threadsafe(self._hand_over, part)
            else:
                answer.body = b"".join(parts)
            return answer
        finally:
            if not is_handed_over and hasattr(parts, "close"):
                parts.close()

    def _environ(self) -> dict[str, Any]:
        scope = self._scope
        host, port = scope.get("server") or ("localhost", 0)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": scope["method"],
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
            "QUERY_STRING": scope["query_string"].decode("latin-1"),
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
            "REMOTE_ADDR": scope["client"][0] if scope.get("client") else "",
            "CONTENT_LENGTH": str(self._body.size),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scope["scheme"],
            "wsgi.input": self._body.file,
            "wsgi.errors": _ErrorLog(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
        }
        for name, value in self._headers.items():
            if name == "content-type":
                environ["CONTENT_TYPE"] = value
            elif name not in ("content-length", "transfer-encoding"):
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ

    # --- on the loop ------------------------------------------------------------------------

    def _hand_over(self, part: bytes) -> None:
        self._unread += len(part)
        if self._unread > MAX_UNREAD_STREAM:
            self._is_left = True
        self._stream.put_nowait(part)

    async def _send_head(self, answer: _Answer) -> None:
        await self._send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": answer.headers,
            }
        )

    async def _send_stream(self, answering: "asyncio.Future[_Answer]") -> None:
        watch = asyncio.create_task(self._wait_until_left())
        answering.add_done_callback(lambda _ended: self._stream.put_nowait(None))
        try:
            await self._send_head(self._stream_head.result())
            while (part := await self._stream.get()) is not None:
                self._unread -= len(part)
                await self._send({"type": "http.response.body", "body": part, "more_body": True})
            # An error cuts the connection: the reader must not take a part for the whole.
            await answering
            if not self._is_left:
                await self._send({"type": "http.response.body", "body": b""})
        finally:
            self._is_left = True
            watch.cancel()
            with contextlib.suppress(Exception):
                await answering

    async def _wait_until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._is_left = True

    async def _send_file(self, first: bytes, file: FileWrapper) -> None:
        run = self._server.run_in_file_thread
        part = first
        try:
            while part and not self._is_left:
                await self._send({"type": "http.response.body", "body": part, "more_body": True})
                part = await run(partial(file.filelike.read, _FILE_PART))
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            await run(file.close)


class _ErrorLog:
    """`wsgi.errors`: lines go to the log."""

    def write(self, text: str) -> int:
        if text.strip():
            log.error("%s", text.rstrip())
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        return


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by their names in lower case.

    Names with an underscore are left out: in WSGI they could not be told from those with a hyphen,
    and a client could pretend to be the proxy.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if "_" in name:
            continue
        if name in found:
            separator = "; " if name == "cookie" else ","
            value = f"{found[name]}{separator}{value}"
        found[name] = value
    return found


async def _refuse(scope: Scope, refused: _Refusal, receive: Receive, send: Send) -> None:
    path = scope["path"]
    request_id = log_refusal(path, scope["headers"], refused.status, refused.message)
    kind, body = refusal(path, refused.status, refused.message)
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        (REQUEST_ID_HEADER, request_id),
        *refused.headers,
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    # A connection that is closed while bytes of the client wait there is reset, and the client
    # may never see the answer: what it still sends is read for a moment.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while (message := await receive())["type"] == "http.request" and message["more_body"]:
                pass
    await send({"type": "http.response.body", "body": b""})
