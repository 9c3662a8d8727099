"""Probes of load balancers and containers, against real processes."""

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from plumbmark.common.readiness import MAX_SECONDS
from plumbmark.config.scheduler import MAX_SILENCE_SECONDS
from tests.stack import ROOT, Stack


def get(
    port: int, path: str, method: str = "GET", *, host: str = "10.0.0.7:8000"
) -> tuple[int, dict[str, str], str]:
    """Ask as a load balancer does: by address, with its own idea of the host."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers={"Host": host})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read().decode()
    finally:
        connection.close()


def ready(port: int) -> tuple[int, Any]:
    status, _, body = get(port, "/readyz")
    return status, json.loads(body)


def forget_a_migration(stack: Stack) -> None:
    with sqlite3.connect(stack.state / "plumbmark.sqlite3") as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'leaderboards'")


@pytest.mark.parametrize("name", ["web", "gateway"])
def test_a_server_tells_that_it_is_alive_and_ready(tmp_path: Path, name: str) -> None:
    # A site of https, so that nothing would be answered over plain HTTP to a foreign host.
    with Stack(tmp_path / "state", behind_tls_proxy="1") as stack:
        stack.environment["PLUMBMARK_SITE_URL"] = "https://bench.example"
        stack.environment["PLUMBMARK_ALLOWED_HOSTS"] = "bench.example"
        port = stack.port if name == "web" else stack.gateway_port
        stack.start(name, path="/healthz")

        status, headers, body = get(port, "/healthz")
        assert (status, body) == (200, "ok")
        assert headers["content-type"].startswith("text/plain")
        assert headers["cache-control"] == "no-store"
        assert "set-cookie" not in headers
        assert ready(port) == (200, {"status": "ready"})
        assert get(port, "/readyz", "POST")[0] == 405
        # Every other address still looks at the host.
        if name == "web":
            assert get(port, "/")[0] == 400


@pytest.mark.parametrize("name", ["web", "gateway"])
def test_without_all_migrations_it_is_alive_and_not_ready(tmp_path: Path, name: str) -> None:
    with Stack(tmp_path / "state") as stack:
        forget_a_migration(stack)
        port = stack.port if name == "web" else stack.gateway_port
        stack.start(name, path="/healthz")

        assert get(port, "/healthz")[0] == 200
        assert ready(port) == (503, {"status": "not ready", "problems": ["migrations"]})


@pytest.mark.parametrize("name", ["web", "gateway"])
def test_a_database_that_is_away_is_told_soon_and_without_its_address(
    tmp_path: Path, name: str
) -> None:
    # A port that accepts and never answers: the worst that a database can do.
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        url = f"postgres://somebody:hidden@127.0.0.1:{silent.getsockname()[1]}/plumbmark"
        with Stack(tmp_path / "state", database_url=url) as stack:
            asked = stack.port if name == "web" else stack.gateway_port
            stack.start(name, path="/healthz")
            for _ in range(3):
                began = time.monotonic()
                status, _, body = get(asked, "/readyz")
                assert status == 503
                assert json.loads(body) == {"status": "not ready", "problems": ["database"]}
                assert time.monotonic() - began < 10 * MAX_SECONDS
            assert get(asked, "/healthz")[0] == 200
            # It would wait for the database.
            stack.kill(name)
            stack.processes.clear()


def check(stack: Stack, process: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check_process", process],
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_check_of_a_worker_follows_its_reports(tmp_path: Path) -> None:
    with Stack(tmp_path / "state") as stack:
        before = check(stack, "worker")
        assert before.returncode == 1
        assert "No worker of this machine has reported for 60 seconds." in before.stderr
        assert "Traceback" not in before.stderr

        stack.start("worker")
        stack.wait_for(lambda: check(stack, "worker").returncode == 0)

        # Alive, it would report again in between.
        stack.kill("worker")
        with sqlite3.connect(stack.state / "plumbmark.sqlite3", timeout=60) as database:
            database.execute("UPDATE common_workerreport SET name = 'elsewhere:1'")
        assert check(stack, "worker").returncode == 1


def test_the_check_of_the_scheduler_follows_its_ticks(tmp_path: Path) -> None:
    with Stack(tmp_path / "state") as stack:
        assert check(stack, "scheduler").returncode == 1

        stack.start("beat")
        stack.wait_for(lambda: check(stack, "scheduler").returncode == 0)
        stack.kill("beat")
        file = stack.state / "schedule.alive"
        old = file.stat().st_mtime - MAX_SILENCE_SECONDS - 1
        os.utime(file, (old, old))

        stuck = check(stack, "scheduler")
        assert stuck.returncode == 1
        assert "has not looked at its schedule for" in stuck.stderr

        stack.start("beat")
        stack.wait_for(lambda: check(stack, "scheduler").returncode == 0)
