"""The primary back end: bubblewrap's namespaces, seccomp, kernel limits and a watchdog outside.

Every namespace is listed, because `--unshare-all` only tries some of them. docs/design/sandbox.md
explains each argument.
"""

import asyncio
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from plumbmark.sandbox import seccomp
from plumbmark.sandbox.contract import (
    MIB,
    WORK,
    ExecutionReport,
    Mount,
    SandboxJob,
    SandboxUnavailable,
)
from plumbmark.sandbox.descriptors import Descriptors, fields
from plumbmark.sandbox.folders import give_to
from plumbmark.sandbox.identity import Identity, guest_identity, never_root
from plumbmark.sandbox.inside.texts import program_text
from plumbmark.sandbox.interpreter import Interpreter, bare_interpreter
from plumbmark.sandbox.preparation import (
    Sources,
    check_job,
    check_readable,
    environment_settings,
    limit_settings,
)
from plumbmark.sandbox.supervision import Started, supervise

_LAUNCHER = "/sandbox/launcher.py"
_GATEWAY = "/run/gateway.sock"
_PATH = "/usr/local/bin:/usr/bin:/bin"
_USER = 1000
_TEXTS = {
    "/etc/passwd": f"sandbox:x:{_USER}:{_USER}:sandbox:/tmp:/bin/sh\n",
    "/etc/group": f"sandbox:x:{_USER}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_SYSTEM_FOLDERS = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")


@dataclass(frozen=True, slots=True)
class Flavour:
    """The features of bubblewrap that this machine allows."""

    proc: bool = True
    """Whether there is a /proc inside: if the outer one is partly masked, as in a container, the
    kernel refuses a new one."""
    disable_userns: bool = True
    """Without it only seccomp keeps the guest from making user namespaces."""


class Bubblewrap:
    """See `contract.Sandbox`. Raises `SandboxUnavailable` where it cannot be used at all."""

    name = "bubblewrap"

    def __init__(
        self,
        *,
        flavour: Flavour | None = None,
        identity: Identity | None = None,
        interpreter: Interpreter | None = None,
    ) -> None:
        program = shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin")
        if program is None:
            raise SandboxUnavailable("bubblewrap is not installed: install the package bubblewrap.")
        self._program = program
        self._flavour = flavour or Flavour()
        self._identity = never_root(identity or guest_identity())
        self._interpreter = interpreter or bare_interpreter()
        try:
            self._filter = seccomp.for_bubblewrap(os.uname().machine)
        except seccomp.UnknownMachine as error:
            raise SandboxUnavailable(str(error)) from error

    @property
    def python(self) -> str:
        return self._interpreter.inside

    @property
    def caveats(self) -> tuple[str, ...]:
        found = []
        if not self._flavour.proc:
            found.append("There is no /proc inside; a few libraries look for it.")
        if not self._flavour.disable_userns:
            found.append("User namespaces are kept from programs by the system call filter alone.")
        return tuple(found)

    async def run(
        self, job: SandboxJob, *, on_output: Callable[[bytes], None] | None = None
    ) -> ExecutionReport:
        check_job(job)
        check_readable(job, self._identity)
        if job.work is not None and self._identity.is_dropped:
            await asyncio.to_thread(give_to, job.work, self._identity.uid, self._identity.gid)
        return await supervise(self._start(job), job.limits, on_output)

    def _start(self, job: SandboxJob) -> Started:
        descriptors = Descriptors()
        try:
            return self._spawn(job, descriptors)
        finally:
            descriptors.close()

    def _spawn(self, job: SandboxJob, descriptors: Descriptors) -> Started:
        mounts = [*self._interpreter.mounts, *job.mounts]
        sources = Sources(
            self._identity, [*[m.source for m in mounts], job.work, job.gateway_socket]
        )
        stdout, child_stdout = descriptors.to_read()
        stderr, child_stderr = descriptors.to_read()
        status, child_status = descriptors.to_read()
        info, child_info = descriptors.to_read()
        lifeline, child_lifeline = descriptors.to_hold()
        passed = [child_status, child_lifeline, child_info]

        def hold(content: bytes) -> int:
            passed.append(descriptors.hold_content(content))
            return passed[-1]

        settings = hold(
            fields(
                [
                    ("status", str(child_status)),
                    ("lifeline", str(child_lifeline)),
                    ("directory", job.start_directory),
                    *[("argument", argument) for argument in job.argv],
                    *limit_settings(job.limits),
                    *environment_settings(
                        job,
                        path=_path(self._interpreter),
                        home="/tmp",  # noqa: S108
                        library_path=self._interpreter.library_path,
                    ),
                    *([("gateway", _GATEWAY)] if job.gateway_socket else []),
                ]
            )
        )
        arguments = [
            *self._namespaces(),
            *["--info-fd", str(child_info)],
            *self._system(hold),
            *self._folders(job, mounts, sources),
            *["--ro-bind-data", str(hold(_launcher_text(job))), _LAUNCHER],
            *self._read_only_mounts(),
            *["--seccomp", str(hold(self._filter))],
        ]
        command = [
            *[self._program, "--args", str(hold(_zero_ended(arguments))), "--"],
            *[self._interpreter.inside, "-I", "-S", _LAUNCHER, str(settings)],
        ]
        environment = {"PATH": _PATH}
        user: int | None = self._identity.uid if self._identity.is_dropped else None
        group: int | None = self._identity.gid if self._identity.is_dropped else None
        if sources.staged:
            command = self._staging(command, sources, child_status, hold)
            user = group = None
        try:
            process = subprocess.Popen(  # noqa: S603 - a list, of our own making
                command,
                env=environment,
                cwd="/",
                stdin=descriptors.hold_content(job.stdin),
                stdout=child_stdout,
                stderr=subprocess.STDOUT if job.merges_errors else child_stderr,
                start_new_session=True,
                pass_fds=passed,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )
        except BaseException:
            lifeline.close()
            for descriptor in (stdout, stderr, status, info):
                os.close(descriptor)
            raise
        first = _FirstProcess(process, info)
        return Started(
            process=process,
            stdout=stdout,
            stderr=stderr,
            status=status,
            lifeline=lifeline,
            kill=first.kill,
            is_gone=first.is_gone,
            folders=[job.work] if job.work is not None else [],
        )

    def _namespaces(self) -> list[str]:
        return [
            *["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"],
            "--unshare-cgroup-try",
            *(["--disable-userns"] if self._flavour.disable_userns else []),
            *[
                "--die-with-parent",
                "--new-session",
                "--as-pid-1",
                "--clearenv",
                "--cap-drop",
                "ALL",
            ],
            *["--hostname", "sandbox", "--uid", str(_USER), "--gid", str(_USER)],
        ]

    def _system(self, hold: Callable[[bytes], int]) -> list[str]:
        found = ["--ro-bind", "/usr", "/usr"]
        for name in _SYSTEM_FOLDERS:
            folder = Path("/", name)
            if folder.is_symlink():
                found += ["--symlink", os.readlink(folder), str(folder)]
            elif folder.is_dir():
                found += ["--ro-bind", str(folder), str(folder)]
        if not self._interpreter.inside.startswith("/usr/local/") and Path("/usr/local").is_dir():
            # What an operator put there must not be visible to the guest.
            found += ["--size", "4096", "--tmpfs", "/usr/local", "--remount-ro", "/usr/local"]
        if self._flavour.proc:
            found += ["--proc", "/proc"]
        found += ["--dev", "/dev"]
        for path, text in _TEXTS.items():
            found += ["--ro-bind-data", str(hold(text.encode())), path]
        for path in ("/etc/ld.so.cache",):
            found += ["--ro-bind-try", path, path]
        return found

    def _folders(self, job: SandboxJob, mounts: list[Mount], sources: Sources) -> list[str]:
        found = ["--size", str(job.limits.temporary_bytes), "--tmpfs", "/tmp"]  # noqa: S108
        found += ["--size", str(MIB), "--tmpfs", "/run"]
        found += ["--size", str(4 * MIB), "--tmpfs", "/dev/shm"]  # noqa: S108
        found += ["--dir", "/kaggle/input"]
        for mount in sorted(mounts, key=lambda mount: len(PurePosixPath(mount.target).parts)):
            found += ["--ro-bind", sources.path(mount.source), mount.target]
        if job.work is not None:
            found += ["--bind", sources.path(job.work), WORK]
        if job.gateway_socket is not None:
            found += ["--ro-bind", sources.path(job.gateway_socket), _GATEWAY]
        return found

    def _read_only_mounts(self) -> list[str]:
        """Return the read-only mounts; they come last, because nothing can be created in a
        read-only folder.
        """
        found = []
        if self._flavour.proc:
            found += ["--size", "4096", "--tmpfs", "/proc/sys", "--remount-ro", "/proc/sys"]
        return [*found, "--remount-ro", "/dev", "--remount-ro", "/"]

    def _staging(
        self,
        command: list[str],
        sources: Sources,
        child_status: int,
        hold: Callable[[bytes], int],
    ) -> list[str]:
        settings = fields(
            [
                ("status", str(child_status)),
                ("uid", str(self._identity.uid)),
                ("gid", str(self._identity.gid)),
                ("environment", f"PATH={_PATH}"),
                *[("stage", source) for source in sources.staged],
                *[("argument", argument) for argument in command],
            ]
        )
        program = hold(program_text("settings", "stage"))
        return [sys.executable, "-I", "-S", f"/dev/fd/{program}", str(hold(settings))]


