"""Starts gateway processes by forking one that has loaded everything.

Loading takes ten times as long as what most tests ask of the process. One JSON object a line comes
in: `start` with a port, a log and a spool, which is answered with the process's id, or `wait` with
that id, which is answered when the process has ended.
"""

import json
import os
import sys
import traceback
from typing import Any

from plumbmark.config import gateway_asgi, gateway_server  # Sets Django up.


def _serve(port: int, log: str, spool: str) -> None:
    from pathlib import Path

    from django.conf import settings

    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    settings.SPOOL_DIR = Path(spool)
    gateway_server.serve("127.0.0.1", port, shares_port=False)


def _start(**given: Any) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        _serve(**given)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    assert gateway_asgi.app
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitpid(request["wait"], 0)[1]
        else:
            answer = _start(**request["start"])
        print(json.dumps(answer), flush=True)
