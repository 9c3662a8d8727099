"""The relay against a real server: what it passes on, what it puts in place, what it refuses."""

import http.client
import json
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plumbmark.sandbox.http_heads import is_allowed
from plumbmark.sandbox.relay import GatewayRelay
from tests.sandbox.gateway_server import TOKEN, GatewayServer

HOST = "Host: x\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[GatewayServer]:
    with GatewayServer() as running:
        yield running


@pytest.fixture
def relay(server: GatewayServer) -> Iterator[GatewayRelay]:
    server.asked.clear()
    server.gone.clear()
    server.go_on.clear()
    with server.relay(max_body_bytes=1 << 20, max_connections=8) as running:
        yield running


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(str(self._path))


def arrived(server: GatewayServer) -> None:
    """Wait until the server was asked."""
    ends = time.monotonic() + 120
    while not server.asked:
        assert time.monotonic() < ends
        time.sleep(0.005)


def said(relay: GatewayRelay, text: str | bytes) -> bytes:
    """Return everything that comes back until the relay closes, for bytes that no client would
    send.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(120)
        connection.connect(str(relay.socket))
        connection.sendall(text.encode("latin-1") if isinstance(text, str) else text)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def test_the_token_is_put_in_place_of_whatever_the_guest_sent(
    server: GatewayServer, relay: GatewayRelay
) -> None:
    connection = UnixConnection(relay.socket)
    connection.request(
        "POST",
        "/v1/chat/completions?key=stolen&stream=true&API_KEY=stolen",
        b"{}",
        {
            "Authorization": "Bearer stolen",
            "X-Api-Key": "stolen",
            "X-Goog-Api-Key": "stolen",
            "Api-Key": "stolen",
            "Proxy-Authorization": "stolen",
            "Cookie": "sessionid=stolen",
            "X-Forwarded-For": "stolen",
            "X-Plumbmark-Grant": "stolen",
            "Host": "stolen",
            "Content-Type": "application/json",
            "User-Agent": "openai",
        },
    )
    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert answer.status == 200
    assert answer.getheader("Set-Cookie") is None
    (asked,) = server.asked
    assert asked["headers"] == {
        "host": "gateway",
        "authorization": f"Bearer {TOKEN}",
        "accept-encoding": "identity",
        "connection": "close",
        "content-length": "2",
        "content-type": "application/json",
        "user-agent": "openai",
    }
    assert asked["path"] == "/v1/chat/completions?stream=true"
    assert "stolen" not in repr(asked)


def test_the_token_is_in_no_representation(relay: GatewayRelay) -> None:
    assert TOKEN not in repr(relay)


def test_a_token_that_would_break_the_head_is_refused() -> None:
    with pytest.raises(ValueError, match="printable"):
        GatewayRelay(target=("127.0.0.1", 1), token="a\r\nX-Other: b")


def test_one_connection_carries_many_requests(server: GatewayServer, relay: GatewayRelay) -> None:
    connection = UnixConnection(relay.socket)
    first = None
    for number in range(3):
        connection.request("POST", "/v1/chat/completions", b"x" * number)
        assert json.loads(connection.getresponse().read())["bytes"] == number
        first = first or connection.sock
        assert connection.sock is first
    connection.close()

    assert relay.requests == 3


def test_a_chunked_body_arrives_whole(server: GatewayServer, relay: GatewayRelay) -> None:
    connection = UnixConnection(relay.socket)
    connection.request(
        "POST",
        "/v1/chat/completions",
        iter([b"a" * 70_000, b"b", b"c" * 300_000]),
        encode_chunked=True,
    )

    assert json.loads(connection.getresponse().read())["bytes"] == 370_001
    connection.close()
    assert server.asked[0]["body"] == b"a" * 70_000 + b"b" + b"c" * 300_000


def test_a_stream_is_not_held_back(server: GatewayServer, relay: GatewayRelay) -> None:
    """The server sends its second piece only when the first was seen here."""
    connection = UnixConnection(relay.socket)
    connection.request("GET", "/v1/stream")
    answer = connection.getresponse()

    assert answer.readline() == b"data: one\n"
    server.go_on.set()
    assert answer.read() == b"\ndata: two\n\n"
    connection.close()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/admin/",
        "/v1",
        "/v1x/models",
        "/V1/models",
        "/api/v1/tasks",
        "/compat/kaggle/other",
        "//v1/models",
    ],
)
def test_other_paths_never_reach_the_server(
    server: GatewayServer, relay: GatewayRelay, path: str
) -> None:
    answer = said(relay, f"GET {path} HTTP/1.1\r\n{HOST}\r\n")

    if path == "/v1":
        assert answer.startswith(b"HTTP/1.1 200")
    else:
        assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))
        assert server.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../admin",
        "/v1/./models",
        "/v1/%2e%2e/admin",
        "/v1/%2E%2E%2Fadmin",
        "/v1/..%2fadmin",
        "/v1/%252e%252e/admin",
        "/v1/..;/admin",
        "/v1//admin",
        "/v1/..\\admin",
        "/v1/%5c..%5cadmin",
        "/v1/%00",
        "/v1/%0d%0aX-Other:%20b",
        "/v1/%ff",
        "/v1/models#/../admin",
        "http://other/v1/models",
        "*",
        "/v1/models\tx",
    ],
)
def test_a_path_that_is_not_plain_is_refused(
    server: GatewayServer, relay: GatewayRelay, path: str
) -> None:
    assert said(relay, f"GET {path} HTTP/1.1\r\n{HOST}\r\n").startswith(b"HTTP/1.1 400")
    assert server.asked == []


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n"),
        ("length and chunks", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
        ("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        ("odd coding", "Transfer-Encoding: xchunked\r\n"),
        ("coding list", "Transfer-Encoding: gzip, chunked\r\n"),
        ("signed length", "Content-Length: +3\r\n"),
        ("hex length", "Content-Length: 0x3\r\n"),
        ("space before the colon", "Content-Length : 3\r\n"),
        ("folded", "X-A: 1\r\n Content-Length: 3\r\n"),
        ("bare line feed", "X-A: 1\nTransfer-Encoding: chunked\r\n"),
        ("bare return", "X-A: 1\rTransfer-Encoding: chunked\r\n"),
        ("zero byte", "X-A: 1\0\r\n"),
        ("no name", ": 1\r\n"),
        ("two hosts", "Host: y\r\n"),
        ("strange expectation", "Expect: 200-ok\r\n"),
        ("many", "".join(f"X-{n}: 1\r\n" for n in range(200))),
    ],
)
def test_what_two_servers_could_read_differently_is_refused(
    server: GatewayServer, relay: GatewayRelay, name: str, head: str
) -> None:
    answer = said(relay, f"POST /v1/chat/completions HTTP/1.1\r\n{HOST}{head}\r\nabc")

    assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 501", b"HTTP/1.1 417"), name
    assert server.asked == []


@pytest.mark.parametrize(
    "line",
    [
        "CONNECT other:443 HTTP/1.1",
        "DELETE /v1/models HTTP/1.1",
        "GET /v1/models HTTP/1.0",
        "GET /v1/models HTTP/2.0",
        "GET  /v1/models HTTP/1.1",
        "GET /v1/models",
        "PRI * HTTP/2.0",
        "",
    ],
)
def test_other_request_lines_are_refused(
    server: GatewayServer, relay: GatewayRelay, line: str
) -> None:
    assert said(relay, f"{line}\r\n{HOST}\r\n").startswith(b"HTTP/1.1 400")
    assert server.asked == []


@pytest.mark.parametrize("chunk", ["5;x=y\r\nabcde", "-1\r\n", "0x5\r\nabcde", "3\r\nabcde", "zz"])
def test_a_malformed_chunk_breaks_the_request_off(
    server: GatewayServer, relay: GatewayRelay, chunk: str
) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n"

    answer = said(relay, f"{head}{chunk}\r\n0\r\n\r\n")

    assert not answer.startswith(b"HTTP/1.1 200")
    assert server.asked == []


def test_a_second_request_behind_the_first_is_judged_for_itself(
    server: GatewayServer, relay: GatewayRelay
) -> None:
    allowed = "POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"

    answer = said(relay, f"{allowed}GET /admin/ HTTP/1.1\r\n{HOST}\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 403" in answer
    assert [asked["path"] for asked in server.asked] == ["/v1/chat/completions"]


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused_with_the_limit(
    server: GatewayServer, relay: GatewayRelay, is_chunked: bool
) -> None:
    connection = UnixConnection(relay.socket)
    body = [b"x" * 65536] * 20
    if is_chunked:
        connection.request("POST", "/v1/chat/completions", iter(body), encode_chunked=True)
    else:
        connection.request("POST", "/v1/chat/completions", b"".join(body))

    answer = connection.getresponse()

    assert answer.status == 413
    assert "1048576 bytes" in json.loads(answer.read())["error"]["message"]
    connection.close()
    assert server.asked == []


def test_a_head_beyond_the_limit_is_refused(relay: GatewayRelay) -> None:
    answer = said(relay, f"GET /v1/models HTTP/1.1\r\nX-A: {'a' * 200_000}\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 431")


def test_more_connections_than_allowed_are_told_so(relay: GatewayRelay) -> None:
    held = [socket.socket(socket.AF_UNIX) for _ in range(8)]
    for connection in held:
        connection.connect(str(relay.socket))

    answer = said(relay, f"GET /v1/models HTTP/1.1\r\n{HOST}\r\n")

    assert answer.startswith(b"HTTP/1.1 503")
    assert b"too-many-connections" in answer
    for connection in held:
        connection.close()


def test_many_at_once_are_all_answered(server: GatewayServer) -> None:
    results: list[int] = []
    with server.relay() as relay:

        def ask() -> None:
            connection = UnixConnection(relay.socket)
            for _ in range(4):
                connection.request("POST", "/v1/chat/completions", b"x" * 100_000)
                results.append(json.loads(connection.getresponse().read())["bytes"])
            connection.close()

        threads = [threading.Thread(target=ask) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert results == [100_000] * 128


def test_a_guest_that_leaves_ends_the_call(server: GatewayServer, relay: GatewayRelay) -> None:
    connection = UnixConnection(relay.socket)
    connection.request("POST", "/v1/waits", b"{}")
    arrived(server)
    connection.close()

    assert server.gone.wait(120)


def test_an_answer_before_the_body_was_read_is_passed_on(
    server: GatewayServer, relay: GatewayRelay
) -> None:
    connection = UnixConnection(relay.socket)
    connection.request("POST", "/v1/early", b"x" * 1_000_000)

    answer = connection.getresponse()

    assert (answer.status, answer.read()) == (429, b"too soon")
    connection.close()


def test_an_answer_that_is_cut_off_is_seen_as_cut_off(relay: GatewayRelay) -> None:
    connection = UnixConnection(relay.socket)
    connection.request("GET", "/v1/cut")

    with (
        pytest.raises((http.client.IncompleteRead, ConnectionError)),
        connection.getresponse() as answer,
    ):
        answer.read()
    connection.close()
    assert relay.lost == 1


def test_a_gateway_that_is_down_is_an_error_that_names_no_address(server: GatewayServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with server.relay(target=taken.getsockname()) as relay:
            answer = said(relay, f"GET /v1/models HTTP/1.1\r\n{HOST}\r\n")
            assert relay.lost == 1

    assert answer.startswith(b"HTTP/1.1 502")
    assert b"127.0.0.1" not in answer
    assert str(taken).encode() not in answer


def test_the_socket_lies_in_a_folder_of_its_own_and_goes_with_the_relay(
    server: GatewayServer,
) -> None:
    with server.relay() as relay:
        path = relay.socket
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert path.is_socket()

    assert not path.parent.exists()


def test_stopping_breaks_off_what_is_under_way(server: GatewayServer) -> None:
    server.asked.clear()
    server.gone.clear()
    with server.relay() as relay:
        connection = UnixConnection(relay.socket)
        connection.request("POST", "/v1/waits", b"{}")
        arrived(server)

    assert server.gone.wait(120)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse()
    connection.close()


def test_a_client_that_waits_for_leave_to_send_gets_it(
    server: GatewayServer, relay: GatewayRelay
) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(120)
        connection.connect(str(relay.socket))
        head = f"POST /v1/chat/completions HTTP/1.1\r\n{HOST}Content-Length: 3\r\n"
        connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("path", "prefixes", "expected"),
    [
        ("/v1", ["/v1/"], True),
        ("/v1/models", ["/v1"], True),
        ("/v10", ["/v1"], False),
        ("/", ["/v1"], False),
    ],
)
def test_a_prefix_ends_at_a_slash(path: str, prefixes: list[str], expected: bool) -> None:
    assert is_allowed(path, prefixes) is expected
