"""The gateway's doors as a process on the tests' own database."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from tests.ports import unused_port

_ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def doors(folder: Path) -> Iterator[str]:
    """Yields host and port."""
    port = unused_port()
    state = folder / "gateway"
    state.mkdir()
    database = {}
    if connection.vendor == "sqlite":
        # SQLite follows the link, so that both have one log of writes.
        (state / "plumbmark.sqlite3").symlink_to(connection.settings_dict["NAME"])
    else:
        given = urlsplit(os.environ["PLUMBMARK_DATABASE_URL"])
        own = given._replace(path=f"/{connection.settings_dict['NAME']}")
        database = {"PLUMBMARK_DATABASE_URL": urlunsplit(own)}
    environment = {
        **{name: value for name, value in os.environ.items() if "PLUMBMARK" not in name},
        "PYTHONPATH": f"{_ROOT / 'platform'}{os.pathsep}{_ROOT}",
        "PLUMBMARK_STATE_DIR": str(state),
        "PLUMBMARK_SECRET_KEY": settings.SECRET_KEY,
        "PLUMBMARK_SPOOL_DIR": str(folder / "gateway-spool"),
        **database,
    }
    command = [sys.executable, "-m", "plumbmark.config.gateway_server", f"--port={port}"]
    log = (folder / "gateway.log").open("wb")
    process = subprocess.Popen(
        command, cwd=_ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    log.close()
    try:
        ends = time.monotonic() + 300
        while not _answers(port):
            assert time.monotonic() < ends, (folder / "gateway.log").read_text()
            assert process.poll() is None, (folder / "gateway.log").read_text()
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=300)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
