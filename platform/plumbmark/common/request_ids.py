"""Ids of HTTP requests, by which a client and the operator's log name the same answer."""

import re
import uuid

HEADER = "X-Request-Id"
MAX_LENGTH = 128
_SAFE = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_LENGTH}}}")


def choose_request_id(sent: str) -> str:
    """Return the id that the client sent if its form is safe; otherwise a new one.

    It is written into logs and headers, so it may contain nothing that means something there.
    """
    return sent if _SAFE.fullmatch(sent) else uuid.uuid4().hex
