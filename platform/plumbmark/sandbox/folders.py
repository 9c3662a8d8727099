"""Folders that untrusted code wrote in: measuring, collecting and removing them.

No link is ever followed, no special file opened, and neither names, depth, nor modes of what is
found there can lead a step outside or bring the walk down.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, overload

from plumbmark.sandbox.contract import Limits

_DEEPEST = 64
_BLOCK = 512
_LEFT_OUT_SHOWN = 100
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

STEERING_FILES = (".env", ".env.local", ".env.development", ".env.production", ".netrc", "pip.conf")
"""Files by which common libraries are pointed at other addresses or given other keys."""


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """Something in a folder. `path` is relative to it, with forward slashes."""

    path: str
    status: os.stat_result
    folder: int
    """The descriptor of its folder; valid only until the next entry is read."""
    name: str


@dataclass(frozen=True, slots=True)
class Use:
    """The size of a folder: bytes on the disk and entries; `too_deep` where nested too far."""

    bytes: int
    files: int
    too_deep: bool


@dataclass(frozen=True, slots=True)
class Artifact:
    """A regular file that a program left behind. `path` is relative to the work folder."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not collected, and why."""

    path: str
    """Fit to be shown: what cannot be printed is written as an escape."""
    reason: str


@dataclass(frozen=True, slots=True)
class Collected(Sequence[Artifact]):
    """The artifacts by path; `left_out` names the first hundred of what is not among them."""

    artifacts: tuple[Artifact, ...]
    left_out: tuple[LeftOut, ...] = ()
    left_out_count: int = 0

    def __len__(self) -> int:
        return len(self.artifacts)

    @overload
    def __getitem__(self, index: int) -> Artifact: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Artifact, ...]: ...
    def __getitem__(self, index: int | slice) -> Artifact | tuple[Artifact, ...]:
        return self.artifacts[index]


class _TooDeep(Exception):
    pass


def measure(work: Path, *, max_files: int) -> Use:
    """Measure a folder; stop counting above `max_files`."""
    found = files = 0
    try:
        for entry in _entries(work):
            files += 1
            found += entry.status.st_blocks * _BLOCK
            if files > max_files:
                break
    except _TooDeep:
        return Use(found, files, too_deep=True)
    except FileNotFoundError:
        pass
    return Use(found, files, too_deep=False)


def collect(work: Path, limits: Limits) -> Collected:
    """Collect the regular files below `work` in the order of their paths, as far as the limits
    allow.

    Call it when the program has ended. Omitted, with the reason: links, special files, files with
    other hard links, names that are not text, and what exceeds the limits.
    """
    artifacts: list[Artifact] = []
    left_out: list[LeftOut] = []
    skipped = total = 0
    try:
        found = sorted(_entries(work, shallow=True), key=lambda entry: entry.path)
    except FileNotFoundError:
        found = []
    for entry in found:
        if stat.S_ISDIR(entry.status.st_mode) and entry.path.count("/") < _DEEPEST - 1:
            continue
        reason = _reason_against(entry, limits)
        size = entry.status.st_size
        if not reason and len(artifacts) >= limits.files:
            reason = f"there are more than {limits.files} files"
        if not reason and total + size > limits.work_bytes:
            reason = f"all files together are larger than {limits.work_bytes} bytes"
        if reason:
            skipped += 1
            if len(left_out) < _LEFT_OUT_SHOWN:
                left_out.append(LeftOut(_printable(entry.path), reason))
            continue
        total += size
        artifacts.append(Artifact(entry.path, size))
    return Collected(tuple(artifacts), tuple(left_out), skipped)


