"""The local spool: the calls of a process, kept where its successor finds them if it is killed.

One process, one owner name, one lock file, and segments beside it:

    <owner>.lock          locked with `flock` for as long as the process lives
    <owner>.<n>.spool     frames: length and CRC-32 (little-endian), then a record; empty: the end

The kernel drops the lock when the process dies, however it dies; a process id proves nothing. A
SIGKILL leaves whole frames and at most one cut short at the end, which its checksum shows. There is
no fsync: this does not guard against power loss.

It contains full requests, so the folder is 0700 and the files are 0600.
"""

import fcntl
import logging
import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from plumbmark.gateway.storage.records import CallRecord, read_record

log = logging.getLogger(__name__)

_FRAME = struct.Struct("<II")
_SEGMENT_BYTES = 4 * 1024 * 1024
_END = bytes(_FRAME.size)


class _Segment:
    """A file of a fixed size, mapped into memory.

    A frame is a copy into the mapping: no system call, so the event loop never gives up the
    interpreter's lock for it, and the kernel keeps the pages when the process is killed. Its blocks
    are allocated beforehand: a full disk is an error here, not a fault in the middle of a copy.
    """

    __slots__ = ("handle", "map", "needed", "path", "size", "used")

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.used = 0
        self.needed = 0
        """How many records in it are not stored in the database yet."""
        self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self.handle, 0, size)
            else:
                # macOS: only the size is set, so a full disk is noticed later.
                os.ftruncate(self.handle, size)
            self.map = mmap.mmap(self.handle, size)
        except OSError:
            os.close(self.handle)
            path.unlink(missing_ok=True)
            raise

    def append(self, frame: bytes) -> bool:
        """Append with an empty frame behind it, which ends the reading; False where it is full."""
        end = self.used + len(frame)
        if end + _FRAME.size > self.size:
            return False
        self.map[self.used : end + _FRAME.size] = frame + _END
        self.used = end
        return True

    def rewind(self) -> None:
        """Start over: nothing in the segment is needed any longer."""
        self.map[: _FRAME.size] = _END
        self.used = 0

    def release(self) -> None:
        self.map.close()
        os.close(self.handle)

    def drop(self) -> None:
        self.release()
        self.path.unlink(missing_ok=True)


def prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


class Spool:
    """The spool of this process. Used from one thread only."""

    def __init__(self, folder: Path, owner: str) -> None:
        prepare(folder)
        self._folder = folder
        self._owner = owner
        self._count = 0
        # Locked under another name first: a lock file in its final place is always locked.
        fresh = folder / f"{owner}.new"
        self._lock = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fresh.rename(folder / f"{owner}.lock")
        self._old: list[_Segment] = []
        self._current: _Segment | None = None

    def start(self, record: CallRecord) -> None:
        """Keep that a call goes out. Raises OSError where the disk takes no more."""
        self._append(record, record.start_record())

    def end(self, record: CallRecord) -> None:
        """Keep what became of it, before anybody is told."""
        self._append(record, record.end_record())

    def _append(self, record: CallRecord, payload: bytes) -> None:
        frame = _FRAME.pack(len(payload), zlib.crc32(payload)) + payload
        segment = self._current
        if segment is None or not segment.append(frame):
            segment = self._next_segment(len(frame))
            segment.append(frame)
        segment.needed += 1
        record.segments.append(segment)

    def _next_segment(self, least: int) -> _Segment:
        path = self._folder / f"{self._owner}.{self._count + 1}.spool"
        segment = _Segment(path, max(_SEGMENT_BYTES, least + _FRAME.size))
        self._count += 1
        if self._current is not None:
            self._old.append(self._current)
        self._current = segment
        return segment

    def note_stored(self, records: Iterable[CallRecord]) -> None:
        """Note that these records are in the database; drop the segments that are no longer
        needed.
        """
        for record in records:
            for segment in record.segments:
                segment.needed -= 1
            record.segments.clear()
        for segment in [old for old in self._old if not old.needed]:
            self._old.remove(segment)
            segment.drop()
        if self._current is not None and self._current.used and not self._current.needed:
            self._current.rewind()

    def _segments(self) -> list[_Segment]:
        return [*self._old, self._current] if self._current is not None else self._old

    def close(self) -> None:
        """Let go. Segments that are still needed stay for whoever comes next."""
        is_empty = not any(segment.needed for segment in self._segments())
        for segment in self._segments():
            if segment.needed:
                segment.release()
            else:
                segment.drop()
        if is_empty:
            (self._folder / f"{self._owner}.lock").unlink(missing_ok=True)
        os.close(self._lock)

    def forget_after_fork(self) -> None:
        """Close the inherited files in a forked child, so that they do not outlive their owner."""
        os.close(self._lock)
        for segment in self._segments():
            segment.release()


class AbandonedSpool:
    """The spool of a dead process, locked while it is replayed."""

    def __init__(self, folder: Path, owner: str, lock: int) -> None:
        self.owner = owner
        self._folder = folder
        self._lock = lock

    def records(self) -> Iterator[CallRecord]:
        """Yield every call once: with its end if it has one, otherwise only as started."""
        # Ends are yielded as they are read; starts wait until it is known which have no end.
        started: dict[object, CallRecord] = {}
        ended: set[object] = set()
        for path in self._segments():
            for record in _read(path):
                if record.status:
                    ended.add(record.id)
                    started.pop(record.id, None)
                    yield record
                elif record.id not in ended:
                    started[record.id] = record
        yield from started.values()

    def _segments(self) -> list[Path]:
        paths = self._folder.glob(f"{self.owner}.*.spool")
        return sorted(paths, key=lambda path: int(path.name.split(".")[-2]))

    def reject(self, record: CallRecord) -> None:
        """Put a record aside, in the spool's own format, for a person to look at."""
        payload = record.end_record()
        path = self._folder / f"{self.owner}.rejected"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(_FRAME.pack(len(payload), zlib.crc32(payload)) + payload)

    def remove(self) -> None:
        for path in self._segments():
            path.unlink(missing_ok=True)
        (self._folder / f"{self.owner}.lock").unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._lock)


def _read(path: Path) -> Iterator[CallRecord]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    at = 0
    while at + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, at)
        if not length:
            return
        payload = data[at + _FRAME.size : at + _FRAME.size + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            log.warning("%s ends with a frame cut short; what comes before it is kept", path.name)
            return
        try:
            yield read_record(payload)
        except (ValueError, IndexError, TypeError):
            log.exception("%s holds a record that cannot be read", path.name)
        at += _FRAME.size + length


def find_abandoned(folder: Path) -> Iterator[AbandonedSpool]:
    """Yield each spool that no living process owns, locked while the caller reads it."""
    for path in sorted(folder.glob("*.lock")):
        try:
            lock = os.open(path, os.O_WRONLY)
        except FileNotFoundError:
            continue
        except OSError:
            log.warning("%s cannot be opened; its spool is left to another process", path)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        spool = AbandonedSpool(folder, path.name.removesuffix(".lock"), lock)
        try:
            yield spool
        finally:
            spool.close()


def owners(folder: Path) -> set[str]:
    """Return the owners on this host that live, or whose spool is still to be replayed."""
    return {path.name.removesuffix(".lock") for path in folder.glob("*.lock")}


def living_owners(folder: Path) -> set[str]:
    """Return the owners on this host whose lock is held."""
    living = set()
    for path in folder.glob("*.lock"):
        try:
            lock = os.open(path, os.O_WRONLY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            living.add(path.name.removesuffix(".lock"))
        finally:
            os.close(lock)
    return living
