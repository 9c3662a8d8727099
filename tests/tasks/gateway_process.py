"""The gateway as a process on the tests' own database."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from tests.ports import unused_port

_ROOT = Path(__file__).resolve().parents[2]


class WarmGateway:
    """Starts gateways on the database of this test process, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        database = {}
        if connection.vendor == "sqlite":
            # SQLite follows the link, so that both have one log of writes.
            (folder / "plumbmark.sqlite3").symlink_to(connection.settings_dict["NAME"])
        else:
            given = urlsplit(os.environ["PLUMBMARK_DATABASE_URL"])
            own = given._replace(path=f"/{connection.settings_dict['NAME']}")
            database = {"PLUMBMARK_DATABASE_URL": urlunsplit(own)}
        environment = {
            **{name: value for name, value in os.environ.items() if "PLUMBMARK" not in name},
            "PYTHONPATH": f"{_ROOT / 'platform'}{os.pathsep}{_ROOT}",
            "PLUMBMARK_STATE_DIR": str(folder),
            "PLUMBMARK_SECRET_KEY": settings.SECRET_KEY,
            **database,
        }
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("warm_gateway.py"))],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def serve(self, folder: Path) -> Iterator[str]:
        """Run a gateway that keeps its log and its spool there; yield its host and port."""
        port = unused_port()
        log = folder / "gateway.log"
        spool = folder / "gateway-spool"
        pid = self._ask({"start": {"port": port, "log": str(log), "spool": str(spool)}})
        try:
            ends = time.monotonic() + 300
            while not _answers(port):
                assert time.monotonic() < ends, log.read_text()
                assert not _has_ended(pid), log.read_text()
                time.sleep(0.02)
            yield f"127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            self._ask({"wait": pid})

    def _ask(self, request: Any) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(json.loads(self._process.stdout.readline()))

    def stop(self) -> None:
        # The end of its input ends it.
        self._process.communicate(timeout=300)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _has_ended(pid: int) -> bool:
    """Return whether it ended and its exit code has not been read yet."""
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
