"""Limits on size and time of a request's head.

No token has been checked by then, and the server's own protocol sets no limit.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from plumbmark.common.idle_timer import IdleTimer

MAX_HEAD_BYTES = 64 * 1024
"""Bytes of a request before its body."""
HEAD_SECONDS = 20.0
"""A connection whose request's head is not complete after this long is closed."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with limits on the head of a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = 0
        self._is_in_head = True
        self._idle_timer = IdleTimer(HEAD_SECONDS, transport.close)
        self._idle_timer.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._idle_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes, self._is_in_head = 0, True
        self._idle_timer.wait()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._idle_timer.pause()
        super().on_headers_complete()
