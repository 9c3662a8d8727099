"""Strict parsing of HTTP/1.1 heads: what can be read in two ways is refused.

The relay is between a hostile client and a server that trusts it. A message that both understood
differently could bypass its rules, so nothing is passed on unchanged: heads are parsed here and
written again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlencode

HEAD_BYTES = 65536
_MAX_HEADERS = 100
_REQUEST = re.compile(rb"(GET|HEAD|POST) (/[\x21-\x7e]*) HTTP/1\.1")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_ONCE = frozenset({"content-length", "transfer-encoding", "host", "expect", "content-type"})

_TO_THE_GATEWAY = frozenset(
    {
        "accept",
        "accept-language",
        "anthropic-beta",
        "anthropic-version",
        "content-type",
        "idempotency-key",
        "user-agent",
        "x-request-id",
    }
)
"""All that a guest may say beside the path and the body; the rest is dropped, every kind of
credential with it."""
_NOT_TO_THE_GUEST = frozenset(
    {
        "alt-svc",
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "set-cookie",
        "strict-transport-security",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    }
)
_CREDENTIALS = frozenset({"key", "api_key", "apikey", "access_token", "token"})
"""Names by which a query carries a credential."""


class Refused(Exception):
    """A request that is not passed on, with the answer to the guest."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class RequestHead:
    """`length` is None for a chunked body."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    length: int | None
    wants_to_close: bool
    expects_continue: bool


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """`length` is None if the end of the body is known otherwise: by chunks, or by the connection's
    end.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    length: int | None
    is_chunked: bool


def read_request(head: bytes, *, max_body: int) -> RequestHead:
    """Parse a request's head; raise `Refused` for anything out of the ordinary."""
    line, headers = _split(head)
    found = _REQUEST.fullmatch(line)
    if found is None:
        raise _bad("Only GET, HEAD and POST of a path in HTTP/1.1 are understood.")
    path, question, query = found[2].decode("ascii").partition("?")
    if "#" in path or "#" in query:
        raise _bad("A request names no fragment.")
    _check_path(path)
    values = dict(headers)
    expects = values.get("expect", "").lower()
    if expects not in ("", "100-continue"):
        raise Refused(HTTPStatus.EXPECTATION_FAILED, "expectation", "This cannot be expected here.")
    return RequestHead(
        method=found[1].decode("ascii"),
        path=path,
        query=f"{question}{_without_credentials(query)}" if query else "",
        headers=tuple(pair for pair in headers if pair[0] in _TO_THE_GATEWAY),
        length=_request_length(values, max_body),
        wants_to_close="close" in values.get("connection", "").lower(),
        expects_continue=bool(expects),
    )


def read_response(head: bytes, *, method: str) -> ResponseHead:
    """Parse a response's head; raise `ValueError` if the server's answer cannot be understood."""
    try:
        line, headers = _split(head)
    except Refused as error:
        raise ValueError(str(error)) from error
    found = _STATUS.fullmatch(line)
    if found is None:
        raise ValueError("no status line")
    status = int(found[1])
    values = dict(headers)
    is_chunked = values.get("transfer-encoding", "").lower() == "chunked"
    length: int | None = None
    if method == "HEAD" or status in (204, 304) or status < 200:
        length, is_chunked = 0, False
    elif not is_chunked and "content-length" in values:
        length = int(values["content-length"])
    return ResponseHead(
        status=status,
        headers=tuple(pair for pair in headers if pair[0] not in _NOT_TO_THE_GUEST),
        length=length,
        is_chunked=is_chunked,
    )


def is_allowed(path: str, prefixes: Sequence[str]) -> bool:
    """Return whether the path is one of the prefixes or lies below one."""
    return any(
        path == prefix.rstrip("/") or path.startswith(f"{prefix.rstrip('/')}/")
        for prefix in prefixes
    )


def format_head(first_line: str, headers: Sequence[tuple[str, str]]) -> bytes:
    lines = [first_line, *[f"{name}: {value}" for name, value in headers], "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _split(head: bytes) -> tuple[bytes, list[tuple[str, str]]]:
    line, *rest = head.split(b"\r\n")
    if len(rest) > _MAX_HEADERS:
        raise _bad(f"There are more than {_MAX_HEADERS} headers.")
    headers: list[tuple[str, str]] = []
    seen = set()
    for text in rest:
        found = _HEADER.fullmatch(text)
        if found is None:
            raise _bad("A header is malformed.")
        name = found[1].decode("ascii").lower()
        if name in _ONCE and name in seen:
            raise _bad(f"The header {name} comes twice.")
        seen.add(name)
        headers.append((name, found[2].decode("latin-1")))
    return line, headers


def _request_length(values: dict[str, str], most: int) -> int | None:
    coding, length = values.get("transfer-encoding"), values.get("content-length")
    if coding is not None:
        if length is not None:
            raise _bad("Content-Length and Transfer-Encoding exclude each other.")
        if coding.lower() != "chunked":
            raise Refused(
                HTTPStatus.NOT_IMPLEMENTED, "transfer-encoding", "Only chunked is understood."
            )
        return None
    if length is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise _bad("Content-Length is no number.")
    if int(length) > most:
        raise too_large(most)
    return int(length)


def _check_path(path: str) -> None:
    plain = unquote(path, errors="replace")
    parts = plain.split("/")[1:]
    if (
        any(part in (".", "..") for part in parts)
        or "" in parts[:-1]
        or "\\" in plain
        or "%" in plain
        or ";" in plain
        or "\ufffd" in plain
        or not plain.isprintable()
    ):
        raise _bad("The path is not in its plain form.")


def _without_credentials(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([pair for pair in pairs if pair[0].lower() not in _CREDENTIALS])


def too_large(most: int) -> Refused:
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        f"A request's body may have {most} bytes at most.",
    )


def _bad(message: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, "bad-request", message)
