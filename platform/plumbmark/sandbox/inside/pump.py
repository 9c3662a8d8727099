"""Copies bytes between pairs of sockets, both ways, as they come."""

import select
import socket

_PIECE = 65536
_PAIRS = 100


class _Side:
    """One socket of a pair, and what waits to be sent to it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.waiting = bytearray()
        self.has_ended = False
        """It sends no more."""
        self.is_told = False
        """It was told that the other side sends no more."""
        self.other: _Side = self


class Pump:
    """Shares its owner's poll object: `handle` takes the events of the descriptors it `owns`."""

    def __init__(self, poll: select.poll) -> None:
        self._poll = poll
        self._sides: dict[int, _Side] = {}

    @property
    def is_full(self) -> bool:
        return len(self._sides) >= 2 * _PAIRS

    def owns(self, descriptor: int) -> bool:
        return descriptor in self._sides

    def join(self, first: socket.socket, second: socket.socket) -> None:
        """Copy between them until one of them closes. Owns both from now on."""
        left, right = _Side(first), _Side(second)
        left.other, right.other = right, left
        for side in (left, right):
            side.connection.setblocking(False)
            self._sides[side.connection.fileno()] = side
            self._watch(side)

    def handle(self, descriptor: int, events: int) -> None:
        side = self._sides[descriptor]
        try:
            if events & select.POLLOUT:
                self._send(side)
            if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._receive(side)
        except OSError:
            self._close(side)
            return
        if side.has_ended and side.other.has_ended and not side.waiting and not side.other.waiting:
            self._close(side)

    def _receive(self, side: _Side) -> None:
        if side.has_ended or side.other.waiting:
            if not side.other.waiting:
                # Both sides have ended: no more data can pass.
                raise ConnectionResetError
            return
        try:
            piece = side.connection.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        if piece:
            side.other.waiting += piece
        else:
            side.has_ended = True
        self._send(side.other)
        self._watch(side)

    def _send(self, side: _Side) -> None:
        if side.waiting:
            try:
                sent = side.connection.send(side.waiting)
            except (BlockingIOError, InterruptedError):
                sent = 0
            del side.waiting[:sent]
        if side.other.has_ended and not side.waiting and not side.is_told:
            side.is_told = True
            side.connection.shutdown(socket.SHUT_WR)
        self._watch(side)
        self._watch(side.other)

    def _watch(self, side: _Side) -> None:
        events = 0
        if not side.has_ended and not side.other.waiting:
            events |= select.POLLIN
        if side.waiting:
            events |= select.POLLOUT
        if events:
            self._poll.register(side.connection.fileno(), events)
        else:
            # Without an interest a hang-up would wake the poll for ever.
            self._forget(side)

    def _forget(self, side: _Side) -> None:
        try:
            self._poll.unregister(side.connection.fileno())
        except KeyError:
            return

    def _close(self, side: _Side) -> None:
        for one in (side, side.other):
            self._forget(one)
            self._sides.pop(one.connection.fileno(), None)
            one.connection.close()