class _FirstProcess:
    """The guest's process 1 as the host sees it: with it, the kernel ends all the others."""

    def __init__(self, process: "subprocess.Popen[bytes]", info: int) -> None:
        self._process = process
        self._info = info
        self._told = b""
        self._pidfd: int | None = None

    def kill(self) -> None:
        self._learn()
        if self._pidfd is not None:
            _signal(self._pidfd)
        elif self._process.poll() is None:
            # Its process id is not known yet: it dies with bubblewrap's own process.
            self._process.kill()

    def is_gone(self) -> bool:
        self._learn()
        if self._pidfd is None:
            return True
        if not select.select([self._pidfd], [], [], 0)[0]:
            return False
        os.close(self._pidfd)
        self._pidfd = None
        return True

    def _learn(self) -> None:
        """Open the process by the number that bubblewrap told, once."""
        if self._info < 0:
            return
        try:
            while piece := os.read(self._info, 4096):
                self._told += piece
        except BlockingIOError:
            if self._process.poll() is None:
                return
        os.close(self._info)
        self._info = -1
        try:
            self._pidfd = os.pidfd_open(int(json.loads(self._told)["child-pid"]))
        except (ValueError, KeyError, ProcessLookupError):
            self._pidfd = None


def _signal(pidfd: int) -> None:
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        return


def _path(interpreter: Interpreter) -> str:
    folder = str(PurePosixPath(interpreter.inside).parent)
    return _PATH if folder in _PATH.split(":") else f"{folder}:{_PATH}"


def _launcher_text(job: SandboxJob) -> bytes:
    """Return the launcher's text; without a gateway it omits sockets, whose module is half of its
    start.
    """
    if job.gateway_socket is None:
        return program_text("settings", "launcher")
    return program_text("settings", "pump", "launcher")


def _zero_ended(arguments: list[str]) -> bytes:
    return b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
