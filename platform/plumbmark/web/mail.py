"""Mail of an installation without a mail server: shown in the terminal and kept in a local outbox.

A newcomer has to be able to confirm an address on the first evening. The kept mails carry sign-in
links, so their files are readable by their owner only and the page that shows them is for staff.
"""

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage as StandardMessage
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from plumbmark.common.ids import new_public_id

BACKEND = "plumbmark.web.mail.LocalMailbox"
MAX_MAILS = 200


@dataclass(frozen=True, slots=True)
class StoredMail:
    name: str
    subject: str
    to: str
    sender: str
    at: datetime
    body: str


def mailbox_is_local() -> bool:
    """Return whether e-mails are kept here, because no mail server is set."""
    return bool(settings.EMAIL_BACKEND == BACKEND)


def _folder() -> Path:
    return Path(settings.STATE_DIR) / "mail"


def _files() -> list[Path]:
    """Return the files, newest first: names begin with the time of writing."""
    return sorted(_folder().glob("*.eml"), reverse=True)


def stored_mails() -> list[StoredMail]:
    mails = []
    for path in _files():
        # Another process may have dropped the file since it was listed.
        mail = _read(path)
        if mail is not None:
            mails.append(mail)
    return mails


def stored_mail(name: str) -> StoredMail | None:
    for path in _files():
        if path.stem == name:
            return _read(path)
    return None


def _read(path: Path) -> StoredMail | None:
    try:
        content = path.read_bytes()
        written_at = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except FileNotFoundError:
        return None
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, StandardMessage)
    body = message.get_body(preferencelist=("plain",))
    return StoredMail(
        name=path.stem,
        subject=str(message["Subject"] or ""),
        to=str(message["To"] or ""),
        sender=str(message["From"] or ""),
        at=written_at,
        body=body.get_content() if body is not None else "",
    )


class LocalMailbox(BaseEmailBackend):
    """Prints each mail and keeps the last 200 as files under the state directory."""

    def __init__(
        self, fail_silently: bool = False, *, stream: TextIO | None = None, **kwargs: Any
    ) -> None:
        super().__init__(fail_silently=fail_silently)
        self._stream = stream
        self._lock = threading.Lock()

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        with self._lock:
            for message in email_messages:
                self._keep(message)
                self._print(message)
            self._drop_old()
        return len(email_messages)

    def _keep(self, message: EmailMessage) -> None:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S%f")
        path = folder / f"{stamp}-{new_public_id()}.eml"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(message.message().as_bytes())

    def _print(self, message: EmailMessage) -> None:
        stream = self._stream or sys.stdout
        line = "-" * 72
        stream.write(
            f"{line}\nMail to {', '.join(message.recipients())}: {message.subject}\n\n"
            f"{message.body}\n{line}\n"
        )
        stream.flush()

    def _drop_old(self) -> None:
        for path in _files()[MAX_MAILS:]:
            path.unlink(missing_ok=True)
