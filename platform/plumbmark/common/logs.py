"""Log lines as JSON, one object a line, and what they are about."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

from plumbmark.common.redaction import redact

_about: ContextVar[Mapping[str, str]] = ContextVar("log_about", default=MappingProxyType({}))


@contextmanager
def log_about(**ids: object) -> Iterator[None]:
    """Put these ids on every line that is logged inside, for example `run_id=12`.

    Tasks that are started inside on the gateway's loop have them too.
    """
    token = _about.set({**_about.get(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        _about.reset(token)


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger, message, ids, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with every token in any field reduced to its first characters."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_about.get(),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            fields["exception"] = record.exc_text
        if record.stack_info:
            fields["stack"] = record.stack_info
        # Escaping changes no character that a token may have.
        return redact(json.dumps(fields))
