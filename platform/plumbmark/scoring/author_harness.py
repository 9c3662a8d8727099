"""Runs inside the sandbox: calls an author's function case by case.

Standard library only, and `process_shield` before it. Standard input is JSON: `source`, `function`,
`cases` (lists of arguments), `seconds` for each case, and `delimiter`, with which every line of the
answer begins.

Each case has its own process, so that one which crashes, hangs or floods harms no other. What the
function is given may be a model's program, and a careless function may run it: so a case's process
is forked from one that has read nothing of the request, and gets its own arguments through a pipe
of its own. It knows no other case and not the delimiter. What it prints is discarded; its result
goes through another pipe to this process, the only one that writes to standard output.
"""

from __future__ import annotations

import _socket
import contextlib
import json
import os
import select
import signal
import sys
import time
import traceback

TYPE_CHECKING = False  # `typing` costs milliseconds at every start
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, NoReturn

    from plumbmark.scoring.process_shield import NotShielded, shield

FILE = "source.py"
MAX_ANSWER = 16 * 1024
_DESCRIPTOR_BYTES = 4


def main() -> None:
    ours, theirs = _socket.socketpair()
    if os.fork() == 0:
        ours.close()
        _make_processes(theirs)
    theirs.close()
    request = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    try:
        compile(request["source"], FILE, "exec")
    except (SyntaxError, ValueError) as error:
        problem = {"error": f"{type(error).__name__}: {error}", "line": getattr(error, "lineno", 0)}
        for number in range(len(request["cases"])):
            _say(out, request["delimiter"], {"case": number, **problem})
        return
    for number, arguments in enumerate(request["cases"]):
        case = {
            "source": request["source"],
            "function": request["function"],
            "arguments": arguments,
        }
        found = _in_a_process(ours, case, request["seconds"])
        _say(out, request["delimiter"], {"case": number, **found})


def _say(out: int, delimiter: str, answer: dict[str, Any]) -> None:
    left = f"{delimiter} {json.dumps(answer)}\n".encode()
    while left:
        left = left[os.write(out, left) :]


def _make_processes(control: _socket.socket) -> NoReturn:
    """Fork a process for each pair of descriptors that comes, and end it when told to."""
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    while True:
        message, ancillary, _, _ = control.recvmsg(1, _socket.CMSG_SPACE(2 * _DESCRIPTOR_BYTES))
        if not message or not ancillary:
            os._exit(0)
        received = ancillary[0][2]
        reader, writer = (
            int.from_bytes(received[start : start + _DESCRIPTOR_BYTES], sys.byteorder)
            for start in (0, _DESCRIPTOR_BYTES)
        )
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            control.close()
            _answer_case(reader, writer)
        os.close(reader)
        os.close(writer)
        control.recv(1)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(child, signal.SIGKILL)
        control.send(os.waitpid(child, 0)[1].to_bytes(4, "big"))


def _answer_case(reader: int, writer: int) -> NoReturn:
    """Call the function for the case that comes through the pipe."""
    try:
        try:
            shield()
        except NotShielded:
            _write(writer, json.dumps({"error": "this machine cannot keep it apart", "line": 0}))
            os._exit(0)
        with os.fdopen(reader, "rb") as file:
            case = json.loads(file.read())
        code = compile(case["source"], FILE, "exec")
        answer = json.dumps(_call(code, case["function"], case["arguments"]))
        if len(answer) > MAX_ANSWER:
            size = f"{len(answer):,} bytes; at most {MAX_ANSWER:,} are taken"
            answer = json.dumps({"error": f"it returned {size}", "line": 0})
        _write(writer, answer)
    finally:
        os._exit(0)


def _write(descriptor: int, answer: str) -> None:
    left = f"{answer}\n".encode()
    while left:
        left = left[os.write(descriptor, left) :]


def _in_a_process(control: _socket.socket, case: dict[str, Any], seconds: float) -> dict[str, Any]:
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    descriptors = b"".join(
        one.to_bytes(_DESCRIPTOR_BYTES, sys.byteorder) for one in (theirs_in, theirs_out)
    )
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)]
    control.sendmsg([b"c"], rights)
    os.close(theirs_in)
    os.close(theirs_out)
    with contextlib.suppress(BrokenPipeError):
        _write(ours_out, json.dumps(case))
    os.close(ours_out)
    answer, is_late = _read_answer(ours_in, time.monotonic() + seconds)
    os.close(ours_in)
    control.send(b"k")
    status = int.from_bytes(control.recv(4), "big")
    if answer.endswith(b"\n"):
        try:
            return dict(json.loads(answer))
        except (ValueError, TypeError):
            return {"error": "it wrote into its own result", "line": 0}
    if is_late:
        return {"late": True}
    ended = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "no answer"
    return {"error": f"its process ended with {ended}", "line": 0}


def _read_answer(descriptor: int, ends_at: float) -> tuple[bytes, bool]:
    """Return what came up to the end of a line, and whether the time was over before."""
    answer = b""
    while not answer.endswith(b"\n"):
        left = ends_at - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return answer, True
        piece = os.read(descriptor, 65536)
        if not piece or len(answer) > 2 * MAX_ANSWER:
            break
        answer += piece
    return answer, False


def _call(code: CodeType, name: str, arguments: list[Any]) -> dict[str, Any]:
    try:
        names: dict[str, Any] = {"__name__": "source"}
        exec(code, names)  # noqa: S102 - this is the sandbox
        value = names[name](*arguments)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == FILE]
        text = "".join(traceback.format_exception_only(type(error), error)).strip()
        return {"error": text.splitlines()[-1][:500], "line": lines[-1] if lines else 0}
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        return {"error": f"it returned what is no JSON: {error}", "line": 0}
    return {"value": value}


if __name__ == "__main__":
    main()
