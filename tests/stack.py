"""The whole platform as real processes: web, workers, scheduler, on a state folder of its own.

Everything is started as `manage.py up` starts it; tests talk to it over HTTP, kill parts of it,
and look into its database through `manage.py shell`.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.ports import unused_port
from tests.shared import make_once

ROOT = Path(__file__).resolve().parents[1]


class ApiError(AssertionError):
    """The API answered with an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class Api:
    """A program's way in: a token, JSON, and multipart for files."""

    def __init__(self, base: str, token: str) -> None:
        self._base = f"{base}/api/v1/"
        self.token = token

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return self._ask("POST", path, data, "application/json", headers)

    def put(self, path: str, body: Any) -> Any:
        return self._ask("PUT", path, json.dumps(body).encode(), "application/json")

    def patch(self, path: str, body: Any) -> Any:
        return self._ask("PATCH", path, json.dumps(body).encode(), "application/json")

    def send(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str],
        files: Mapping[str, tuple[str, bytes]],
    ) -> Any:
        """Send a multipart body: `files` maps a field to (file name, content)."""
        border = uuid.uuid4().hex
        parts = []
        for name, value in fields.items():
            head = f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
            parts.append(head.encode() + value.encode() + b"\r\n")
        for name, (file_name, content) in files.items():
            head = (
                f"--{border}\r\nContent-Disposition: form-data; "
                f'name="{name}"; filename="{file_name}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            )
            parts.append(head.encode() + content + b"\r\n")
        body = b"".join(parts) + f"--{border}--\r\n".encode()
        return self._ask(method, path, body, f"multipart/form-data; boundary={border}")

    def pages(self, path: str) -> list[Any]:
        """Return all results of a list, page by page."""
        found: list[Any] = []
        next_path: str | None = path
        while next_path:
            answer = self.get(next_path)
            found += answer["results"]
            next_url = answer["next"]
            next_path = next_url.partition("/api/v1/")[2] if next_url else None
        return found

    def _ask(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        request = urllib.request.Request(self._base + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if data is not None:
            request.add_header("Content-Type", kind)
        for name, value in (headers or {}).items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=600) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                body = json.loads(text)
            except ValueError:
                body = text[:2000]
            raise ApiError(error.code, body) from error
        return json.loads(text) if text else None


def migrated() -> Path:
    """Return an empty SQLite database with all tables, to be copied: creating it takes seconds."""
    folder = make_once("sqlite", lambda folder: migrate(folder))
    return folder / "plumbmark.sqlite3"


def migrate(state: Path, database_url: str = "") -> None:
    """Make all tables, in SQLite in that folder or in another database."""
    state.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"],
        env={
            **{name: value for name, value in os.environ.items() if "PLUMBMARK" not in name},
            "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
            "PLUMBMARK_STATE_DIR": str(state),
            **({"PLUMBMARK_DATABASE_URL": database_url} if database_url else {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


class Process:
    """A process that another one is the parent of."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    def wait(self, timeout: float) -> None:
        """Wait for its end; raise `subprocess.TimeoutExpired` if it runs on."""
        if not select.select([self._descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)

    def terminate(self) -> None:
        signal.pidfd_send_signal(self._descriptor, signal.SIGTERM)

    def __del__(self) -> None:
        os.close(self._descriptor)


class Stack:
    """Processes of one platform. Nothing runs until asked for.

    A database of another kind than SQLite must be migrated (`migrate`, `postgres.new_database`).
    """

    def __init__(
        self, state: Path, *, database_url: str = "", redis_url: str = "", **settings: str
    ) -> None:
        self.state = state
        self.port, self.gateway_port = unused_port(), unused_port(with_next=True)
        self.url = f"http://127.0.0.1:{self.port}"
        self.gateway_url = f"http://127.0.0.1:{self.gateway_port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if "PLUMBMARK" not in name},
            "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
            "DJANGO_SETTINGS_MODULE": "plumbmark.config.settings",
            "PLUMBMARK_STATE_DIR": str(state),
            "PLUMBMARK_SITE_URL": self.url,
            "PLUMBMARK_GATEWAY_PORT": str(self.gateway_port),
            "PLUMBMARK_DEBUG": "1",
            "PLUMBMARK_SWEEP_SECONDS": "1",
            "PLUMBMARK_API_REQUESTS_PER_MINUTE": "100000",
            **{f"PLUMBMARK_{name.upper()}": value for name, value in settings.items()},
        }
        if database_url:
            self.environment["PLUMBMARK_DATABASE_URL"] = database_url
        if redis_url:
            self.environment["PLUMBMARK_REDIS_URL"] = redis_url
        self.processes: dict[str, Process] = {}
        self._host: subprocess.Popen[str] | None = None
        state.mkdir(parents=True, exist_ok=True)
        if not database_url:
            shutil.copy(migrated(), state / "plumbmark.sqlite3")

    # --- processes --------------------------------------------------------------------------

    def start(self, name: str, *, path: str = "/api/v1/deployments") -> None:
        """Start `web`, `gateway`, `beat`, or any `worker…`; replaces one that died.

        `path` is what the pages must answer before this returns.
        """
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "-A", "plumbmark.config.celery"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        if name == "web":
            command = [*python, "plumbmark.config.pages_server", f"--port={self.port}"]
        elif name == "gateway":
            command = [*python, "plumbmark.config.gateway_server", f"--port={self.gateway_port}"]
        elif name == "beat":
            scheduler = [*python, "celery", "-A", "plumbmark.config.scheduler"]
            command = [*scheduler, "beat", "--pidfile=", f"--schedule={self.state / 'schedule'}"]
        else:
            command = [*celery, "worker", "-P", "threads", "-c", "3", "-n", f"{name}@%h", *quiet]
        log = str(self.state / f"{name}.log")
        answer = self._ask({"start": {"name": name, "command": command, "log": log}})
        self.processes[name] = Process(answer["pid"])
        if name == "web":
            self.wait_for(lambda: self._answers(f"{self.url}{path}"))
        elif name == "gateway":
            self.wait_for(lambda: self._answers(f"{self.gateway_url}/healthz"))

    def _answers(self, url: str) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=60):
                return True
        except OSError:
            return False

    def kill(self, name: str, sign: int = signal.SIGKILL) -> None:
        """Send a signal to a whole process group; SIGKILL unless said otherwise."""
        process = self.processes[name]
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
        if sign in {signal.SIGKILL, signal.SIGTERM}:
            process.wait(timeout=120)

    def stop(self) -> None:
        for name in self.processes:
            try:
                self.kill(name, signal.SIGTERM)
            except subprocess.TimeoutExpired:
                self.kill(name)
        self.processes.clear()
        if self._host is not None:
            # The end of its input ends it.
            self._host.communicate(timeout=120)
            self._host = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # --- what only an operator can do -------------------------------------------------------

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def shell(self, code: str) -> Any:
        """Run code that prints one JSON value on its last line."""
        return json.loads(self._ask({"code": code})["printed"].splitlines()[-1])

    def _ask(self, request: Any) -> Any:
        if self._host is None:
            with (self.state / "host.log").open("ab") as log:
                self._host = subprocess.Popen(
                    [sys.executable, str(ROOT / "tests/stack_host.py")],
                    cwd=ROOT,
                    env=self.environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
        assert self._host.stdin is not None
        assert self._host.stdout is not None
        self._host.stdin.write(json.dumps(request) + "\n")
        self._host.stdin.flush()
        line = self._host.stdout.readline()
        answer = json.loads(line) if line else {"failure": (self.state / "host.log").read_text()}
        if "failure" in answer:
            raise AssertionError(f"the code failed:\n{answer['failure']}")
        return answer

    def account(self, handle: str) -> Api:
        """Create a confirmed person with a token that may read and write."""
        secret = self.shell(
            "import json\n"
            "from plumbmark.accounts.actions import open_account\n"
            "from plumbmark.accounts.tokens import issue_token\n"
            f"user = open_account(email='{handle}@example.org', password='correct horse battery',"
            f" handle='{handle}', is_confirmed=True)\n"
            "issued = issue_token(user=user, name='test', "
            " scopes=['read', 'write', 'gateway'],"
            " expires_at=None)\n"
            "print(json.dumps(issued.secret))"
        )
        return Api(self.url, secret)

    def add_model(
        self,
        name: str,
        base_url: str,
        *,
        input_price: int = 10**9,
        output_price: int = 2 * 10**9,
        deadline: float | None = None,
    ) -> str:
        """Add a platform deployment `fake/<name>` in the OpenAI format, with a price."""
        return str(
            self.shell(
                "import json\n"
                "from plumbmark.gateway.actions import add_deployment, set_price\n"
                f"d = add_deployment(slug='fake/{name}', provider='openai',"
                f" upstream_id='{name}', base_url='{base_url}', by=None)\n"
                f"d.deadline_seconds = {deadline!r}; d.save()\n"
                f"set_price(deployment=d, input_per_mtok={input_price},"
                f" output_per_mtok={output_price}, by=None)\n"
                "print(json.dumps(d.slug))"
            )
        )

    # --- waiting ----------------------------------------------------------------------------

    def wait_for(self, claim: Callable[[], bool], seconds: float = 600) -> None:
        """Wait for a condition; waits the full time only if it never becomes true.

        Asking costs the processes that work, too: the longer it lasts, the rarer it is done.
        """
        begun = time.monotonic()
        while not claim():
            waited = time.monotonic() - begun
            if waited > seconds:
                logs = "\n".join(
                    f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
                    for path in sorted(self.state.glob("*.log"))
                )
                raise AssertionError(f"not within {seconds} s\n{logs}")
            time.sleep(min(max(waited / 10, 0.05), 1))