def open_artifact(work: Path, artifact: Artifact) -> BinaryIO:
    """Open a collected file for reading, following no link on the way."""
    *folders, name = artifact.path.split("/")
    folder = os.open(work, _OPEN_FOLDER)
    try:
        for part in folders:
            below = _open_folder(part, folder)
            os.close(folder)
            folder = below
        descriptor = _open_file(name, folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(f"{_printable(artifact.path)} is no regular file.")
    return os.fdopen(descriptor, "rb")


def clean_work_folder(work: Path) -> list[str]:
    """Remove the files at the top of `work` by which libraries are steered, such as `.env`.

    The environment of a run is set by us and the gateway is all it can reach, so such a file can
    only break a run; to be called on a folder made of what others uploaded. Gives the names.
    """
    removed = []
    for name in STEERING_FILES:
        path = work / name
        if path.is_symlink() or path.is_file():
            path.unlink()
            removed.append(name)
    return removed


def remove_work_folder(work: Path) -> None:
    """Remove a folder with all that a program left in it, whatever the modes and the depth.

    Without recursion: each folder's folders are moved to the top before it is removed.
    """
    try:
        top = _open_folder(os.fspath(work), None)
    except FileNotFoundError:
        return
    number = 0
    try:
        while names := os.listdir(top):
            for name in names:
                if not _is_folder(name, top):
                    os.unlink(name, dir_fd=top)
                    continue
                folder = _open_folder(name, top, writable=True)
                try:
                    for below in os.listdir(folder):
                        if not _is_folder(below, folder):
                            os.unlink(below, dir_fd=folder)
                            continue
                        # A folder's own mode counts too: moving it changes its parent entry.
                        os.close(_open_folder(below, folder, writable=True))
                        number = _free_number(top, number)
                        os.rename(below, f"{number}", src_dir_fd=folder, dst_dir_fd=top)
                finally:
                    os.close(folder)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    work.rmdir()


def give_to(work: Path, uid: int, gid: int) -> None:
    """Make the folder and all in it the guest's own, links themselves and not their targets."""
    for entry in _entries(work, shallow=True):
        # By descriptor: what another run puts in the place of a parent meanwhile is not followed.
        os.chown(entry.name, uid, gid, dir_fd=entry.folder, follow_symlinks=False)
    os.chown(work, uid, gid, follow_symlinks=False)


def _reason_against(entry: FolderEntry, limits: Limits) -> str:
    mode = entry.status.st_mode
    if stat.S_ISDIR(mode):
        return f"it is nested more than {_DEEPEST} folders deep"
    if stat.S_ISLNK(mode):
        return "it is a link"
    if not stat.S_ISREG(mode):
        return "it is no regular file"
    if entry.status.st_nlink != 1:
        return "it has more than one name"
    if entry.path != _printable(entry.path):
        return "its name cannot be shown"
    if entry.status.st_size > limits.file_bytes:
        return f"it is larger than {limits.file_bytes} bytes"
    return ""


def _printable(path: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in path)


def _entries(work: Path, *, shallow: bool = False) -> Iterator[FolderEntry]:
    """Yield everything below `work`, folders before their contents.

    It goes no further than the deepest level, and raises `_TooDeep` unless it is `shallow`.
    """
    top = _open_folder(os.fspath(work), None)
    stack: list[tuple[int, str, Iterator[str]]] = [(top, "", iter(os.listdir(top)))]
    try:
        while stack:
            folder, prefix, names = stack[-1]
            name = next(names, None)
            if name is None:
                os.close(stack.pop()[0])
                continue
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield FolderEntry(prefix + name, status, folder, name)
            if not stat.S_ISDIR(status.st_mode):
                continue
            if len(stack) >= _DEEPEST:
                if not shallow:
                    raise _TooDeep
                continue
            try:
                below = _open_folder(name, folder)
                stack.append((below, f"{prefix}{name}/", iter(os.listdir(below))))
            except (FileNotFoundError, NotADirectoryError):
                continue
    finally:
        for folder, _, _ in stack:
            os.close(folder)


def _is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _free_number(folder: int, number: int) -> int:
    while True:
        number += 1
        try:
            os.stat(f"{number}", dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return number


def _open_folder(name: str, parent: int | None, *, writable: bool = False) -> int:
    """Open a folder, first making it its owner's to read where a program forbade it."""
    if writable and parent is not None:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        if mode & 0o700 != 0o700:
            _change_mode(name, parent, 0o700, os.O_DIRECTORY)
    try:
        return os.open(name, _OPEN_FOLDER, dir_fd=parent)
    except PermissionError:
        _change_mode(name, parent, 0o700, os.O_DIRECTORY)
        return os.open(name, _OPEN_FOLDER, dir_fd=parent)


def _open_file(name: str, parent: int) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=parent)
    except PermissionError:
        _change_mode(name, parent, 0o600, 0)
        return os.open(name, flags, dir_fd=parent)


def _change_mode(name: str, parent: int | None, mode: int, kind: int) -> None:
    """Change the mode of the thing itself: a link put in its place meanwhile is not followed."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=parent)
    try:
        if not stat.S_ISLNK(os.fstat(handle).st_mode):
            os.chmod(f"/proc/self/fd/{handle}", mode)
    finally:
        os.close(handle)
