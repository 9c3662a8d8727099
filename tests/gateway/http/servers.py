"""The gateway as a real process, and tokens for it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from plumbmark.accounts.models import Namespace
from plumbmark.accounts.tokens import issue_token
from tests.gateway.conftest import Store
from tests.ports import unused_port

_ROOT = Path(__file__).resolve().parents[3]


class Server:
    """A running gateway process; `url` is the root of its routes."""

    def __init__(self, store: Store, folder: Path, workers: int = 1, **settings: str) -> None:
        port = unused_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "gateway.log"
        environment = {
            **store.environment,
            "PYTHONPATH": f"{_ROOT / 'platform'}{os.pathsep}{_ROOT}",
            "DJANGO_SETTINGS_MODULE": "plumbmark.config.settings",
            **{f"PLUMBMARK_{name.upper()}": value for name, value in settings.items()},
        }
        command = [sys.executable, "-m", "plumbmark.config.gateway_server", f"--port={port}"]
        command += [f"--workers={workers}"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=_ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ends = time.monotonic() + 300
        while not self._answers():
            assert time.monotonic() < ends, self.log
            assert self.process.poll() is None, self.log
            time.sleep(0.05)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _answers(self) -> bool:
        try:
            return ask(f"{self.url}/healthz").status == 200
        except OSError:
            return False

    def stop(self, sign: int = signal.SIGTERM) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, sign)
        self.process.wait(timeout=300)


@contextlib.contextmanager
def serving(store: Store, folder: Path, workers: int = 1, **settings: str) -> Iterator[Server]:
    server = Server(store, folder, workers, **settings)
    try:
        yield server
    finally:
        server.stop()


class Reply:
    """A reply: status, headers and body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of server-sent events."""
        lines = [line for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]


def ask(url: str, body: Any = None, token: str = "", **headers: str) -> Reply:
    """GET, or POST if there is a body (bytes are sent unchanged)."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            return Reply(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.headers, error.read())


def token_of(namespace: Namespace, *scopes: str) -> str:
    assert namespace.user is not None
    wanted = scopes or ("gateway",)
    return issue_token(user=namespace.user, name="gateway", scopes=wanted, expires_at=None).secret
