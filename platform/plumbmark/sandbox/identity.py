"""The user that a guest runs as on the host: never root.

A process that is the kernel's uid 0 owns the files under /proc/sys even inside a user namespace, so
a guest of root would own the machine. Root drops to an unprivileged user first; if it cannot,
nothing is run.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from plumbmark.sandbox.contract import SandboxUnavailable

NOBODY = 65534
_CAP_SETGID, _CAP_SETUID = 6, 7


@dataclass(frozen=True, slots=True)
class Identity:
    """The guest's user and group on the host; `is_dropped` where ours is root."""

    uid: int
    gid: int
    is_dropped: bool


def guest_identity(uid: int = NOBODY, gid: int = NOBODY) -> Identity:
    """Return our own identity, or `uid` and `gid` if we are root. Raises `SandboxUnavailable` if
    root cannot become that user.
    """
    if 0 not in os.getresuid():
        return Identity(os.getuid(), os.getgid(), is_dropped=False)
    if uid == 0 or gid == 0:
        raise SandboxUnavailable(
            "Untrusted code is never run as root: name another user and group."
        )
    capabilities = _effective_capabilities()
    if not (capabilities >> _CAP_SETUID & 1 and capabilities >> _CAP_SETGID & 1):
        raise SandboxUnavailable(
            "The worker is root without the right to become another user (CAP_SETUID, "
            "CAP_SETGID), and untrusted code is never run as root. Run the worker as an ordinary "
            "user."
        )
    for kind, number in (("uid", uid), ("gid", gid)):
        if not _is_mapped(kind, number):
            raise SandboxUnavailable(
                f"The worker is root in a user namespace that has no {kind} {number}, and "
                "untrusted code is never run as root. Run the worker as an ordinary user."
            )
    return Identity(uid, gid, is_dropped=True)


def never_root(identity: Identity) -> Identity:
    """Return the identity; raise `SandboxUnavailable` if it is root's."""
    if identity.uid == 0:
        raise SandboxUnavailable("Untrusted code is never run as root.")
    return identity


def reachable(path: Path, identity: Identity) -> bool:
    """Return whether that user can reach `path` through its parents, by their mode bits."""
    for parent in path.absolute().parents:
        found = parent.stat()
        if found.st_uid == identity.uid:
            bit = 0o100
        elif found.st_gid == identity.gid:
            bit = 0o010
        else:
            bit = 0o001
        if not found.st_mode & bit:
            return False
    return True


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _is_mapped(kind: str, number: int) -> bool:
    for line in Path(f"/proc/self/{kind}_map").read_text(encoding="ascii").splitlines():
        first, _, count = map(int, line.split())
        if first <= number < first + count:
            return True
    return False
