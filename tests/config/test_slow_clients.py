"""An attack on the server of the pages as compose starts it: clients that send very slowly."""

import socket
import time
import urllib.request
from pathlib import Path

from tests.stack import Stack

SLOW_CLIENTS = 100
_HEAD = (
    b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken=%b\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000\r\n\r\n"
)


def memory_of(process: int) -> int:
    """Return the resident memory of a process in bytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096


def seconds_to_load(url: str) -> float:
    """Return the quickest of five requests: others use the machine too."""
    times = []
    for _ in range(5):
        began = time.monotonic()
        with urllib.request.urlopen(url, timeout=120) as response:
            assert response.status == 200
            response.read()
        times.append(time.monotonic() - began)
    return min(times)


def test_a_hundred_slow_bodies_and_heads_do_no_harm(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.start("web")
        page = f"{stack.url}/accounts/login/"
        alone = seconds_to_load(page)
        memory = memory_of(stack.processes["web"].pid)
        slow = [
            socket.create_connection(("127.0.0.1", stack.port)) for _ in range(2 * SLOW_CLIENTS)
        ]
        for number, client in enumerate(slow):
            whole = _HEAD % (b"a" * 32) + b"login=" + b"a" * 10_000
            client.sendall(whole if number % 2 else whole[:60])

        under_attack = seconds_to_load(page)
        growth = memory_of(stack.processes["web"].pid) - memory
        for client in slow:
            client.sendall(b"a")
        assert seconds_to_load(page) < 10 * alone + 1
        for client in slow:
            client.close()

    assert under_attack < 10 * alone + 1
    assert growth < 50 * 1024 * 1024
