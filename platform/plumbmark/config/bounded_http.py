"""HTTP/1.1 with limits on how slowly and how much a client sends, and on how slowly it reads.

No token has been checked by then, and uvicorn's own protocol sets no limit. Every server of the
platform uses this protocol.
"""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from plumbmark.common.idle_timer import IdleTimer
from plumbmark.config.http_refusals import REQUEST_ID_HEADER, log_refusal, refusal

MAX_HEAD_BYTES = 64 * 1024
"""Bytes of a request before its body."""
HEAD_SECONDS = 20.0
"""A connection whose request's head is not complete after this long is closed."""
BODY_GRACE_SECONDS = 20.0
"""A body may arrive as slowly as it likes for this long."""
MIN_BODY_RATE = 8 * 1024
"""Bytes of a body a second, on average, after the grace."""
BODY_CHECK_SECONDS = 2.0
LINGER_SECONDS = 1.0
"""After a refusal, what the client still sends is taken and thrown away for so long."""
READ_SECONDS = 60.0
"""A client that takes none of a waiting answer for so long has left."""

_HEAD_TOO_LARGE = "The head of the request is too large: it may have at most {most:,} bytes."
_TOO_SLOW = (
    "The body of the request came too slowly: after {grace:g} seconds at least {rate:,} bytes a "
    "second are expected. Send it again over a faster connection, or in smaller parts."
)


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with these limits."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = 0
        self._is_in_head = True
        self._is_refused = False
        self._has_scope = False
        self._is_in_body = False
        self._body_bytes = 0
        self._body_seconds = 0.0
        self._body_check: asyncio.TimerHandle | None = None
        self._idle_timer = IdleTimer(HEAD_SECONDS, transport.close)
        self._idle_timer.wait()
        self._read_timer = IdleTimer(READ_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._idle_timer.cancel()
        self._read_timer.cancel()
        self._end_body()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        super().data_received(data)
        if self._is_refused:
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(431, _HEAD_TOO_LARGE.format(most=MAX_HEAD_BYTES))
        elif self._is_in_body and self._body_check is None and not self.transport.is_closing():
            # Only now: most bodies come complete with their head and need no timer.
            self._check_later()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes, self._is_in_head, self._has_scope = 0, True, True
        self._idle_timer.wait()

    def on_headers_complete(self) -> None:
        self._is_in_head, self._is_in_body = False, True
        self._body_bytes, self._body_seconds = 0, 0.0
        self._idle_timer.pause()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._end_body()
        super().on_message_complete()

    def pause_writing(self) -> None:
        self._read_timer.wait()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._read_timer.pause()
        super().resume_writing()

    def _end_body(self) -> None:
        self._is_in_body = False
        if self._body_check is not None:
            self._body_check.cancel()
            self._body_check = None

    def _check_later(self) -> None:
        self._body_check = self.loop.call_later(BODY_CHECK_SECONDS, self._check_body)

    def _check_body(self) -> None:
        # While the application is not reading, the client cannot send: that is not its fault.
        if not self.flow.read_paused:
            self._body_seconds += BODY_CHECK_SECONDS
        if self._body_bytes >= (self._body_seconds - BODY_GRACE_SECONDS) * MIN_BODY_RATE:
            self._check_later()
            return
        self._end_body()
        if not self.pipeline and not self.cycle.response_started:
            message = _TOO_SLOW.format(grace=BODY_GRACE_SECONDS, rate=MIN_BODY_RATE)
            self._refuse(408, message)
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; uvicorn calls this, and logs the same without an id."""
        self._refuse(400, msg)

    def _refuse(self, status: int, message: str) -> None:
        """Answer by itself and close; in the middle of another answer, close only."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            path = self._path()
            request_id = log_refusal(path, self.headers or (), status, message)
            kind, text = refusal(path, status, message)
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
                f"content-length: {len(text)}\r\nconnection: close\r\n"
            )
            self.transport.write(
                b"%bcontent-type: %b\r\n%b: %b\r\n\r\n%b"
                % (head.encode(), kind, REQUEST_ID_HEADER, request_id, text)
            )
            self._close_after_reading()
        else:
            self.transport.close()

    def _close_after_reading(self) -> None:
        """End the answer, and close a moment later: a connection that is closed while the client
        still sends is reset, and the client may never see the answer.
        """
        self._is_refused = True
        self._end_body()
        self._idle_timer.pause()
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _path(self) -> str:
        """Return the path of the request, as far as it was read."""
        if not self._has_scope:
            return ""
        read = self.url.partition(b"?")[0].decode("latin-1")
        return self.scope.get("path") or read
