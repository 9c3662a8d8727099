"""ASGI, as much of it as the routes need: requests, replies, streams, routes and the lifespan."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import Error as DatabaseError

from plumbmark.common.errors import DomainError
from plumbmark.common.idle_timer import IdleTimer
from plumbmark.common.logs import log_about
from plumbmark.common.metrics import note_request
from plumbmark.common.request_ids import choose_request_id
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.calls.stream_reader import MAX_DRAIN_SECONDS, StreamReader
from plumbmark.gateway.http.errors import (
    HttpError,
    database_is_away,
    error_of_domain,
)

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
_EVENTS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # Buffering proxies would delay a stream until it ends.
    (b"x-accel-buffering", b"no"),
)
NO_ROUTE = "(none)"
_UNCOUNTED = frozenset({"/healthz", "/readyz", "/metrics"})
_LEFT = 499
"""What is counted where a client left before its answer began."""
_WRITE_SECONDS = 60.0
"""A reader who takes nothing for so long has left."""
_COUNTED_FROM = 1024 * 1024


class Bodies:
    """A bound on the memory of all request bodies together."""

    def __init__(self, *, largest: int, together: int) -> None:
        self.largest = largest
        self._left = together

    def check_size(self, size: int) -> None:
        """Refuse a body that is larger than any may be."""
        if size > self.largest:
            raise HttpError(
                413,
                "body-too-large",
                f"The body is larger than {self.largest} bytes; send fewer or smaller files.",
            )

    def take(self, size: int) -> None:
        self.check_size(size)
        if size >= _COUNTED_FROM:
            if size > self._left:
                raise HttpError(
                    503,
                    "busy",
                    "Too many large requests at once; try again in a moment.",
                    retry_after=1,
                    may_be_retried=True,
                )
            self._left -= size

    def give_back(self, size: int) -> None:
        if size >= _COUNTED_FROM:
            self._left += size


class HttpExchange:
    """One request and its reply."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, bodies: Bodies) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self._headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive
        self._send = send
        self._bodies = bodies
        self._taken = 0
        self._watch: asyncio.Task[None] | None = None
        self._write_timer: IdleTimer | None = None
        sent_id = self.header(b"x-request-id")
        self.request_id = choose_request_id(sent_id)
        self.next_call_id = uuid4() if self.request_id == sent_id else UUID(self.request_id)
        """The id for the call of this request. An id of our own names both; a client's may come
        twice.
        """
        self.call_id: UUID | None = None
        """The recorded call of this request, once it was sent."""
        self.has_begun = False
        self.status = 0
        """What was answered; 0 before."""
        self.route = NO_ROUTE
        self.reader = StreamReader()
        self._is_writing = False
        self._drain_timer: asyncio.TimerHandle | None = None

    @property
    def is_left(self) -> bool:
        """The client has gone away."""
        return self.reader.has_left

    def header(self, name: bytes) -> str:
        """Return a header by its name in lower case; empty where it is missing."""
        for key, value in self._headers:
            if key.lower() == name:
                return value.decode("latin-1")
        return ""

    def describe(self) -> str:
        """Return the request for the log."""
        return f"{self.method} {self.path} (request {self.request_id})"

    @property
    def secret(self) -> str:
        """The token, from whichever of the usual headers carries it."""
        scheme, _, token = self.header(b"authorization").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
        return self.header(b"x-goog-api-key") or self.header(b"x-api-key")

    async def body(self) -> bytes:
        """Read the whole body; refuse one that is too large before reading it if its length is
        declared.
        """
        length_header = self.header(b"content-length")
        if length_header.isdigit():
            # Nothing is reserved for it: a client that declares much and sends little must not
            # keep others out.
            self._bodies.check_size(int(length_header))
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.reader.has_left = True
                raise HttpError(400, "left", "The connection ended in the middle of the body.")
            part = message.get("body", b"")
            size += len(part)
            if size > self._taken:
                self._take(size)
            parts.append(part)
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def _take(self, size: int) -> None:
        self._bodies.give_back(self._taken)
        self._taken = 0
        self._bodies.take(size)
        self._taken = size

    async def reply(
        self,
        status: int,
        body: bytes,
        headers: Sequence[tuple[bytes, bytes]] = (),
        *,
        kind: bytes = JSON,
    ) -> None:
        """Send a complete reply."""
        self.has_begun = True
        self.status = status
        length = (b"content-length", str(len(body)).encode())
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", kind), length, *self._id_headers(), *headers],
            }
        )
        await self._send({"type": "http.response.body", "body": body})

    async def begin_events(self) -> None:
        """Begin a stream of events; it goes nowhere once the client has left."""
        self.has_begun = True
        if self.is_left:
            return
        self.status = 200
        headers = [*_EVENTS, *self._id_headers()]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    def _id_headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-request-id", self.request_id.encode())]
        if self.call_id is not None:
            headers.append((b"x-plumbmark-call", str(self.call_id).encode()))
        return headers

    async def write(self, events: bytes) -> None:
        """Write events; after `cancel_when_left`, not for longer than a reader may take."""
        if self.is_left:
            return
        if self._write_timer is not None:
            self._write_timer.wait()
        self._is_writing = True
        try:
            await self._send({"type": "http.response.body", "body": events, "more_body": True})
        except asyncio.CancelledError:
            if not (self.is_left and self.reader.is_billed):
                raise
            # Only the writing was to end: the rest of the answer is read for the bill.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
        finally:
            self._is_writing = False
        if self._write_timer is not None:
            self._write_timer.pause()

    async def end_events(self, events: bytes = b"") -> None:
        if not self.is_left:
            await self._send({"type": "http.response.body", "body": events})

    def cancel_when_left(self) -> None:
        """Cancel the running task if the client disconnects from now on; the body has been read.

        While the answer is billed, the task goes on for `MAX_DRAIN_SECONDS` and writes nowhere.
        """
        task = asyncio.current_task()
        assert task is not None
        self._watch = asyncio.create_task(self._wait_until_left(task))
        self._write_timer = IdleTimer(_WRITE_SECONDS, partial(self._leave, task))

    async def _wait_until_left(self, task: asyncio.Task[Any]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave(task)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        if self.is_left:
            return
        self.reader.has_left = True
        if self.reader.is_billed:
            loop = asyncio.get_running_loop()
            self._drain_timer = loop.call_later(MAX_DRAIN_SECONDS, task.cancel)
        if self._is_writing or not self.reader.is_billed:
            task.cancel()

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._write_timer is not None:
            self._write_timer.cancel()
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        self._bodies.give_back(self._taken)
        self._taken = 0


Handler = Callable[[HttpExchange], Awaitable[None]]
WriteError = Callable[[HttpError], bytes]


@dataclass(frozen=True, slots=True)
class Route:
    """A path (or, where it ends in `/`, everything below it) and who answers there."""

    method: str
    path: str
    handler: Handler
    write_error: WriteError


class App:
    """The ASGI callable. Opens the process's gateway on the server's loop and closes it."""

    def __init__(
        self,
        routes: Callable[[], Sequence[Route]],
        *,
        bodies: Bodies,
        write_error: WriteError,
        drain_seconds: float,
    ) -> None:
        self._make_routes = routes
        self._bodies = bodies
        self._write_error = write_error
        self._drain_seconds = drain_seconds
        self._exact: dict[str, dict[str, Route]] = {}
        self._below: list[Route] = []

    def open(self) -> None:
        """Take the routes up; once, on the loop that the gateway lives on."""
        self._exact, self._below = {}, []
        for route in self._make_routes():
            if route.path.endswith("/"):
                self._below.append(route)
            else:
                self._exact.setdefault(route.path, {})[route.method] = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            began = time.perf_counter()
            exchange = HttpExchange(scope, receive, send, self._bodies)
            try:
                with log_about(request_id=exchange.request_id):
                    await self._serve(exchange)
            finally:
                exchange.close()
                if exchange.route not in _UNCOUNTED:
                    seconds = time.perf_counter() - began
                    note_request(exchange.method, exchange.route, exchange.status or _LEFT, seconds)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            raise RuntimeError(f"there is no {scope['type']} here")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            runtime.adopt()
            self.open()
        except Exception as error:
            log.exception("the gateway cannot start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await runtime.leave(self._drain_seconds)
        await send({"type": "lifespan.shutdown.complete"})

    def _route(self, exchange: HttpExchange) -> Route:
        by_method = self._exact.get(exchange.path)
        if by_method is None:
            for route in self._below:
                if exchange.path.startswith(route.path) and route.method == exchange.method:
                    return route
            raise HttpError(
                404,
                "not-found",
                f"There is nothing at {exchange.path[:200]}. The routes are "
                f"POST /v1/chat/completions and GET /v1/models.{_hint_for(exchange.path)}",
            )
        found = by_method.get(exchange.method)
        if found is None:
            allowed = ", ".join(by_method)
            raise HttpError(405, "method-not-allowed", f"Use {allowed} here.")
        return found

    async def _serve(self, exchange: HttpExchange) -> None:
        write_error = self._write_error
        try:
            route = self._route(exchange)
            exchange.route = route.path
            write_error = route.write_error
            await route.handler(exchange)
        except HttpError as error:
            await self._refuse(exchange, error, write_error)
        except asyncio.CancelledError:
            if not exchange.is_left:
                raise
            # Cancelled because the client disconnected: this task has nothing more to do.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
        except DomainError as error:
            await self._refuse(exchange, error_of_domain(error), write_error)
        except DatabaseError:
            log.exception("the database is away at %s", exchange.describe())
            await self._refuse(exchange, database_is_away(), write_error)
        except Exception:
            log.exception("a fault at %s", exchange.describe())
            fault = HttpError(500, "internal-fault", "An internal error; it has been logged.")
            await self._refuse(exchange, fault, write_error)

    async def _refuse(
        self, exchange: HttpExchange, error: HttpError, write_error: WriteError
    ) -> None:
        if exchange.is_left or exchange.has_begun:
            return
        await exchange.reply(error.status, write_error(error), error.headers)


def _hint_for(path: str) -> str:
    """Return what to set in clients that ask in another of OpenAI's formats by default."""
    if path.endswith("/responses"):
        return " The Responses API is not supported: set the client to chat completions."
    return ""
