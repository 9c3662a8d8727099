"""Starts the fake provider as a process of its own and talks to its control paths."""

import hashlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_SERVER = Path(__file__).with_name("server.py")


def digest_of(prompt: str) -> str:
    """Return the key of a prompt in the server's `answers` and in its `prompts` count."""
    return hashlib.sha256(prompt.encode()).hexdigest()


class FakeProvider:
    """A running fake provider; `url` is its base URL, with `/v1`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_SERVER)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url: str = json.loads(self._process.stdout.readline())["url"]
        self._root = self.url.removesuffix("/v1")

    def configure(self, **config: Any) -> None:
        """Replace the configuration (see `server.py`) and forget what was counted."""
        self._ask("/__config__", config)
        self.reset()

    def reset(self) -> None:
        self._ask("/__reset__", {})

    def go_on(self) -> None:
        """Let out what `hold` and `hold_after` keep back, and keep nothing more back."""
        self._ask("/__go_on__", {})

    def wait_for_calls(self, count: int) -> None:
        """Wait until this many calls are in flight here."""
        self.wait_until(lambda stats: stats["in_flight"] == count)

    def wait_until(self, claim: Callable[[dict[str, Any]], bool]) -> None:
        ends = time.monotonic() + 300
        while not claim(stats := self.stats()):
            assert time.monotonic() < ends, stats
            time.sleep(0.02)

    def stats(self, *, prompts: bool = False) -> dict[str, Any]:
        return self._ask("/__stats__?prompts=1" if prompts else "/__stats__", None)

    def last(self) -> dict[str, Any]:
        """Return the `path` and the parsed `body` of the last request."""
        return self._ask("/__last__", None)

    def _ask(self, path: str, body: Any) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self._root + path, data=data, timeout=120) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=120)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
