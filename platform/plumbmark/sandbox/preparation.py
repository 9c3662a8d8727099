"""What both back ends do with a job before it starts: check it, and make its paths reachable."""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from plumbmark.sandbox.contract import WORK, BadJob, Limits, SandboxJob
from plumbmark.sandbox.identity import Identity, reachable

_TAKEN = frozenset(
    [
        "bin",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "proc",
        "run",
        "sandbox",
        "sbin",
        "sys",
        "tmp",
        "usr",
    ]
)


def check_job(job: SandboxJob) -> None:
    """Raise `BadJob` with what is wrong and how to correct it."""
    if not job.argv:
        raise BadJob("SandboxJob.argv is empty: it must name a program.")
    texts = [*job.argv, job.start_directory, *job.environment, *job.environment.values()]
    if any("\0" in text for text in texts):
        raise BadJob(
            "SandboxJob.argv, its environment and working directory may hold no zero byte."
        )
    for name in job.environment:
        if not name or "=" in name:
            raise BadJob(f"{name!r} cannot be the name of an environment variable.")
    if not job.start_directory.startswith("/"):
        raise BadJob("SandboxJob.working_directory must be an absolute path inside.")
    if job.work is not None and (job.work.is_symlink() or not job.work.is_dir()):
        raise BadJob(f"SandboxJob.work must be a folder that exists, and {job.work} is not.")
    if job.gateway_socket is not None and not job.gateway_socket.is_socket():
        raise BadJob("SandboxJob.gateway_socket must be a Unix socket; start the relay first.")
    _check_mounts(job)


def _check_mounts(job: SandboxJob) -> None:
    seen = {PurePosixPath(WORK)}
    for mount in job.mounts:
        target = PurePosixPath(mount.target)
        if not target.is_absolute() or ".." in target.parts or len(target.parts) < 2:
            raise BadJob(f"The mount {mount.target!r} must be an absolute path below /.")
        if target.parts[1] in _TAKEN:
            raise BadJob(
                f"Nothing can be mounted at {mount.target}: /{target.parts[1]} belongs to the "
                "sandbox. Use a path such as /kaggle/input/name."
            )
        if any(target == other or target in other.parents for other in seen):
            raise BadJob(f"The mount {mount.target} would hide another one; give it its own path.")
        if PurePosixPath(WORK) in target.parents:
            raise BadJob(f"Nothing can be mounted inside {WORK}, which is the program's own.")
        seen.add(target)
        if not mount.source.exists():
            raise BadJob(f"There is no {mount.source} to mount at {mount.target}.")


def check_readable(job: SandboxJob, identity: Identity) -> None:
    """Raise `BadJob` if the dropped user could see a mount but not open it."""
    if not identity.is_dropped:
        return
    for mount in job.mounts:
        found = mount.source.stat()
        needed = 0o5 if stat.S_ISDIR(found.st_mode) else 0o4
        if found.st_uid != identity.uid and found.st_mode & needed != needed:
            raise BadJob(
                f"The program runs as user {identity.uid}, who may not read {mount.source}: give "
                "all users read access to what is mounted, or run the worker as an ordinary user."
            )


class Sources:
    """Host paths as the guest's user reaches them: all staged where the parents of one keep it out.

    All, because staging covers /tmp, where others may lie.
    """

    def __init__(self, identity: Identity, paths: Iterable[Path | None]) -> None:
        given = [os.path.realpath(path) for path in paths if path is not None]
        self.staged: list[str] = []
        if identity.is_dropped and not all(reachable(Path(path), identity) for path in given):
            self.staged = list(dict.fromkeys(given))

    def path(self, source: Path) -> str:
        """Return the place of one of the paths."""
        absolute = os.path.realpath(source)
        if not self.staged:
            return absolute
        return f"/tmp/{self.staged.index(absolute)}"  # noqa: S108


def limit_settings(limits: Limits, *, other_processes: int = 0) -> list[tuple[str, str]]:
    """Return the settings for `inside.settings.set_limits`; `other_processes` of the same user
    count with the guest's if it has no user namespace of its own.
    """
    values = {
        "AS": limits.address_space_bytes,
        "NPROC": limits.processes + other_processes,
        "FSIZE": limits.file_bytes,
        "NOFILE": limits.open_files,
        "CORE": 0,
        "CPU": limits.cpu_seconds,
    }
    return [("limit", f"{name}={value}") for name, value in values.items()]


def environment_settings(
    job: SandboxJob, *, path: str, home: str, library_path: str = ""
) -> list[tuple[str, str]]:
    values: dict[str, str] = {
        "PATH": path,
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
    }
    if library_path:
        values["LD_LIBRARY_PATH"] = library_path
    given: Mapping[str, str] = job.environment
    values.update(given)
    return [("environment", f"{name}={value}") for name, value in values.items()]
