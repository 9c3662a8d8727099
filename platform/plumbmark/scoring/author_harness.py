"""Runs inside the sandbox: calls an author's function case by case. Standard library only.

Standard input is JSON: `source`, `function`, `cases` (lists of arguments), `seconds` for each case,
and `delimiter`, with which every line of the answer begins. Each case has its own process, so that
one which crashes, hangs or floods harms no other; what it prints is discarded. A case's answer is
sent through a pipe to this process, the only one that writes to standard output.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
import traceback
from types import CodeType
from typing import Any

FILE = "source.py"
MAX_ANSWER = 16 * 1024
_PR_SET_DUMPABLE = 4


def main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    _hide()
    out = os.dup(1)
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    try:
        code = compile(request["source"], FILE, "exec")
    except (SyntaxError, ValueError) as error:
        problem = {"error": f"{type(error).__name__}: {error}", "line": getattr(error, "lineno", 0)}
        for number in range(len(request["cases"])):
            _say(out, request["delimiter"], {"case": number, **problem})
        return
    for number, arguments in enumerate(request["cases"]):
        found = _in_a_process(code, request["function"], arguments, request["seconds"])
        _say(out, request["delimiter"], {"case": number, **found})


def _hide() -> None:
    """Keep the cases' processes from reaching into this one by /proc."""
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _say(out: int, delimiter: str, answer: "dict[str, Any]") -> None:
    left = f"{delimiter} {json.dumps(answer)}\n".encode()
    while left:
        left = left[os.write(out, left) :]


def _in_a_process(
    code: CodeType, name: str, arguments: "list[Any]", seconds: float
) -> "dict[str, Any]":
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        # Its own pipe is the only way out.
        os.closerange(3, theirs)
        os.closerange(theirs + 1, 1024)
        try:
            answer = json.dumps(_call(code, name, arguments)).encode()
            if len(answer) > MAX_ANSWER:
                size = f"{len(answer):,} bytes; at most {MAX_ANSWER:,} are taken"
                answer = json.dumps({"error": f"it returned {size}", "line": 0}).encode()
            answer += b"\n"
            while answer:
                answer = answer[os.write(theirs, answer) :]
        finally:
            os._exit(0)
    os.close(theirs)
    ends_at = time.monotonic() + seconds
    answer = b""
    is_late = False
    while not answer.endswith(b"\n"):
        left = ends_at - time.monotonic()
        if left <= 0 or not select.select([ours], [], [], left)[0]:
            is_late = True
            break
        piece = os.read(ours, 65536)
        if not piece or len(answer) > 2 * MAX_ANSWER:
            break
        answer += piece
    os.close(ours)
    for kill, whom in ((os.killpg, child), (os.kill, child)):
        with contextlib.suppress(OSError):
            kill(whom, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if answer.endswith(b"\n"):
        try:
            return dict(json.loads(answer))
        except (ValueError, TypeError):
            return {"error": "it wrote into its own result", "line": 0}
    if is_late:
        return {"late": True}
    ended = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "no answer"
    return {"error": f"its process ended with {ended}", "line": 0}


def _call(code: CodeType, name: str, arguments: "list[Any]") -> "dict[str, Any]":
    try:
        names: dict[str, Any] = {"__name__": "source"}
        exec(code, names)  # noqa: S102 - this is the sandbox
        value = names[name](*arguments)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == FILE]
        said = "".join(traceback.format_exception_only(type(error), error)).strip()
        return {"error": said.splitlines()[-1][:500], "line": lines[-1] if lines else 0}
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        return {"error": f"it returned what is no JSON: {error}", "line": 0}
    return {"value": value}


if __name__ == "__main__":
    main()
