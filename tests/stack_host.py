"""The process of a `Stack` that has loaded the platform: it runs code and forks the others.

One JSON object a line comes in, one goes out: `code` is run as in `manage.py shell`, `start` starts
a command as `manage.py up` does. Loading the platform takes longer than most of what is asked.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from django.db import connections

from plumbmark.config import processes


def run_code(code: str) -> dict[str, str]:
    """Return what it printed, or its failure."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, {"__name__": "__main__"})
    except Exception:
        return {"failure": traceback.format_exc()}
    finally:
        connections.close_all()
    return {"printed": printed.getvalue()}


def start(name: str, command: list[str], log: str) -> dict[str, int]:
    """Return the id of a new process, which writes to the end of that log."""
    with _output_to(log):
        if processes.can_fork(command):
            return {"pid": processes.fork(name, command)}
        # Code that was run here has left a thread behind.
        return {"pid": subprocess.Popen(command, start_new_session=True).pid}


@contextlib.contextmanager
def _output_to(log: str) -> Iterator[None]:
    host, own = os.getpid(), [os.dup(descriptor) for descriptor in (0, 1, 2)]
    try:
        with open(os.devnull) as nothing, open(log, "ab") as file:
            for descriptor, other in ((0, nothing), (1, file), (2, file)):
                os.dup2(other.fileno(), descriptor)
        yield
    finally:
        # A forked process comes by here when it ends, and keeps its log.
        if os.getpid() == host:
            for descriptor, before in enumerate(own):
                os.dup2(before, descriptor)
                os.close(before)


def _forget_ended() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    return start(**request["start"]) if "start" in request else run_code(request["code"])


if __name__ == "__main__":
    processes.load_platform()
    for line in sys.stdin:
        _forget_ended()
        print(json.dumps(_answer(json.loads(line))), flush=True)
