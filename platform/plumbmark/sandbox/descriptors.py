"""Bytes passed to a child by a descriptor: in memory, and sealed so that they cannot be changed."""

import fcntl
import os

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class Descriptors:
    """Those of one start; closed together when the child has its copies."""

    def __init__(self) -> None:
        self._open: list[int] = []

    def hold_content(self, content: bytes) -> int:
        """Return a new descriptor from which a child reads `content`."""
        descriptor = os.memfd_create("plumbmark", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._open.append(descriptor)
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def to_read(self) -> tuple[int, int]:
        """Open a pipe; return our end, which the caller closes, and the child's."""
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(ours, False)
        self._open.append(theirs)
        return ours, theirs

    def to_hold(self) -> tuple["Lifeline", int]:
        """Open a pipe whose end tells the child that we are gone; return our end and the
        child's.
        """
        theirs, ours = os.pipe2(os.O_CLOEXEC)
        self._open.append(theirs)
        return Lifeline(ours), theirs

    def close(self) -> None:
        while self._open:
            os.close(self._open.pop())


class Lifeline:
    """Our end of a pipe, closed to say that it is over; often, if need be."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def fields(pairs: list[tuple[str, str]]) -> bytes:
    """Write settings for `inside.settings`."""
    return b"\0".join(os.fsencode(part) for pair in pairs for part in pair)
