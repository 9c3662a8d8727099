"""`manage.py up` as a newcomer meets it: one command, a real board, a clean end, no debris."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import ROOT, Stack

pytestmark = pytest.mark.slow


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "state", debug="0")


@pytest.fixture
def up(stack: Stack) -> Iterator["subprocess.Popen[str]"]:
    process = start(stack)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()
    stack.wait_for(lambda: not processes_of(stack))


def start(stack: Stack, *options: str) -> "subprocess.Popen[str]":
    with (stack.state / "up.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up", *options],
            cwd=ROOT,
            env=stack.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )


def processes_of(stack: Stack) -> dict[int, str]:
    """Return name and command of the processes with this state folder, by process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().decode(errors="replace")
            name = (folder / "comm").read_text().strip().removeprefix("pmk-")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            is_zombie = ") Z " in (folder / "stat").read_text()
        except OSError:
            continue
        if f"PLUMBMARK_STATE_DIR={stack.state}" in environment and not is_zombie and command:
            found[int(folder.name)] = f" {name} {command}"
    return found


def page(stack: Stack, path: str) -> str:
    try:
        with urllib.request.urlopen(stack.url + path, timeout=60) as response:
            return str(response.read().decode())
    except (urllib.error.URLError, OSError):
        return ""


def board_is_there(stack: Stack) -> bool:
    text = page(stack, "/benchmarks/demo/demo-first-steps/")
    return "Random choice" in text and "Echo" in text and "100.0" in text


def test_one_command_gives_a_board_that_outlives_kills_and_one_ctrl_c_ends_everything(
    stack: Stack, up: "subprocess.Popen[str]"
) -> None:
    stack.wait_for(lambda: board_is_there(stack))
    said = (stack.state / "up.log").read_text()
    assert f"Plumbmark is running at {stack.url}/" in said
    link = re.search(r"http://\S+/setup/administrator/\S+", said)
    assert link is not None
    assert page(stack, link.group().removeprefix(stack.url)) != ""
    assert "stylesheet" in page(stack, "/")
    with urllib.request.urlopen(f"{stack.gateway_url}/healthz", timeout=60) as response:
        assert response.status == 200

    worker = next(pid for pid, command in processes_of(stack).items() if " worker " in command)
    os.kill(worker, signal.SIGKILL)

    def is_back() -> bool:
        return any(
            " worker " in command and pid != worker for pid, command in processes_of(stack).items()
        )

    stack.wait_for(is_back)
    up.kill()
    up.wait()
    stack.wait_for(lambda: not processes_of(stack))

    again = start(stack)
    try:
        stack.wait_for(lambda: board_is_there(stack))
        time.sleep(1)
        assert (stack.state / "up.log").read_text().count("Loaded a demo benchmark") == 1
    finally:
        again.send_signal(signal.SIGINT)
        assert again.wait(timeout=300) == 0
    stack.wait_for(lambda: not processes_of(stack))


def test_with_another_port_every_address_that_is_told_leads_there(stack: Stack) -> None:
    del stack.environment["PLUMBMARK_SITE_URL"]
    up = start(stack, f"--port={stack.port}", "--no-demo", f"--gateway-port={stack.gateway_port}")
    try:
        stack.wait_for(lambda: page(stack, "/help/") != "")
        said = (stack.state / "up.log").read_text()
        link = re.search(r"http://\S+/setup/administrator/\S+", said)

        assert link is not None
        assert link.group().startswith(f"{stack.url}/")
        assert "administrator" in page(stack, link.group().removeprefix(stack.url))
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(timeout=300)


def test_a_taken_port_is_told_before_anything_is_started(stack: Stack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", stack.port))
        other.listen()

        up = start(stack, "--no-demo")

        assert up.wait(timeout=300) == 1
    said = (stack.state / "up.log").read_text()
    assert f"The pages cannot be served at 127.0.0.1:{stack.port}: Address already in use" in said
    assert "--port" in said
    assert "Traceback" not in said
