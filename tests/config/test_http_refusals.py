"""Requests that a server refuses by itself: what the client gets, and what the log has of it."""

import asyncio
import json
import logging
import re
from typing import Any

import pytest

from plumbmark.config import bounded_http
from plumbmark.config.buffered_wsgi import BodyStorage, BufferedWsgi
from tests.config.asgi_serving import served
from tests.config.test_bounded_http import send_slowly, swallow

OWN_ID = "my-request.7"


def talk(app: Any, *messages: bytes) -> bytes:
    """Send the messages over one connection, each after the answer to the one before; return the
    last answer, to the end of the connection.
    """

    async def run() -> bytes:
        async with served(app) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for message in messages[:-1]:
                writer.write(message)
                await reader.readuntil(b"\r\n\r\n0")
            writer.write(messages[-1])
            answer = await reader.read()
            writer.close()
            return answer

    return asyncio.run(run())


def id_of(answer: bytes) -> str:
    found = re.findall(rb"\r\nx-request-id: ([^\r]+)\r\n", answer)
    assert len(found) == 1, answer
    return str(found[0].decode())


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "plumbmark.config.http_refusals"
    ]


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="plumbmark.config.http_refusals")


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"no http at all\r\n\r\n", None),
        (b"GET /tasks/ HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n", None),
        (b"GET /v1/models HTTP/1.1\r\nContent-Length: x\r\n\r\n", "malformed-request"),
    ],
)
def test_a_malformed_head_is_answered_with_an_id_that_the_log_has(
    caplog: pytest.LogCaptureFixture, head: bytes, code: str | None
) -> None:
    answer = talk(swallow, head)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert re.fullmatch("[0-9a-f]{32}", id_of(answer))
    (line,) = logged(caplog)
    assert f"(request {id_of(answer)})" in line
    assert "was refused with 400" in line
    if code:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == code
        assert line.startswith("/v1/models ")


def test_an_id_of_the_client_is_kept_and_one_that_is_not_safe_is_not() -> None:
    for sent, kept in ((OWN_ID, True), ("a b", False), ("x" * 129, False), ("\x1b[31m", False)):
        head = f"GET / HTTP/1.1\r\nX-Request-Id: {sent}\r\nHost: a\r\nbad header\r\n\r\n"
        answer = talk(swallow, head.encode())
        assert (id_of(answer) == sent) == kept, answer


def test_a_later_request_of_a_connection_does_not_get_the_id_of_an_earlier_one() -> None:
    first = f"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: {OWN_ID}\r\n\r\n"

    for second in (b"\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\nbad\r\n\r\n"):
        answer = talk(swallow, first.encode(), second)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert id_of(answer) != OWN_ID


def test_a_head_that_is_too_large_is_answered_with_431(caplog: pytest.LogCaptureFixture) -> None:
    # In pieces that are read at once: the connection is reset where bytes are left unread.
    answer = talk(
        swallow,
        f"GET /api/v1/tasks HTTP/1.1\r\nX-Request-Id: {OWN_ID}\r\nX-A: ".encode()
        + b"a" * (bounded_http.MAX_HEAD_BYTES + 1),
    )

    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert id_of(answer) == OWN_ID
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "head-too-large"
    assert "with 431: The head of the request is too large" in logged(caplog)[0]


def test_a_slow_body_is_answered_with_an_id(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bounded_http, "BODY_GRACE_SECONDS", 0.1)
    monkeypatch.setattr(bounded_http, "BODY_CHECK_SECONDS", 0.05)

    async def run() -> bytes:
        async with served(swallow) as port:
            return await send_slowly(port, "/v1/chat/completions", b"a", 0.02)

    answer = asyncio.run(run())

    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert f"(request {id_of(answer)})" in logged(caplog)[0]


@pytest.mark.parametrize("own", [OWN_ID, ""])
def test_a_body_that_is_too_large_is_answered_with_an_id(
    caplog: pytest.LogCaptureFixture, own: str
) -> None:
    app = BufferedWsgi(
        lambda environ, start: [b""], threads=1, storage=BodyStorage(largest=10, together=100)
    )
    head = "POST /api/v1/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n"
    head += f"X-Request-Id: {own}\r\n" if own else ""

    answer = talk(app, f"{head}\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert not own or id_of(answer) == own
    (line,) = logged(caplog)
    assert line.startswith("/api/v1/tasks was refused with 413: The body is larger than 10 bytes")
    assert line.endswith(f"(request {id_of(answer)})")


def test_a_path_cannot_write_lines_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = BufferedWsgi(
        lambda environ, start: [b""], threads=1, storage=BodyStorage(largest=1, together=9)
    )

    talk(app, b"POST /a%0Aforged HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")

    assert logged(caplog)[0].startswith("/a\\nforged was refused")
