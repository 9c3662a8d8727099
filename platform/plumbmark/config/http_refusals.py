"""Errors that a server answers itself, before an application has seen the request."""

import json
import logging
from collections.abc import Iterable
from http import HTTPStatus

from plumbmark.common.request_ids import HEADER, choose_request_id

log = logging.getLogger(__name__)

REQUEST_ID_HEADER = HEADER.lower().encode()
_CODES = {
    400: "malformed-request",
    408: "too-slow",
    413: "body-too-large",
    431: "head-too-large",
    503: "busy",
}


def log_refusal(
    path: str, headers: Iterable[tuple[bytes, bytes]], status: int, message: str
) -> bytes:
    """Log a refusal with the id of its request, the client's or a new one; return the id.

    `path` and `headers` are as far as they were read.
    """
    sent = next((value for name, value in headers if name.lower() == REQUEST_ID_HEADER), b"")
    request_id = choose_request_id(sent.decode("latin-1"))
    log.info(
        "%s was refused with %d: %s (request %s)",
        path.encode("unicode_escape").decode()[:500] or "a request",
        status,
        message,
        request_id,
    )
    return request_id.encode()


def refusal(path: str, status: int, message: str) -> tuple[bytes, bytes]:
    """Return the content type and the body, in the format that clients of this path expect."""
    code = _CODES.get(status, "refused")
    if path.startswith("/api/"):
        problem = {
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": message,
        }
        return b"application/problem+json", json.dumps(problem).encode()
    if path.startswith(("/v1/", "/compat/")):
        error = {"message": message, "type": "invalid_request_error", "code": code, "param": None}
        return b"application/json", json.dumps({"error": error}).encode()
    return b"text/plain; charset=utf-8", f"{message}\n".encode()
