"""What a tree of processes uses, read from /proc."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024
_BLOCK = 512
_SHARED_WITHOUT_FILE = b"/dev/zero (deleted)"
"""The kernel's name for anonymous memory that is shared."""


@dataclass(frozen=True, slots=True)
class TreeUse:
    """Seconds, bytes and a count; of the whole tree."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    address_space_bytes: int = 0
    processes: int = 0
    """Threads included."""
    pids: tuple[int, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    ticks: int
    threads: int
    address_space: int


def tree_use(root: int) -> TreeUse:
    """Return the use of `root` and all that descend from it now; zeros where it is gone."""
    pids, stats = _tree(root)
    cpu = threads = memory = space = 0
    for pid in pids:
        cpu += stats[pid].ticks
        threads += stats[pid].threads
        memory += _private_memory(pid)
        space += stats[pid].address_space
    return TreeUse(cpu / _TICKS, memory, space, threads, tuple(pids))


def descendants(root: int) -> list[int]:
    """Return every process below `root`, parents first."""
    return _tree(root)[0][1:]


def threads_of_user(uid: int) -> int:
    """Count the user's threads on the machine, as RLIMIT_NPROC does."""
    found = 0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            if os.stat(f"/proc/{name}").st_uid == uid and (stat := _stat(int(name))) is not None:
                found += stat.threads
        except OSError:
            continue
    return found


def exact_memory(pids: tuple[int, ...]) -> int:
    """Return the memory with each shared page counted once. Slower, so used only when it matters.

    If the kernel does not report it, return the plain count.
    """
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            total += _private_memory(pid)
            continue
        total += _sum_of(text, ("Pss_Anon:", "Pss_Shmem:", "SwapPss:"))
    return total


def unseen_shared_memory(pids: tuple[int, ...]) -> int:
    """Return the memory that processes share without a file and that none is seen to use.

    A process can write to such pages and then let them go: they stay in memory as long as the
    mapping does, and no process is charged for them. So the whole mapping is counted.
    """
    sizes: dict[bytes, int] = {}
    seen = 0
    for pid in pids:
        try:
            maps = Path(f"/proc/{pid}/maps").read_bytes()
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        seen += _sum_of(status, ("RssShmem:",))
        for line in maps.splitlines():
            if line.endswith(_SHARED_WITHOUT_FILE):
                span, _, offset, _, inode = line.split()[:5]
                start, stop = (int(place, 16) for place in span.split(b"-"))
                size = int(offset, 16) + stop - start
                sizes[inode] = max(sizes.get(inode, 0), size)
    return max(0, sum(sizes.values()) - seen)


def unlinked_bytes(pids: tuple[int, ...], device: int) -> int:
    """Return the bytes that open files without a name take on a device: they are in no folder."""
    sizes: dict[int, int] = {}
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        try:
            descriptors = os.listdir(folder)
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                found = os.stat(f"{folder}/{descriptor}")
            except OSError:
                continue
            if S_ISREG(found.st_mode) and not found.st_nlink and found.st_dev == device:
                sizes[found.st_ino] = found.st_blocks * _BLOCK
    return sum(sizes.values())


def _tree(root: int) -> tuple[list[int], dict[int, _Stat]]:
    stats: dict[int, _Stat] = {}
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := _stat(int(name))) is not None:
            stats[int(name)] = found
            children.setdefault(found.parent, []).append(int(name))
    if root not in stats:
        return [], stats
    order = [root]
    for pid in order:
        order += children.get(pid, ())
    return order, stats


def _stat(pid: int) -> _Stat | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    # After the name: state, parent, …; times of itself and of the children that it reaped.
    return _Stat(int(fields[1]), sum(map(int, fields[11:15])), int(fields[17]), int(fields[20]))


def _private_memory(pid: int) -> int:
    """Return the memory without the pages of programs and libraries, which others share."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return _sum_of(text, ("RssAnon:", "RssShmem:", "VmSwap:", "VmPTE:"))


def _sum_of(text: str, names: tuple[str, ...]) -> int:
    return sum(int(line.split()[1]) * _KIB for line in text.splitlines() if line.startswith(names))
