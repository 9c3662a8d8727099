"""One HTTP session per process and loop, and one request through it, answered in one piece or as
a stream.

The sessions keep their connections; the gateway limits the calls in flight, so the pools have no
limit. Redirects are never followed: they could lead to another host with the credential, or past
the address guard.
"""

import io
import json
import socket
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from plumbmark.common.idle_timer import IdleTimer
from plumbmark.engine.values import value_object
from plumbmark.gateway.providers.addresses import AddressRules, PrivateAddress
from plumbmark.strict_json import wire

MAX_BODY_BYTES = 16 * 1024 * 1024
DONE = object()
"""The value for the `[DONE]` that ends some providers' streams."""
_ERROR_TEXT_CHARACTERS = 4000
_WRITTEN_AT_ONCE = 256 * 1024
_KEEP_ALIVE_SECONDS = 50.0


class _GuardedResolver(AbstractResolver):
    """Resolves as usual, then drops private addresses: a name may change what it points to."""

    def __init__(self, rules: AddressRules) -> None:
        self._inner = aiohttp.ThreadedResolver()
        self._rules = rules
        self.allowed_by_name: set[str] = set()
        """Addresses of the hosts that the operator allows by name."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if self._rules.allows_host(host):
            self.allowed_by_name |= {entry["host"] for entry in found}
            return found
        allowed = [entry for entry in found if self._rules.allows_address(entry["host"])]
        if not allowed:
            raise PrivateAddress(f"{host} leads to a private address")
        return allowed

    def open_socket(self, target: AddrInfoType) -> socket.socket:
        """Open the socket of a connection if its address is allowed.

        What looks like an IP address never reaches the resolver, also where it is none that Python
        reads, such as 127.1; it ends here.
        """
        family, kind, protocol, _, where = target
        address = str(where[0])
        if address not in self.allowed_by_name and not self._rules.allows_address(address):
            raise PrivateAddress(f"{address} is a private address")
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        await self._inner.close()


@value_object
class HttpReply:
    """A response. `payload` is the parsed JSON, or None where the body is none (`text`)."""

    status: int
    headers: Mapping[str, str]
    payload: Any
    text: str = ""


@dataclass(frozen=True, slots=True)
class BrokenExchange:
    """No complete reply: `code` says how it failed."""

    code: str
    message: str
    status: int | None = None


class BrokenStream(Exception):
    """A stream ended before its time, or in a way that cannot be read."""

    def __init__(self, broken: BrokenExchange) -> None:
        super().__init__(broken.message)
        self.broken = broken


class EventStream:
    """Server-sent events as they come. Close it, read to the end or not."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        *,
        deadline_seconds: float,
        silence_seconds: float,
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._deadline_seconds = deadline_seconds
        self._silence_seconds = silence_seconds
        # One timer for a stream: a timeout around every read would double its cost.
        self._idle_timer = IdleTimer(silence_seconds, self._end_stalled)
        self._is_stalled = False

    async def events(self) -> AsyncGenerator[list[Any], None]:
        """Yield the parsed data of the events, those that arrive together in one list.

        Raises `BrokenStream` if the stream breaks, pauses too long or is not JSON.
        """
        rest, data, size = b"", b"", 0
        while chunk := await self._read():
            # Not before: until the first event a model may think for as long as the call may take.
            self._idle_timer.wait()
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise BrokenStream(_too_large(self.status))
            *lines, rest = (rest + chunk).split(b"\n")
            events = []
            for line in lines:
                line = line.rstrip(b"\r")
                if line.startswith(b"data:"):
                    piece = line[5:].lstrip(b" ")
                    data = data + b"\n" + piece if data else piece
                elif not line and data:
                    events.append(_event(data, self.status))
                    data = b""
            if events:
                yield events
        if rest.startswith(b"data:"):
            # The last event of a host that ends without the empty line.
            data = data + b"\n" + rest[5:].strip() if data else rest[5:].strip()
        if data:
            yield [_event(data, self.status)]

    async def _read(self) -> bytes:
        try:
            return await self._response.content.readany()
        except TimeoutError:
            broken = _deadline(self._deadline_seconds, self.status)
            if self._is_stalled:
                silence = self._silence_seconds
                broken = BrokenExchange(
                    "stalled", f"nothing more came for {silence:g} s", self.status
                )
            raise BrokenStream(broken) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BrokenStream(_describe_error(error, self.status)) from None

    def _end_stalled(self) -> None:
        self._is_stalled = True
        self._response.content.set_exception(TimeoutError())

    def close(self) -> None:
        """Drop the connection, unless the answer was read to its end."""
        self._idle_timer.cancel()
        self._response.close()


def _event(data: bytes, status: int) -> Any:
    if data == b"[DONE]":
        return DONE
    try:
        return wire.read(data)
    except ValueError:
        excerpt = data[:200].decode("utf-8", "replace")
        message = f"an event of the stream is no JSON: {excerpt!r}"
        raise BrokenStream(BrokenExchange("malformed-response", message, status)) from None


