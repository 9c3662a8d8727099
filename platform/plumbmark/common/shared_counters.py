"""Counters that all processes of one machine share, in a file mapped into their memory.

For rate limits where there is no Redis: counting a request must cost no write to the database.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import threading
from pathlib import Path

_SLOTS = 1 << 16
_SLOT = struct.Struct("<QII")
"""The digest of a name, the window that it is counted in, and the count."""
_SEARCHED = 8


def _digest_of(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def _places_of(digest: int) -> list[int]:
    return [(digest + step) % _SLOTS * _SLOT.size for step in range(_SEARCHED)]


class SharedCounters:
    """Counts of names in numbered windows. Earlier windows are forgotten."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._descriptor, _SLOTS * _SLOT.size)
        self._table = mmap.mmap(self._descriptor, _SLOTS * _SLOT.size)
        self._thread_lock = threading.Lock()

    def increment(self, name: str, window: int) -> int:
        """Count once more; return the count."""
        digest = _digest_of(name)
        # A record lock belongs to the process: its threads need one more.
        with self._thread_lock:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                return self._increment(digest, window)
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def count_of(self, name: str, window: int) -> int:
        """Return the count of a name in a window; 0 if it was not counted, or is forgotten."""
        digest = _digest_of(name)
        with self._thread_lock:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                for place in _places_of(digest):
                    found, its_window, count = _SLOT.unpack_from(self._table, place)
                    if found == digest and its_window == window:
                        return int(count)
                return 0
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _increment(self, digest: int, window: int) -> int:
        places = _places_of(digest)
        slots = [(place, *_SLOT.unpack_from(self._table, place)) for place in places]
        for place, found, its_window, count in slots:
            if found == digest and its_window == window:
                _SLOT.pack_into(self._table, place, digest, window, count + 1)
                return int(count) + 1
        # An old one, or if there is none the one that has been counted least.
        place, *_ = min(slots, key=lambda slot: (slot[2] == window, slot[3]))
        _SLOT.pack_into(self._table, place, digest, window, 1)
        return 1

    def clear(self) -> None:
        self._table[:] = bytes(len(self._table))
