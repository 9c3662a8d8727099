"""A folder that the processes of one test run share, and what the first to need it made there.

Workers of pytest-xdist are given the folder of the process that started them; without workers, and
in `bench/`, a process has one of its own.
"""

import atexit
import fcntl
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_folder: Path | None = None


def use_folder(path: Path) -> None:
    """Share the folder of another process, who removes it."""
    global _folder
    _folder = path


def folder() -> Path:
    global _folder
    if _folder is None:
        _folder = Path(tempfile.mkdtemp(prefix="plumbmark-shared-"))
        atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    return _folder


def make_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return the file or folder of that name; the first process that asks makes it, others wait."""
    made = folder() / name
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            fresh = folder() / f"{name}.new"
            make(fresh)
            fresh.rename(made)
    return made
