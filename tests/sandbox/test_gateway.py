"""The guest's only way out, end to end: program, sandbox, socket, relay, a real server."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plumbmark.sandbox.contract import GATEWAY_URL
from plumbmark.sandbox.folders import clean_work_folder
from plumbmark.sandbox.relay import GatewayRelay
from tests.sandbox.conftest import ORDINARY_USER, Guest
from tests.sandbox.gateway_server import TOKEN, GatewayServer


@pytest.fixture(scope="module")
def server() -> Iterator[GatewayServer]:
    with GatewayServer() as running:
        yield running


@pytest.fixture
def relay(server: GatewayServer, guest: Guest) -> Iterator[GatewayRelay]:
    """Return a server whose socket lies where whoever starts the guest gets to, and nobody else."""
    server.asked.clear()
    server.go_on.clear()
    with tempfile.TemporaryDirectory() as folder:
        if "ordinary" in os.environ["PYTEST_CURRENT_TEST"]:
            os.chown(folder, ORDINARY_USER, ORDINARY_USER)
        with server.relay(socket=Path(folder, "gateway.sock")) as running:
            yield running


def through(relay: GatewayRelay, **more: Any) -> dict[str, Any]:
    environment = {"OPENAI_BASE_URL": f"{GATEWAY_URL}/v1", "OPENAI_API_KEY": "none"}
    return {"gateway_socket": relay.socket, "environment": environment, **more}


def test_a_program_asks_the_gateway_and_never_sees_the_token(
    guest: Guest, server: GatewayServer, relay: GatewayRelay
) -> None:
    facts = guest.facts(
        """
import json, os, urllib.request
request = urllib.request.Request(
    os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    json.dumps({"model": "m"}).encode(),
    {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"},
)
with urllib.request.urlopen(request, timeout=100) as answer:
    print(json.dumps({"status": answer.status, "answer": json.load(answer)}))
""",
        job=through(relay),
    )

    assert facts["status"] == 200
    (asked,) = server.asked
    assert asked["headers"]["authorization"] == f"Bearer {TOKEN}"
    assert asked["body"] == b'{"model": "m"}'


def test_a_stream_reaches_the_program_piece_by_piece(
    guest: Guest, server: GatewayServer, relay: GatewayRelay
) -> None:
    """The program lets the second piece out after it saw the first."""
    facts = guest.facts(
        """
import http.client, json
stream = http.client.HTTPConnection("127.0.0.1", 8999, timeout=100)
stream.request("POST", "/v1/stream", b"{}")
answer = stream.getresponse()
first = answer.readline().decode()
other = http.client.HTTPConnection("127.0.0.1", 8999, timeout=100)
other.request("POST", "/v1/go-on", b"{}")
other.getresponse().read()
print(json.dumps([first, answer.read().decode()]))
""",
        job=through(relay),
    )

    assert facts == ["data: one\n", "\ndata: two\n\n"]


def test_an_asynchronous_client_asks_many_things_at_once(
    guest: Guest, server: GatewayServer, relay: GatewayRelay
) -> None:
    facts = guest.facts(
        """
import asyncio, json
async def ask():
    reader, writer = await asyncio.open_connection("127.0.0.1", 8999)
    for _ in range(2):
        body = b"x" * 100_000
        head = f"POST /v1/chat/completions HTTP/1.1\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
        writer.write(head.encode() + body)
        await writer.drain()
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\\r")[0])
        answer = json.loads(await reader.readexactly(length))
        assert answer["bytes"] == 100_000
    writer.close()
    await writer.wait_closed()
    return 2
async def main():
    print(json.dumps(sum(await asyncio.gather(*[ask() for _ in range(48)]))))
asyncio.run(main())
""",
        job=through(relay),
    )

    assert facts == 96
    assert len(server.asked) == 96


def test_other_paths_and_other_addresses_stay_closed(
    guest: Guest, server: GatewayServer, relay: GatewayRelay
) -> None:
    facts = guest.facts(
        f"""
import http.client, json, socket
told = {{}}
for path in ("/admin/", "/api/v1/tasks", "/v1/%2e%2e/admin/"):
    connection = http.client.HTTPConnection("127.0.0.1", 8999, timeout=100)
    connection.request("GET", path)
    told[path] = connection.getresponse().status
for name, address in {{"server": {tuple(server.address)!r}, "other port": ("127.0.0.1", 8998),
                      "other host": ("127.0.0.2", 8999), "out": ("1.1.1.1", 8999)}}.items():
    try: socket.create_connection(address, 2); told[name] = "reached"
    except OSError as error: told[name] = "refused"
print(json.dumps(told))
""",
        job=through(relay),
    )

    assert facts == {
        "/admin/": 403,
        "/api/v1/tasks": 403,
        "/v1/%2e%2e/admin/": 400,
        "server": "refused",
        "other port": "refused",
        "other host": "refused",
        "out": "refused",
    }
    assert server.asked == []


def test_without_a_gateway_its_port_is_closed(guest: Guest) -> None:
    facts = guest.facts(
        """
import json, socket
try: socket.create_connection(("127.0.0.1", 8999), 2); print(json.dumps("reached"))
except OSError as error: print(json.dumps("refused"))
"""
    )

    assert facts == "refused"


def test_connections_without_end_do_the_relay_no_harm(
    guest: Guest, server: GatewayServer, relay: GatewayRelay
) -> None:
    guest.run(
        """
import socket
held = []
try:
    for _ in range(2000):
        held.append(socket.create_connection(("127.0.0.1", 8999), 2))
        held[-1].sendall(b"GET /v1/models HTTP/1.1\\r\\n")
except OSError: pass
print(len(held))
""",
        job=through(relay),
    )

    facts = guest.facts(
        """
import json, urllib.request
print(json.dumps(urllib.request.urlopen("http://127.0.0.1:8999/v1/models", timeout=100).status))
""",
        job=through(relay),
    )
    assert facts == 200


def test_a_dotenv_file_that_a_program_leaves_changes_nothing_of_ours(
    guest: Guest, server: GatewayServer, relay: GatewayRelay, work: Path
) -> None:
    """The environment of a run is set by us, and the gateway is all that can be reached anyway."""
    guest.facts(
        """
open(".env", "w").write("OPENAI_BASE_URL=http://203.0.113.1/v1\\nOPENAI_API_KEY=mine\\n")
open(".netrc", "w").write("machine 127.0.0.1 login a password b\\n")
print("{}")
""",
        job=through(relay, work=work),
    )

    facts = guest.facts(
        """
import json, os, urllib.request
answer = urllib.request.urlopen(os.environ["OPENAI_BASE_URL"] + "/models", timeout=100)
print(json.dumps([answer.status, os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]]))
""",
        job=through(relay, work=work),
    )

    assert facts == [200, f"{GATEWAY_URL}/v1", "none"]
    assert [asked["headers"]["authorization"] for asked in server.asked] == [f"Bearer {TOKEN}"]
    assert "OPENAI_BASE_URL" not in os.environ
    assert clean_work_folder(work) == [".env", ".netrc"]
    assert list(work.iterdir()) == []
