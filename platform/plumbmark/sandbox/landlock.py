"""The fallback: Landlock, a longer seccomp list, kernel limits, and a keeper for namespaces.

Weaker than bubblewrap; `caveats` says how. docs/design/sandbox.md explains its parts, and how the
gateway is reached.
"""

import asyncio
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from plumbmark.sandbox import seccomp
from plumbmark.sandbox.contract import WORK, ExecutionReport, SandboxJob, SandboxUnavailable
from plumbmark.sandbox.descriptors import Descriptors, Lifeline, fields
from plumbmark.sandbox.folders import give_to, remove_work_folder
from plumbmark.sandbox.identity import Identity, guest_identity, never_root
from plumbmark.sandbox.inside.confine import (
    FIRST_WITH_SIGNALS,
    OLDEST_VERSION,
    landlock_version,
)
from plumbmark.sandbox.inside.texts import program_text
from plumbmark.sandbox.interpreter import Interpreter, bare_interpreter
from plumbmark.sandbox.preparation import (
    Sources,
    check_job,
    check_readable,
    environment_settings,
    limit_settings,
)
from plumbmark.sandbox.processes import descendants, threads_of_user
from plumbmark.sandbox.supervision import Started, supervise

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
_PUBLIC = (
    # The same on every machine. Libraries bear with their absence, and not with their refusal.
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf"),
    *("/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/pki/ca-trust/extracted"),
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_TEMPORARY = "/tmp"  # noqa: S108
_PATH = "/usr/local/bin:/usr/bin:/bin"
_PATIENCE = 5.0
"""Seconds that the keeper has to end all processes before we do it ourselves, less thoroughly: it
stops each process first, so that none can fork meanwhile. A busy machine needs that long."""


class Landlock:
    """See `contract.Sandbox`. Raises `SandboxUnavailable` where it cannot be used at all."""

    name = "landlock"

    def __init__(
        self,
        *,
        identity: Identity | None = None,
        interpreter: Interpreter | None = None,
        version: int | None = None,
    ) -> None:
        self._version = landlock_version() if version is None else version
        if self._version < OLDEST_VERSION:
            raise SandboxUnavailable(
                f"This kernel's Landlock is version {self._version} (0: none, or switched off), "
                f"and {OLDEST_VERSION} is needed: Linux 6.2 or newer."
            )
        self._identity = never_root(identity or guest_identity())
        self._interpreter = interpreter or bare_interpreter()
        try:
            self._filters = {
                has_gateway: seccomp.for_landlock(
                    os.uname().machine,
                    has_gateway=has_gateway,
                    scopes_signals=self._version >= FIRST_WITH_SIGNALS,
                )
                for has_gateway in (True, False)
            }
        except seccomp.UnknownMachine as error:
            raise SandboxUnavailable(str(error)) from error

    @property
    def python(self) -> str:
        return self._interpreter.inside

    @property
    def caveats(self) -> tuple[str, ...]:
        found = [
            "Programs share the machine's process list, network devices and file tree: what they "
            "may open is limited, what they may see the existence of is not.",
            f"Paths such as {WORK} exist only in arguments and environment, where they are "
            "translated; a program that has them written in its text does not find them.",
            "Changing modes, owners and times of files is silently ignored, no socket can listen, "
            "and without /dev/shm the locks of multiprocessing fail.",
        ]
        if self._version < FIRST_WITH_SIGNALS:
            found.append("Programs can send no signals, not even to their own processes.")
        return tuple(found)

    async def run(
        self, job: SandboxJob, *, on_output: Callable[[bytes], None] | None = None
    ) -> ExecutionReport:
        check_job(job)
        check_readable(job, self._identity)
        scratch = Path(tempfile.mkdtemp(prefix="plumbmark-scratch-"))
        try:
            if self._identity.is_dropped:
                for folder in [scratch, *([job.work] if job.work else [])]:
                    await asyncio.to_thread(give_to, folder, self._identity.uid, self._identity.gid)
            return await supervise(self._start(job, scratch), job.limits, on_output)
        finally:
            await asyncio.shield(asyncio.to_thread(remove_work_folder, scratch))

    def _start(self, job: SandboxJob, scratch: Path) -> Started:
        descriptors = Descriptors()
        try:
            return self._spawn(job, scratch, descriptors)
        finally:
            descriptors.close()

    def _spawn(self, job: SandboxJob, scratch: Path, descriptors: Descriptors) -> Started:
        mounts = [*self._interpreter.mounts, *job.mounts]
        sources = Sources(self._identity, [*[m.source for m in mounts], job.work, scratch])
        places = _Places()
        readable = [*_SYSTEM, *_PUBLIC]
        for mount in mounts:
            path = sources.path(mount.source)
            places.add(mount.target, path)
            readable.append(path)
        writable = [sources.path(scratch)]
        places.add(_TEMPORARY, writable[0])
        if job.work is not None:
            writable.append(sources.path(job.work))
            places.add(WORK, writable[-1])
        stdout, child_stdout = descriptors.to_read()
        stderr, child_stderr = descriptors.to_read()
        status, child_status = descriptors.to_read()
        lifeline, child_lifeline = descriptors.to_hold()
        others = threads_of_user(self._identity.uid)
        user = self._identity
        settings = descriptors.hold_content(
            fields(
                [
                    ("status", str(child_status)),
                    ("lifeline", str(child_lifeline)),
                    ("landlock", str(self._version)),
                    ("filter", self._filters[job.gateway_socket is not None].hex()),
                    ("directory", places.translate(job.start_directory)),
                    *[("argument", places.translate(argument)) for argument in job.argv],
                    *limit_settings(job.limits, other_processes=others),
                    *self._environment(job, places),
                    *[("read", path) for path in readable],
                    *[("device", path) for path in _DEVICES],
                    *[("write", path) for path in writable],
                    *[("stage", path) for path in sources.staged],
                    *([("uid", str(user.uid))] if user.is_dropped else []),
                    *([("gid", str(user.gid))] if user.is_dropped else []),
                    *([("gateway", str(job.gateway_socket))] if job.gateway_socket else []),
                ]
            )
        )
        program = descriptors.hold_content(
            program_text("settings", "pump", "stage", "confine", "keeper")
        )
        try:
            process = subprocess.Popen(  # noqa: S603 - a list, of our own making
                [sys.executable, "-I", "-S", f"/dev/fd/{program}", str(settings)],
                env={"PATH": _PATH},
                cwd="/",
                stdin=descriptors.hold_content(job.stdin),
                stdout=child_stdout,
                stderr=subprocess.STDOUT if job.merges_errors else child_stderr,
                start_new_session=True,
                pass_fds=[program, settings, child_status, child_lifeline],
            )
        except BaseException:
            lifeline.close()
            for descriptor in (stdout, stderr, status):
                os.close(descriptor)
            raise
        return Started(
            process=process,
            stdout=stdout,
            stderr=stderr,
            status=status,
            lifeline=lifeline,
            kill=_Kept(process, lifeline).kill,
            is_gone=lambda: True,
            folders=[scratch, *([job.work] if job.work is not None else [])],
        )

    def _environment(self, job: SandboxJob, places: "_Places") -> list[tuple[str, str]]:
        folder = str(PurePosixPath(self._interpreter.inside).parent)
        values = environment_settings(
            job,
            path=_PATH if folder in _PATH.split(":") else f"{folder}:{_PATH}",
            home=_TEMPORARY,
            library_path=self._interpreter.library_path,
        )
        return [(key, places.translate_value(value)) for key, value in values]


class _Places:
    """Paths inside, and where they are on the host."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}

    def add(self, inside: str, host: str) -> None:
        self._places[str(PurePosixPath(inside))] = host

    def translate(self, path: str) -> str:
        """Return the host's path if `path` is or lies below one of the places, else `path`."""
        for inside in sorted(self._places, key=len, reverse=True):
            if path == inside or path.startswith(f"{inside}/"):
                return self._places[inside] + path[len(inside) :]
        return path

    def translate_value(self, setting: str) -> str:
        """Translate a `NAME=value` whose value may be a list of paths."""
        name, _, value = setting.partition("=")
        return f"{name}={':'.join(self.translate(part) for part in value.split(':'))}"


class _Kept:
    """Ends all through the keeper; itself where the keeper does not do it in time."""

    def __init__(self, process: "subprocess.Popen[bytes]", lifeline: Lifeline) -> None:
        self._process = process
        self._lifeline = lifeline

    @functools.cached_property
    def _asked_at(self) -> float:
        self._lifeline.close()
        return time.monotonic()

    def kill(self) -> None:
        if time.monotonic() - self._asked_at < _PATIENCE or self._process.poll() is not None:
            return
        for process in [*descendants(self._process.pid), self._process.pid]:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, 9)
