"""The host's end of a run's socket: passes the guest's requests to the gateway, with the grant.

The guest has no credential. Any that it sends is dropped and replaced by the run's token here,
outside its reach. It can request only the allowed paths. Answers are passed on piece by piece as
they arrive, so that streams stay streams.
"""

import asyncio
import contextlib
import json
import logging
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

from plumbmark.sandbox.http_heads import (
    HEAD_BYTES,
    Refused,
    RequestHead,
    ResponseHead,
    format_head,
    is_allowed,
    read_request,
    read_response,
    too_large,
)

Target = tuple[str, int] | Path
"""Where the gateway listens: host and port, or a Unix socket."""

_PIECE = 65536
_LINE_BYTES = 256
_BACKLOG = 128
_LINGER = 2.0
_UNREACHABLE = "gateway-unreachable"
_log = logging.getLogger(__name__)


class GatewayRelay:
    """Serves one run while the block lasts; `socket` is for `SandboxJob.gateway_socket`.

        async with GatewayRelay(target=("127.0.0.1", 8000), token=token) as relay:
            report = await sandbox.run(SandboxJob(…, gateway_socket=relay.socket))

    To be used in the event loop in which the job runs. If no `socket` is given, one is created in a
    folder that no other user of the machine can enter.
    """

    def __init__(
        self,
        *,
        target: Target,
        token: str,
        allowed_paths: Sequence[str] = ("/v1", "/compat/kaggle/models"),
        socket: Path | None = None,
        host: str = "gateway",
        max_body_bytes: int = 32 * 1024 * 1024,
        max_connections: int = 128,
        head_seconds: float = 60.0,
        answer_seconds: float = 900.0,
    ) -> None:
        """Set up a relay. `host` is the Host header that the gateway sees; `head_seconds` is how
        long a connection may be silent before and within a request, `answer_seconds` how long
        the gateway may be.
        """
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise ValueError("The token must be printable text without spaces.")
        self.requests = 0
        """Passed on so far."""
        self.statuses: Counter[int] = Counter()
        """How often the gateway answered with which status."""
        self.lost = 0
        """Requests that the gateway did not answer, or whose answer it broke off."""
        self.refused = 0
        """Answered here, with an error."""
        self._target = target
        self._authorization = f"Bearer {token}"
        self._allowed_paths = tuple(allowed_paths)
        self._given_socket = socket
        self._folder: Path | None = None
        self._host = host
        self._most_body = max_body_bytes
        self._most_connections = max_connections
        self._head_seconds = head_seconds
        self._answer_seconds = answer_seconds
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<GatewayRelay to {self._target}>"

    @property
    def socket(self) -> Path:
        if self._given_socket is not None:
            return self._given_socket
        if self._folder is None:
            raise RuntimeError("The relay is not started.")
        return self._folder / "gateway.sock"

    async def start(self) -> None:
        if self._given_socket is None:
            self._folder = Path(tempfile.mkdtemp(prefix="plumbmark-relay-"))
        self._server = await asyncio.start_unix_server(
            self._accept, self.socket, limit=_PIECE, backlog=_BACKLOG
        )
        # The guest may be another user than we are; the folder keeps all others away.
        self.socket.chmod(0o666)

    async def stop(self) -> None:
        """Break off what is under way and remove the socket."""
        if self._server is not None:
            self._server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            self._server = None
            self.socket.unlink(missing_ok=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guest = _Stream(reader)
        try:
            if len(self._connections) > self._most_connections:
                raise Refused(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "too-many-connections",
                    f"A run may hold {self._most_connections} connections at a time.",
                )
            while await self._serve_one(guest, writer):
                pass
            writer.write_eof()
            await guest.drain()
        except Refused as error:
            self.refused += 1
            self.lost += error.code == _UNREACHABLE
            if not guest.is_answered:
                with contextlib.suppress(OSError):
                    await _send_error(writer, error)
                    await guest.drain()
        except (OSError, _BrokenOff):
            pass
        except Exception:
            _log.exception("A connection of the relay failed")
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve_one(self, guest: "_Stream", writer: asyncio.StreamWriter) -> bool:
        """Carry one request and its answer; whether the connection goes on."""
        async with asyncio.timeout(self._head_seconds):
            head = await guest.head()
        if head is None:
            return False
        guest.is_answered = False
        request = read_request(head, max_body=self._most_body)
        if not is_allowed(request.path, self._allowed_paths):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "path-not-allowed",
                "Only the gateway's paths can be reached from here: "
                + ", ".join(self._allowed_paths),
            )
        gateway, gateway_writer = await self._connect()
        try:
            return await self._exchange(request, guest, writer, gateway, gateway_writer)
        finally:
            gateway_writer.close()

    async def _connect(self) -> tuple["_Stream", asyncio.StreamWriter]:
        """Open a connection for each request: an idle one might be closed under the next."""
        try:
            if isinstance(self._target, Path):
                reader, writer = await asyncio.open_unix_connection(self._target, limit=_PIECE)
            else:
                reader, writer = await asyncio.open_connection(*self._target, limit=_PIECE)
        except OSError as error:
            raise _unreachable() from error
        return _Stream(reader), writer

    async def _exchange(
        self,
        request: RequestHead,
        guest: "_Stream",
        writer: asyncio.StreamWriter,
        gateway: "_Stream",
        gateway_writer: asyncio.StreamWriter,
    ) -> bool:
        self.requests += 1
        sending = asyncio.ensure_future(self._send(request, guest, writer, gateway_writer))
        answering = asyncio.ensure_future(self._answer(request, gateway, guest, writer))
        try:
            await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not answering.done():
                await self._await_answer(sending, answering, guest)
            await answering
            was_sent = sending.done() and sending.exception() is None
            return was_sent and not request.wants_to_close
        finally:
            for task in (sending, answering):
                task.cancel()
            await asyncio.gather(sending, answering, return_exceptions=True)

    async def _await_answer(
        self, sending: "asyncio.Task[None]", answering: "asyncio.Task[None]", guest: "_Stream"
    ) -> None:
        """Wait for the answer, and for the guest to lose its interest in it."""
        if isinstance(error := sending.exception(), Refused):
            raise error
        # Else: broken off by the gateway, which may have answered all the same.
        leaving = asyncio.ensure_future(guest.until_closed())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                raise _BrokenOff
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    async def _send(
        self,
        request: RequestHead,
        guest: "_Stream",
        writer: asyncio.StreamWriter,
        gateway: asyncio.StreamWriter,
    ) -> None:
        length = request.length
        framing = (
            ("transfer-encoding", "chunked") if length is None else ("content-length", f"{length}")
        )
        headers = [
            ("host", self._host),
            ("authorization", self._authorization),
            ("accept-encoding", "identity"),
            ("connection", "close"),
            framing,
            *request.headers,
        ]
        gateway.write(
            format_head(f"{request.method} {request.path}{request.query} HTTP/1.1", headers)
        )
        if request.expects_continue:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
        if length is None:
            async for piece in guest.read_chunks(self._most_body, self._head_seconds):
                gateway.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await gateway.drain()
            gateway.write(b"0\r\n\r\n")
        else:
            async for piece in guest.read_counted(length, self._head_seconds):
                gateway.write(piece)
                await gateway.drain()
        await gateway.drain()

    async def _answer(
        self,
        request: RequestHead,
        gateway: "_Stream",
        guest: "_Stream",
        writer: asyncio.StreamWriter,
    ) -> None:
        response = await self._response(request, gateway)
        framing = ("content-length", f"{response.length}")
        if response.length is None:
            framing = ("transfer-encoding", "chunked")
        closing = [("connection", "close")] if request.wants_to_close else []
        reason = HTTPStatus(response.status).phrase if response.status in _KNOWN else "Answer"
        headers = [*response.headers, framing, *closing]
        guest.is_answered = True
        writer.write(format_head(f"HTTP/1.1 {response.status} {reason}", headers))
        try:
            await self._pass_on(response, gateway, writer)
        except (Refused, TimeoutError, _BrokenOff) as error:
            # Too late for an error: the guest sees that the answer is cut off.
            self.lost += 1
            raise _BrokenOff from error

    async def _response(self, request: RequestHead, gateway: "_Stream") -> ResponseHead:
        """Return the head of the final answer, after those of interim ones."""
        try:
            while True:
                async with asyncio.timeout(self._answer_seconds):
                    head = await gateway.head()
                if head is None:
                    raise _unreachable()
                response = read_response(head, method=request.method)
                if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
                    raise _unreachable()
                if response.status >= 200:
                    self.statuses[response.status] += 1
                    return response
        except (OSError, TimeoutError, ValueError, Refused, _BrokenOff) as error:
            raise _unreachable() from error

    async def _pass_on(
        self, response: ResponseHead, gateway: "_Stream", writer: asyncio.StreamWriter
    ) -> None:
        await writer.drain()
        seconds = self._answer_seconds
        if response.length is not None:
            async for piece in gateway.read_counted(response.length, seconds):
                writer.write(piece)
                await writer.drain()
            return
        pieces = gateway.rest(seconds)
        if response.is_chunked:
            pieces = gateway.read_chunks(None, seconds)
        async for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


