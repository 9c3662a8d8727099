"""One HTTP session per process and loop, and one POST through it.

The sessions keep their connections; how many calls are in flight is the gateway's affair, so the
pools have no limit of their own. Redirects are never followed: they could lead to another host with
the credential, or past the address guard.
"""

import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from plumbmark.gateway.providers import wire

LARGEST_BODY = 16 * 1024 * 1024
_ERROR_TEXT_CHARACTERS = 4000
_KEEP_ALIVE_SECONDS = 50.0


class PrivateAddress(OSError):
    """The host of a user's deployment leads into a private network."""


def is_public_address(address: str) -> bool:
    """Whether an IP address is one that a user's deployment may be at."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        # Mapped and translated forms reach the IPv4 address that they carry.
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo and parsed.teredo[1])
        if inner:
            return is_public_address(str(inner))
        if parsed in _TRANSLATED:
            return is_public_address(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    return parsed.is_global and not parsed.is_multicast


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


class _GuardedResolver(AbstractResolver):
    """Resolves as usual, then drops private addresses: a name may change what it points to."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [entry for entry in found if is_public_address(entry["host"])]
        if not public:
            raise PrivateAddress(f"{host} leads to a private address")
        return public

    async def close(self) -> None:
        await self._inner.close()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `payload` is the parsed JSON, or None where the body is none (`text`)."""

    status: int
    headers: Mapping[str, str]
    payload: Any
    text: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """No whole reply: `code` says how it broke off."""

    code: str
    message: str
    status: int | None = None


class Transport:
    """The process's sessions; lives and ends on one event loop."""

    def __init__(self) -> None:
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    def _session(self, is_guarded: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(is_guarded)
        if session is None:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    keepalive_timeout=_KEEP_ALIVE_SECONDS,
                    resolver=_GuardedResolver() if is_guarded else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "plumbmark", "Content-Type": "application/json"},
                trust_env=False,
            )
            self._sessions[is_guarded] = session
        return session

    async def post(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        deadline_seconds: float,
        secret: str,
        is_guarded: bool,
    ) -> Reply | Broken:
        """POST once within the deadline and read the whole answer, up to 16 MiB."""
        timeout = self._timeouts.get(deadline_seconds)
        if timeout is None:
            timeout = aiohttp.ClientTimeout(total=deadline_seconds)
            self._timeouts[deadline_seconds] = timeout
        status: int | None = None
        try:
            async with self._session(is_guarded).post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                status = response.status
                raw = await _read_all(response.content)
                if raw is None:
                    response.close()
                    return Broken(
                        "answer-too-large",
                        f"the answer is larger than {LARGEST_BODY} bytes",
                        status,
                    )
                return _reply(status, response.headers, raw, secret)
        except TimeoutError:
            return Broken("deadline", f"no whole answer within {deadline_seconds:g} s", status)
        except PrivateAddress as error:
            return Broken("private-address", str(error))
        except aiohttp.ClientPayloadError:
            return Broken("truncated", "the connection ended in the middle of the answer", status)
        except aiohttp.ServerDisconnectedError:
            return Broken("dropped", "the provider closed the connection without an answer")
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PrivateAddress):
                return Broken("private-address", str(error.os_error))
            return Broken("unreachable", f"cannot connect: {type(error).__name__}")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The text of such an error may quote headers; its kind says enough.
            return Broken("network", f"the exchange broke off: {type(error).__name__}", status)

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()


async def _read_all(content: aiohttp.StreamReader) -> bytes | None:
    """The whole body, or None past the largest size."""
    first = await content.readany()
    if content.at_eof():
        return first
    parts, size = [first], len(first)
    while part := await content.readany():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            return None
    return b"".join(parts)


def _reply(status: int, headers: Mapping[str, str], raw: bytes, secret: str) -> Reply:
    raw = without_secret(raw, secret)
    try:
        return Reply(status, headers, wire.read(raw))
    except ValueError:
        text = raw[:_ERROR_TEXT_CHARACTERS].decode("utf-8", "replace")
        return Reply(status, headers, None, text)


def without_secret(raw: bytes, secret: str) -> bytes:
    """The body with the credential struck out, should the provider have echoed it."""
    if len(secret) < 4:
        return raw
    for spelled in {secret.encode(), json.dumps(secret)[1:-1].encode()}:
        if spelled in raw:
            raw = raw.replace(spelled, b"[credential]")
    return raw
