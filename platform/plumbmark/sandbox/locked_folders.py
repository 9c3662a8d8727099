"""Folders that a process locks while it works in them, and that others remove when it has died.

A holder locks its folder (`flock`), and the kernel lets go of the lock when the process ends,
however it ends. A guest in the sandbox does not share the lock. So a folder that can be locked was
left behind. It is first renamed and removed a minute later: guests outlive their worker by moments.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from plumbmark.sandbox.folders import remove_work_folder

_HELD, _LEFT, _MAKING = "held-", "left-", ".making-"
_GUESTS_END_SECONDS = 60.0


@contextlib.contextmanager
def locked_folder(base: Path, name: str) -> Iterator[Path]:
    """Create a folder in `base` and remove it at the end with everything in it."""
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{name}-{uuid4().hex}"
    making = base / f"{_MAKING}{name}"
    making.mkdir(mode=0o755)
    descriptor = os.open(making, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Locked before it has its name, so that no process finds it unlocked.
        folder = base / f"{_HELD if _is_locked(descriptor) else ''}{name}"
        making.rename(folder)
        try:
            yield folder
        finally:
            remove_work_folder(folder)
    finally:
        os.close(descriptor)


def remove_left_behind(base: Path, *, oldest_seconds: float) -> int:
    """Remove what processes left that died; returns how many folders.

    A folder whose holder cannot be told, because the file system has no locks or an older version
    of the platform made it, goes when it is older than `oldest_seconds`.
    """
    count = 0
    if not base.is_dir():
        return count
    for entry in list(os.scandir(base)):
        if not entry.is_dir(follow_symlinks=False):
            continue
        path = Path(entry.path)
        # Another process may be faster, or a program in it may still be ending: the next time.
        with contextlib.suppress(OSError):
            if entry.name.startswith(_HELD):
                _mark_if_left(path)
                continue
            is_flagged = entry.name.startswith(_LEFT)
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            if age > (_GUESTS_END_SECONDS if is_flagged else oldest_seconds):
                remove_work_folder(path)
                count += 1
    return count


def _mark_if_left(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if _is_locked(descriptor):
            os.utime(descriptor)
            folder.rename(folder.with_name(_LEFT + folder.name.removeprefix(_HELD)))
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Lock it, if nobody else has and the file system can."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
