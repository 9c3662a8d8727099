"""Redaction of tokens in all log lines."""

import logging
import re

_SECRET = re.compile(r"pmk_[0-9A-Za-z]{8,}|pmg_[0-9A-Za-z._-]{8,}")


def redact(text: str) -> str:
    """Return `text` with every token reduced to its first characters."""
    return _SECRET.sub(lambda match: f"{match.group()[:8]}…", text)


class RedactSecrets(logging.Filter):
    """A filter of handlers: rewrites the finished message and the text of the exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        redacted = redact(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True
