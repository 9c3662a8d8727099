"""Starts `worker.py` as real processes."""

import subprocess
import sys
from pathlib import Path

from plumbmark.gateway.models import Deployment, Grant
from tests.gateway.conftest import Store

_ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """A process that waits to be told to start."""

    def __init__(
        self,
        store: Store,
        grant: Grant,
        deployment: Deployment,
        *,
        calls: int,
        window: int = 64,
        prefix: str = "k",
    ) -> None:
        numbers = (grant.pk, deployment.pk, calls, window)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.gateway.worker", *map(str, numbers), prefix],
            cwd=_ROOT,
            env={**store.environment, "PYTHONPATH": f"{_ROOT}:{_ROOT / 'platform'}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._is_ready = False
        self._heard: list[bytes] = []

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        if not self._is_ready:
            assert self.process.stdout.readline() == b"ready\n"
            self._is_ready = True

    def start(self) -> None:
        self.wait_until_ready()
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.close()

    def wait_for_answers(self, count: int) -> None:
        """Wait until it has reported this many answers; it continues meanwhile."""
        assert self.process.stdout is not None
        self._heard += [self.process.stdout.readline() for _ in range(count)]

    def answers(self) -> dict[str, int]:
        """Return what it was charged, by key, read until its pipe ends."""
        assert self.process.stdout is not None
        self._heard += self.process.stdout.readlines()
        lines = b"".join(self._heard).decode().splitlines()
        self.process.stdout.close()
        self.process.wait(timeout=300)
        pairs = (line.split() for line in lines if line != "done")
        return {key: int(charged) for key, charged in pairs}

    def kill(self) -> None:
        self.process.kill()