class HttpClient:
    """The process's sessions; lives and ends on one event loop."""

    def __init__(self, rules: AddressRules | None = None) -> None:
        """Prepare the sessions; the rules say where guarded requests may go."""
        self._rules = rules or AddressRules()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    def _session(self, is_guarded: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(is_guarded)
        if session is None:
            guard = _GuardedResolver(self._rules) if is_guarded else None
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    keepalive_timeout=_KEEP_ALIVE_SECONDS,
                    resolver=guard,
                    socket_factory=guard.open_socket if guard else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "plumbmark", "Content-Type": "application/json"},
                trust_env=False,
            )
            self._sessions[is_guarded] = session
        return session

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        deadline_seconds: float,
        secret: str,
        is_guarded: bool,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> HttpReply | BrokenExchange:
        """Send one GET within the deadline and read the complete answer, up to `max_bytes`."""
        status: int | None = None
        try:
            async with self._session(is_guarded).get(
                url,
                headers=headers,
                timeout=self._timeout(deadline_seconds),
                allow_redirects=False,
            ) as response:
                status = response.status
                return await _whole(response, secret, max_bytes)
        except TimeoutError:
            return _deadline(deadline_seconds, status)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _describe_error(error, status)

    async def post(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        deadline_seconds: float,
        secret: str,
        is_guarded: bool,
    ) -> HttpReply | BrokenExchange:
        """POST once within the deadline and read the complete answer, up to 16 MiB."""
        status: int | None = None
        try:
            async with self._session(is_guarded).post(
                url,
                data=_in_pieces(body),
                headers=headers,
                timeout=self._timeout(deadline_seconds),
                allow_redirects=False,
            ) as response:
                status = response.status
                return await _whole(response, secret)
        except TimeoutError:
            return _deadline(deadline_seconds, status)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _describe_error(error, status)

    async def open(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        deadline_seconds: float,
        silence_seconds: float,
        secret: str,
        is_guarded: bool,
    ) -> EventStream | HttpReply | BrokenExchange:
        """POST once and begin to read events; return a complete reply if none are sent.

        The whole stream must end within the deadline, and after its first event must not pause for
        longer than the silence.
        """
        status: int | None = None
        response: aiohttp.ClientResponse | None = None
        is_open = False
        try:
            response = await self._session(is_guarded).post(
                url,
                data=_in_pieces(body),
                headers=headers,
                timeout=self._timeout(deadline_seconds),
                allow_redirects=False,
            )
            status = response.status
            if status != 200 or "json" in response.content_type:
                return await _whole(response, secret)
            is_open = True
            return EventStream(
                response,
                deadline_seconds=deadline_seconds,
                silence_seconds=silence_seconds,
            )
        except TimeoutError:
            return _deadline(deadline_seconds, status)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _describe_error(error, status)
        finally:
            if response is not None and not is_open:
                response.release()

    def _timeout(self, deadline_seconds: float) -> aiohttp.ClientTimeout:
        timeout = self._timeouts.get(deadline_seconds)
        if timeout is None:
            timeout = aiohttp.ClientTimeout(total=deadline_seconds)
            self._timeouts[deadline_seconds] = timeout
        return timeout

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()


def _in_pieces(body: bytes) -> bytes | io.BytesIO:
    """Return a large body as a file, written in pieces so that other calls run in between."""
    return io.BytesIO(body) if len(body) > _WRITTEN_AT_ONCE else body


def _deadline(seconds: float, status: int | None) -> BrokenExchange:
    return BrokenExchange("deadline", f"no whole answer within {seconds:g} s", status)


def _too_large(status: int, max_bytes: int = MAX_BODY_BYTES) -> BrokenExchange:
    return BrokenExchange(
        "answer-too-large", f"the answer is larger than {max_bytes} bytes", status
    )


def _describe_error(error: Exception, status: int | None) -> BrokenExchange:
    """Return the failure of a broken exchange. The deadline, a `TimeoutError`, is caught before."""
    if isinstance(error, PrivateAddress):
        return BrokenExchange("private-address", str(error))
    if isinstance(error, aiohttp.ClientPayloadError):
        return BrokenExchange(
            "truncated", "the connection ended in the middle of the answer", status
        )
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return BrokenExchange("dropped", "the provider closed the connection without an answer")
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, PrivateAddress):
            return BrokenExchange("private-address", str(error.os_error))
        return BrokenExchange("unreachable", f"cannot connect: {type(error).__name__}")
    # The text of such an error may quote headers; its kind says enough.
    return BrokenExchange("network", f"the exchange broke off: {type(error).__name__}", status)


async def _whole(
    response: aiohttp.ClientResponse, secret: str, max_bytes: int = MAX_BODY_BYTES
) -> HttpReply | BrokenExchange:
    raw = await _read_all(response.content, max_bytes)
    if raw is None:
        response.close()
        return _too_large(response.status, max_bytes)
    return _reply(response.status, response.headers, raw, secret)


async def _read_all(content: aiohttp.StreamReader, max_bytes: int) -> bytes | None:
    """Read the whole body; return None if it exceeds the largest size."""
    first = await content.readany()
    if content.at_eof():
        return first if len(first) <= max_bytes else None
    parts, size = [first], len(first)
    while part := await content.readany():
        parts.append(part)
        size += len(part)
        if size > max_bytes:
            return None
    return b"".join(parts)


def _reply(status: int, headers: Mapping[str, str], raw: bytes, secret: str) -> HttpReply:
    raw = without_secret(raw, secret)
    try:
        return HttpReply(status, headers, wire.read(raw))
    except ValueError:
        text = raw[:_ERROR_TEXT_CHARACTERS].decode("utf-8", "replace")
        return HttpReply(status, headers, None, text)


def without_secret(raw: bytes, secret: str) -> bytes:
    """Return the body with the credential struck out, in case the provider echoed it."""
    if len(secret) < 4:
        return raw
    for spelled in {secret.encode(), json.dumps(secret)[1:-1].encode()}:
        if spelled in raw:
            raw = raw.replace(spelled, b"[credential]")
    return raw
