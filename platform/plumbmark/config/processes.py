"""Starting the processes of one machine from one that has loaded the platform.

A process that is forked begins with everything that its parent loaded: it starts in no time, and
what none of them changes lies in memory once. `supervisor` then takes the place of the parent. What
ends later is started by its command.
"""

import ctypes
import gc
import json
import os
import runpy
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NoReturn

from celery import current_app
from django.conf import settings
from django.db import connections

from plumbmark.config import supervisor

_PR_SET_NAME = 15
_GRACE_SECONDS = 12.0


def load_platform() -> None:
    """Load all that the processes of one machine load."""
    for name in ("wsgi", "gateway_asgi", "celery"):
        import_module(f"plumbmark.config.{name}")
    current_app.loader.import_default_modules()


def supervise(
    commands: Mapping[str, Sequence[str]], *, grace_seconds: float = _GRACE_SECONDS
) -> NoReturn:
    """Run commands, by name, until SIGINT or SIGTERM: this process becomes their supervisor.

    Does not return in the parent. In a child it ends as the command's module does.
    """
    running = {name: fork(name, command) for name, command in commands.items() if can_fork(command)}
    options = {
        "children": commands,
        "running": running,
        "grace_seconds": grace_seconds,
        "log_format": settings.LOG_FORMAT,
    }
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    sys.stdout.flush()
    arguments = [sys.executable, supervisor.__file__, json.dumps(options)]
    os.execve(sys.executable, arguments, environment)  # noqa: S606 - our own file


def can_fork(command: Sequence[str]) -> bool:
    """Return whether `fork` can start this command, now and on this system."""
    # Elsewhere than on Linux, libraries of the system do not survive it. Threads would be missing.
    return (
        sys.platform == "linux"
        and list(command[:2]) == [sys.executable, "-m"]
        and threading.active_count() == 1
    )


def fork(name: str, command: Sequence[str]) -> int:
    """Start `python -m module …` as a child, with all that is loaded here; return its process id.

    Does not return in the child. Only where `can_fork` says so.
    """
    connections.close_all()
    sys.stdout.flush()
    sys.stderr.flush()
    # Collections write to every object that they look at, and what is written is no longer shared.
    gc.collect()
    gc.freeze()
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    supervisor.die_with_parent()
    ctypes.CDLL(None).prctl(_PR_SET_NAME, f"pmk-{name}".encode())
    _, _, module, *arguments = command
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()
