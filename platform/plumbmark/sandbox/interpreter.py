"""The bare Python that runs inside: the system's if there is one, else the platform's own."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from plumbmark.sandbox.contract import Mount, SandboxUnavailable

_OLDEST = (3, 10)
_SYSTEM = ("/usr/bin/python3", "/usr/local/bin/python3")
_NEUTRAL = "/opt/python"
_MAX_LINKS = 20


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python by its path inside, and by its path on the host."""

    inside: str
    host: Path
    mounts: tuple[Mount, ...] = ()
    library_path: str = ""
    """For LD_LIBRARY_PATH, where it lies elsewhere inside than it was built for."""


def bare_interpreter() -> Interpreter:
    """Return the first interpreter that is new enough."""
    for name in _SYSTEM:
        path = Path(name)
        if path.exists() and _version(path) >= _OLDEST and path.resolve().is_relative_to("/usr"):
            return Interpreter(name, path.resolve())
    return private_interpreter()


def private_interpreter() -> Interpreter:
    """Return the interpreter of this process, shown inside under a name that reveals nothing of the
    host.
    """
    prefix = Path(sys.base_prefix).resolve()
    path = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not path.exists():
        raise SandboxUnavailable(
            f"No Python for untrusted code: neither {' nor '.join(_SYSTEM)} is version "
            f"{_OLDEST[0]}.{_OLDEST[1]} or newer, and {path} does not exist. Install python3."
        )
    if prefix.is_relative_to("/usr"):
        return Interpreter(str(path), path)
    return Interpreter(
        f"{_NEUTRAL}/bin/{path.name}",
        path,
        (Mount(prefix, _NEUTRAL),),
        f"{_NEUTRAL}/lib",
    )


def environment_mounts(python: Path, *, at: str = "") -> tuple[Mount, ...]:
    """Return the mounts with which a virtual environment's `python` runs inside: the environment,
    and the installation that it was made from unless that lies under /usr.

    The environment is found at its own path, or at `at`, such as `/opt/environment`; its `python`
    is then `/opt/environment/bin/python`. The installation keeps its path, where the environment's
    links look for it.
    """
    prefix = python.absolute().parent.parent
    mounts = [Mount(prefix, at or str(prefix))]
    link = python.absolute()
    for _ in range(_MAX_LINKS):
        if not link.is_symlink():
            break
        link = Path(os.path.normpath(link.parent / link.readlink()))
        home = link.parent.parent
        if not home.is_relative_to("/usr") and all(home != mount.source for mount in mounts):
            mounts.append(Mount(home, str(home)))
    return tuple(mounts)


def _version(path: Path) -> tuple[int, int]:
    found = re.search(r"python(\d+)\.(\d+)$", path.resolve().name)
    return (int(found[1]), int(found[2])) if found else (0, 0)