class _BrokenOff(Exception):
    """The other side ended in the middle, or has no more interest."""


class _Stream:
    """One direction of a connection, with what came too early kept for later."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._buffer = bytearray()
        self.is_answered = False
        """Whether the answer to its last request has begun."""

    async def drain(self) -> None:
        """Read what is still coming, for a short time: closed before, the other side would meet an
        error at sending and never read the answer."""
        async with asyncio.timeout(_LINGER):
            while await self._reader.read(_PIECE):
                pass

    async def head(self) -> bytes | None:
        """Read up to the empty line; return None if nothing more comes."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEAD_BYTES:
                raise Refused(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "head-too-large",
                    f"A request's head may have {HEAD_BYTES} bytes at most.",
                )
            if not await self._fill():
                if self._buffer:
                    raise _BrokenOff
                return None
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return head

    async def read_counted(self, length: int, seconds: float) -> AsyncIterator[bytes]:
        while length:
            piece = await self._piece(min(length, _PIECE), seconds)
            length -= len(piece)
            yield piece

    async def read_chunks(self, most: int | None, seconds: float) -> AsyncIterator[bytes]:
        """Yield pieces as they arrive, not as they were framed."""
        total = 0
        while size := await self._chunk_size(seconds):
            total += size
            if most is not None and total > most:
                raise too_large(most)
            async for piece in self.read_counted(size, seconds):
                yield piece
            if await self._line(seconds):
                raise _refuse_malformed_chunk()
        trailers = 0
        while line := await self._line(seconds):
            trailers += len(line)
            if trailers > HEAD_BYTES:
                raise _refuse_malformed_chunk()

    async def rest(self, seconds: float) -> AsyncIterator[bytes]:
        while True:
            async with asyncio.timeout(seconds):
                if not self._buffer and not await self._fill():
                    return
            piece, self._buffer = bytes(self._buffer), bytearray()
            yield piece

    async def until_closed(self) -> None:
        """Wait until the other side has closed. A next request that it sent already is kept."""
        while len(self._buffer) <= HEAD_BYTES:
            if not await self._fill():
                return
        await asyncio.Event().wait()

    async def _piece(self, most: int, seconds: float) -> bytes:
        if not self._buffer:
            async with asyncio.timeout(seconds):
                if not await self._fill():
                    raise _BrokenOff
        piece = bytes(self._buffer[:most])
        del self._buffer[:most]
        return piece

    async def _chunk_size(self, seconds: float) -> int:
        line = await self._line(seconds)
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", line):
            raise _refuse_malformed_chunk()
        return int(line, 16)

    async def _line(self, seconds: float) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _LINE_BYTES:
                raise _refuse_malformed_chunk()
            async with asyncio.timeout(seconds):
                if not await self._fill():
                    raise _BrokenOff
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    async def _fill(self) -> bool:
        piece = await self._reader.read(_PIECE)
        self._buffer += piece
        return bool(piece)


_KNOWN = frozenset(status.value for status in HTTPStatus)


def _refuse_malformed_chunk() -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, "bad-request", "A chunk of the body is malformed.")


def _unreachable() -> Refused:
    return Refused(HTTPStatus.BAD_GATEWAY, _UNREACHABLE, "The gateway did not answer; try again.")


async def _send_error(writer: asyncio.StreamWriter, error: Refused) -> None:
    """Send an error in the OpenAI form, after which the connection closes."""
    body = json.dumps(
        {"error": {"message": str(error), "type": "relay_error", "code": error.code}}
    ).encode()
    headers = [
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        ("connection", "close"),
    ]
    writer.write(
        format_head(f"HTTP/1.1 {error.status.value} {error.status.phrase}", headers) + body
    )
    await writer.drain()
    writer.write_eof()
