"""Errors that a server answers itself, before an application has seen the request."""

import json
from http import HTTPStatus

_CODES = {408: "too-slow", 413: "body-too-large", 503: "busy"}


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
