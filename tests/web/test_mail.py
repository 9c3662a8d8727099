import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.mail import EmailMessage
from django.test import Client

from plumbmark.web import mail


@pytest.fixture
def mailbox(settings: Any, tmp_path: Path) -> mail.LocalMailbox:
    settings.STATE_DIR = tmp_path
    settings.EMAIL_BACKEND = mail.BACKEND
    return mail.LocalMailbox(stream=io.StringIO())


def message(number: int = 1) -> EmailMessage:
    return EmailMessage(f"Subject {number}", "Follow https://x.example/ö", "a@x.org", ["b@x.org"])


def test_a_mail_is_printed_and_kept_for_its_owner_only(mailbox: mail.LocalMailbox) -> None:
    sent = mailbox.send_messages([message()])

    kept = mail.stored_mails()
    assert sent == 1
    assert [(one.subject, one.to) for one in kept] == [("Subject 1", "b@x.org")]
    assert "https://x.example/ö" in kept[0].body
    folder = Path(settings.STATE_DIR) / "mail"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_only_the_last_mails_are_kept(
    mailbox: mail.LocalMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "MAX_MAILS", 3)

    mailbox.send_messages([message(number) for number in range(5)])

    assert [one.subject for one in mail.stored_mails()] == ["Subject 4", "Subject 3", "Subject 2"]


def test_a_name_that_is_no_kept_mail_finds_nothing(mailbox: mail.LocalMailbox) -> None:
    assert mail.stored_mail("../secret_key") is None


@pytest.mark.django_db
def test_staff_read_the_kept_mails(
    mailbox: mail.LocalMailbox, client: Client, open_account: Any
) -> None:
    mailbox.send_messages([message()])
    client.force_login(
        open_account(is_administrator=True), backend="django.contrib.auth.backends.ModelBackend"
    )

    assert "Subject 1" in client.get("/staff/mail/").content.decode()
    detail = client.get(f"/staff/mail/{mail.stored_mails()[0].name}/").content.decode()
    assert 'href="https://x.example/' in detail


@pytest.mark.django_db
def test_the_mailbox_is_not_there_for_others_nor_once_mails_are_sent(
    mailbox: mail.LocalMailbox, client: Client, open_account: Any, settings: Any
) -> None:
    backend = "django.contrib.auth.backends.ModelBackend"
    client.force_login(open_account(), backend=backend)
    assert client.get("/staff/mail/").status_code == 404

    client.force_login(open_account(is_administrator=True), backend=backend)
    assert client.get("/staff/mail/").status_code == 200

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert client.get("/staff/mail/").status_code == 404
